// Whether a feature of a case matters: the same question is asked of brute force without it. For tests.

import type { Container, Node, Pod, PodAffinityTerm, TopologySpreadConstraint, Volume } from '@plimsoll/model'
import { podRefusal, refusals, type NaiveCluster, type NaiveNode } from './naive-scheduler.ts'
import type { NaiveStorage } from './naive-volumes.ts'
import { zone, type Feature } from './random-cluster.ts'

/** Whether some node's answer is another once the feature is taken out of the pod and the cluster. */
export function decides(feature: Feature, cluster: NaiveCluster, pod: Pod): boolean {
  const without = removal[feature]
  if (without === undefined) return true
  const plain: NaiveCluster = {
    ...cluster,
    ...without.cluster?.(cluster),
    nodes: cluster.nodes.map(({ node, pods }) => ({
      node: without.node?.(node) ?? node,
      pods: pods.map((other) => without.pod?.(other) ?? other),
    })),
  }
  const plainPod = without.pod?.(pod) ?? pod
  return cluster.nodes.some((at, i) => fits(cluster, pod, at) !== fits(plain, plainPod, plain.nodes[i]!))
}

function fits(cluster: NaiveCluster, pod: Pod, at: NaiveNode): boolean {
  return podRefusal(cluster, pod) === undefined && refusals(cluster, pod, at).length === 0
}

interface Removal {
  readonly cluster?: (cluster: NaiveCluster) => Partial<NaiveCluster>
  readonly node?: (node: Node) => Node
  readonly pod?: (pod: Pod) => Pod
}

type Spec = Pod['spec']

function spec(change: (spec: Spec) => Partial<{ -readonly [key in keyof Spec]: Spec[key] | undefined }>): Removal {
  return { pod: (pod) => ({ ...pod, spec: { ...pod.spec, ...change(pod.spec) } as Spec }) }
}

function label(key: string): Removal {
  return {
    node: (node) => ({ ...node, metadata: { ...node.metadata, labels: { ...node.metadata.labels, [key]: 'same' } } }),
  }
}

function spread(change: (constraint: TopologySpreadConstraint) => TopologySpreadConstraint | undefined): Removal {
  return spec(({ topologySpreadConstraints }) => ({
    topologySpreadConstraints: topologySpreadConstraints?.flatMap((constraint) => change(constraint) ?? []),
  }))
}

function terms(change: (term: PodAffinityTerm) => PodAffinityTerm): Removal {
  const changed = (list: readonly PodAffinityTerm[] | undefined): readonly PodAffinityTerm[] | undefined =>
    list?.map(change)
  return spec(({ affinity }) => ({
    affinity: {
      ...affinity,
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: changed(
          affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
        ),
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: changed(
          affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
        ),
      },
    },
  }))
}

function both(a: Removal, b: Removal): Removal {
  const pod = (pod: Pod): Pod => {
    const first = a.pod?.(pod) ?? pod
    return b.pod?.(first) ?? first
  }
  return { pod }
}

function taints(keep: (key: string) => boolean): Removal {
  return {
    node: (node) => ({ ...node, spec: { ...node.spec, taints: node.spec.taints?.filter(({ key }) => keep(key)) } }),
  }
}

function allocatable(amounts: { readonly [resource: string]: string }): Removal {
  return {
    node: (node) => ({
      ...node,
      status: { ...node.status, allocatable: { ...node.status?.allocatable, ...amounts } },
    }),
  }
}

function containers(change: (container: Container) => Container): Removal {
  return spec((old) => ({ containers: old.containers.map(change), initContainers: old.initContainers?.map(change) }))
}

function storage(change: (storage: NaiveStorage) => Partial<NaiveStorage>): Removal {
  return { cluster: (cluster) => ({ storage: { ...cluster.storage, ...change(cluster.storage) } }) }
}

function withoutVolumes(isOut: (volume: Volume) => boolean): Removal {
  return spec(({ volumes }) => ({ volumes: volumes?.filter((volume) => !isOut(volume)) }))
}

const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always'

/** How to take each feature out; those without an entry change how cases are drawn, not what they mean. */
const removal: { readonly [feature in Feature]?: Removal } = {
  zones: label(zone),
  racks: label('rack'),
  sizes: label('size'),
  cordons: { node: (node) => ({ ...node, spec: { ...node.spec, unschedulable: undefined } }) },
  taints: taints((key) => key === 'reliability'),
  numericTaints: taints((key) => key !== 'reliability'),
  tolerations: spec(() => ({ tolerations: undefined })),
  nodeSelector: spec(() => ({ nodeSelector: undefined })),
  nodeAffinity: spec(({ affinity }) => ({ affinity: { ...affinity, nodeAffinity: undefined } })),
  matchFields: spec(({ affinity }) => ({ affinity: { ...affinity, nodeAffinity: undefined } })),
  nodeName: spec(() => ({ nodeName: undefined })),
  hostPorts: containers((container) => ({ ...container, ports: undefined })),
  extendedResources: allocatable({ 'example.com/gpu': '999', 'hugepages-2Mi': '999Gi' }),
  ephemeralStorage: allocatable({ 'ephemeral-storage': '999Gi' }),
  fewPods: allocatable({ pods: '110' }),
  smallNodes: allocatable({ cpu: '999', memory: '999Gi' }),
  initContainers: spec(({ initContainers }) => ({ initContainers: initContainers?.filter(isSidecar) })),
  sidecars: spec(({ initContainers }) => ({ initContainers: initContainers?.filter((c) => !isSidecar(c)) })),
  overhead: spec(() => ({ overhead: undefined })),
  podLevelResources: spec(() => ({ resources: undefined })),
  resizes: { pod: (pod) => ({ ...pod, status: undefined }) },
  spread: spread(() => undefined),
  // Hard in place of soft: shows that softness was seen.
  softSpread: spread((constraint) => ({ ...constraint, whenUnsatisfiable: 'DoNotSchedule' })),
  spreadDefaults: { cluster: () => ({ spreadDefaults: [] }) },
  minDomains: spread((constraint) => ({ ...constraint, minDomains: undefined })),
  spreadPolicies: spread((constraint) => ({
    ...constraint,
    nodeAffinityPolicy: undefined,
    nodeTaintsPolicy: undefined,
  })),
  affinity: spec(({ affinity }) => ({ affinity: { ...affinity, podAffinity: undefined } })),
  antiAffinity: spec(({ affinity }) => ({ affinity: { ...affinity, podAntiAffinity: undefined } })),
  otherNamespaces: { pod: (pod) => ({ ...pod, metadata: { ...pod.metadata, namespace: 'default' } }) },
  namespaceSelector: terms((term) => ({ ...term, namespaceSelector: undefined })),
  matchLabelKeys: both(
    spread((constraint) => ({ ...constraint, matchLabelKeys: undefined })),
    terms((term) => ({ ...term, matchLabelKeys: undefined })),
  ),
  mismatchLabelKeys: terms((term) => ({ ...term, mismatchLabelKeys: undefined })),
  boundClaims: storage(({ volumes }) => ({
    volumes: volumes.map((volume) => ({
      ...volume,
      metadata: { ...volume.metadata, labels: undefined },
      spec: { ...volume.spec, nodeAffinity: undefined },
    })),
  })),
  waitingClaims: storage(({ classes }) => ({
    classes: classes.map((each) => ({ ...each, provisioner: 'any', allowedTopologies: undefined })),
  })),
  presentVolumes: storage(({ volumes }) => ({
    volumes: volumes.map((volume) => ({ ...volume, spec: { ...volume.spec, storageClassName: 'none' } })),
  })),
  volumeLimits: storage(() => ({ csiNodes: [] })),
  storageCapacity: storage(() => ({ drivers: [] })),
  claimsOfOnePod: storage(({ claims }) => ({
    claims: claims.map((claim) => ({ ...claim, spec: { ...claim.spec, accessModes: [] } })),
  })),
  ephemeralClaims: withoutVolumes((volume) => volume.ephemeral !== undefined),
  brokenClaims: spec(() => ({ volumes: undefined })),
  disks: withoutVolumes((volume) => volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined),
  devices: spec(() => ({ resourceClaims: undefined })),
  terminating: { pod: (pod) => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: undefined } }) },
}
