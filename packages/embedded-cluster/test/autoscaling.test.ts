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
      'FailedGetResourceMetric: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)',
      'FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)',
      'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
      // The seven wished for before still stand, while the new pods speak for no change: as upstream, without a reason.
      'SuccessfulRescale: New size: 7; reason: ',
      'SuccessfulRescale: New size: 2; reason: All metrics below target',
    ])
    await lab.cluster.stop()
  })

  it('keeps to the rates of its behavior', async () => {
    const lab = await readyCluster()
    const behavior = {
      scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
      scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: 'Disabled' },
    }
    await lab.apply(loaded('web', 1, '100m'), autoscaler('web', { behavior }))
    await lab.clock.runFor(minutes(2))
    await annotate(lab, 'web', '1')
    const sizes: (number | undefined)[] = []
    for (let minute = 0; minute < 5; minute++) {
      await lab.clock.runFor(minutes(1))
      sizes.push(await replicas(lab, 'web'))
    }
    expect(sizes).toEqual([2, 3, 4, 5, 6])
    expect(conditions(await lab.kube.get(HorizontalPodAutoscalers, key('web')))[2]).toBe(
      'ScalingLimited True ScaleUpLimit: the desired replica count is increasing faster than the maximum scale rate',
    )
    await annotate(lab, 'web', '100m')
    await lab.clock.runFor(minutes(10))
    expect(await replicas(lab, 'web')).toBe(6)
    await lab.cluster.stop()
  })

  it.each([
    {
      when: 'its target does not exist',
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' } },
      said: 'AbleToScale False FailedGetScale: the HPA controller was unable to get the target\'s current scale: deployments.apps "none" not found',
    },
    {
      when: 'its target is of no known kind',
      spec: { scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Fleet', name: 'web' } },
      said: 'AbleToScale False FailedGetScale: the HPA controller was unable to get the target\'s current scale: no matches for kind "Fleet" in group "example.com"',
    },
    {
      when: 'the pods request nothing',
      spec: {
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'ephemeral-storage', target: { type: 'Utilization', averageUtilization: 50 } },
          },
        ],
      },
      said: 'ScalingActive False FailedGetResourceMetric: the HPA was unable to compute the replica count: failed to get ephemeral-storage utilization: did not receive metrics for targeted pods (pods might be unready)',
    },
    {
      when: 'it asks for a metric that nobody serves',
      spec: {
        metrics: [
          { type: 'Pods', pods: { metric: { name: 'qps' }, target: { type: 'AverageValue', averageValue: '10' } } },
        ],
      },
      said: 'ScalingActive False FailedGetPodsMetric: the HPA was unable to compute the replica count: unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
    },
    {
      when: 'it asks for an external metric',
      spec: {
        metrics: [
          {
            type: 'External',
            external: {
              metric: { name: 'depth', selector: { matchLabels: { queue: 'q' } } },
              target: { type: 'AverageValue', averageValue: '30' },
            },
          },
        ],
      },
      said: 'ScalingActive False FailedGetExternalMetric: the HPA was unable to compute the replica count: unable to get external metric default/depth/&LabelSelector{MatchLabels:map[string]string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get depth.external.metrics.k8s.io)',
    },
  ])('says so when $when', async ({ spec, said }) => {
    const lab = await readyCluster(1)
    await lab.apply(loaded('web', 1, '100m'), autoscaler('web', spec))
    await lab.clock.runFor(seconds(60))
    expect(conditions(await lab.kube.get(HorizontalPodAutoscalers, key('web')))).toContain(said)
    await lab.cluster.stop()
  })

  it('does nothing for pods that two of them claim', async () => {
    const lab = await readyCluster(1)
    const second = autoscaler('web') as { metadata: object }
    await lab.apply(loaded('web', 1, '800m'), autoscaler('web'), { ...second, metadata: { name: 'other' } } as Json)
    await lab.clock.runFor(seconds(90))
    expect(conditions(await lab.kube.get(HorizontalPodAutoscalers, key('web')))[1]).toBe(
      'ScalingActive False AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: [default/other default/web]',
    )
    await lab.cluster.stop()
  })
})

it('custom resources are sized through their scale, and counted by quotas', async () => {
  const lab = await readyCluster()
  const path = {
    specReplicasPath: '.spec.size',
    statusReplicasPath: '.status.size',
    labelSelectorPath: '.status.selector',
  }
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  }
  await lab.apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'fleets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'fleets', singular: 'fleet', kind: 'Fleet' },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {}, scale: path } }],
    },
  } as unknown as Json)
  const hard = { 'count/fleets.example.com': '1' }
  await lab.apply(
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } } as unknown as Json,
    deployment('web', 2, { template: { annotations: { 'plimsoll.dev/usage-cpu': '180m' } } }),
  )
  await lab.clock.runFor(seconds(1))
  const fleet = (name: string): Json =>
    ({ apiVersion: 'example.com/v1', kind: 'Fleet', metadata: { name }, spec: { size: 2 } }) as unknown as Json
  await lab.apply(
    fleet('web'),
    autoscaler('web', { scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Fleet', name: 'web' } }),
  )
  await expect(lab.apply(fleet('other'))).rejects.toThrow(
    'fleets.example.com "other" is forbidden: exceeded quota: q, requested: count/fleets.example.com=1, used: count/fleets.example.com=1, limited: count/fleets.example.com=1',
  )
  const type = { group: 'example.com', version: 'v1', plural: 'fleets', kind: 'Fleet', namespaced: true }
  const status = { size: 2, selector: 'app=web' }
  await lab.kube.patch(type, key('web'), { type: 'merge', body: { status } }, { subresource: 'status' })
  await lab.clock.runFor(minutes(2))
  const sized = (await lab.kube.get(type, key('web'))) as unknown as { spec: { size: number } }
  // 180 % of 100m on two pods, of which 50 % is wanted.
  expect(sized.spec.size).toBe(8)
  await lab.cluster.stop()
})

describe('usage', () => {
  it.each([
    { annotations: {}, cpu: /^(2|3|4|5|6|7|8|9|10|11|12|13|14)\dm$/ },
    {
      annotations: { 'kwok.x-k8s.io/usage-cpu': '77m', 'kwok.x-k8s.io/usage-memory': '5Mi' },
      cpu: /^77m$/,
      memory: /^5Mi$/,
    },
    { annotations: { 'plimsoll.dev/usage-cpu': '25%' }, cpu: /^50m$/ },
    { annotations: { 'plimsoll.dev/usage-cpu': 'ramp 100m 500m 200s' }, cpu: /^(28|29|30)\dm$/ },
    { annotations: { 'plimsoll.dev/usage-cpu': 'lots' }, cpu: /^\d+m$/ },
  ])('follows $annotations', async ({ annotations, cpu, memory = /^\d+Ki$/ }) => {
    const lab = await readyCluster(1)
    const container = { resources: { requests: { cpu: '200m', memory: '64Mi' } } }
    await lab.apply(deployment('web', 1, { container, template: { annotations } }))
    await lab.clock.runFor(seconds(100))
    const { items } = await lab.kube.list(PodMetricsType, { labelSelector: 'app=web' })
    expect(items).toHaveLength(1)
    expect(items[0]!.containers[0]!.usage['cpu']).toMatch(cpu)
    expect(items[0]!.containers[0]!.usage['memory']).toMatch(memory)
    await lab.cluster.stop()
  })
})
