import { ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from './api-server.ts'
import { bootstrap } from './bootstrap.ts'
import type { ObjectInput, StoredObject } from './object.ts'
import type { ResourceInfo } from './registry.ts'
import type { RequestContext } from './request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'kubectl/v1', warnings: [] }

interface World {
  readonly clock: VirtualClock
  readonly server: ApiServer
  readonly core: (plural: string) => ResourceInfo
  readonly names: (info: ResourceInfo, namespace?: string) => string[]
}

function world(): World {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('termination') })
  bootstrap(server)
  return {
    clock,
    server,
    core: (plural) => server.resource({ group: '', version: 'v1', plural }),
    names: (info, namespace) =>
      server
        .list(context, info, namespace === undefined ? {} : { namespace })
        .items.map((object) => object.metadata.name),
  }
}

function failureOf(run: () => unknown): KubeError {
  try {
    run()
  } catch (error) {
    if (error instanceof KubeError) return error
    throw error
  }
  throw new Error('expected a KubeError')
}

const definition: ObjectInput = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'pools.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'pools', kind: 'Pool', shortNames: ['po1'] },
    versions: ['v1beta1', 'v1'].map((name) => ({
      name,
      served: true,
      storage: name === 'v1',
      subresources: {
        status: {},
        scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size', labelSelectorPath: '.status.who' },
      },
      schema: {
        openAPIV3Schema: {
          type: 'object',
          required: ['spec'],
          properties: {
            spec: {
              type: 'object',
              properties: {
                size: { type: 'integer', minimum: 0, default: 1 },
                mode: { type: 'string', enum: ['A', 'B'] },
                name: { type: 'string', pattern: '^[a-z]+$', maxLength: 3 },
                free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                list: {
                  type: 'array',
                  'x-kubernetes-list-type': 'map',
                  'x-kubernetes-list-map-keys': ['k'],
                  items: { type: 'object', required: ['k'], properties: { k: { type: 'string' } } },
                },
              },
            },
            status: { type: 'object', properties: { size: { type: 'integer' }, who: { type: 'string' } } },
          },
        },
      },
    })),
  },
}

function define(server: ApiServer): {
  readonly crds: ResourceInfo
  readonly pools: ResourceInfo
  readonly made: StoredObject
} {
  const crds = server.resource({ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' })
  const made = server.create(context, crds, undefined, definition)
  return { crds, made, pools: server.resource({ group: 'example.com', version: 'v1', plural: 'pools' }) }
}

const pool = (name: string, spec: object, metadata: object = {}): ObjectInput => ({
  apiVersion: 'example.com/v1',
  kind: 'Pool',
  metadata: { name, ...metadata },
  spec,
})

describe('namespaces', () => {
  it('go with all that is in them, and no sooner', () => {
    const { server, core, names } = world()
    const { pools } = define(server)
    server.create(context, core('namespaces'), undefined, { metadata: { name: 'n' } })
    server.create(context, pools, 'n', pool('held', {}, { finalizers: ['example.com/hold'] }))
    server.create(context, core('configmaps'), 'n', { metadata: { name: 'c' } })
    const deletion = server.delete(context, core('namespaces'), { name: 'n' })
    expect(deletion).toMatchObject({ object: { status: { phase: 'Terminating' } } })
    expect(names(core('configmaps'), 'n')).toEqual([])
    expect(names(pools, 'n')).toEqual(['held'])
    expect(failureOf(() => server.create(context, core('configmaps'), 'n', { metadata: { name: 'd' } }))).toMatchObject(
      {
        failure: 'forbidden',
        status: { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
      },
    )
    expect(failureOf(() => server.delete(context, core('namespaces'), { name: 'n' })).failure).toBe('conflict')
    const held = { namespace: 'n', name: 'held' }
    server.patch(context, pools, held, 'merge', { metadata: { finalizers: [] } })
    expect(names(core('namespaces'))).not.toContain('n')
  })

  it('wait for finalizers of their own as well', () => {
    const { server, core, names } = world()
    const finalizers = ['example.com/hold']
    server.create(context, core('namespaces'), undefined, { metadata: { name: 'n', finalizers } })
    server.create(context, core('configmaps'), 'n', { metadata: { name: 'c', finalizers } })
    server.delete(context, core('namespaces'), { name: 'n' })
    server.patch(context, core('namespaces'), { name: 'n' }, 'merge', { metadata: { finalizers: null } })
    expect(names(core('namespaces'))).toContain('n')
    const inside = { namespace: 'n', name: 'c' }
    server.patch(context, core('configmaps'), inside, 'merge', { metadata: { finalizers: null } })
    expect(names(core('namespaces'))).not.toContain('n')
  })

  it('tell what holds them', () => {
    const { server, core } = world()
    const finalizers = ['example.com/hold']
    server.create(context, core('namespaces'), undefined, { metadata: { name: 'n', finalizers: ['example.com/own'] } })
    for (const name of ['c', 'd']) {
      server.create(context, core('configmaps'), 'n', { metadata: { name, finalizers } })
    }
    server.create(context, core('secrets'), 'n', { metadata: { name: 's' } })
    const spec = { nodeName: 'x', containers: [{ name: 'c', image: 'a' }] }
    server.create(context, core('pods'), 'n', { metadata: { name: 'p' }, spec })
    server.delete(context, core('namespaces'), { name: 'n' })
    const read = (): StoredObject => server.get(context, core('namespaces'), { name: 'n' })
    const told = (): string[] =>
      (
        (read().status?.['conditions'] ?? []) as { type: string; status: string; reason: string; message: string }[]
      ).map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message}`)
    const well = [
      'NamespaceDeletionDiscoveryFailure False ResourcesDiscovered: All resources successfully discovered',
      'NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed',
      'NamespaceDeletionContentFailure False ContentDeleted: All content successfully deleted, may be waiting on finalization',
      'NamespaceContentRemaining False ContentRemoved: All content successfully removed',
      'NamespaceFinalizersRemaining False ContentHasNoFinalizers: All content-preserving finalizers finished',
    ]
    // First the pods; nothing else goes before they are gone.
    expect(told()).toEqual(well)
    server.get(context, core('secrets'), { namespace: 'n', name: 's' })
    server.delete(context, core('pods'), { namespace: 'n', name: 'p' }, { gracePeriodSeconds: 0 })
    expect(failureOf(() => server.get(context, core('secrets'), { namespace: 'n', name: 's' })).failure).toBe(
      'notFound',
    )
    const holding = (n: number): string[] => [
      ...well.slice(0, 3),
      `NamespaceContentRemaining True SomeResourcesRemain: Some resources are remaining: configmaps. has ${n} resource instances`,
      `NamespaceFinalizersRemaining True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in ${n} resource instances`,
    ]
    expect(told()).toEqual(holding(2))
    const release = (name: string): unknown =>
      server.patch(context, core('configmaps'), { namespace: 'n', name }, 'merge', { metadata: { finalizers: null } })
    release('c')
    expect(told()).toEqual(holding(1))
    release('d')
    expect(told()).toEqual(well)
    // Its own finalizer is gone, somebody else's is not.
    expect(read().spec).toEqual({})
    server.patch(context, core('namespaces'), { name: 'n' }, 'merge', { metadata: { finalizers: null } })
    expect(failureOf(read).failure).toBe('notFound')
  })

  it('that every cluster needs stay', () => {
    const { server, core } = world()
    const error = failureOf(() => server.delete(context, core('namespaces'), { name: 'kube-system' }))
    expect(error.message).toBe('namespaces "kube-system" is forbidden: this namespace may not be deleted')
  })
})

describe('deletion', () => {
  it('waits for the kubelet of a bound pod, may be hurried and not slowed down', () => {
    const { server, core } = world()
    const key = { namespace: 'default', name: 'p' }
    const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'a' }] }
    server.create(context, core('pods'), 'default', { metadata: { name: 'p' }, spec })
    server.delete(context, core('pods'), key)
    const grace = (): unknown => server.get(context, core('pods'), key).metadata.deletionGracePeriodSeconds
    expect(grace()).toBe(30)
    server.delete(context, core('pods'), key, { gracePeriodSeconds: 60 })
    expect(grace()).toBe(30)
    server.delete(context, core('pods'), key, { gracePeriodSeconds: 5 })
    expect(grace()).toBe(5)
    const deletion = server.delete(context, core('pods'), key, { gracePeriodSeconds: 0 })
    expect(deletion).toMatchObject({ object: { kind: 'Pod', metadata: { deletionGracePeriodSeconds: 0 } } })
  })

  it.each([
    { propagationPolicy: 'Foreground', finalizers: ['foregroundDeletion'] },
    { propagationPolicy: 'Orphan', finalizers: ['orphan'] },
  ])('leaves a finalizer for $propagationPolicy', ({ propagationPolicy, finalizers }) => {
    const { server, core } = world()
    const key = { namespace: 'default', name: 'c' }
    server.create(context, core('configmaps'), 'default', { metadata: { name: 'c' } })
    server.delete(context, core('configmaps'), key, { propagationPolicy })
    const lingering = server.get(context, core('configmaps'), key)
    expect(lingering.metadata).toMatchObject({ finalizers, deletionTimestamp: '2026-01-02T03:04:05Z' })
    const more = { metadata: { finalizers: [...finalizers, 'example.com/more'] } }
    const error = failureOf(() => server.patch(context, core('configmaps'), key, 'merge', more))
    expect(error.message).toContain('no new finalizers can be added if the object is being deleted')
  })
})

describe('events', () => {
  it('are forgotten an hour after they were last written', async () => {
    const { server, clock, core, names } = world()
    for (const name of ['kept', 'lost']) server.create(context, core('events'), 'default', { metadata: { name } })
    await clock.runFor(ms(1_800_000))
    server.patch(context, core('events'), { namespace: 'default', name: 'kept' }, 'merge', { count: 2 })
    await clock.runFor(ms(2_000_000))
    expect(names(core('events'))).toEqual(['kept'])
    await clock.runFor(ms(2_000_000))
    expect(names(core('events'))).toEqual([])
    server.close()
  })

  it('are one store under two groups', () => {
    const { server, core } = world()
    server.create(context, core('events'), 'default', {
      metadata: { name: 'e' },
      message: 'm',
      involvedObject: { name: 'x' },
    })
    const others = server.resource({ group: 'events.k8s.io', version: 'v1', plural: 'events' })
    expect(server.list(context, others, { fieldSelector: 'regarding.name=x' }).items[0]).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'm',
      regarding: { name: 'x' },
    })
  })
})

describe('autoscalers', () => {
  it('are one store in two versions', () => {
    const { server } = world()
    const find = (version: string): ResourceInfo =>
      server.resource({ group: 'autoscaling', version, plural: 'horizontalpodautoscalers' })
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' }
    const spec = { maxReplicas: 5, targetCPUUtilizationPercentage: 50, scaleTargetRef }
    const made = server.create(context, find('v1'), 'default', { metadata: { name: 'h' }, spec })
    expect(made).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 50 } })
    const second = server.get(context, find('v2'), { namespace: 'default', name: 'h' })
    expect(second).toMatchObject({
      apiVersion: 'autoscaling/v2',
      spec: { metrics: [{ resource: { name: 'cpu', target: { averageUtilization: 50 } } }] },
    })
  })
})

describe('custom resources', () => {
  it('are served as soon as they are defined', () => {
    const { server } = world()
    let changes = 0
    server.registry.onChange(() => changes++)
    const { made, pools } = define(server)
    expect(changes).toBe(1)
    expect(made.status).toMatchObject({
      conditions: [
        { type: 'NamesAccepted', status: 'True' },
        { type: 'Established', status: 'True' },
      ],
      acceptedNames: { singular: 'pool', listKind: 'PoolList' },
      storedVersions: ['v1'],
    })
    expect(
      server.registry
        .resources()
        .filter((i) => i.group === 'example.com')
        .map((i) => i.version),
    ).toEqual(['v1', 'v1beta1'])
    expect(pools).toMatchObject({ namespaced: true, shortNames: ['po1'], storage: { version: 'v1' } })
  })

  it('are pruned, filled and kept in one version', () => {
    const { server } = world()
    const { pools } = define(server)
    const old = server.resource({ group: 'example.com', version: 'v1beta1', plural: 'pools' })
    const input = pool('p', { mode: 'A', junk: 1, free: { any: [1] }, name: null })
    const made = server.create(context, old, 'default', { ...input, apiVersion: 'example.com/v1beta1', junk: 2 })
    expect(made).toMatchObject({ apiVersion: 'example.com/v1beta1', metadata: { generation: 1 } })
    const found = server.get(context, pools, { namespace: 'default', name: 'p' })
    expect(found.apiVersion).toBe('example.com/v1')
    expect(found.spec).toEqual({ mode: 'A', size: 1, free: { any: [1] } })
    expect(found).not.toHaveProperty('junk')
  })

  it.each([
    {
      spec: { size: 'x' },
      message:
        '[spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", .spec.size: Invalid value: 0: .spec.size accessor error: x is of the type string, expected int64]',
    },
    {
      spec: { size: -1 },
      message:
        '[spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0, .spec.size: Invalid value: -1: should be a non-negative integer]',
    },
    { spec: { mode: 'C' }, message: 'spec.mode: Unsupported value: "C": supported values: "A", "B"' },
    { spec: { name: 'A' }, message: 'spec.name: Invalid value: "A": spec.name in body should match \'^[a-z]+$\'' },
    { spec: { name: 'abcd' }, message: 'spec.name: Too long: may not be more than 3 bytes' },
    { spec: { list: [{}] }, message: 'spec.list[0].k: Required value' },
    { spec: { list: [{ k: 'a' }, { k: 'a' }] }, message: 'spec.list[1]: Duplicate value: {"k":"a"}' },
  ])('refuse $message', ({ spec, message }) => {
    const { server } = world()
    const { pools } = define(server)
    const error = failureOf(() => server.create(context, pools, 'default', pool('p', spec)))
    expect(error.message).toBe(`Pool.example.com "p" is invalid: ${message}`)
  })

  it('scale by their paths, keep status apart, and take no strategic patch', () => {
    const { server } = world()
    const { pools } = define(server)
    const key = { namespace: 'default', name: 'p' }
    server.create(context, pools, 'default', pool('p', { size: 3 }))
    server.patch(context, pools, key, 'merge', { status: { size: 2, who: 'a=b' } }, { subresource: 'status' })
    const scale = server.getScale(context, pools, key)
    expect(scale).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 2, selector: 'a=b' } })
    server.patch(context, pools, key, 'merge', { spec: { replicas: 7 } }, { subresource: 'scale' })
    const found = server.get(context, pools, key)
    expect(found).toMatchObject({ spec: { size: 7 }, status: { size: 2 }, metadata: { generation: 2 } })
    expect(failureOf(() => server.patch(context, pools, key, 'strategic', {})).failure).toBe('unsupportedMediaType')
    const { resourceVersion: _, ...metadata } = found.metadata
    expect(failureOf(() => server.update(context, pools, key, { ...found, metadata })).failure).toBe('invalid')
  })

  it('go before their definition does', () => {
    const { server } = world()
    const { crds, pools } = define(server)
    const key = { namespace: 'default', name: 'p' }
    server.create(context, pools, 'default', pool('p', {}, { finalizers: ['example.com/hold'] }))
    server.create(context, pools, 'default', pool('q', {}))
    server.delete(context, crds, { name: 'pools.example.com' })
    expect(server.list(context, pools).items.map((object) => object.metadata.name)).toEqual(['p'])
    server.patch(context, pools, key, 'merge', { metadata: { finalizers: null } })
    expect(server.list(context, crds).items).toEqual([])
    expect(server.registry.find('example.com', 'v1', 'pools')).toBeUndefined()
  })
})
