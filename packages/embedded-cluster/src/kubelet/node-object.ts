// What a kubelet says of its node (kubernetes/kubernetes:pkg/kubelet/kubelet_node_status.go, nodestatus/setters.go). Pure.
import {
  timestamp,
  type ContainerImage,
  type CSINodeDriver,
  type Draft,
  type Ms,
  type Node,
  type NodeCondition,
  type NodeStatus,
  type Taint,
} from '@plimsoll/model'
import type { Machine } from '@plimsoll/ports'

export const uninitializedTaint: Taint = {
  key: 'node.cloudprovider.kubernetes.io/uninitialized',
  value: 'true',
  effect: 'NoSchedule',
}

/** Old and new names of the same fact; clients look for either. */
const twins: readonly (readonly [string, string])[] = [
  ['kubernetes.io/os', 'beta.kubernetes.io/os'],
  ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
  ['node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type'],
  ['topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone'],
]

/** The labels that the cloud controller gives, a moment after registration. */
function isCloudLabel(key: string): boolean {
  return (
    key === 'node.kubernetes.io/instance-type' ||
    key === 'beta.kubernetes.io/instance-type' ||
    key.startsWith('topology.kubernetes.io/') ||
    key.startsWith('failure-domain.beta.kubernetes.io/') ||
    key.startsWith('topology.k8s.aws/')
  )
}

type Labels = { readonly [key: string]: string }

/** All labels that the node ends up with by kubelet and cloud controller, twins included. */
function allLabels(machine: Machine): Labels {
  const labels: Record<string, string> = {
    ...machine.labels,
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/hostname': machine.labels['kubernetes.io/hostname'] ?? machine.nodeName,
    'kubernetes.io/os': 'linux',
  }
  for (const [name, twin] of twins) {
    const value = labels[name] ?? labels[twin]
    if (value === undefined) continue
    labels[name] = value
    labels[twin] = value
  }
  return labels
}

function pick(labels: Labels, wanted: (key: string) => boolean): Labels {
  const picked: Record<string, string> = {}
  for (const key of Object.keys(labels).sort()) if (wanted(key)) picked[key] = labels[key]!
  return picked
}

const zoneLabel = 'topology.kubernetes.io/zone'
/** The EBS driver's own name for the zone, which the kubelet puts on the node for it. */
const driverZoneLabel = 'topology.ebs.csi.aws.com/zone'

export function kubeletLabels(machine: Machine): Labels {
  const labels = pick(allLabels(machine), (key) => !isCloudLabel(key))
  const zone = machine.labels[zoneLabel]
  return zone === undefined ? labels : { ...labels, [driverZoneLabel]: zone }
}

export function cloudLabels(machine: Machine): Labels {
  return pick(allLabels(machine), isCloudLabel)
}

/** What a node may run short of. */
export type Pressure = 'memory' | 'disk' | 'pid'

export interface NodeHealth {
  /** Why the node is not ready; undefined when it is. */
  readonly complaint: string | undefined
  readonly images: readonly ContainerImage[]
  /** Whether device plugins have told of GPUs and the like; `lost`: they have, and are gone. */
  readonly devices: 'unknown' | 'known' | 'lost'
  readonly pressures: ReadonlySet<Pressure>
  readonly bootId: string
  readonly machineId: string
}

/** The slots of a Nitro instance without those of its root volume and its first network interface. */
const ebsVolumesMax = 26

/** What the node's part of the EBS driver tells of it. */
export function storageDriver(machine: Machine): CSINodeDriver {
  return {
    name: 'ebs.csi.aws.com',
    nodeID: machine.providerId.slice(machine.providerId.lastIndexOf('/') + 1),
    topologyKeys: ['kubernetes.io/os', driverZoneLabel, zoneLabel],
    allocatable: { count: ebsVolumesMax },
  }
}

export function newNode(machine: Machine, health: NodeHealth, now: Ms): Draft<Node> {
  const address = machine.addresses.find(({ type }) => type === 'InternalIP')?.address
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: machine.nodeName,
      labels: kubeletLabels(machine),
      annotations: {
        ...(address === undefined ? {} : { 'alpha.kubernetes.io/provided-node-ip': address }),
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
    },
    spec: {
      providerID: machine.providerId,
      taints: [...machine.taints, uninitializedTaint],
    },
    status: nodeStatus(machine, health, undefined, now),
  }
}

export function nodeStatus(machine: Machine, health: NodeHealth, before: Node | undefined, now: Ms): NodeStatus {
  return {
    capacity: counted(machine.capacity, health.devices),
    allocatable: counted(machine.allocatable, health.devices),
    conditions: nodeConditions(health, before?.status?.conditions ?? [], now),
    addresses: machine.addresses,
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      machineID: health.machineId,
      systemUUID: uuidOf(health.machineId),
      bootID: health.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: machine.containerRuntimeVersion,
      kubeletVersion: machine.kubeletVersion,
      // Kubelets no longer guess what kube-proxy runs.
      kubeProxyVersion: minorOf(machine.kubeletVersion) < 33 ? machine.kubeletVersion : '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
    ...(health.images.length === 0 ? {} : { images: health.images }),
  }
}

/** Of `v1.34.2-eks-ecaa3a6`: 34. */
export function minorOf(kubeletVersion: string): number {
  return Number(/^v?1\.(\d+)/.exec(kubeletVersion)?.[1] ?? 35)
}

type Amounts = { readonly [resource: string]: string }

function counted(amounts: Amounts, devices: NodeHealth['devices']): Amounts {
  if (devices === 'known') return amounts
  const entries = Object.entries(amounts)
  if (devices === 'lost') return Object.fromEntries(entries.map(([name, n]) => [name, isDevice(name) ? '0' : n]))
  return Object.fromEntries(entries.filter(([name]) => !isDevice(name)))
}

export function isDevice(resource: string): boolean {
  return resource.includes('/')
}

/** EC2 gives its machines UUIDs that begin with ec2. */
function uuidOf(machineId: string): string {
  const h = `ec2${machineId.slice(3)}`
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
}

type Finding = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>

const pressureKinds: readonly Pressure[] = ['memory', 'disk', 'pid']

interface PressureWords {
  readonly condition: string
  readonly well: { readonly reason: string; readonly message: string; readonly event: string }
  readonly unwell: { readonly reason: string; readonly message: string; readonly event: string }
}

export const pressureWords: Record<Pressure, PressureWords> = {
  memory: {
    condition: 'MemoryPressure',
    well: {
      reason: 'KubeletHasSufficientMemory',
      message: 'kubelet has sufficient memory available',
      event: 'NodeHasSufficientMemory',
    },
    unwell: {
      reason: 'KubeletHasInsufficientMemory',
      message: 'kubelet has insufficient memory available',
      event: 'NodeHasInsufficientMemory',
    },
  },
  disk: {
    condition: 'DiskPressure',
    well: {
      reason: 'KubeletHasNoDiskPressure',
      message: 'kubelet has no disk pressure',
      event: 'NodeHasNoDiskPressure',
    },
    unwell: { reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure', event: 'NodeHasDiskPressure' },
  },
  pid: {
    condition: 'PIDPressure',
    well: {
      reason: 'KubeletHasSufficientPID',
      message: 'kubelet has sufficient PID available',
      event: 'NodeHasSufficientPID',
    },
    unwell: {
      reason: 'KubeletHasInsufficientPID',
      message: 'kubelet has insufficient PID available',
      event: 'NodeHasInsufficientPID',
    },
  },
}

function pressureFinding(pressure: Pressure, has: boolean): Finding {
  const words = pressureWords[pressure]
  const { reason, message } = has ? words.unwell : words.well
  return { type: words.condition, status: has ? 'True' : 'False', reason, message }
}

/** The reasons of the events that a kubelet records when it says something new of its node. */
export function conditionEvents(before: Node, after: NodeStatus): readonly string[] {
  const statusOf = (conditions: readonly NodeCondition[] | undefined, type: string): string | undefined =>
    conditions?.find((condition) => condition.type === type)?.status
  const changed = (type: string): string | undefined => {
    const now = statusOf(after.conditions, type)
    return now === statusOf(before.status?.conditions, type) ? undefined : now
  }
  const reasons: string[] = []
  for (const pressure of pressureKinds) {
    const words = pressureWords[pressure]
    const now = changed(words.condition)
    if (now !== undefined) reasons.push(now === 'True' ? words.unwell.event : words.well.event)
  }
  const ready = changed('Ready')
  if (ready !== undefined) reasons.push(ready === 'True' ? 'NodeReady' : 'NodeNotReady')
  return reasons
}

function nodeConditions(health: NodeHealth, before: readonly NodeCondition[], now: Ms): NodeCondition[] {
  const findings: Finding[] = [
    ...pressureKinds.map((pressure) => pressureFinding(pressure, health.pressures.has(pressure))),
    health.complaint === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: health.complaint },
  ]
  const at = timestamp(now)
  return findings.map((finding) => {
    const known = before.find((condition) => condition.type === finding.type)
    const since = known?.status === finding.status ? (known.lastTransitionTime ?? at) : at
    return { ...finding, lastHeartbeatTime: at, lastTransitionTime: since }
  })
}
