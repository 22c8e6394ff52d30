import { ms, type Json } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { ObjectInput, StoredObject } from '../object.ts'
import type { PatchOptions, RequestContext } from '../request.ts'

const context: RequestContext = {
  user: { name: 'kubernetes-admin', groups: ['system:masters'] },
  userAgent: 'kubectl/v1.35.0',
  warnings: [],
}
const key = { namespace: 'default', name: 'web' }

function world(): {
  readonly apply: (fieldManager: string, object: object, options?: PatchOptions) => StoredObject
  readonly server: ApiServer
} {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('apply') })
  bootstrap(server)
  const info = server.resource({ group: 'apps', version: 'v1', plural: 'deployments' })
  return {
    server,
    apply: (fieldManager, object, options) =>
      server.patch(context, info, key, 'apply', object as Json, { fieldManager, ...options }).object,
  }
}

function deployment(spec: object, metadata: object = {}): ObjectInput {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec,
  } as ObjectInput
}

const selector = { matchLabels: { app: 'web' } }
const template = (...containers: object[]): object => ({ metadata: { labels: { app: 'web' } }, spec: { containers } })
const full = (replicas?: number): ObjectInput =>
  deployment({
    ...(replicas === undefined ? {} : { replicas }),
    selector,
    template: template({ name: 'c', image: 'a' }),
  })

function owned(object: StoredObject, manager: string): unknown {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1
}

describe('server-side apply', () => {
  it('creates, owning what was applied and not what was defaulted', () => {
    const made = world().apply('helm', full(2))
    expect(made.spec?.['revisionHistoryLimit']).toBe(10)
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'helm',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: '2026-01-02T03:04:05Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:template': {
              'f:metadata': { 'f:labels': { 'f:app': {} } },
              'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
            },
          },
        },
      },
    ])
  })

  it('changes nothing when applied again', () => {
    const { apply } = world()
    expect(apply('helm', full(2))).toBe(apply('helm', full(2)))
  })

  it('refuses to take over a field, naming its manager', () => {
    const { apply } = world()
    apply('a', full(2))
    expect(() => apply('b', deployment({ replicas: 3, selector }))).toThrow(
      'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
    )
    const forced = apply('b', deployment({ replicas: 3, selector }), { force: true })
    expect(forced.spec?.['replicas']).toBe(3)
    expect(owned(forced, 'a')).not.toHaveProperty(['f:spec', 'f:replicas'])
    expect(owned(forced, 'b')).toHaveProperty(['f:spec', 'f:replicas'])
  })

  it('shares a field on whose value both agree', () => {
    const { apply } = world()
    apply('a', full(2))
    const shared = apply('b', deployment({ replicas: 2, selector }))
    expect(owned(shared, 'a')).toHaveProperty(['f:spec', 'f:replicas'])
    // Given up by one, it stays for the other.
    const left = apply('b', deployment({ selector }))
    expect(left.spec?.['replicas']).toBe(2)
  })

  it('removes what its manager no longer applies', () => {
    const { apply } = world()
    const two = [
      { name: 'c', image: 'a' },
      { name: 'd', image: 'b', env: [{ name: 'X', value: '1' }] },
    ]
    apply('a', deployment({ selector, template: template(...two) }, { labels: { x: '1', y: '2' } }))
    const one = apply('a', deployment({ selector, template: template(two[0]!) }, { labels: { x: '1' } }))
    expect(one.metadata.labels).toEqual({ x: '1' })
    const podSpec = (one.spec as { template: { spec: { containers: { name: string }[] } } }).template.spec
    expect(podSpec.containers.map((c) => c.name)).toEqual(['c'])
  })

  it('knows a port by number and protocol, given or not', () => {
    const { apply } = world()
    const ports = (port: object): ObjectInput =>
      deployment({ selector, template: template({ name: 'c', image: 'a', ports: [port] }) })
    apply('a', ports({ containerPort: 80 }))
    const named = apply('a', ports({ containerPort: 80, protocol: 'TCP', name: 'http' }))
    const { containers } = (named.spec as { template: { spec: { containers: { ports: object[] }[] } } }).template.spec
    expect(containers[0]!.ports).toEqual([{ containerPort: 80, protocol: 'TCP', name: 'http' }])
  })

  it('records other writes as updates, which conflict with applies', () => {
    const { apply, server } = world()
    apply('helm', full(2))
    const info = server.resource({ group: 'apps', version: 'v1', plural: 'deployments' })
    const { object } = server.patch(context, info, key, 'merge', { spec: { replicas: 5 } }, { fieldManager: 'kubectl' })
    expect(owned(object, 'kubectl')).toEqual({ 'f:spec': { 'f:replicas': {} } })
    expect(owned(object, 'helm')).not.toHaveProperty(['f:spec', 'f:replicas'])
    expect(() => apply('helm', full(2))).toThrow(
      'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas',
    )
  })

  it('leaves out of the main endpoint what the status endpoint owns', () => {
    const { apply, server } = world()
    const made = apply('helm', full(2))
    const info = server.resource({ group: 'apps', version: 'v1', plural: 'deployments' })
    const options = { subresource: 'status', fieldManager: 'controller' } as const
    const { object } = server.patch(context, info, key, 'merge', { status: { replicas: 2 } }, options)
    expect(object.metadata.generation).toBe(made.metadata.generation)
    expect(object.metadata.managedFields?.find((entry) => entry.manager === 'controller')).toMatchObject({
      subresource: 'status',
      operation: 'Update',
      fieldsV1: { 'f:status': { 'f:replicas': {} } },
    })
  })

  it('takes an object that nobody was recorded for as made before the first apply', async () => {
    const { apply, server } = world()
    const api = server.client({ name: 'controller', groups: [] }, 'kube-controller-manager/v1')
    await api.create(
      { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
      full(2) as never,
    )
    expect(() => apply('helm', full(3))).toThrow('conflict with "before-first-apply" using apps/v1')
  })

  it('records a creation by what was sent and filled, not by what admission added', () => {
    const { server } = world()
    const pods = server.resource({ group: '', version: 'v1', plural: 'pods' })
    const spec = { containers: [{ name: 'c', image: 'a:1' }] }
    const pod = server.create(context, pods, 'default', { metadata: { name: 'p', labels: { x: '1' } }, spec })
    expect(pod.metadata.managedFields).toMatchObject([{ manager: 'kubectl', operation: 'Update', apiVersion: 'v1' }])
    const fields = owned(pod, 'kubectl')
    expect(fields).toHaveProperty(['f:spec', 'f:restartPolicy'])
    for (const name of ['f:tolerations', 'f:priority', 'f:volumes', 'f:serviceAccountName']) {
      expect(fields).not.toHaveProperty(['f:spec', name])
    }
    expect(fields).not.toHaveProperty('f:status')
  })

  it('asks for a field manager and the right kind', () => {
    const { apply } = world()
    expect(() => apply('', full())).toThrow('fieldManager: Required value: is required for apply patch')
    expect(() => apply('x', { ...full(), kind: 'Pod' })).toThrow('invalid object type: apps/v1, Kind=Pod')
  })
})
