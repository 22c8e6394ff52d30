// The embedded cluster under RBAC: every component and program with no more than the roles that it has upstream.
import {
  Deployments,
  DeviceClasses,
  HorizontalPodAutoscalers,
  minutes,
  ms,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceQuotas,
  ResourceSlices,
} from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import { describe, expect, it } from 'vitest'
import { clusterAutoscalerManifests, workshopBase } from '../src/workshop.ts'

/** Notes what anybody is refused from now on. */
function refusals(house: House): Set<string> {
  const refused = new Set<string>()
  const authorizer = house.kube.authorizer!
  house.kube.authorizer = {
    resource: (user, request) => {
      const decision = authorizer.resource(user, request)
      const { verb, group, resource, subresource } = request
      if (!decision.allowed) refused.add(`${user.name} ${verb} ${group}/${resource} ${subresource ?? ''}`)
      return decision
    },
    path: (user, verb, path) => authorizer.path(user, verb, path),
    rulesOf: (user, namespace) => authorizer.rulesOf(user, namespace),
  }
  return refused
}

describe('a cluster under RBAC', () => {
  it('runs, scales up and scales down, and nobody is refused anything', async () => {
    const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
    const house = new House({
      clock,
      random: new SeededRandom('authorization'),
      log: silentLog,
      authorizationMode: 'RBAC',
      cluster: { name: 'myeks', region: 'ap-northeast-2', version: '1.35' },
      nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: 6, desired: 3 },
      manifests: [...workshopBase(), ...clusterAutoscalerManifests('myeks')],
    })
    const refused = refusals(house)
    await house.start()
    await clock.runFor(minutes(10))
    const kube = house.client()
    await kube.create(Deployments, {
      metadata: { name: 'inflate', namespace: 'default' },
      spec: {
        replicas: 12,
        selector: { matchLabels: { app: 'inflate' } },
        template: {
          metadata: { labels: { app: 'inflate' } },
          spec: { containers: [{ name: 'c', image: 'pause', resources: { requests: { cpu: '700m' } } }] },
        },
      },
    })
    await clock.runFor(minutes(10))
    const nodes = (await kube.list(Nodes)).items.length
    await kube.remove(Deployments, { namespace: 'default', name: 'inflate' })
    await clock.runFor(minutes(25))
    const left = (await kube.list(Nodes)).items.length
    await house.stop()
    expect([...refused].toSorted()).toEqual([])
    expect({ nodes, left }).toEqual({ nodes: 6, left: 3 })
  })

  it('serves volumes, devices, autoscalers and quotas, and nobody is refused anything', async () => {
    const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
    const house = new House({
      clock,
      random: new SeededRandom('authorization'),
      log: silentLog,
      authorizationMode: 'RBAC',
      cluster: { name: 'myeks', region: 'ap-northeast-2', version: '1.35' },
      nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: 3, desired: 3 },
    })
    const refused = refusals(house)
    await house.start()
    await clock.runFor(minutes(3))
    const kube = house.client()
    const namespace = 'default'
    await kube.create(Deployments, {
      metadata: { name: 'web', namespace, annotations: { 'plimsoll.dev/load-cpu': '1' } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '100m' } } }] },
        },
      },
    })
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
    await kube.create(HorizontalPodAutoscalers, {
      metadata: { name: 'web', namespace },
      spec: { scaleTargetRef, maxReplicas: 4 },
    })
    const hard = { pods: '50', 'count/secrets': '5', 'count/deployments.apps': '4' }
    await kube.create(ResourceQuotas, { metadata: { name: 'q', namespace }, spec: { hard } })
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    await kube.create(PersistentVolumeClaims, { metadata: { name: 'data', namespace }, spec: claim })
    await kube.create(DeviceClasses, { metadata: { name: 'gpu' }, spec: {} })
    const nodeName = (await kube.list(Nodes)).items[0]!.metadata.name
    await kube.create(ResourceSlices, {
      metadata: { name: 'gpus' },
      spec: {
        driver: 'gpu.example.com',
        nodeName,
        pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
        devices: [{ name: 'gpu-0' }],
      },
    })
    const devices = { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] }
    await kube.create(ResourceClaimTemplates, { metadata: { name: 'gpu', namespace }, spec: { spec: { devices } } })
    const key = { name: 'user', namespace }
    await kube.create(Pods, {
      metadata: key,
      spec: {
        containers: [{ name: 'c', image: 'x' }],
        resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }],
        volumes: [
          { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: claim } } },
        ],
      },
    })
    await clock.runFor(minutes(3))
    const phase = (await kube.get(Pods, key)).status?.phase
    const { replicas } = (await kube.get(Deployments, { name: 'web', namespace })).spec
    const { used } = (await kube.get(ResourceQuotas, { name: 'q', namespace })).status!
    const body = { spec: { resources: { requests: { storage: '3Gi' } } } }
    await kube.patch(PersistentVolumeClaims, { name: 'data', namespace }, { type: 'merge', body })
    await clock.runFor(minutes(1))
    const grown = (await kube.get(PersistentVolumeClaims, { name: 'data', namespace })).status?.capacity
    await kube.remove(Pods, key)
    await kube.remove(PersistentVolumeClaims, { name: 'data', namespace })
    await clock.runFor(minutes(4))
    const left = (await kube.list(PersistentVolumes)).items.length + (await kube.list(ResourceClaims)).items.length
    await house.stop()
    expect([...refused].toSorted()).toEqual([])
    expect({ phase, replicas, used, grown, left }).toEqual({
      phase: 'Running',
      replicas: 4,
      used: { pods: '5', 'count/secrets': '0', 'count/deployments.apps': '1' },
      grown: { storage: '3Gi' },
      left: 0,
    })
  })
})
