import {
  ConfigMaps,
  Deployments,
  Pods,
  ReplicaSets,
  ResourceQuotas,
  Secrets,
  seconds,
  type Json,
  type ResourceQuota,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })

async function quota(lab: Laboratory, hard: object): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } }
  await lab.apply(object as unknown as Json)
  await lab.clock.runFor(seconds(1))
}

async function status(lab: Laboratory): Promise<ResourceQuota['status']> {
  return (await lab.kube.get(ResourceQuotas, key('q'))).status
}

describe('a resource quota', () => {
  it('counts what is there, holds a deployment back, and lets it grow when there is room again', async () => {
    const lab = await laboratory()
    for (let n = 0; n < 3; n++) lab.machines.on(machine(n))
    await lab.clock.runFor(seconds(90))
    await lab.apply(deployment('old', 2))
    await lab.clock.runFor(seconds(30))
    await quota(lab, { pods: '4', 'requests.cpu': '1', 'count/deployments.apps': '2' })
    expect(await status(lab)).toEqual({
      hard: { pods: '4', 'requests.cpu': '1', 'count/deployments.apps': '2' },
      used: { pods: '2', 'requests.cpu': '200m', 'count/deployments.apps': '1' },
    })
    await lab.apply(deployment('web', 3))
    await lab.clock.runFor(seconds(5))
    expect((await lab.pods('app=web')).length).toBe(2)
    await expect(lab.apply(deployment('third', 1))).rejects.toThrow(
      'deployments.apps "third" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=2, limited: count/deployments.apps=2',
    )
    const [set] = (await lab.kube.list(ReplicaSets, { labelSelector: 'app=web' })).items
    expect(set!.status?.conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' }])
    expect((await lab.events(`ReplicaSet/${set!.metadata.name}`)).map((event) => event.message)).toContainEqual(
      expect.stringMatching(
        /^Error creating: pods "web-.*" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4$/,
      ),
    )
    await lab.kube.patch(Deployments, key('old'), { type: 'merge', body: { spec: { replicas: 0 } } })
    await lab.clock.runFor(seconds(120))
    expect((await lab.pods('app=web')).length).toBe(3)
    expect((await status(lab))?.used).toEqual({ pods: '3', 'requests.cpu': '300m', 'count/deployments.apps': '2' })
    await lab.cluster.stop()
  })

  it('gives back what finished pods and deleted objects held', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(90))
    await quota(lab, { pods: '2', secrets: '1', 'count/pods': '9', configmaps: '10' })
    const metadata = { name: 'once', annotations: { 'plimsoll.dev/run-duration': '5s' } }
    const spec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] }
    await lab.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as Json)
    await lab.kube.create(Secrets, { metadata: key('s') })
    await lab.kube.create(ConfigMaps, { metadata: key('c') })
    // One configmap is every namespace's own.
    expect((await status(lab))?.used).toEqual({ pods: '1', secrets: '1', 'count/pods': '1', configmaps: '2' })
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(Pods, key('once'))).status?.phase).toBe('Succeeded')
    expect((await status(lab))?.used).toMatchObject({ pods: '0', 'count/pods': '1' })
    await lab.kube.remove(Secrets, key('s'))
    await lab.clock.runFor(seconds(1))
    expect((await status(lab))?.used).toMatchObject({ secrets: '0' })
    await lab.cluster.stop()
  })
})
