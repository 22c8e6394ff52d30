import { minutes, seconds } from '@plimsoll/model'
import { KubeError, type KubeApi, type WatchSink } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { isReady, Laboratory, type NodegroupSpec } from './laboratory.ts'

const ng1: NodegroupSpec = { name: 'ng1', minSize: 1, maxSize: 4, desiredSize: 1 }
const ng2: NodegroupSpec = { name: 'ng2', instanceType: 'm5.large', minSize: 0, maxSize: 4, desiredSize: 0 }
const noElection = '--leader-elect=false'

async function laboratory(...nodegroups: readonly NodegroupSpec[]): Promise<Laboratory> {
  const lab = new Laboratory({ nodegroups })
  await lab.start()
  await lab.run(minutes(3))
  return lab
}

async function running(lab: Laboratory): Promise<number> {
  return (await lab.pods()).filter((pod) => pod.status?.phase === 'Running').length
}

describe('trouble', () => {
  it('a maximum that is too small: grows to it, then says why not further, once for each pod', async () => {
    const lab = await laboratory({ ...ng1, maxSize: 2 })
    const { lines } = lab.autoscale([noElection])
    await lab.deployment('web', 9)
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
    expect(await running(lab)).toBe(6)
    const events = await lab.events('NotTriggerScaleUp')
    expect(new Set(events.map((event) => event.message))).toEqual(
      new Set(["pod didn't trigger scale-up: 1 max node group size reached"]),
    )
    expect(new Set(events.map((event) => event.involvedObject.name)).size).toBe(events.length)
    expect(events.every((event) => event.count === 1)).toBe(true)
    const pending = (await lab.pods()).filter((pod) => pod.status?.phase === 'Pending')
    const told = events.map((event) => event.involvedObject.name)
    expect(pending.every((pod) => told.includes(pod.metadata.name))).toBe(true)
    expect(lines.some((line) => line.includes('Autoscaler loop failed'))).toBe(false)
  })

  it('describing is throttled: the loop fails as a cloud provider error and comes back', async () => {
    const lab = await laboratory(ng1)
    const { lines, metrics, autoscaler } = lab.autoscale([noElection])
    await lab.run(seconds(20))
    const end = lab.aws.faults.add({
      service: 'autoscaling',
      operation: 'DescribeAutoScalingGroups',
      error: { code: 'Throttling', message: 'Rate exceeded', httpStatus: 400 },
    })
    await lab.run(minutes(2))
    await lab.deployment('web', 6)
    await lab.run(minutes(1))
    end()
    const failed = lines.filter((line) => line.includes('Autoscaler loop failed'))
    expect(failed.length).toBeGreaterThan(3)
    expect(failed[0]).toMatch(
      /operation error Auto Scaling: DescribeAutoScalingGroups, https response error StatusCode: 400, RequestID: [-0-9a-f]+, api error Throttling: Rate exceeded$/,
    )
    expect(metrics.expose()).toMatch(/cluster_autoscaler_errors_total\{type="cloudProviderError"\} \d+/)
    expect(autoscaler.health().status).toBe(200)
    await lab.run(minutes(3))
    expect(await lab.desired('ng1')).toBe(2)
    expect(await running(lab)).toBe(6)
  })

  it('a refused resize: event, back-off of the group, and another try after it', async () => {
    const lab = await laboratory(ng1)
    lab.autoscale([noElection])
    lab.aws.faults.add({
      service: 'autoscaling',
      operation: 'SetDesiredCapacity',
      error: { code: 'Throttling', message: 'Rate exceeded', httpStatus: 400 },
      count: 1,
    })
    await lab.deployment('web', 6)
    await lab.run(minutes(4))
    const group = lab.groupNames['ng1']!
    const [event] = await lab.events('FailedToScaleUpGroup')
    expect(event?.message).toMatch(
      new RegExp(`^Scale-up failed for group ${group}: operation error Auto Scaling: SetDesiredCapacity`),
    )
    expect(event?.involvedObject).toMatchObject({ kind: 'ConfigMap', name: 'cluster-autoscaler-status' })
    expect(await lab.desired('ng1')).toBe(1)
    expect(await lab.status()).toContain('errorCode: cloudProviderError')
    expect((await lab.events('NotTriggerScaleUp'))[0]?.message).toBe(
      "pod didn't trigger scale-up: 1 in backoff after failed scale-up",
    )
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
  })

  it('no capacity: the group is given up for a while and another one helps', async () => {
    const lab = await laboratory(ng1, ng2)
    lab.autoscale([noElection])
    await lab.run(minutes(1))
    lab.aws.faults.setCapacity({ instanceType: 't3.medium' }, 0)
    await lab.deployment('web', 6)
    await lab.run(minutes(6))
    const [event] = await lab.events('ScaleUpFailed')
    expect(event?.message).toBe(
      `Failed adding 1 nodes to group ${lab.groupNames['ng1']} due to OutOfResource.placeholder-cannot-be-fulfilled; source errors: AWS cannot provision any more instances for this node group`,
    )
    expect(await lab.desired('ng1')).toBe(1)
    expect(await lab.desired('ng2')).toBeGreaterThan(0)
    expect(await running(lab)).toBe(6)
  })

  it('a group deleted behind its back is forgotten, and the others go on', async () => {
    const lab = await laboratory(ng1, ng2)
    const { lines } = lab.autoscale([noElection])
    await lab.run(minutes(1))
    await lab.aws.api().call('autoscaling', 'DeleteAutoScalingGroup', {
      AutoScalingGroupName: lab.groupNames['ng1']!,
      ForceDelete: true,
    })
    await lab.deployment('web', 6)
    await lab.run(minutes(6))
    expect(lines.filter((line) => line.includes(`Unregistered ASG ${lab.groupNames['ng1']}`))).toHaveLength(1)
    expect(await lab.desired('ng2')).toBeGreaterThan(0)
    expect(await running(lab)).toBe(6)
  })

  it('closed watches are opened again', async () => {
    const lab = await laboratory(ng1)
    const open: WatchSink<never>[] = []
    const kube = (api: KubeApi): KubeApi =>
      new Proxy(api, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as unknown
          if (typeof method !== 'function') return method
          return (...args: unknown[]) => {
            if (name === 'watch') open.push(args[2] as WatchSink<never>)
            return (method as (...args: unknown[]) => unknown).apply(target, args)
          }
        },
      })
    lab.autoscale([noElection], { kube })
    await lab.run(minutes(1))
    for (const sink of open.splice(0)) {
      sink.end(new KubeError('unavailable', { kind: 'Status', message: 'connection refused' } as KubeError['status']))
    }
    await lab.run(minutes(1))
    expect(open.length).toBeGreaterThan(5)
    await lab.deployment('web', 6)
    await lab.run(minutes(3))
    expect(await lab.desired('ng1')).toBe(2)
    expect(await running(lab)).toBe(6)
  })

  it('a disruption budget holds a drain back, and the node with it', async () => {
    const lab = await laboratory({ ...ng1, desiredSize: 2 })
    await lab.deployment('web', 2, { pod: { affinity: apart('web') } })
    await lab.budget('web', 'web', 2)
    await lab.run(minutes(1))
    lab.autoscale([noElection, '--scale-down-unneeded-time=1m'])
    await lab.run(minutes(5))
    expect(await lab.desired('ng1')).toBe(2)
    expect(await running(lab)).toBe(2)
    expect((await lab.nodes()).filter(isReady)).toHaveLength(2)
  })
})

describe('choosing', () => {
  it('grows a group from zero by the template that the cloud gives', async () => {
    const lab = await laboratory(ng1, ng2)
    const { lines } = lab.autoscale([noElection, '--expander=least-waste'])
    // Too much memory for a t3.medium.
    await lab.deployment('big', 1, { cpu: '1', memory: '6Gi' })
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(1)
    expect(await lab.desired('ng2')).toBe(1)
    expect(await running(lab)).toBe(1)
    expect(
      lines.some((line) =>
        line.includes(`can't be scheduled on ${lab.groupNames['ng1']}, predicate checking error: Insufficient memory`),
      ),
    ).toBe(true)
  })

  it('spreads an increase over similar groups', async () => {
    const twin = { minSize: 1, maxSize: 4, desiredSize: 1 }
    const lab = await laboratory({ name: 'a', ...twin }, { name: 'b', ...twin })
    // Groups of EKS differ in this label by their launch templates.
    const ignored = '--balancing-ignore-label=eks.amazonaws.com/sourceLaunchTemplateId'
    lab.autoscale([noElection, '--balance-similar-node-groups', ignored])
    await lab.deployment('web', 18)
    await lab.run(minutes(4))
    expect([await lab.desired('a'), await lab.desired('b')]).toEqual([3, 3])
    expect(await running(lab)).toBe(18)
  })
})

function apart(app: string): object {
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } },
      ],
    },
  }
}
