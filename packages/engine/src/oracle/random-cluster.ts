// Small clusters and what happens to them, drawn from seeds. Each case turns some features off altogether (swarm testing):
// with all of them on, nearly every pod would be refused by the first few filters and the others would have no say.

import type {
  Container,
  ContainerStatus,
  LabelSelector,
  Node,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodAffinityTerm,
  PodSpec,
  PodStatus,
  Taint,
  Toleration,
  TopologySpreadConstraint,
  Volume,
} from '@plimsoll/model'
import type { Draws } from './random.ts'

export const features = [
  'zones',
  'racks',
  'sizes',
  'cordons',
  'taints',
  'numericTaints',
  'tolerations',
  'nodeSelector',
  'nodeAffinity',
  'matchFields',
  'nodeName',
  'hostPorts',
  'extendedResources',
  'ephemeralStorage',
  'fewPods',
  'smallNodes',
  'oddQuantities',
  'initContainers',
  'sidecars',
  'overhead',
  'podLevelResources',
  'resizes',
  'spread',
  'softSpread',
  'spreadDefaults',
  'minDomains',
  'spreadPolicies',
  'affinity',
  'antiAffinity',
  'otherNamespaces',
  'namespaceSelector',
  'matchLabelKeys',
  'mismatchLabelKeys',
  'terminating',
  'replicas',
  'boundClaims',
  'waitingClaims',
  'presentVolumes',
  'volumeLimits',
  'storageCapacity',
  'claimsOfOnePod',
  'ephemeralClaims',
  'brokenClaims',
  'disks',
  'devices',
] as const
export type Feature = (typeof features)[number]

export const storageFeatures = ['boundClaims', 'waitingClaims', 'presentVolumes', 'brokenClaims'] as const

/** What a feature needs to have a say. */
const needs: { readonly [feature in Feature]?: readonly Feature[] } = {
  numericTaints: ['tolerations'],
  tolerations: ['taints'],
  nodeSelector: ['zones'],
  nodeAffinity: ['zones', 'sizes'],
  sizes: ['nodeAffinity'],
  racks: ['nodeSelector'],
  oddQuantities: ['smallNodes'],
  initContainers: ['smallNodes'],
  sidecars: ['smallNodes'],
  overhead: ['smallNodes'],
  podLevelResources: ['smallNodes'],
  resizes: ['smallNodes'],
  spread: ['zones'],
  softSpread: ['zones'],
  spreadDefaults: ['zones'],
  minDomains: ['zones', 'spread'],
  spreadPolicies: ['zones', 'spread', 'taints', 'nodeSelector'],
  affinity: ['zones'],
  antiAffinity: ['zones'],
  otherNamespaces: ['zones', 'antiAffinity'],
  namespaceSelector: ['zones', 'otherNamespaces', 'antiAffinity'],
  matchLabelKeys: ['zones', 'spread', 'antiAffinity'],
  mismatchLabelKeys: ['zones', 'antiAffinity'],
  terminating: ['zones', 'spread'],
  boundClaims: ['zones'],
  waitingClaims: ['zones'],
  presentVolumes: ['zones', 'waitingClaims'],
  volumeLimits: ['boundClaims', 'waitingClaims'],
  storageCapacity: ['zones', 'waitingClaims'],
  claimsOfOnePod: ['waitingClaims', 'boundClaims'],
  ephemeralClaims: ['waitingClaims', 'boundClaims'],
}

/** The features of one case. */
export type Has = { readonly [feature in Feature]?: true }

export function featuresWith(chosen: readonly Feature[]): Has {
  return Object.fromEntries(chosen.flatMap((feature) => [feature, ...(needs[feature] ?? [])]).map((f) => [f, true]))
}

export const zone = 'topology.kubernetes.io/zone'
const hostname = 'kubernetes.io/hostname'
/** Of the cases with the feature. */
export const spreadDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: zone, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
  { topologyKey: hostname, maxSkew: 2, whenUnsatisfiable: 'ScheduleAnyway' },
]
export const namespaces = { default: { team: 'a' }, other: { team: 'b' }, third: { team: 'a', env: 'x' } }

/** Draws the objects of one case; names are given by the caller. */
export class RandomCluster {
  readonly #has: Has
  /** Replicas share their parts with the pods that were drawn before them. */
  readonly #templates: Pod[] = []

  constructor(has: Has) {
    this.#has = has
  }

  node(draws: Draws, name: string): Node {
    const has = this.#has
    const labels: Record<string, string> = { [hostname]: name }
    if (has.zones && !draws.oneIn(8)) labels[zone] = draws.of('a', 'b', 'c')
    if (has.racks && !draws.oneIn(3)) labels['rack'] = draws.of('r1', 'r2')
    if (has.sizes && !draws.oneIn(5)) labels['size'] = draws.of('2', '8', '16', '-1', 'big', '08')
    const taints: Taint[] = []
    if (has.taints && draws.oneIn(3)) {
      taints.push(...draws.list(1, 2, () => this.#taint(draws)))
    }
    if (has.numericTaints && draws.oneIn(3)) {
      taints.push({ key: 'reliability', value: draws.of('5', '95', '-3', 'x', '007'), effect: 'NoSchedule' })
    }
    const allocatable: Record<string, string> = {
      cpu: has.smallNodes ? draws.of('500m', '1', '2') : '64',
      memory: has.smallNodes ? draws.of('1Gi', '2G', '4096Mi') : '256Gi',
      pods: has.fewPods ? draws.of('0', '1', '2', '3') : '110',
    }
    if (has.extendedResources && draws.oneIn(2)) allocatable['example.com/gpu'] = draws.of('1', '2')
    if (has.extendedResources && draws.oneIn(3)) allocatable['hugepages-2Mi'] = '4Mi'
    if (has.ephemeralStorage && !draws.oneIn(4)) allocatable['ephemeral-storage'] = draws.of('1Gi', '10Gi')
    const unschedulable = has.cordons && draws.oneIn(4) ? true : undefined
    return {
      metadata: { ...stored(name), labels },
      spec: { taints: taints.length > 0 ? taints : undefined, unschedulable },
      status: { allocatable },
    }
  }

  /** Another state of the node: a heartbeat, or anything that may change. */
  changedNode(draws: Draws, node: Node): Node {
    if (draws.oneIn(3)) return { ...node, status: { ...node.status } }
    return this.node(draws, node.metadata.name)
  }

  pod(draws: Draws, name: string): Pod {
    const has = this.#has
    if (has.replicas && this.#templates.length > 0 && draws.oneIn(2)) return this.#replica(draws, name)
    const pod = this.#freshPod(draws, name)
    this.#templates.push(pod)
    return pod
  }

  /** Another state of the pod, under its name; what it claims never changes. */
  changedPod(draws: Draws, pod: Pod): Pod {
    if (pod.spec.resourceClaims !== undefined) return { ...pod, status: { ...pod.status, phase: 'Running' } }
    const { name, namespace } = pod.metadata
    switch (draws.below(4)) {
      case 0: {
        const conditions = draws.of(undefined, [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }])
        return { ...pod, status: { ...pod.status, phase: 'Running', conditions } }
      }
      case 1:
        return { ...pod, metadata: { ...pod.metadata, labels: this.#labels(draws) } }
      case 2:
        return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:01Z' } }
      default: {
        const other = this.#freshPod(draws, name)
        const spec = { ...other.spec, resourceClaims: undefined }
        return { ...other, spec, metadata: { ...other.metadata, namespace } }
      }
    }
  }

  #replica(draws: Draws, name: string): Pod {
    const like = draws.of(...this.#templates)
    const metadata = { ...like.metadata, ...stored(name) }
    // The very same parts, equal parts, or equal but for what scheduling does not look at.
    switch (draws.below(4)) {
      case 0:
        return structuredClone({ ...like, metadata })
      case 1:
        return { ...like, metadata: { ...metadata, labels: this.#labels(draws) } }
      default:
        return { ...like, metadata }
    }
  }

  #freshPod(draws: Draws, name: string): Pod {
    const has = this.#has
    const namespace = has.otherNamespaces ? draws.of('default', 'default', 'other', 'third') : 'default'
    const containers = draws.list(1, 2, () => this.#container(draws)).map((c, i) => ({ ...c, name: `c${i}` }))
    const initContainers = this.#initContainers(draws)
    const labels = this.#labels(draws)
    const spec: { -readonly [key in keyof PodSpec]: PodSpec[key] } = { containers, ...initContainers }
    if (has.nodeSelector && draws.oneIn(5)) spec.nodeSelector = draws.of({ [zone]: 'a' }, { rack: 'r1' }, {})
    if (has.nodeName && draws.oneIn(6)) spec.nodeName = draws.of('n0', 'n1', '')
    if (has.tolerations && draws.oneIn(2)) spec.tolerations = draws.list(1, 2, () => this.#toleration(draws))
    if (has.overhead && draws.oneIn(3)) {
      spec.overhead = draws.of<Record<string, string>>({ cpu: '250m' }, { memory: '512Mi' }, { 'example.com/gpu': '1' })
    }
    if (has.podLevelResources && draws.oneIn(3)) {
      spec.resources = {
        requests: draws.of<Record<string, string>>({ cpu: '750m' }, { memory: '1Gi' }, { 'hugepages-2Mi': '2Mi' }),
      }
    }
    const spread = [
      ...(has.spread && !draws.oneIn(3) ? draws.list(1, 2, () => this.#spread(draws, 'DoNotSchedule')) : []),
      ...(has.softSpread && draws.oneIn(3) ? draws.list(1, 2, () => this.#spread(draws, 'ScheduleAnyway')) : []),
    ]
    if (spread.length > 0) spec.topologySpreadConstraints = spread
    const nodeAffinity = this.#nodeAffinity(draws)
    const terms = (): { requiredDuringSchedulingIgnoredDuringExecution: readonly PodAffinityTerm[] } => ({
      requiredDuringSchedulingIgnoredDuringExecution: draws.list(1, 2, () => this.#term(draws)),
    })
    const podAffinity = has.affinity && draws.oneIn(3) ? terms() : undefined
    const podAntiAffinity = has.antiAffinity && draws.oneIn(3) ? terms() : undefined
    if (nodeAffinity ?? podAffinity ?? podAntiAffinity) spec.affinity = { nodeAffinity, podAffinity, podAntiAffinity }
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'set' }
    const ownerReferences =
      has.spreadDefaults && !draws.oneIn(3) ? [{ ...owner, controller: !draws.oneIn(8) }] : undefined
    const volumes = draws.oneIn(2) ? draws.list(1, 2, () => this.#volume(draws)) : []
    if (volumes.some((volume) => volume !== undefined)) {
      spec.volumes = volumes.flatMap((volume, i) => (volume === undefined ? [] : [{ ...volume, name: `v${i}` }]))
    }
    if (has.devices && draws.oneIn(2)) {
      const names = draws.list(1, 2, () => draws.of('r0', 'r0', 'r1', 'r2', 'r3', 'r4'))
      spec.resourceClaims = names.map((resourceClaimName, i) => ({ name: `c${i}`, resourceClaimName }))
    }
    // A pod made again under its name is another.
    const uid = has.ephemeralClaims && draws.oneIn(4) ? `${name}-again` : name
    const deletionTimestamp = has.terminating && draws.oneIn(4) ? '2026-01-01T00:00:01Z' : undefined
    return {
      metadata: { ...stored(name), uid, namespace, labels, ownerReferences, deletionTimestamp },
      spec,
      status: this.#status(draws, containers, initContainers.initContainers ?? []),
    }
  }

  #labels(draws: Draws): { readonly [key: string]: string } | undefined {
    const labels: Record<string, string> = {}
    if (!draws.oneIn(5)) labels['app'] = draws.of('web', 'web', 'db')
    if (draws.oneIn(2)) labels['version'] = draws.of('1', '2')
    return Object.keys(labels).length === 0 && draws.oneIn(2) ? undefined : labels
  }

  #requests(draws: Draws): { readonly [resource: string]: string } {
    const has = this.#has
    const requests: Record<string, string> = {}
    if (!draws.oneIn(4)) {
      requests['cpu'] = has.oddQuantities
        ? draws.of('0.1', '100000u', '1e-1', '333333333n', '1.0001', '0.25k')
        : draws.of('0', '100m', '250m', '1.5')
    }
    if (!draws.oneIn(3)) {
      requests['memory'] = has.oddQuantities
        ? draws.of('0.3Gi', '1e8', '1500m', '1.5M', '123456Ki', '2147483648')
        : draws.of('0', '100Mi', '1Gi', '3Gi')
    }
    if (has.ephemeralStorage && draws.oneIn(3)) requests['ephemeral-storage'] = draws.of('1Gi', '512M')
    if (has.extendedResources && draws.oneIn(3)) requests['example.com/gpu'] = draws.of('0', '1', '2')
    if (has.extendedResources && draws.oneIn(6)) requests['hugepages-2Mi'] = '2Mi'
    return requests
  }

  #container(draws: Draws): Container {
    const container: Container = { name: 'c', resources: { requests: this.#requests(draws) } }
    if (!this.#has.hostPorts || !draws.oneIn(3)) return container
    const ports = draws.list(1, 2, () => ({
      containerPort: 80,
      hostPort: draws.of(80, 443, 0, undefined),
      hostIP: draws.of(undefined, '', '0.0.0.0', '10.0.0.1', '10.0.0.2', '::'),
      protocol: draws.of(undefined, 'TCP', 'UDP'),
    }))
    return { ...container, ports }
  }

  #initContainers(draws: Draws): { readonly initContainers?: readonly Container[] } {
    const has = this.#has
    if ((!has.initContainers && !has.sidecars) || draws.oneIn(2)) return {}
    const restartPolicy = (): string | undefined =>
      has.sidecars && (!has.initContainers || draws.oneIn(2)) ? 'Always' : undefined
    const list = draws.list(1, 3, () => ({ ...this.#container(draws), restartPolicy: restartPolicy() }))
    return { initContainers: list.map((container, i) => ({ ...container, name: `i${i}` })) }
  }

  #status(draws: Draws, containers: readonly Container[], init: readonly Container[]): PodStatus | undefined {
    if (!this.#has.resizes || !draws.oneIn(2)) return draws.of(undefined, { phase: 'Pending' })
    const statusOf = ({ name }: Container): ContainerStatus => ({
      name,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      resources: draws.oneIn(4) ? undefined : { requests: this.#requests(draws) },
      allocatedResources: draws.oneIn(2) ? undefined : this.#requests(draws),
    })
    const reason = draws.of('Infeasible', 'Deferred')
    return {
      containerStatuses: containers.map(statusOf),
      initContainerStatuses: init.map(statusOf),
      conditions: draws.oneIn(2) ? undefined : [{ type: 'PodResizePending', status: 'True', reason }],
    }
  }

  #taint(draws: Draws): Taint {
    return {
      key: draws.of('dedicated', 'spot'),
      value: draws.of('gpu', 'x', undefined),
      effect: draws.of('NoSchedule', 'NoSchedule', 'NoExecute', 'PreferNoSchedule'),
    }
  }

  #toleration(draws: Draws): Toleration {
    if (this.#has.numericTaints && draws.oneIn(2)) {
      const effect = draws.of(undefined, 'NoSchedule')
      return { key: 'reliability', operator: draws.of('Gt', 'Lt'), value: draws.of('0', '50', '95', '01'), effect }
    }
    return draws.of<Toleration>(
      { operator: 'Exists' },
      { key: 'dedicated', operator: 'Exists', effect: draws.of(undefined, 'NoSchedule', 'NoExecute') },
      { key: 'dedicated', operator: 'Equal', value: draws.of('gpu', 'x'), effect: draws.of('NoSchedule', 'NoExecute') },
      { key: 'spot', value: 'x' },
      { key: 'spot' },
      { value: 'gpu', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/unschedulable', operator: 'Exists' },
      { key: 'node.kubernetes.io/unschedulable', effect: draws.of('NoSchedule', 'NoExecute') },
    )
  }

  #nodeAffinity(draws: Draws): NodeAffinity | undefined {
    const has = this.#has
    if ((!has.nodeAffinity && !has.matchFields) || !draws.oneIn(3)) return undefined
    const nodeSelectorTerms = draws.list(1, 2, () => this.#nodeTerm(draws))
    return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } }
  }

  #nodeTerm(draws: Draws): NodeSelectorTerm {
    const has = this.#has
    const matchExpressions = !has.nodeAffinity
      ? undefined
      : draws.list(0, 2, () =>
          draws.of(
            { key: zone, operator: draws.of('In', 'NotIn'), values: draws.some('a', 'b', 'c') },
            { key: 'size', operator: draws.of('Gt', 'Lt'), values: [draws.of('-2', '4', '8', '08')] },
            { key: 'size', operator: draws.of('Gt', 'Lt'), values: ['4'] },
            { key: draws.of('rack', zone), operator: draws.of('Exists', 'DoesNotExist') },
            { key: 'rack', operator: draws.of('In', 'NotIn'), values: ['r1'] },
          ),
        )
    if (!has.matchFields || draws.oneIn(2)) return { matchExpressions }
    const field = (): { key: string; operator: string; values: string[] } => ({
      key: 'metadata.name',
      operator: draws.of('In', 'In', 'NotIn'),
      values: draws.some('n0', 'n1', 'n2'),
    })
    return { matchExpressions, matchFields: draws.list(1, 2, field) }
  }

  #selector(draws: Draws): LabelSelector {
    return draws.of<LabelSelector>(
      { matchLabels: { app: draws.of('web', 'db') } },
      { matchLabels: { app: 'web' } },
      { matchLabels: { app: 'web', version: '1' } },
      { matchExpressions: [{ key: 'app', operator: draws.of('Exists', 'DoesNotExist') }] },
      { matchExpressions: [{ key: 'app', operator: draws.of('In', 'NotIn'), values: draws.some('web', 'db') }] },
      { matchLabels: { version: '1' }, matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      {},
    )
  }

  #keys(draws: Draws): readonly string[] {
    return draws.of(['version'], ['version', 'absent'], ['absent'])
  }

  #spread(draws: Draws, whenUnsatisfiable: string): TopologySpreadConstraint {
    const has = this.#has
    return {
      topologyKey: draws.of(zone, zone, hostname, 'rack'),
      maxSkew: draws.of(1, 1, 2),
      whenUnsatisfiable,
      labelSelector: draws.oneIn(16) ? undefined : this.#selector(draws),
      minDomains: has.minDomains ? draws.of(undefined, 1, 2, 3, 4, 4) : undefined,
      matchLabelKeys: has.matchLabelKeys && draws.oneIn(2) ? this.#keys(draws) : undefined,
      nodeAffinityPolicy: has.spreadPolicies ? draws.of(undefined, 'Honor', 'Ignore', 'Ignore') : undefined,
      nodeTaintsPolicy: has.spreadPolicies ? draws.of(undefined, 'Honor', 'Honor', 'Ignore') : undefined,
    }
  }

  #volume(draws: Draws): Omit<Volume, 'name'> | undefined {
    const has = this.#has
    if (has.disks && draws.oneIn(2)) {
      const readOnly = draws.oneIn(2)
      return draws.of<Omit<Volume, 'name'>>(
        { awsElasticBlockStore: { volumeID: draws.of('vol-1', 'aws://us-east-1a/vol-2'), readOnly } },
        { gcePersistentDisk: { pdName: draws.of('d1', 'd2'), readOnly } },
        { iscsi: { iqn: 'q', lun: 0, targetPortal: '', readOnly } },
        { rbd: { monitors: draws.some('m1', 'm2', 'm3'), image: draws.of('i1', 'i2'), readOnly } },
        { emptyDir: {} },
      )
    }
    if (has.ephemeralClaims && draws.oneIn(2)) return { ephemeral: {} }
    if (!storageFeatures.some((feature) => has[feature])) return undefined
    return { persistentVolumeClaim: { claimName: draws.of('c0', 'c1', 'c2', 'c3') } }
  }

  #term(draws: Draws): PodAffinityTerm {
    const has = this.#has
    return {
      topologyKey: draws.of(zone, zone, hostname, 'rack'),
      labelSelector: draws.oneIn(12) ? undefined : this.#selector(draws),
      namespaces: has.otherNamespaces && draws.oneIn(3) ? draws.some('default', 'other', 'third') : undefined,
      namespaceSelector:
        has.namespaceSelector && draws.oneIn(2)
          ? draws.of<LabelSelector>({}, { matchLabels: { team: 'a' } }, { matchLabels: { team: 'b' } })
          : undefined,
      matchLabelKeys: has.matchLabelKeys && draws.oneIn(2) ? this.#keys(draws) : undefined,
      mismatchLabelKeys: has.mismatchLabelKeys && draws.oneIn(2) ? this.#keys(draws) : undefined,
    }
  }
}

export function stored(name: string): {
  name: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
} {
  return { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
}
