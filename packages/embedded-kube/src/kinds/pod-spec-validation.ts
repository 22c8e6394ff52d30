// Validation of pods and pod templates (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidatePodSpec).
import { duplicate, forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import {
  checkContainers,
  checkEphemeralContainers,
  checkInitContainers,
  imageErrors,
  seccompErrors,
  type PodParts,
} from './container-validation.ts'
import { idErrors, ipErrors } from './formats.ts'
import { labelErrors, nameErrors, qualifiedNameProblems } from './names.ts'
import { affinityErrors, spreadErrors, tolerationErrors } from './selector-validation.ts'
import { checkVolumes } from './volume-validation.ts'

/** In upstream's order. */
const restartPolicies = ['Always', 'OnFailure', 'Never']
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']

/** What is wrong with a defaulted pod spec that stands at `path`. */
export function podSpecErrors(spec: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  const containers = listOf(spec['containers'])
  const initContainers = listOf(spec['initContainers'])
  const claims = listOf(spec['resourceClaims'])
  const pod: PodParts = {
    volumes: checkVolumes(listOf(spec['volumes']), `${path}.volumes`, errors),
    claims: new Set(claims.map((claim) => textOf(claim['name'])).filter((name) => name !== '')),
    graceSeconds: Number(spec['terminationGracePeriodSeconds'] ?? 30),
  }
  resourceClaimErrors(claims, `${path}.resourceClaims`, errors)
  checkContainers(containers, `${path}.containers`, pod, errors)
  checkInitContainers(initContainers, containers, `${path}.initContainers`, pod, errors)
  const ephemeral = listOf(spec['ephemeralContainers'])
  checkEphemeralContainers(ephemeral, [...containers, ...initContainers], `${path}.ephemeralContainers`, pod, errors)
  hostNetworkErrors(spec, path, errors)
  oneOf(spec['restartPolicy'], restartPolicies, `${path}.restartPolicy`, errors)
  oneOf(spec['dnsPolicy'], dnsPolicies, `${path}.dnsPolicy`, errors)
  errors.push(...labelErrors(spec['nodeSelector'] as StoredObject['metadata']['labels'], `${path}.nodeSelector`))
  securityErrors(fieldsOf(spec['securityContext']), spec, `${path}.securityContext`, errors)
  affinityErrors(fieldsOf(spec['affinity']), `${path}.affinity`, errors)
  dnsErrors(spec, `${path}.dnsConfig`, errors)
  gateErrors(spec, path, errors)
  spreadErrors(listOf(spec['topologySpreadConstraints']), `${path}.topologySpreadConstraints`, errors)
  namedErrors(spec, path, errors)
  listOf(spec['tolerations']).forEach((toleration, i) =>
    tolerationErrors(toleration, `${path}.tolerations[${i}]`, errors),
  )
  listOf(spec['hostAliases']).forEach((alias, i) => {
    const here = `${path}.hostAliases[${i}]`
    errors.push(...ipErrors(textOf(alias['ip']), `${here}.ip`))
    listOf(alias['hostnames']).forEach((name, k) =>
      errors.push(...nameErrors(textOf(name), 'subdomain', `${here}.hostnames[${k}]`)),
    )
  })
  for (const field of ['priorityClassName', 'runtimeClassName']) {
    const name = textOf(spec[field])
    if (name !== '') errors.push(...nameErrors(name, 'subdomain', `${path}.${field}`))
  }
  const preemption = spec['preemptionPolicy']
  if (preemption !== undefined) {
    oneOf(preemption, ['Never', 'PreemptLowerPriority'], `${path}.preemptionPolicy`, errors)
  }
  systemErrors(spec, path, errors)
  return errors
}

/** What is wrong with a pod that is being made. */
export function newPodErrors(spec: Fields): FieldError[] {
  const errors = [...podSpecErrors(spec, 'spec')]
  imageErrors(listOf(spec['containers']), 'spec.containers', errors)
  imageErrors(listOf(spec['initContainers']), 'spec.initContainers', errors)
  if (listOf(spec['ephemeralContainers']).length > 0) {
    errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'))
  }
  if (textOf(spec['nodeName']) !== '' && listOf(spec['schedulingGates']).length > 0) {
    errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  }
  return errors
}

function oneOf(value: unknown, supported: readonly string[], field: string, errors: FieldError[]): void {
  if (value === undefined || value === '') errors.push(required(field))
  else if (!supported.includes(textOf(value))) errors.push(unsupported(field, value, supported))
}

function resourceClaimErrors(claims: readonly Fields[], at: string, errors: FieldError[]): void {
  const names = new Set<string>()
  claims.forEach((claim, i) => {
    const here = `${at}[${i}]`
    const name = textOf(claim['name'])
    const { resourceClaimName = null, resourceClaimTemplateName = null } = claim
    if (name === '') errors.push(required(`${here}.name`))
    else if (names.has(name)) errors.push(duplicate(`${here}.name`, name))
    else {
      errors.push(...nameErrors(name, 'label', `${here}.name`))
      names.add(name)
    }
    const shown = {
      Name: name,
      ResourceClaimName: resourceClaimName,
      ResourceClaimTemplateName: resourceClaimTemplateName,
    }
    if (resourceClaimName !== null && resourceClaimTemplateName !== null) {
      const why = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'
      errors.push(invalidValue(here, shown, why))
    }
    if (resourceClaimName === null && resourceClaimTemplateName === null) {
      errors.push(invalidValue(here, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'))
    }
  })
}

function hostNetworkErrors(spec: Fields, path: string, errors: FieldError[]): void {
  if (spec['hostNetwork'] !== true) return
  for (const field of ['containers', 'initContainers']) {
    listOf(spec[field]).forEach((container, i) =>
      listOf(container['ports']).forEach((port, k) => {
        const host = port['hostPort'] ?? 0
        if (host === port['containerPort']) return
        const at = `${path}.${field}[${i}].ports[${k}].hostPort`
        errors.push(invalidValue(at, host, 'must match `containerPort` when `hostNetwork` is true'))
      }),
    )
  }
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/

function securityErrors(context: Fields, spec: Fields, at: string, errors: FieldError[]): void {
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup']) errors.push(...idErrors(context[field], `${at}.${field}`))
  listOf(context['supplementalGroups']).forEach((group, i) =>
    errors.push(...idErrors(group, `${at}.supplementalGroups[${i}]`)),
  )
  if (spec['shareProcessNamespace'] === true && spec['hostPID'] === true) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(invalidValue(`${at}.shareProcessNamespace`, true, why))
  }
  const names = new Set<string>()
  listOf(context['sysctls']).forEach((sysctl, i) => {
    const field = `${at}.sysctls[${i}].name`
    const name = textOf(sysctl['name'])
    if (name === '') errors.push(required(field))
    else if (name.length > 253 || !sysctlName.test(name)) {
      const why =
        'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'
      errors.push(invalidValue(field, name, why))
    } else if (names.has(name)) errors.push(duplicate(field, name))
    names.add(name)
  })
  const change = context['fsGroupChangePolicy']
  if (change !== undefined && change !== 'Always' && change !== 'OnRootMismatch') {
    errors.push(unsupported(`${at}.fsGroupChangePolicy`, change, ['Always', 'OnRootMismatch']))
  }
  seccompErrors(context['seccompProfile'], `${at}.seccompProfile`, errors)
}

function dnsErrors(spec: Fields, at: string, errors: FieldError[]): void {
  const config = spec['dnsConfig']
  const servers = listOf(fieldsOf(config)['nameservers'])
  if (spec['dnsPolicy'] === 'None') {
    if (!isFields(config)) {
      errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'))
      return
    }
    if (servers.length === 0) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      errors.push(required(`${at}.nameservers`, why))
      return
    }
  }
  if (!isFields(config)) return
  if (servers.length > 3) {
    errors.push(invalidValue(`${at}.nameservers`, servers, 'must not have more than 3 nameservers'))
  }
  servers.forEach((server, i) => errors.push(...ipErrors(textOf(server), `${at}.nameservers[${i}]`)))
  listOf(config['options']).forEach((option, i) => {
    if (textOf(option['name']) === '') errors.push(required(`${at}.options[${i}]`, 'must not be empty'))
  })
}

function gateErrors(spec: Fields, path: string, errors: FieldError[]): void {
  listOf(spec['readinessGates']).forEach((gate, i) => {
    const type = textOf(gate['conditionType'])
    const field = `${path}.readinessGates[${i}].conditionType`
    errors.push(...qualifiedNameProblems(type).map((why) => invalidValue(field, type, why)))
  })
  const seen = new Set<string>()
  listOf(spec['schedulingGates']).forEach((gate, i) => {
    const name = textOf(gate['name'])
    const field = `${path}.schedulingGates[${i}]`
    errors.push(...qualifiedNameProblems(name).map((why) => invalidValue(field, name, why)))
    if (seen.has(name)) errors.push(duplicate(field, name))
    seen.add(name)
  })
}

function namedErrors(spec: Fields, path: string, errors: FieldError[]): void {
  for (const field of ['serviceAccountName', 'nodeName']) {
    const name = textOf(spec[field])
    if (name !== '') errors.push(...nameErrors(name, 'subdomain', `${path}.${field}`))
  }
  const deadline = spec['activeDeadlineSeconds']
  if (typeof deadline === 'number' && (deadline < 1 || deadline > 2_147_483_647)) {
    const why = 'must be between 1 and 2147483647, inclusive'
    errors.push(invalidValue(`${path}.activeDeadlineSeconds`, deadline, why))
  }
  for (const field of ['hostname', 'subdomain']) {
    const name = textOf(spec[field])
    if (name !== '') errors.push(...nameErrors(name, 'label', `${path}.${field}`))
  }
}

const notOnWindows = ['runAsUser', 'runAsGroup', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'supplementalGroups']

function systemErrors(spec: Fields, path: string, errors: FieldError[]): void {
  if (!isFields(spec['os'])) return
  const name = textOf(spec['os']['name'])
  if (name === '') errors.push(required(`${path}.os.name`, 'cannot be empty'))
  else if (name !== 'linux' && name !== 'windows') errors.push(unsupported(`${path}.os`, name, ['linux', 'windows']))
  if (name !== 'windows') return
  for (const field of ['hostPID', 'hostIPC', 'shareProcessNamespace']) {
    if (spec[field] === true) errors.push(forbiddenField(`${path}.${field}`, 'cannot be set for a windows pod'))
  }
  for (const field of notOnWindows) {
    if (fieldsOf(spec['securityContext'])[field] === undefined) continue
    errors.push(forbiddenField(`${path}.securityContext.${field}`, 'cannot be set for a windows pod'))
  }
}

const updateRefused =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** ValidatePodUpdate: what of a pod's spec may change once it is there. */
export function podUpdateErrors(pod: StoredObject, old: StoredObject): readonly FieldError[] {
  if (pod.spec === old.spec) return []
  const before = fieldsOf(old.spec)
  const after = fieldsOf(pod.spec)
  const errors = [...podSpecErrors(after, 'spec')]
  imageErrors(listOf(after['containers']), 'spec.containers', errors)
  imageErrors(listOf(after['initContainers']), 'spec.initContainers', errors)
  for (const field of ['containers', 'initContainers']) {
    if (listOf(after[field]).length === listOf(before[field]).length) continue
    errors.push(forbiddenField(`spec.${field}`, 'pod updates may not add or remove containers'))
    return errors
  }
  if (!deadlineMayChange(after, before, errors)) return errors
  listOf(before['tolerations']).forEach((toleration) => {
    const stays = listOf(after['tolerations']).some((t) =>
      equal({ ...t, tolerationSeconds: undefined }, { ...toleration, tolerationSeconds: undefined }),
    )
    if (stays) return
    const why = 'existing toleration can not be modified except its tolerationSeconds'
    errors.push(forbiddenField('spec.tolerations', why))
  })
  const gates = listOf(before['schedulingGates']).map((gate) => gate['name'])
  listOf(after['schedulingGates']).forEach((gate, i) => {
    if (gates.includes(gate['name'])) return
    const why = `only deletion is allowed, but found new scheduling gate '${textOf(gate['name'])}'`
    errors.push(forbiddenField(`spec.schedulingGates[${i}].name`, why))
  })
  if (gates.length > 0) gatedErrors(after, before, errors)
  const mutable = (spec: Fields): Fields => ({
    ...spec,
    containers: listOf(spec['containers']).map((container) => ({ ...container, image: '' })),
    initContainers: listOf(spec['initContainers']).map((container) => ({ ...container, image: '' })),
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
    ...(gates.length > 0 ? { nodeSelector: undefined, affinity: withoutNodeAffinity(spec['affinity']) } : {}),
    ...(Number(before['terminationGracePeriodSeconds']) < 0 && after['terminationGracePeriodSeconds'] === 1
      ? { terminationGracePeriodSeconds: undefined }
      : {}),
  })
  if (!equal(mutable(after), mutable(before))) errors.push(forbiddenField('spec', updateRefused))
  return errors
}

function withoutNodeAffinity(affinity: unknown): Fields | undefined {
  const { nodeAffinity: _, ...rest } = fieldsOf(affinity)
  return Object.keys(rest).length === 0 ? undefined : rest
}

/** It may be set, and lowered. */
function deadlineMayChange(after: Fields, before: Fields, errors: FieldError[]): boolean {
  const field = 'spec.activeDeadlineSeconds'
  const next = after['activeDeadlineSeconds']
  const was = before['activeDeadlineSeconds']
  if (typeof next !== 'number') {
    if (was !== undefined) {
      errors.push(invalidValue(field, null, 'must not update from a positive integer to nil value'))
    }
    return true
  }
  if (next < 0 || next > 2_147_483_647) {
    errors.push(invalidValue(field, next, 'must be between 0 and 2147483647, inclusive'))
    return false
  }
  if (typeof was !== 'number' || was >= next) return true
  errors.push(invalidValue(field, next, 'must be less than or equal to previous value'))
  return false
}

/** What a gated pod asks of nodes may be narrowed. */
function gatedErrors(after: Fields, before: Fields, errors: FieldError[]): void {
  const was = fieldsOf(before['nodeSelector'])
  const next = fieldsOf(after['nodeSelector'])
  if (Object.entries(was).some(([key, value]) => next[key] !== value)) {
    const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
    errors.push(invalidValue('spec.nodeSelector', next, why))
  }
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const needed = (spec: Fields): unknown => fieldsOf(fieldsOf(spec['affinity'])['nodeAffinity'])[hard]
  const old = needed(before)
  const asked = needed(after)
  if (!isFields(old) || equal(old, asked)) return
  const at = `spec.affinity.nodeAffinity.${hard}`
  const oldTerms = listOf(old['nodeSelectorTerms'])
  const terms = listOf(fieldsOf(asked)['nodeSelectorTerms'])
  if (oldTerms.length !== terms.length) {
    const why = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'
    errors.push(invalidValue(`${at}.nodeSelectorTerms`, terms, why))
    return
  }
  oldTerms.forEach((term, i) => {
    const kept = ['matchExpressions', 'matchFields'].every((field) =>
      listOf(term[field]).every((expression, k) => equal(expression, listOf(terms[i]![field])[k])),
    )
    if (kept) return
    const why = 'only additions are allowed (no mutations or deletions)'
    errors.push(invalidValue(`${at}.nodeSelectorTerms[${i}]`, terms[i], why))
  })
}
