import type { Machine } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { instanceTypes, maxPods } from '../src/index.ts'
import { resourcesOf } from '../src/machines/kubelet-facts.ts'
import { groupOf, laboratory } from './laboratory.ts'

describe('a machine of the workshop’s node group', () => {
  it('is the node that EKS would register', () => {
    const lab = laboratory({ labels: { tier: 'web' }, taints: [{ key: 'only', value: 'web', effect: 'NO_SCHEDULE' }] })
    const machines: Machine[] = []
    lab.aws.machines().watch({ started: (machine) => machines.push(machine), halted: () => {} })
    expect(machines).toHaveLength(3)
    const machine = machines.toSorted((a, b) => (a.nodeName < b.nodeName ? -1 : 1))[0]!
    expect(machine.nodeName).toMatch(/^ip-192-168-1-\d+\.ap-northeast-2\.compute\.internal$/)
    expect(machine.providerId).toMatch(/^aws:\/\/\/ap-northeast-2a\/i-[0-9a-f]{17}$/)
    expect(machine.addresses.map((a) => a.type)).toEqual([
      'InternalIP',
      'ExternalIP',
      'InternalDNS',
      'Hostname',
      'ExternalDNS',
    ])
    expect(machine.labels).toMatchObject({
      'beta.kubernetes.io/instance-type': 't3.medium',
      'eks.amazonaws.com/capacityType': 'ON_DEMAND',
      'eks.amazonaws.com/nodegroup': 'ng1',
      'eks.amazonaws.com/nodegroup-image': expect.stringMatching(/^ami-/),
      'eks.amazonaws.com/sourceLaunchTemplateId': expect.stringMatching(/^lt-/),
      'eks.amazonaws.com/sourceLaunchTemplateVersion': '1',
      'failure-domain.beta.kubernetes.io/region': 'ap-northeast-2',
      'failure-domain.beta.kubernetes.io/zone': 'ap-northeast-2a',
      'node.kubernetes.io/instance-type': 't3.medium',
      tier: 'web',
      'topology.k8s.aws/zone-id': 'apne2-az1',
      'topology.kubernetes.io/region': 'ap-northeast-2',
      'topology.kubernetes.io/zone': 'ap-northeast-2a',
    })
    expect(machine.taints).toEqual([{ key: 'only', value: 'web', effect: 'NoSchedule' }])
    expect(machine).toMatchObject({
      architecture: 'amd64',
      imageFamily: 'al2023',
      kubeletVersion: expect.stringMatching(/^v1\.35\.\d+-eks-[0-9a-f]{7}$/),
      allocatable: { cpu: '1930m', pods: '17', 'ephemeral-storage': '18181869946' },
    })
  })

  it('starts when the instance runs and halts when it is terminated; a late watcher sees the running ones', async () => {
    const lab = laboratory({ minSize: 1, maxSize: 6 })
    const machines = lab.aws.machines()
    const seen: string[] = []
    machines.watch({
      started: (machine) => seen.push(`started ${machine.providerId}`),
      halted: (providerId, how) => seen.push(`${how} ${providerId}`),
    })
    seen.length = 0
    await lab.api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: lab.group, DesiredCapacity: 4 })
    await lab.run(7)
    const { members } = await groupOf(lab)
    const id = `aws:///ap-northeast-2${members[3]!.zone}/${members[3]!.id}`
    expect(machines.state(id)).toBe('pending')
    expect(seen).toEqual([])
    await lab.run(60)
    expect(seen).toEqual([`started ${id}`])
    expect(machines.state(id)).toBe('running')
    await lab.api.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: members[3]!.id,
      ShouldDecrementDesiredCapacity: true,
    })
    expect(seen).toEqual([`started ${id}`, `terminated ${id}`])
    // The instance is there until it is terminated, though nothing runs on it.
    expect(machines.state(id)).toBe('running')
    await lab.run(300)
    expect(machines.state(id)).toBe('missing')
    const late: string[] = []
    machines.watch({ started: (machine) => late.push(machine.providerId), halted: () => {} })
    expect(late).toHaveLength(3)
  })

  it('stops and starts again as the same machine', async () => {
    const lab = laboratory({ suspendedProcesses: ['HealthCheck', 'ReplaceUnhealthy'] })
    const machines = lab.aws.machines()
    const seen: string[] = []
    const subscription = machines.watch({
      started: (machine) => seen.push(`started ${machine.nodeName}`),
      halted: (_, how) => seen.push(how),
    })
    const [first] = seen
    const { members } = await groupOf(lab)
    const invoke = (operation: string): Promise<object> =>
      lab.aws.invoke('ec2', operation, { InstanceIds: [members[0]!.id] }, { requestId: '', accessKey: '' })
    seen.length = 0
    await invoke('StopInstances')
    await lab.run(120)
    expect(machines.state(`aws:///x/${members[0]!.id}`)).toBe('stopped')
    await invoke('StartInstances')
    await lab.run(120)
    expect(seen).toEqual(['stopped', first])
    subscription.stop()
    await invoke('StopInstances')
    expect(seen).toHaveLength(2)
  })
})

describe('what a kubelet grants', () => {
  it.each([
    { type: 't3.medium', cpu: '1930m', pods: '17' },
    { type: 't3.small', cpu: '1930m', pods: '11' },
    { type: 'm5.large', cpu: '1930m', pods: '29' },
    { type: 'm5.xlarge', cpu: '3920m', pods: '58' },
    { type: 'm5.2xlarge', cpu: '7910m', pods: '58' },
    { type: 'm5.4xlarge', cpu: '15890m', pods: '234' },
    { type: 'c5.18xlarge', cpu: '71750m', pods: '737' },
  ])('$type: $cpu, $pods pods', ({ type, cpu, pods }) => {
    expect(resourcesOf(instanceTypes().get(type)!).allocatable).toMatchObject({ cpu, pods })
  })

  it('a t3.medium shows about 3.74 GiB, of which 542 MiB are reserved', () => {
    const { capacity, allocatable } = resourcesOf(instanceTypes().get('t3.medium')!)
    const kibibytes = (quantity: string): number => Number(quantity.replace('Ki', ''))
    expect(kibibytes(capacity['memory']!) / 1024 / 1024).toBeCloseTo(3.74, 2)
    expect(kibibytes(capacity['memory']!) - kibibytes(allocatable['memory']!)).toBe(542 * 1024)
  })

  it('devices are counted', () => {
    expect(resourcesOf(instanceTypes().get('p4d.24xlarge')!).capacity).toMatchObject({ 'nvidia.com/gpu': '8' })
    expect(resourcesOf(instanceTypes().get('inf1.xlarge')!).capacity).toMatchObject({ 'aws.amazon.com/neuron': '1' })
  })
})

describe('the catalogue', () => {
  it('holds every type with what a node needs', () => {
    const types = [...instanceTypes().values()]
    expect(types.length).toBeGreaterThan(1300)
    const poor = types.filter((type) => !(type.vcpu > 0 && type.memoryMiB > 0 && maxPods(type) > 3))
    expect(poor).toEqual([])
  })
})
