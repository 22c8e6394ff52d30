import { minutes, Nodes, Pods, seconds, type Node } from '@plimsoll/model'
import { KubeError, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { deletionCandidateTaint, taintOf, toBeDeletedTaint } from '../src/nodes/taints.ts'
import { isReady, Laboratory, type Autoscaler } from './laboratory.ts'

const quick = ['--leader-elect=false', '--scale-down-unneeded-time=1m', '--scale-down-delay-after-add=0s']

/** Three nodes of which one is needed; the pods run before the autoscaler does. */
async function laboratory(
  o: { readonly nodes?: number; readonly pods?: number; readonly pod?: object } = {},
): Promise<Laboratory> {
  const desiredSize = o.nodes ?? 3
  const lab = new Laboratory({ nodegroups: [{ name: 'ng1', minSize: 1, maxSize: 6, desiredSize }] })
  await lab.start()
  await lab.run(minutes(3))
  if (o.pods !== undefined) await lab.deployment('web', o.pods, o.pod === undefined ? {} : { pod: o.pod })
  await lab.run(minutes(1))
  return lab
}

async function annotate(lab: Laboratory, node: Node, key: string, value: string | null): Promise<void> {
  await lab.kube.patch(Nodes, node.metadata, { type: 'merge', body: { metadata: { annotations: { [key]: value } } } })
}

async function tainted(lab: Laboratory, key: string): Promise<number> {
  return (await lab.nodes()).filter((node) => taintOf(node, key) !== undefined).length
}

function reason(autoscaler: Autoscaler, text: string): boolean {
  return autoscaler.metrics.expose().includes(`cluster_autoscaler_unremovable_nodes_count{reason="${text}"}`)
}

describe('scale-down', () => {
  it('takes its time: soft taint, unneeded time, hard taint, five seconds, termination', async () => {
    const lab = await laboratory()
    const { lines } = lab.autoscale(quick)
    await lab.run(seconds(15))
    expect(await tainted(lab, deletionCandidateTaint)).toBe(3)
    expect(await tainted(lab, toBeDeletedTaint)).toBe(0)
    await lab.run(seconds(66))
    expect(await tainted(lab, toBeDeletedTaint)).toBe(2)
    expect((await lab.nodes()).filter((node) => node.spec.unschedulable === true)).toHaveLength(2)
    expect(await lab.desired('ng1')).toBe(3)
    await lab.run(seconds(5))
    expect(await lab.desired('ng1')).toBe(1)
    await lab.run(minutes(2))
    expect((await lab.nodes()).filter(isReady)).toHaveLength(1)
    // Nobody needs the last node either, but the group's minimum holds it.
    expect(await tainted(lab, deletionCandidateTaint)).toBe(0)
    expect(lines.filter((line) => / Terminated instance i-\w+ in autoscaling group: /.test(line))).toHaveLength(2)
  })

  it('drains one node at a time (CA-138)', async () => {
    const lab = await laboratory({ pods: 3 })
    const { metrics } = lab.autoscale(quick)
    let most = 0
    for (let i = 0; i < 100; i++) {
      await lab.run(seconds(5))
      most = Math.max(most, await tainted(lab, toBeDeletedTaint))
    }
    expect(most).toBe(1)
    expect(await lab.desired('ng1')).toBe(1)
    expect((await lab.pods()).filter((pod) => pod.status?.phase === 'Running')).toHaveLength(3)
    expect(metrics.expose()).toContain('cluster_autoscaler_evicted_pods_total{eviction_result="succeeded"} 2')
    expect(metrics.expose()).toMatch(/cluster_autoscaler_scaled_down_nodes_total\{reason="underutilized",.*\} 2/)
    const [event] = (await lab.events('ScaleDown')).filter((each) =>
      each.message?.startsWith('Scale-down: removing node'),
    )
    expect(event?.message).toMatch(
      /^Scale-down: removing node ip-\S+, utilization: \{0\.2\d+ 0\.1\d+ 0 0 cpu 0\.2\d+\}, pods to reschedule: default\/web-\S+$/,
    )
  })

  it.each([
    {
      when: 'annotated',
      annotation: 'cluster-autoscaler.kubernetes.io/scale-down-disabled',
      value: 'true',
      stays: true,
    },
    {
      when: 'annotated otherwise',
      annotation: 'cluster-autoscaler.kubernetes.io/scale-down-disabled',
      value: 'false',
      stays: false,
    },
  ])('a node $when stays: $stays (CA-115)', async ({ annotation, value, stays }) => {
    const lab = await laboratory({ nodes: 2 })
    for (const node of await lab.nodes()) await annotate(lab, node, annotation, value)
    const autoscaler = lab.autoscale(quick)
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(stays ? 2 : 1)
    expect(reason(autoscaler, 'ScaleDownDisabledAnnotation')).toBe(stays)
  })

  it.each([
    { when: 'safe-to-evict is false', pod: undefined, safe: 'false', reason: 'BlockedByPod' },
    {
      when: 'it is too busy',
      pod: undefined,
      flag: '--scale-down-utilization-threshold=0.1',
      reason: 'NotUnderutilized',
    },
    { when: 'there is no place', pod: { hostNetwork: true }, reason: 'NoPlaceToMovePods' },
  ])('a node stays when $when', async ({ pod, safe, flag, reason: expected }) => {
    const lab = await laboratory({ nodes: 2, pods: 0 })
    const spread = {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'held' } },
        },
      ],
    }
    const apart = {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'held' } } },
          ],
        },
      },
    }
    await lab.deployment('held', 2, { pod: pod === undefined ? spread : apart })
    await lab.run(minutes(1))
    for (const each of await lab.pods()) {
      if (safe === undefined) continue
      const annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': safe }
      await lab.kube.patch(Pods, each.metadata, { type: 'merge', body: { metadata: { annotations } } })
    }
    const autoscaler = lab.autoscale([
      ...quick,
      '--unremovable-node-recheck-timeout=5s',
      ...(flag === undefined ? [] : [flag]),
    ])
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
    expect(reason(autoscaler, expected)).toBe(true)
  })

  it('waits for delay-deletion annotations, but not for ever (CA-143)', async () => {
    const lab = await laboratory({ nodes: 2 })
    const key = 'delay-deletion.cluster-autoscaler.kubernetes.io/backup'
    for (const node of await lab.nodes()) await annotate(lab, node, key, 'x')
    lab.autoscale(quick)
    await lab.run(seconds(150))
    expect(await tainted(lab, toBeDeletedTaint)).toBe(1)
    expect(await lab.desired('ng1')).toBe(2)
    await lab.run(seconds(60))
    expect(await lab.desired('ng1')).toBe(1)
  })

  it('a pod that comes to an empty node in the last moment saves it (CA-142, CA-148)', async () => {
    const lab = await laboratory({ nodes: 2 })
    lab.autoscale([...quick, '--node-delete-delay-after-taint=30s'])
    for (let i = 0; i < 30 && (await tainted(lab, toBeDeletedTaint)) === 0; i++) await lab.run(seconds(5))
    const chosen = (await lab.nodes()).find((node) => taintOf(node, toBeDeletedTaint) !== undefined)!
    await lab.kube.create(Pods, {
      metadata: { name: 'late', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }], nodeName: chosen.metadata.name },
    })
    await lab.run(seconds(35))
    expect(await lab.desired('ng1')).toBe(2)
    const saved = (await lab.nodes()).find((node) => node.metadata.name === chosen.metadata.name)!
    expect(taintOf(saved, toBeDeletedTaint)).toBeUndefined()
    expect(saved.spec.unschedulable ?? false).toBe(false)
    const [event] = (await lab.events('ScaleDownFailed')).filter((each) => each.involvedObject.kind === 'Node')
    expect(event?.message).toMatch(
      /^failed to delete empty node: can't remove node \S+: default\/late is not replicated$/,
    )
  })

  it('a termination that is refused leaves the node as it was, and is tried again', async () => {
    const lab = await laboratory({ nodes: 2 })
    lab.aws.faults.add({
      operation: 'TerminateInstanceInAutoScalingGroup',
      error: { code: 'ScalingActivityInProgress', message: 'Busy.', httpStatus: 400 },
      count: 1,
    })
    lab.autoscale(quick)
    await lab.run(seconds(90))
    expect((await lab.events('ScaleDownFailed'))[0]?.message).toContain(
      'failed to delete empty node: operation error Auto Scaling: TerminateInstance',
    )
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(1)
    expect((await lab.nodes()).filter(isReady)).toHaveLength(1)
  })

  it('when one node of a set cannot be tainted none is removed, and a pause follows (CA-140)', async () => {
    const lab = await laboratory({ nodes: 3 })
    let refusals = 0
    const kube = (api: KubeApi): KubeApi =>
      new Proxy(api, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as unknown
          if (typeof method !== 'function') return method
          return (...args: unknown[]) => {
            const object = args[1] as Node
            const hard =
              name === 'replace' &&
              object.kind !== 'ConfigMap' &&
              object.spec?.taints?.some((each) => each.key === toBeDeletedTaint)
            if (hard === true && refusals++ === 1) {
              return Promise.reject(
                new KubeError('internal', { kind: 'Status', message: 'etcd is away' } as KubeError['status']),
              )
            }
            return (method as (...rest: unknown[]) => unknown).apply(target, args)
          }
        },
      })
    const { lines } = lab.autoscale(quick, { kube })
    await lab.run(seconds(100))
    expect(
      lines.some((line) =>
        line.endsWith("Failed to scale down: couldn't taint 1 nodes with ToBeDeleted: etcd is away"),
      ),
    ).toBe(true)
    expect(await tainted(lab, toBeDeletedTaint)).toBe(0)
    expect(await lab.desired('ng1')).toBe(3)
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(1)
  })

  it('two replicas: one leads, the other takes over when it stops', async () => {
    const lab = await laboratory({ nodes: 2 })
    const first = lab.autoscale(['--scale-down-unneeded-time=1m'])
    await lab.run(seconds(5))
    const second = lab.autoscale(['--scale-down-unneeded-time=1m'])
    await lab.run(seconds(40))
    expect(second.lines.some((line) => line.includes('Starting main loop'))).toBe(false)
    expect(second.autoscaler.health()).toEqual({ status: 200, body: 'OK' })
    first.stop.abort()
    await lab.run(seconds(10))
    expect(await first.ended).toBeUndefined()
    await lab.run(minutes(3))
    expect(second.lines.some((line) => line.includes('Starting main loop'))).toBe(true)
    expect(await lab.desired('ng1')).toBe(1)
    expect(await lab.status()).toContain('autoscalerStatus: Running')
  })
})

describe('limits', () => {
  it('max-nodes-total caps a scale-up, and says so', async () => {
    const lab = await laboratory({ nodes: 1 })
    lab.autoscale(['--leader-elect=false', '--max-nodes-total=2'])
    await lab.deployment('web', 12)
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
    expect((await lab.events('MaxNodesTotalReached'))[0]?.message).toBe('Max total nodes in cluster reached: 2')
    expect((await lab.events('NotTriggerScaleUp'))[0]?.message).toBe(
      "pod didn't trigger scale-up: max total nodes in cluster reached",
    )
  })

  it('cores-total caps it as well (CA-97)', async () => {
    const lab = await laboratory({ nodes: 1 })
    const { metrics } = lab.autoscale(['--leader-elect=false', '--cores-total=0:5'])
    await lab.deployment('web', 12)
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
    expect((await lab.events('NotTriggerScaleUp'))[0]?.message).toBe(
      'pod didn\'t trigger scale-up: 1 exceeded quota: "cluster-wide", resources: cpu',
    )
    expect(metrics.expose()).toMatch(/skipped_scale_events_count\{direction="up",reason="CpuResourceLimit"\} \d+/)
  })

  it('the cluster keeps its least cores (CA-137)', async () => {
    const lab = await laboratory({ nodes: 3 })
    const autoscaler = lab.autoscale([...quick, '--cores-total=4:100'])
    await lab.run(minutes(4))
    expect(await lab.desired('ng1')).toBe(2)
    expect(reason(autoscaler, 'MinimalResourceLimitExceeded')).toBe(true)
  })

  it('a group below its minimum is raised when asked for (CA-105)', async () => {
    const lab = await laboratory({ nodes: 1 })
    const { stop } = lab.autoscale(['--leader-elect=false', '--enforce-node-group-min-size'], {
      groups: (groups) =>
        new Proxy(groups, {
          get: (target, name) => {
            if (name === 'groups') return () => target.groups().map((group) => ({ ...group, minSize: 2 }))
            const method = Reflect.get(target, name) as unknown
            return typeof method === 'function' ? (method as (...args: unknown[]) => unknown).bind(target) : method
          },
        }),
    })
    await lab.run(minutes(1))
    stop.abort()
    expect(await lab.desired('ng1')).toBe(2)
  })
})
