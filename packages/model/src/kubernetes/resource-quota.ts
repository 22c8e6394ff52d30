// What objects cost in resource quotas (kubernetes/kubernetes:pkg/quota/v1/evaluator/core; kubernetes/apiserver:
// pkg/quota/v1/generic/evaluator.go). Shared by the admission of new objects and by whoever counts those that are there.
import type { Ms } from '../units.ts'
import { labelRequirementMatches, type LabelOperator } from './label-selector.ts'
import type { KubeObject } from './object.ts'
import { addExact, podAmounts, type ExactAmounts } from './pod-amounts.ts'
import { formatQuantity, parseQuantity, type ExactQuantity } from './quantity.ts'
import { instant } from './time.ts'
import type {
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  PodSpec,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
  Service,
} from './types.generated.ts'

/** A group and plural, as quotas count them. */
export interface QuotaType {
  readonly group: string
  readonly plural: string
}

const one: ExactQuantity = { nano: 1_000_000_000n, format: 'DecimalSI' }
const none: ExactQuantity = { nano: 0n, format: 'DecimalSI' }

const computeNames = new Set([
  'count/pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
])
/** Quotas of these want every container to say what it needs. */
const mustBeSaid = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])
const serviceNames = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers'])
const claimNames = ['persistentvolumeclaims', 'requests.storage']
/** Counted by their bare names too, as of old. */
const bareNames = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'])
const classInfix = '.storageclass.storage.k8s.io/'
const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

function isCore(type: QuotaType, plural: string): boolean {
  return type.group === '' && type.plural === plural
}

function countName({ group, plural }: QuotaType): string {
  return group === '' ? `count/${plural}` : `count/${plural}.${group}`
}

/** Whether objects of the type may use up the named resource of a quota (MatchingResources). */
export function countsTowards(type: QuotaType, name: string): boolean {
  if (isCore(type, 'pods')) return computeNames.has(name) || isHugePages(name) || isExtended(name)
  if (isCore(type, 'services')) return serviceNames.has(name)
  if (isCore(type, 'persistentvolumeclaims')) {
    return (
      name === 'count/persistentvolumeclaims' ||
      claimNames.some((plain) => name === plain || name.endsWith(`${classInfix}${plain}`))
    )
  }
  return name === countName(type) || (type.group === '' && bareNames.has(type.plural) && name === type.plural)
}

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-') || name.startsWith('requests.hugepages-')
}

/** `requests.` and the name of a resource that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  if (!name.startsWith('requests.')) return false
  const resource = name.slice('requests.'.length)
  if (resource.startsWith('deviceclass.resource.kubernetes.io/')) return true
  return isForeign(resource)
}

function isForeign(resource: string): boolean {
  return resource.includes('/') && !resource.includes('kubernetes.io/')
}

/** What one object uses of everything that quotas count. */
export function quotaUsage(type: QuotaType, object: KubeObject, now: Ms): ExactAmounts {
  if (isCore(type, 'pods')) return podUsage(object as Pod, now)
  if (isCore(type, 'services')) return serviceUsage(object as unknown as Service)
  if (isCore(type, 'persistentvolumeclaims')) return claimUsage(object as unknown as PersistentVolumeClaim)
  const usage = new Map([[countName(type), one]])
  if (type.group === '' && bareNames.has(type.plural)) usage.set(type.plural, one)
  return usage
}

function podUsage(pod: Pod, now: Ms): ExactAmounts {
  if (!isCharged(pod, now)) return finishedUsage
  // Replicas share their containers, and what these cost.
  const { containers, initContainers, overhead, resources } = pod.spec
  const known = podCosts.get(containers)
  if (
    known !== undefined &&
    known.initContainers === initContainers &&
    known.overhead === overhead &&
    known.resources === resources
  )
    return known.usage
  const requests = podAmounts(pod.spec, 'requests', { overhead: true })
  const limits = podAmounts(pod.spec, 'limits', { overhead: true })
  const usage = computeUsage(requests, limits).set('count/pods', one)
  podCosts.set(containers, { initContainers, overhead, resources, usage })
  return usage
}

const finishedUsage: ExactAmounts = new Map([['count/pods', one]])
const podCosts = new WeakMap<
  PodSpec['containers'],
  Pick<PodSpec, 'initContainers' | 'overhead' | 'resources'> & { readonly usage: ExactAmounts }
>()

/** Neither finished nor stuck in its deletion. */
function isCharged({ metadata, status }: Pod, now: Ms): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false
  const deleted = instant(metadata.deletionTimestamp)
  const grace = metadata.deletionGracePeriodSeconds
  return deleted === undefined || grace === undefined || now <= deleted + grace * 1000
}

function computeUsage(requests: ExactAmounts, limits: ExactAmounts): Map<string, ExactQuantity> {
  const usage = new Map([['pods', one]])
  for (const [name, quantity] of requests) {
    const plain = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')
    if (plain) usage.set(name, quantity)
    if (plain || isForeign(name)) usage.set(`requests.${name}`, quantity)
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const limit = limits.get(name)
    if (limit !== undefined) usage.set(`limits.${name}`, limit)
  }
  return usage
}

function serviceUsage({ spec }: Service): ExactAmounts {
  const ports = spec?.ports ?? []
  const counted = (n: number): ExactQuantity => ({ nano: BigInt(n) * one.nano, format: 'DecimalSI' })
  let nodePorts = 0
  if (spec?.type === 'NodePort') nodePorts = ports.length
  if (spec?.type === 'LoadBalancer') {
    nodePorts =
      spec.allocateLoadBalancerNodePorts === false
        ? ports.filter(({ nodePort = 0 }) => nodePort !== 0).length
        : ports.length
  }
  return new Map([
    ['count/services', one],
    ['services', one],
    ['services.loadbalancers', spec?.type === 'LoadBalancer' ? one : none],
    ['services.nodeports', counted(nodePorts)],
  ])
}

function claimUsage({ metadata, spec, status }: PersistentVolumeClaim): ExactAmounts {
  const usage = new Map([
    ['persistentvolumeclaims', one],
    ['count/persistentvolumeclaims', one],
  ])
  const storageClass = metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? ''
  const put = (name: string, quantity: ExactQuantity): void => {
    usage.set(name, quantity)
    if (storageClass !== '') usage.set(`${storageClass}${classInfix}${name}`, quantity)
  }
  put('persistentvolumeclaims', one)
  const asked = parseQuantity(spec.resources?.requests?.['storage'] ?? '')
  if (asked === undefined) return usage
  const allocated = parseQuantity(status?.allocatedResources?.['storage'] ?? '')
  put('requests.storage', allocated !== undefined && allocated.nano > asked.nano ? allocated : asked)
  return usage
}

/** What a pod leaves unsaid though a quota of these names wants it said; undefined when nothing (Constraints). */
export function unsaidForQuota(type: QuotaType, names: readonly string[], object: KubeObject): string | undefined {
  if (!isCore(type, 'pods')) return undefined
  const { spec } = object as Pod
  const ofPod = spec.resources
  if (Object.keys(ofPod?.requests ?? {}).length + Object.keys(ofPod?.limits ?? {}).length > 0) return undefined
  const missing: string[] = []
  for (const name of names.filter((text) => mustBeSaid.has(text)).toSorted()) {
    const without = [...spec.containers, ...(spec.initContainers ?? [])]
      .filter(({ resources }) => {
        const list = name.startsWith('limits.') ? resources?.limits : resources?.requests
        return list?.[name.slice(name.indexOf('.') + 1)] === undefined
      })
      .map((container) => container.name)
    if (without.length > 0) missing.push(`${name} for: ${without.toSorted().join(',')}`)
  }
  return missing.length === 0 ? undefined : `must specify ${missing.join('; ')}`
}

/** Whether the quota's scopes take the object in; one without scopes takes in everything. */
export function isInScopes(spec: ResourceQuotaSpec | undefined, type: QuotaType, object: KubeObject): boolean {
  const selectors: readonly ScopedResourceSelectorRequirement[] = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ]
  return selectors.every((selector) => {
    if (isCore(type, 'pods')) return podInScope(object as Pod, selector)
    if (isCore(type, 'persistentvolumeclaims')) {
      return selector.scopeName === 'VolumeAttributesClass' && claimInScope(object as never, selector)
    }
    return false
  })
}

function podInScope(pod: Pod, selector: ScopedResourceSelectorRequirement): boolean {
  const { spec } = pod
  switch (selector.scopeName) {
    case 'Terminating':
      return (spec.activeDeadlineSeconds ?? -1) >= 0
    case 'NotTerminating':
      return (spec.activeDeadlineSeconds ?? -1) < 0
    case 'BestEffort':
      return isBestEffort(pod)
    case 'NotBestEffort':
      return !isBestEffort(pod)
    case 'PriorityClass':
      return isSelected(selector, spec.priorityClassName ?? '')
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(pod)
    default:
      return false
  }
}

function claimInScope(claim: PersistentVolumeClaim, selector: ScopedResourceSelectorRequirement): boolean {
  return isSelected(selector, claim.spec.volumeAttributesClassName ?? '')
}

function isSelected({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, value: string): boolean {
  const labels: Record<string, string> = value === '' ? {} : { [scopeName]: value }
  return labelRequirementMatches({ key: scopeName, operator: operator as LabelOperator, values }, labels)
}

function isBestEffort({ spec }: Pod): boolean {
  const lists = [spec, ...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) => [
    resources?.requests,
    resources?.limits,
  ])
  return !lists.some((list) => ['cpu', 'memory'].some((name) => (parseQuantity(list?.[name] ?? '0')?.nano ?? 0n) > 0n))
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const terms: PodAffinityTerm[] = []
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    terms.push(...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []))
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      terms.push(podAffinityTerm)
    }
  }
  return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined)
}

/** The sums of amounts, of the names that are asked for. */
export function sumAmounts(a: ExactAmounts, b: ExactAmounts, isWanted: (name: string) => boolean): ExactAmounts {
  const sum = new Map(a)
  for (const [name, quantity] of b) if (isWanted(name)) sum.set(name, addExact(sum.get(name), quantity))
  return sum
}

/** `{ cpu: '500m' }`, by name. */
export function amountsText(amounts: ExactAmounts): { readonly [name: string]: string } {
  const sorted = [...amounts].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([name, quantity]) => [name, formatQuantity(quantity)]))
}
