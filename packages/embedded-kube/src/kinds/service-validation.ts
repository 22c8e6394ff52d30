// Services (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidateService).
import { duplicate, forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { fieldsOf, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { ipErrors, isIp, portErrors, portNameErrors, requiredErrors } from './formats.ts'
import { labelErrors, nameErrors } from './names.ts'

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const protocols = ['SCTP', 'TCP', 'UDP']
const policies = ['Cluster', 'Local']
const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode']

export function serviceErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const type = textOf(spec['type'])
  const clusterIp = textOf(spec['clusterIP'])
  const ports = listOf(spec['ports'])
  if (ports.length === 0 && type !== 'ExternalName' && clusterIp !== 'None') errors.push(required('spec.ports'))
  if (clusterIp === 'None' && (type === 'NodePort' || type === 'LoadBalancer')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`))
  }
  if (type === 'ExternalName') {
    const name = textOf(spec['externalName'])
    errors.push(
      ...(name === ''
        ? [required('spec.externalName')]
        : nameErrors(name.replace(/\.$/, ''), 'subdomain', 'spec.externalName')),
    )
  }
  ports.forEach((port, i) => checkPort(port, i, ports, type, errors))
  errors.push(...labelErrors(spec['selector'] as StoredObject['metadata']['labels'], 'spec.selector'))
  const affinity = textOf(spec['sessionAffinity'])
  if (affinity !== 'ClientIP' && affinity !== 'None') {
    errors.push(
      affinity === ''
        ? required('spec.sessionAffinity')
        : unsupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']),
    )
  }
  const seconds = fieldsOf(fieldsOf(spec['sessionAffinityConfig'])['clientIP'])['timeoutSeconds']
  if (affinity === 'ClientIP' && typeof seconds === 'number' && (seconds <= 0 || seconds > 86_400)) {
    const why = 'must be greater than 0 and less than 86400'
    errors.push(invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, why))
  }
  if (clusterIp !== '' && clusterIp !== 'None' && type !== 'ExternalName') {
    errors.push(...ipErrors(clusterIp, 'spec.clusterIPs[0]'))
  }
  externalErrors(spec, errors)
  if (!types.includes(type)) errors.push(type === '' ? required('spec.type') : unsupported('spec.type', type, types))
  balancerErrors(spec, type, errors)
  trafficErrors(spec, type, errors)
  return errors
}

function checkPort(port: Fields, i: number, ports: readonly Fields[], type: string, errors: FieldError[]): void {
  const at = `spec.ports[${i}]`
  const name = textOf(port['name'])
  if (name === '') {
    if (ports.length > 1) errors.push(required(`${at}.name`))
  } else {
    errors.push(...nameErrors(name, 'label', `${at}.name`))
    if (ports.slice(0, i).some((other) => other['name'] === name)) errors.push(duplicate(`${at}.name`, name))
  }
  errors.push(...portErrors(port['port'], `${at}.port`))
  const protocol = textOf(port['protocol'])
  if (protocol === '') errors.push(required(`${at}.protocol`))
  else if (!protocols.includes(protocol)) errors.push(unsupported(`${at}.protocol`, protocol, protocols))
  const target = port['targetPort']
  if (typeof target === 'string') errors.push(...portNameErrors(target, `${at}.targetPort`))
  else if (target !== undefined) errors.push(...portErrors(target, `${at}.targetPort`))
  const nodePort = Number(port['nodePort'] ?? 0)
  if (type === 'ClusterIP' && nodePort !== 0) {
    errors.push(forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
  }
  const isSame = (other: Fields): boolean => other['port'] === port['port'] && other['protocol'] === port['protocol']
  if (ports.slice(0, i).some(isSame)) {
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port['port'], TargetPort: 0, NodePort: 0 }
    errors.push(duplicate(at, shown))
  }
}

function externalErrors(spec: Fields, errors: FieldError[]): void {
  listOf(spec['externalIPs']).forEach((value, i) => {
    const ip = textOf(value)
    const field = `spec.externalIPs[${i}]`
    if (!isIp(ip)) errors.push(...ipErrors(ip, field))
    else if (ip.startsWith('127.') || ip === '::1') {
      errors.push(invalidValue(field, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'))
    } else if (ip === '0.0.0.0' || ip === '::') {
      errors.push(invalidValue(field, ip, `may not be unspecified (${ip})`))
    }
  })
  listOf(spec['ipFamilies']).forEach((value, i) => {
    const family = textOf(value)
    const field = `spec.ipFamilies[${i}]`
    if (family === 'IPv6') errors.push(invalidValue(field, family, 'not configured on this cluster'))
    else if (family !== 'IPv4') errors.push(unsupported(field, family, ['IPv4', 'IPv6']))
  })
  if (spec['ipFamilyPolicy'] === 'RequireDualStack') {
    const why = 'this cluster is not configured for dual-stack services'
    errors.push(invalidValue('spec.ipFamilyPolicy', 'RequireDualStack', why))
  }
}

function balancerErrors(spec: Fields, type: string, errors: FieldError[]): void {
  const ranges = listOf(spec['loadBalancerSourceRanges'])
  // Upstream spells the field so.
  const field = 'spec.LoadBalancerSourceRanges'
  const refuse = (at: string): number =>
    errors.push(forbiddenField(at, "may only be used when `type` is 'LoadBalancer'"))
  if (ranges.length > 0 && type !== 'LoadBalancer') refuse(field)
  ranges.forEach((range, i) => errors.push(...cidrErrors(textOf(range).trim(), `${field}[${i}]`)))
  if (spec['loadBalancerClass'] !== undefined && type !== 'LoadBalancer') refuse('spec.loadBalancerClass')
  if (spec['allocateLoadBalancerNodePorts'] !== undefined && type !== 'LoadBalancer') {
    refuse('spec.allocateLoadBalancerNodePorts')
  }
}

export function cidrErrors(text: string, field: string): FieldError[] {
  const [ip = '', bits = '', more] = text.split('/')
  const most = ip.includes(':') ? 128 : 32
  if (isIp(ip) && /^\d+$/.test(bits) && Number(bits) <= most && more === undefined) return []
  return [invalidValue(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')]
}

function trafficErrors(spec: Fields, type: string, errors: FieldError[]): void {
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, trafficDistribution } = spec
  const isReachable = type === 'NodePort' || type === 'LoadBalancer' || listOf(spec['externalIPs']).length > 0
  if (external !== undefined) {
    const field = 'spec.externalTrafficPolicy'
    if (!isReachable) {
      errors.push(invalidValue(field, external, 'may only be set for externally-accessible services'))
    } else if (!policies.includes(textOf(external))) errors.push(unsupported(field, external, policies))
  }
  const check = Number(spec['healthCheckNodePort'] ?? 0)
  if (check !== 0 && !(type === 'LoadBalancer' && external === 'Local')) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(invalidValue('spec.healthCheckNodePort', check, why))
  }
  if (internal !== undefined && !policies.includes(textOf(internal))) {
    errors.push(unsupported('spec.internalTrafficPolicy', internal, policies))
  }
  if (trafficDistribution !== undefined && !distributions.includes(textOf(trafficDistribution))) {
    errors.push(unsupported('spec.trafficDistribution', trafficDistribution, distributions))
  }
}

export function serviceUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const before = textOf(old.spec?.['clusterIP'])
  const after = textOf(object.spec?.['clusterIP'])
  if (before === '' || before === after || object.spec?.['type'] === 'ExternalName') return []
  if (old.spec?.['type'] === 'ExternalName') return []
  return [invalidValue('spec.clusterIPs[0]', [after], 'may not change once set')]
}

/** A port of a backend, by number or by name. */
export function backendErrors(backend: Fields, at: string): FieldError[] {
  const { service, resource } = backend
  const isService = Object.keys(fieldsOf(service)).length > 0
  if (resource !== undefined && isService) {
    return [invalidValue(at, '', 'cannot set both resource and service backends')]
  }
  if (resource !== undefined) return []
  if (!isService) return [invalidValue(at, '', 'resource or service backend is required')]
  const name = textOf(fieldsOf(service)['name'])
  const errors = requiredErrors(name, `${at}.service.name`)
  if (name !== '') errors.push(...nameErrors(name, 'label1035', `${at}.service.name`))
  const port = fieldsOf(fieldsOf(service)['port'])
  const portName = textOf(port['name'])
  const number = Number(port['number'] ?? 0)
  if (portName !== '' && number !== 0) errors.push(invalidValue(at, '', 'cannot set both port name & port number'))
  else if (portName !== '') errors.push(...portNameErrors(portName, `${at}.service.port.name`))
  else if (number === 0) errors.push(required(at, 'port name or number is required'))
  else errors.push(...portErrors(number, `${at}.service.port.number`))
  return errors
}
