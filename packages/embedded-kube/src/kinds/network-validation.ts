// Ingresses and NetworkPolicies (kubernetes/kubernetes:pkg/apis/networking/validation/validation.go).
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { isIp, portOrNameErrors } from './formats.ts'
import { nameErrors } from './names.ts'
import { selectorErrors } from './selector-validation.ts'
import { backendErrors, cidrErrors } from './service-validation.ts'

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix']

export function ingressErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const rules = listOf(spec['rules'])
  if (rules.length === 0 && spec['defaultBackend'] === undefined) {
    errors.push(invalidValue('spec', spec['rules'] ?? null, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (isFields(spec['defaultBackend'])) errors.push(...backendErrors(spec['defaultBackend'], 'spec.defaultBackend'))
  rules.forEach((rule, i) => ruleErrors(rule, `spec.rules[${i}]`, errors))
  listOf(spec['tls']).forEach((tls, i) =>
    listOf(tls['hosts']).forEach((host, k) => errors.push(...hostErrors(textOf(host), `spec.tls[${i}].hosts[${k}]`))),
  )
  const className = textOf(spec['ingressClassName'])
  if (className !== '') errors.push(...nameErrors(className, 'subdomain', 'spec.ingressClassName'))
  return errors
}

function hostErrors(host: string, field: string): FieldError[] {
  return nameErrors(host.startsWith('*.') ? host.slice(2) : host, 'subdomain', field)
}

function ruleErrors(rule: Fields, at: string, errors: FieldError[]): void {
  const host = textOf(rule['host'])
  if (host !== '') {
    if (isIp(host)) errors.push(invalidValue(`${at}.host`, host, 'must be a DNS name, not an IP address'))
    else errors.push(...hostErrors(host, `${at}.host`))
  }
  const http = rule['http']
  if (!isFields(http)) return
  const paths = listOf(http['paths'])
  if (paths.length === 0) errors.push(required(`${at}.http.paths`))
  paths.forEach((path, i) => {
    const here = `${at}.http.paths[${i}]`
    const type = textOf(path['pathType'])
    const text = textOf(path['path'])
    if (type === '') errors.push(required(`${here}.pathType`, 'pathType must be specified'))
    else if (!pathTypes.includes(type)) errors.push(unsupported(`${here}.pathType`, type, pathTypes))
    else if (!text.startsWith('/') && (type !== 'ImplementationSpecific' || text !== '')) {
      errors.push(invalidValue(`${here}.path`, text, 'must be an absolute path'))
    }
    errors.push(...backendErrors(fieldsOf(path['backend']), `${here}.backend`))
  })
}

export function networkPolicyErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  selectorErrors(spec['podSelector'], 'spec.podSelector', errors)
  for (const [way, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    listOf(spec[way]).forEach((rule, i) => {
      const at = `spec.${way}[${i}]`
      listOf(rule['ports']).forEach((port, k) => policyPortErrors(port, `${at}.ports[${k}]`, errors))
      listOf(rule[peers]).forEach((peer, k) => peerErrors(peer, `${at}.${peers}[${k}]`, errors))
    })
  }
  const types = listOf(spec['policyTypes'])
  if (types.length > 2) {
    errors.push(invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes'))
  } else {
    types.forEach((type, i) => {
      const text = textOf(type)
      if (text !== 'Ingress' && text !== 'Egress') {
        errors.push(unsupported(`spec.policyTypes[${i}]`, text, ['Ingress', 'Egress']))
      }
    })
  }
  return errors
}

function policyPortErrors(port: Fields, at: string, errors: FieldError[]): void {
  const { protocol, port: number, endPort } = port
  if (protocol !== undefined && !['SCTP', 'TCP', 'UDP'].includes(textOf(protocol))) {
    errors.push(unsupported(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']))
  }
  if (number !== undefined) errors.push(...portOrNameErrors(number, `${at}.port`))
  if (typeof endPort !== 'number') return
  if (number === undefined) errors.push(required(`${at}.port`, 'must be specified when `endPort` is specified'))
  else if (typeof number === 'string') {
    errors.push(invalidValue(`${at}.endPort`, endPort, 'may not be specified when `port` is non-numeric'))
  } else if (endPort < Number(number)) {
    errors.push(invalidValue(`${at}.endPort`, endPort, 'must be greater than or equal to `port`'))
  }
}

function peerErrors(peer: Fields, at: string, errors: FieldError[]): void {
  const { podSelector, namespaceSelector, ipBlock } = peer
  selectorErrors(podSelector, `${at}.podSelector`, errors)
  selectorErrors(namespaceSelector, `${at}.namespaceSelector`, errors)
  if (isFields(ipBlock)) {
    const cidr = textOf(ipBlock['cidr'])
    errors.push(...(cidr === '' ? [required(`${at}.ipBlock.cidr`)] : cidrErrors(cidr, `${at}.ipBlock.cidr`)))
    if (podSelector !== undefined || namespaceSelector !== undefined) {
      errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'))
    }
  } else if (podSelector === undefined && namespaceSelector === undefined) {
    errors.push(required(at, 'must specify a peer'))
  }
}
