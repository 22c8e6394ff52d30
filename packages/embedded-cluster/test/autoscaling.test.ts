import {
  Deployments,
  HorizontalPodAutoscalers,
  minutes,
  PodMetricsType,
  seconds,
  type HorizontalPodAutoscaler,
  type Json,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })

async function readyCluster(nodes = 4): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

function autoscaler(name: string, spec: object = {}): Json {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
      ...spec,
    },
  } as unknown as Json
}

function loaded(name: string, replicas: number, load: string): Json {
  const object = deployment(name, replicas, {
    container: { resources: { requests: { cpu: '200m', memory: '64Mi' } } },
  }) as { metadata: object }
  return { ...object, metadata: { name, annotations: { 'plimsoll.dev/load-cpu': load } } } as unknown as Json
}

async function annotate(lab: Laboratory, name: string, load: string): Promise<void> {
  const body = { metadata: { annotations: { 'plimsoll.dev/load-cpu': load } } }
  await lab.kube.patch(Deployments, key(name), { type: 'merge', body })
}

async function replicas(lab: Laboratory, name: string): Promise<number | undefined> {
  return (await lab.kube.get(Deployments, key(name))).spec.replicas
}

function conditions({ status }: HorizontalPodAutoscaler): string[] {
  return (status?.conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message}`)
}

describe('a horizontal pod autoscaler', () => {
  it('follows the load up at once and down after five minutes', async () => {
    const lab = await readyCluster()
    await lab.apply(loaded('web', 1, '100m'), autoscaler('web'))
    await lab.clock.runFor(minutes(2))
    expect(await replicas(lab, 'web')).toBe(1)
    await annotate(lab, 'web', '700m')
    // 350 % of one pod's request, of which 50 % is wanted: seven, but at most four at once; then 700m / 4 is 87 %.
    await lab.clock.runFor(minutes(4))
    expect(await replicas(lab, 'web')).toBe(7)
    const now = await lab.kube.get(HorizontalPodAutoscalers, key('web'))
    expect(now.status).toMatchObject({
      currentReplicas: 7,
      desiredReplicas: 7,
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 50, averageValue: '100m' } } },
      ],
    })
    expect(conditions(now)).toEqual([
      'AbleToScale True ReadyForNewScale: recommended size matches current size',
      'ScalingActive True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
      'ScalingLimited False DesiredWithinRange: the desired count is within the acceptable range',
    ])
    await annotate(lab, 'web', '200m')
    await lab.clock.runFor(minutes(4))
    expect(await replicas(lab, 'web')).toBe(7)
    expect(conditions(await lab.kube.get(HorizontalPodAutoscalers, key('web')))[0]).toBe(
      'AbleToScale True ScaleDownStabilized: recent recommendations were higher than current one, applying the highest recent recommendation',
    )
    await lab.clock.runFor(minutes(2))
    expect(await replicas(lab, 'web')).toBe(2)
    const events = (await lab.events('HorizontalPodAutoscaler/web')).map((e) => `${e.reason}: ${e.message}`)
    expect(events).toEqual([
      'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
      'SuccessfulRescale: New size: 7; reason: cpu resource utilization (percentage of request) above target',
      'SuccessfulRescale: New size: 2; reason: All metrics below target',
    ])
    await lab.cluster.stop()
  })
})
