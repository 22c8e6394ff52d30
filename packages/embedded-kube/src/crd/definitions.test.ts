import { ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import { listOf, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = {
  user: { name: 'me', groups: ['system:masters'] },
  userAgent: 'test',
  warnings: [],
}

function world(): ApiServer {
  const server = new ApiServer({
    clock: new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) }),
    random: new SeededRandom('crd'),
  })
  bootstrap(server)
  return server
}

interface Definition {
  readonly plural?: string
  readonly kind?: string
  readonly shortNames?: readonly string[]
  readonly storage?: string
  readonly spec?: Fields
}

function definition(o: Definition = {}): ObjectInput {
  const { plural = 'widgets', kind = 'Widget', shortNames = ['wd'], storage = 'v1', spec = { type: 'object' } } = o
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural, kind, shortNames },
      versions: ['v1beta1', 'v1'].map((name) => ({ name, served: true, storage: name === storage, schema })),
    },
  }
}

function definitions(server: ApiServer): ReturnType<ApiServer['resource']> {
  return server.resource({ group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' })
}

function define(server: ApiServer, o?: Definition): StoredObject {
  return server.create(context, definitions(server), undefined, definition(o))
}

function redefine(server: ApiServer, o: Definition): StoredObject {
  const key = { name: `${o.plural ?? 'widgets'}.example.com` }
  const { metadata } = server.get(context, definitions(server), key)
  return server.update(context, definitions(server), key, { ...definition(o), metadata })
}

function conditionOf(object: StoredObject, type: string): Fields | undefined {
  return listOf(object.status?.['conditions']).find((condition) => condition['type'] === type)
}

function widgets(server: ApiServer, version = 'v1'): ReturnType<ApiServer['resource']> {
  return server.resource({ group: 'example.com', version, plural: 'widgets' })
}

function widget(spec: Fields, version = 'v1'): ObjectInput {
  return { apiVersion: `example.com/${version}`, kind: 'Widget', metadata: { name: 'a' }, spec }
}

function messageOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (error instanceof KubeError) return error.message
    throw error
  }
  return 'accepted'
}

const a = { namespace: 'default', name: 'a' }

describe('names', () => {
  it('that another definition has are not accepted until it goes', () => {
    const server = world()
    define(server)
    const second = define(server, { plural: 'gadgets' })
    expect(conditionOf(second, 'NamesAccepted')).toMatchObject({
      status: 'False',
      reason: 'ListKindConflict',
      message: '"WidgetList" is already in use',
    })
    expect(conditionOf(second, 'Established')).toMatchObject({ status: 'False', reason: 'NotAccepted' })
    expect(server.registry.find('example.com', 'v1', 'gadgets')).toBeUndefined()
    server.delete(context, definitions(server), { name: 'widgets.example.com' })
    expect(server.registry.find('example.com', 'v1', 'gadgets')?.kind).toBe('Widget')
    const now = server.get(context, definitions(server), { name: 'gadgets.example.com' })
    expect(conditionOf(now, 'Established')).toMatchObject({ status: 'True', reason: 'InitialNamesAccepted' })
  })

  it('that are in use keep a definition from changing its own, not from being served', () => {
    const server = world()
    define(server)
    define(server, { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd'] })
    const changed = redefine(server, { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd', 'wd'] })
    expect(conditionOf(changed, 'NamesAccepted')).toMatchObject({ reason: 'ShortNamesConflict' })
    expect(conditionOf(changed, 'Established')).toMatchObject({ status: 'True' })
    expect(server.registry.find('example.com', 'v1', 'gadgets')?.shortNames).toEqual(['gd'])
  })
})

describe('what is stored', () => {
  it('is read in the version asked for, whatever the storage version was', () => {
    const server = world()
    define(server, { storage: 'v1beta1' })
    server.create(context, widgets(server), 'default', widget({}))
    const next = redefine(server, { storage: 'v1' })
    expect(next.status?.['storedVersions']).toEqual(['v1beta1', 'v1'])
    for (const version of ['v1', 'v1beta1']) {
      expect(server.get(context, widgets(server, version), a).apiVersion).toBe(`example.com/${version}`)
      const { items } = server.list(context, widgets(server, version), {})
      expect(items.map((item) => item.apiVersion)).toEqual([`example.com/${version}`])
    }
  })

  it('is read with the defaults of now, without what is no longer known', () => {
    const server = world()
    define(server, { spec: { type: 'object', properties: { old: { type: 'string' } } } })
    server.create(context, widgets(server), 'default', widget({ old: 'x' }))
    redefine(server, { spec: { type: 'object', properties: { size: { type: 'integer', default: 3 } } } })
    expect(server.get(context, widgets(server), a).spec).toEqual({ size: 3 })
  })

  it('stays in the list of versions until someone says that nothing is stored so', () => {
    const server = world()
    define(server, { storage: 'v1beta1' })
    const two = redefine(server, { storage: 'v1' })
    const only = (o: StoredObject): StoredObject => {
      return { ...o, spec: { ...o.spec, versions: listOf(o.spec?.['versions']).filter(({ name }) => name === 'v1') } }
    }
    const key = { name: 'widgets.example.com' }
    expect(messageOf(() => server.update(context, definitions(server), key, only(two)))).toContain(
      'status.storedVersions[0]: Invalid value: "v1beta1": missing from spec.versions; v1beta1 was previously a storage version',
    )
    const told = server.update(
      context,
      definitions(server),
      key,
      { ...two, status: { ...two.status, storedVersions: ['v1'] } },
      { subresource: 'status' },
    )
    expect(messageOf(() => server.update(context, definitions(server), key, only(told)))).toBe('accepted')
    expect(server.registry.find('example.com', 'v1beta1', 'widgets')).toBeUndefined()
  })
})

describe('rules', () => {
  const spec = {
    type: 'object',
    properties: { size: { type: 'integer' }, color: { type: 'string' } },
    'x-kubernetes-validations': [
      { rule: 'self.color == oldSelf.color', message: 'color is immutable' },
      { rule: 'self.size < 10', fieldPath: '.size', messageExpression: "'no more than 9, got %d'.format([self.size])" },
    ],
  }

  it('hold on create, on update and on patch, and tell what was there before', () => {
    const server = world()
    define(server, { spec })
    const create = (given: Fields): string =>
      messageOf(() => server.create(context, widgets(server), 'default', widget(given)))
    expect(create({ size: 10, color: 'red' })).toBe(
      'Widget.example.com "a" is invalid: spec.size: Invalid value: no more than 9, got 10',
    )
    expect(create({ size: 9, color: 'red' })).toBe('accepted')
    expect(
      messageOf(() => server.patch(context, widgets(server), a, 'merge', { spec: { color: 'blue', size: 11 } })),
    ).toBe(
      'Widget.example.com "a" is invalid: [spec: Invalid value: color is immutable, spec.size: Invalid value: no more than 9, got 11]',
    )
    expect(messageOf(() => server.patch(context, widgets(server), a, 'merge', { spec: { size: 8 } }))).toBe('accepted')
  })

  it('that fail on what did not change only warn', () => {
    const server = world()
    define(server, { spec: { ...spec, 'x-kubernetes-validations': [] } })
    server.create(context, widgets(server), 'default', widget({ size: 50, color: 'red' }))
    redefine(server, { spec })
    const told: RequestContext = { ...context, warnings: [] }
    server.patch(told, widgets(server), a, 'merge', { metadata: { labels: { x: 'y' } } })
    expect(told.warnings).toEqual(['spec.size: Invalid value: no more than 9, got 50'])
  })

  it('that do not compile refuse the definition', () => {
    const wrong = { ...spec, 'x-kubernetes-validations': [{ rule: 'self.colour == "red"' }] }
    expect(messageOf(() => define(world(), { spec: wrong }))).toContain(
      'compilation failed: ERROR: <input>:1:5: undefined field \'colour\'\n | self.colour == "red"\n | ....^',
    )
  })
})
