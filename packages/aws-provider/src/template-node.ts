import { parseQuantity, setOwn, timestamp, type Ms, type Node, type Taint } from '@plimsoll/model'
import type { Asg } from './auto-scaling-groups.ts'
import type { InstanceType } from './instance-types.ts'
import type { LaunchType } from './launch-types.ts'
import type { ManagedNodeGroup } from './managed-node-groups.ts'

const labelTag = 'k8s.io/cluster-autoscaler/node-template/label/'
const taintTag = 'k8s.io/cluster-autoscaler/node-template/taint/'
const resourceTag = 'k8s.io/cluster-autoscaler/node-template/resources/'
const eksTag = 'eks:'
const podsPerNode = 110

/**
 * The node that a group without nodes would bring up, as far as the cloud tells (rules CA-210 to CA-213).
 * kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/aws_manager.go, buildNodeFromTemplate.
 */
export function templateNode(o: {
  readonly asg: Asg
  readonly type: InstanceType
  readonly minimum: LaunchType['minimum']
  readonly managed: ManagedNodeGroup | undefined
  readonly region: string
  readonly suffix: string
  readonly now: Ms
}): Node {
  const { asg, type, minimum, managed } = o
  const name = `${asg.name}-asg-${o.suffix}`
  const zone = asg.zones[0] ?? ''
  const capacity: Record<string, string> = {
    pods: String(podsPerNode),
    cpu: String(minimum?.vcpu || type.vcpu),
    memory: String((minimum?.memoryMiB || type.memoryMiB) * 1024 * 1024),
    'nvidia.com/gpu': String(minimum?.gpus || type.gpus),
    ...resourcesOf(asg.tags.map(({ key, value }) => [key, value])),
    ...resourcesOf(Object.entries(managed?.tags ?? {})),
  }
  const labels: Record<string, string> = {
    'kubernetes.io/arch': type.architecture,
    'kubernetes.io/os': 'linux',
    'node.kubernetes.io/instance-type': type.name,
    'topology.kubernetes.io/region': o.region,
    'topology.kubernetes.io/zone': zone,
    'topology.ebs.csi.aws.com/zone': zone,
    'kubernetes.io/hostname': name,
  }
  const taints: Taint[] = []
  for (const { key, value } of asg.tags) {
    if (key.startsWith(labelTag)) setOwn(labels, key.slice(labelTag.length), value)
    else if (key.startsWith(eksTag)) setOwn(labels, key.slice(eksTag.length), value)
    else if (key.startsWith(taintTag)) {
      const taint = /^(.*):(NoSchedule|NoExecute|PreferNoSchedule)$/.exec(value)
      if (taint !== null) taints.push({ key: key.slice(taintTag.length), value: taint[1]!, effect: taint[2]! })
    }
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: '',
      resourceVersion: '',
      creationTimestamp: timestamp(o.now),
      labels: { ...labels, ...managed?.labels },
    },
    spec: { providerID: `aws:///${zone}/${name}`, taints: [...taints, ...(managed?.taints ?? [])] },
    status: {
      capacity,
      allocatable: capacity,
      conditions: readyConditions(timestamp(o.now)),
    },
  }
}

function resourcesOf(tags: readonly (readonly [string, string])[]): Record<string, string> {
  const resources: Record<string, string> = {}
  for (const [key, value] of tags) {
    if (key.startsWith(resourceTag) && parseQuantity(value) !== undefined)
      setOwn(resources, key.slice(resourceTag.length), value)
  }
  return resources
}

function readyConditions(at: string): { type: string; status: string; lastTransitionTime: string }[] {
  return [
    { type: 'Ready', status: 'True', lastTransitionTime: at },
    { type: 'NetworkUnavailable', status: 'False', lastTransitionTime: at },
    { type: 'DiskPressure', status: 'False', lastTransitionTime: at },
    { type: 'MemoryPressure', status: 'False', lastTransitionTime: at },
    { type: 'PIDPressure', status: 'False', lastTransitionTime: at },
  ]
}
