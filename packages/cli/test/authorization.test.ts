// The embedded cluster under RBAC: every component and program with no more than the roles that it has upstream.
import { Deployments, minutes, ms, Nodes } from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import { describe, expect, it } from 'vitest'
import { clusterAutoscalerManifests, workshopBase } from '../src/workshop.ts'

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
})
