import { EmbeddedAws, seedEksWorld } from '@plimsoll/embedded-aws'
import { minutes, ms, type Node } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type AwsApi, type Log, type Metrics } from '@plimsoll/ports'
import { nodeGroupsSuite } from '@plimsoll/ports/suites'
import { createLog, MetricsRegistry } from '@plimsoll/runtime'
import { describe, expect, it } from 'vitest'
import { AwsNodeGroups } from './aws-node-groups.ts'
import type { Discovery } from './discovery.ts'

const tags = new Map([
  ['k8s.io/cluster-autoscaler/enabled', undefined],
  ['k8s.io/cluster-autoscaler/myeks', 'owned'],
])

class Cloud {
  readonly clock = new VirtualClock({ start: ms(Date.parse('2024-03-10T09:00:00Z')) })
  readonly aws: EmbeddedAws
  readonly api: AwsApi
  readonly group: string
  readonly metrics: Metrics = new MetricsRegistry()
  readonly lines: string[] = []
  readonly calls: string[] = []

  constructor(
    o: { readonly desired?: number; readonly min?: number; readonly max?: number; readonly type?: string } = {},
  ) {
    this.aws = new EmbeddedAws({ clock: this.clock, random: new SeededRandom('x'), region: 'ap-northeast-2' })
    const world = seedEksWorld(this.aws, {
      clusterName: 'myeks',
      nodegroups: [
        {
          name: 'ng1',
          instanceType: o.type ?? 't3.medium',
          minSize: o.min ?? 1,
          maxSize: o.max ?? 4,
          desiredSize: o.desired ?? 2,
        },
      ],
    })
    this.group = world.groupNames['ng1']!
    const api = this.aws.api()
    this.api = {
      region: api.region,
      call: (service, operation, input, signal) => {
        this.calls.push(operation)
        return api.call(service, operation, input, signal)
      },
    }
  }

  groups(discovery: Partial<Discovery> = {}, staticInstanceList = false): AwsNodeGroups {
    const log: Log = createLog({ clock: this.clock, write: (line) => this.lines.push(line), verbosity: 4 })
    return new AwsNodeGroups({
      aws: this.api,
      clock: this.clock,
      random: new SeededRandom('groups'),
      log,
      metrics: this.metrics,
      discovery: { explicit: [], tags, ...discovery },
      staticInstanceList,
    })
  }

  async desired(): Promise<number> {
    const answer = await this.aws.api().call('autoscaling', 'DescribeAutoScalingGroups', {})
    return answer.AutoScalingGroups![0]!.DesiredCapacity!
  }

  /** The running instances as the nodes that they would be. */
  async nodes(): Promise<readonly Node[]> {
    const answer = await this.aws.api().call('ec2', 'DescribeInstances', {
      Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
    })
    return (answer.Reservations ?? [])
      .flatMap((reservation) => reservation.Instances ?? [])
      .map((instance) =>
        nodeOf(instance.PrivateDnsName!, `aws:///${instance.Placement!.AvailabilityZone}/${instance.InstanceId}`),
      )
  }
}

function nodeOf(name: string, providerID: string, annotations: { readonly [key: string]: string } = {}): Node {
  return {
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '', annotations },
    spec: { providerID },
  }
}

describe('AwsNodeGroups', () => {
  nodeGroupsSuite(async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    return {
      groups: cloud.groups(),
      group: cloud.group,
      nodes: () => cloud.nodes(),
      settle: () => cloud.clock.runFor(minutes(5)),
      close: () => {},
    }
  })

  it('reads the groups once a minute, and at once after a deletion (CA-203, CA-204)', async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    const groups = cloud.groups()
    const read = async (): Promise<number> => {
      cloud.calls.length = 0
      await groups.refresh()
      return cloud.calls.length
    }
    expect(await read()).toBe(1)
    expect(await read()).toBe(0)
    await groups.increaseSize(cloud.group, 1)
    expect(await read()).toBe(0)
    await groups.deleteNodes(cloud.group, [(await cloud.nodes())[0]!])
    expect(await read()).toBeGreaterThan(0)
    await cloud.clock.runFor(minutes(1))
    expect(await read()).toBe(1)
    expect(cloud.metrics.expose()).toContain(
      'cluster_autoscaler_aws_request_duration_seconds_count{endpoint="SetDesiredCapacity",status="success"} 1',
    )
  })

  it('stands in for what has not come yet, and says when it will not (CA-206 to CA-208)', async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    const groups = cloud.groups()
    await groups.refresh()
    await cloud.clock.runFor(minutes(2))
    cloud.aws.faults.setCapacity({ instanceType: 't3.medium' }, 0)
    await groups.increaseSize(cloud.group, 2)
    await cloud.clock.runFor(minutes(2))
    await groups.refresh()
    const missing = groups.instances(cloud.group).filter((instance) => instance.state === 'creating')
    expect(missing.map((instance) => instance.providerId)).toEqual([
      expect.stringMatching(`^aws:///ap-northeast-2[abc]/i-placeholder-${cloud.group}-2$`),
      expect.stringMatching(`^aws:///ap-northeast-2[abc]/i-placeholder-${cloud.group}-3$`),
    ])
    expect(missing[0]!.error).toEqual({
      kind: 'outOfResources',
      code: 'placeholder-cannot-be-fulfilled',
      message: 'AWS cannot provision any more instances for this node group',
    })
    const placeholder = nodeOf(missing[0]!.providerId, missing[0]!.providerId)
    expect(groups.groupOf(placeholder)?.id).toBe(cloud.group)
    // One placeholder is given up for one that is listed.
    await groups.deleteNodes(cloud.group, [placeholder])
    expect(await cloud.desired()).toBe(3)
    expect(groups.groups()[0]!.targetSize).toBe(3)
    expect(cloud.calls).not.toContain('TerminateInstanceInAutoScalingGroup')
  })

  it('an old failure of the group says nothing about a new request', async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    cloud.aws.faults.setCapacity({ instanceType: 't3.medium' }, 0)
    await cloud.aws
      .api()
      .call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: cloud.group, DesiredCapacity: 3 })
    await cloud.clock.runFor(minutes(2))
    const groups = cloud.groups()
    await groups.refresh()
    expect(groups.instances(cloud.group).filter((instance) => instance.error !== undefined)).toEqual([])
  })

  it('knows nothing of fargate, and nothing of nodes that are said to be none of its own (CA-205)', async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    const groups = cloud.groups()
    await groups.refresh()
    const [node] = await cloud.nodes()
    expect(groups.hasInstance({ ...node!, metadata: { ...node!.metadata, name: 'fargate-ip-1' } })).toBeUndefined()
    const annotations = { 'k8s.io/cluster-autoscaler-enabled': 'false' }
    expect(groups.hasInstance({ ...node!, metadata: { ...node!.metadata, annotations } })).toBe(false)
    expect(groups.hasInstance(nodeOf('x', 'aws:///ap-northeast-2a/i-00000000000000000'))).toBeUndefined()
  })

  it("says refusals in upstream's words (CA-209)", async () => {
    const cloud = new Cloud({ min: 2 })
    await cloud.clock.runFor(minutes(3))
    const groups = cloud.groups()
    await groups.refresh()
    await expect(groups.increaseSize(cloud.group, 9)).rejects.toThrow('size increase too large - desired:11 max:4')
    const [node] = await cloud.nodes()
    await expect(groups.deleteNodes(cloud.group, [node!])).rejects.toThrow(
      'min size reached, nodes will not be deleted',
    )
    cloud.aws.faults.add({
      operation: 'SetDesiredCapacity',
      error: { code: 'ScalingActivityInProgress', message: 'Busy.', httpStatus: 400 },
    })
    await expect(groups.increaseSize(cloud.group, 1)).rejects.toThrow(
      /^operation error Auto Scaling: SetDesiredCapacity, https response error StatusCode: 400, RequestID: [-0-9a-f]+, api error ScalingActivityInProgress: Busy\.$/,
    )
    expect(groups.groups()[0]!.targetSize).toBe(2)
  })

  it('keeps the bounds of groups named by flag, also when they are gone', async () => {
    const cloud = new Cloud()
    await cloud.clock.runFor(minutes(3))
    const groups = cloud.groups({ tags: new Map(), explicit: [{ name: cloud.group, minSize: 0, maxSize: 9 }] })
    await groups.refresh()
    expect(groups.groups()).toEqual([{ id: cloud.group, minSize: 0, maxSize: 9, targetSize: 2 }])
    await cloud.aws
      .api()
      .call('autoscaling', 'DeleteAutoScalingGroup', { AutoScalingGroupName: cloud.group, ForceDelete: true })
    await cloud.clock.runFor(minutes(2))
    await groups.refresh()
    expect(groups.groups().map((group) => group.id)).toEqual([cloud.group])
    await expect(groups.increaseSize(cloud.group, 1)).rejects.toThrow('AutoScalingGroup name not found')
  })

  it('makes templates from the launch template, the tags and EKS (CA-210 to CA-213)', async () => {
    const cloud = new Cloud({ type: 'g4dn.xlarge', desired: 0, min: 0 })
    const prefix = 'k8s.io/cluster-autoscaler/node-template'
    const tag = (key: string, value: string): object => ({
      ResourceId: cloud.group,
      ResourceType: 'auto-scaling-group',
      Key: key,
      Value: value,
      PropagateAtLaunch: false,
    })
    await cloud.aws.api().call('autoscaling', 'CreateOrUpdateTags', {
      Tags: [
        tag(`${prefix}/label/team`, 'red'),
        tag(`${prefix}/taint/dedicated`, 'gpu:NoSchedule'),
        tag(`${prefix}/taint/odd`, 'gpu:Sometimes'),
        tag(`${prefix}/resources/example.com/dongle`, '2'),
        tag(`${prefix}/autoscaling-options/scaledownunneededtime`, '3m'),
        tag(`${prefix}/autoscaling-options/scaledownutilizationthreshold`, 'half'),
      ] as never,
    })
    const groups = cloud.groups()
    await groups.refresh()
    const template = await groups.template(cloud.group)
    expect(template.metadata.name).toMatch(new RegExp(`^${cloud.group}-asg-\\d+$`))
    expect(template.status?.capacity).toEqual({
      pods: '110',
      cpu: '4',
      memory: String(16 * 1024 ** 3),
      'nvidia.com/gpu': '1',
      'example.com/dongle': '2',
    })
    expect(template.status?.allocatable).toEqual(template.status?.capacity)
    expect(template.metadata.labels).toMatchObject({
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'node.kubernetes.io/instance-type': 'g4dn.xlarge',
      'topology.kubernetes.io/region': 'ap-northeast-2',
      'topology.kubernetes.io/zone': 'ap-northeast-2a',
      'topology.ebs.csi.aws.com/zone': 'ap-northeast-2a',
      'nodegroup-name': 'ng1',
      'cluster-name': 'myeks',
      'eks.amazonaws.com/nodegroup': 'ng1',
      'eks.amazonaws.com/capacityType': 'ON_DEMAND',
      team: 'red',
    })
    expect(template.spec.taints).toEqual([{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }])
    expect(groups.options(cloud.group)).toEqual({ scaleDownUnneededTime: minutes(3) })
    expect(cloud.lines.some((line) => line.includes('scaledownutilizationthreshold tag to its type: "half"'))).toBe(
      true,
    )
    cloud.calls.length = 0
    await groups.template(cloud.group)
    expect(cloud.calls).toEqual([])
  })

  it.each([true, false])('falls back to the built-in instance types (asked not to call: %s)', async (staticList) => {
    const cloud = new Cloud()
    cloud.aws.faults.add({
      operation: 'DescribeInstanceTypes',
      error: { code: 'UnauthorizedOperation', message: 'no' },
    })
    const groups = cloud.groups({}, staticList)
    await groups.refresh()
    const template = await groups.template(cloud.group)
    expect(template.status?.capacity).toMatchObject({ cpu: '2', memory: String(4 * 1024 ** 3) })
    expect(cloud.calls.includes('DescribeInstanceTypes')).toBe(!staticList)
  })
})
