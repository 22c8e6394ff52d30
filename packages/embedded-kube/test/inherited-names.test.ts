// Names that every object of JavaScript has without having been given them are a client's words like any others.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { inheritedNames } from './fuzz/strange.ts'
import { serve, type TestServer } from './serve.ts'
import { WireClient, type Answer } from './wire-client.ts'

const prototypeBefore = Object.getOwnPropertyNames(Object.prototype)
let world: TestServer
let client: WireClient

beforeAll(async () => {
  world = await serve()
  client = new WireClient(world)
})
afterAll(async () => {
  client.close()
  await world.close()
})

let namespace = 'n0'
let namespaces = 0
let base = ''
beforeEach(async () => {
  namespace = `n${++namespaces}`
  base = `/api/v1/namespaces/${namespace}`
  await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
})

const post = (path: string, body: object | string, headers = {}): Promise<Answer> =>
  client.send(path, { body, headers })
const get = (path: string, headers = {}): Promise<Answer> => client.send(path, { headers })

/** An object with one field, whatever its name: a literal would take `__proto__` for something else. */
function only(name: string, value: unknown): { [name: string]: unknown } {
  return Object.fromEntries([[name, value]])
}

/** The fields by name, for they come in any order. */
function sorted(object: object): [string, unknown][] {
  return Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function configMap(data?: object, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', ...metadata }, data }
}

async function dataOf(name = 'm'): Promise<object> {
  const { text } = await get(`${base}/configmaps/${name}`)
  return (JSON.parse(text) as { data?: object }).data ?? {}
}

describe.each(inheritedNames)('%s', (name) => {
  it('is a type of Secret that asks for no keys', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type: name }
    const made = await post(`${base}/secrets`, { ...secret, stringData: only(name, 'b') })
    expect([made.status, made.json.type]).toEqual([201, name])
    expect(Object.entries((await get(`${base}/secrets/s`)).json.data as object)).toEqual([[name, 'Yg==']])
  })

  it.each(['application/json', 'application/yaml'])('is a key of data that %s brings', async (type) => {
    const text = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"${name}":"b","other":"c"}}`
    expect((await post(`${base}/configmaps`, text, { 'content-type': type })).status).toBe(201)
    expect(sorted(await dataOf())).toEqual(sorted({ other: 'c', ...only(name, 'b') }))
    expect((await get(`${base}/configmaps/m`, { accept: 'application/yaml' })).text).toContain(`  ${name}: b\n`)
  })

  it.each([
    { type: 'merge-patch', set: { data: only(name, 'b') }, unset: { data: only(name, null) } },
    { type: 'strategic-merge-patch', set: { data: only(name, 'b') }, unset: { data: only(name, null) } },
    {
      type: 'json-patch',
      set: [{ op: 'add', path: `/data/${name}`, value: 'b' }],
      unset: [
        { op: 'test', path: `/data/${name}`, value: 'b' },
        { op: 'remove', path: `/data/${name}` },
      ],
    },
  ])('is a key of data that a $type sets and takes away', async ({ type, set, unset }) => {
    const headers = { 'content-type': `application/${type}+json` }
    const first = await post(`${base}/configmaps`, configMap({ a: 'x' }))
    const send = (body: object): Promise<Answer> =>
      client.send(`${base}/configmaps/m`, { method: 'PATCH', headers, body })
    const patched = await send(set)
    expect(patched.status).toBe(200)
    expect(patched.json.metadata.resourceVersion).not.toBe(first.json.metadata.resourceVersion)
    expect(Object.entries(await dataOf())).toEqual([
      ['a', 'x'],
      [name, 'b'],
    ])
    expect((await send(unset)).status).toBe(200)
    expect(Object.entries(await dataOf())).toEqual([['a', 'x']])
  })

  it('is a key of data that an apply owns, and takes away when it is applied no more', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' }
    const apply = (manager: string, data: object): Promise<Answer> =>
      client.send(`${base}/configmaps/m?fieldManager=${manager}`, { method: 'PATCH', headers, body: configMap(data) })
    await apply('other', { a: 'x' })
    const applied = await apply('me', only(name, 'b'))
    const mine = (applied.json.metadata.managedFields as { manager: string; fieldsV1: object }[]).find(
      ({ manager }) => manager === 'me',
    )
    expect(mine?.fieldsV1).toEqual({ 'f:data': { [`f:${name}`]: {} } })
    const conflict = await apply('third', only(name, 'c'))
    expect([conflict.status, conflict.json.message]).toEqual([
      409,
      `Apply failed with 1 conflict: conflict with "me": .data.${name}`,
    ])
    expect(Object.entries(await dataOf())).toEqual([
      ['a', 'x'],
      [name, 'b'],
    ])
    await apply('me', {})
    expect(Object.entries(await dataOf())).toEqual([['a', 'x']])
  })

  it('is a key of data that an update changes', async () => {
    await post(`${base}/configmaps`, configMap({ a: 'x' }))
    const put = (data: object): Promise<Answer> =>
      client.send(`${base}/configmaps/m`, { method: 'PUT', body: configMap(data) })
    for (const data of [only(name, ''), only(name, 'c'), {}]) {
      await put(data)
      expect(Object.entries(await dataOf())).toEqual(Object.entries(data))
    }
  })

  it('is refused where a scope, a metric, a selectable field, a media type is to be named', async () => {
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { scopes: [name] } }
    const refused = await post(`${base}/resourcequotas`, quota)
    expect([refused.status, refused.json.details?.causes?.[0]?.message]).toEqual([
      422,
      expect.stringContaining('unsupported scope'),
    ])
    expect((await get(`${base}/pods?fieldSelector=${name}%3Dx`)).status).toBe(400)
    expect((await get(`${base}/pods?fieldSelector=metadata.${name}%3Dx`)).status).toBe(400)
    expect((await get(`${base}/pods`, { accept: name })).status).toBe(406)
    const body = { method: 'PATCH', headers: { 'content-type': name }, body: '{}' }
    expect((await client.send(`${base}/configmaps/m`, body)).status).toBe(415)
    expect((await get(`${base}/pods?${name}=1`)).status).toBe(200)
  })

  it.each([
    '/NAME',
    '/api/NAME',
    '/api/v1/NAME',
    '/api/v1/namespaces/NAME',
    '/api/v1/namespaces/default/NAME',
    '/api/v1/namespaces/default/NAME/x',
    '/api/v1/namespaces/default/configmaps/NAME',
    '/api/v1/namespaces/default/pods/x/NAME',
    '/api/v1/nodes/NAME/proxy/metrics',
    '/apis/NAME',
    '/apis/NAME/v1',
    '/apis/NAME/v1/things',
    '/apis/apps/NAME',
    '/apis/apps/v1/namespaces/default/NAME',
    '/openapi/NAME',
    '/openapi/v3/NAME',
    '/openapi/v3/apis/NAME/v1',
    '/healthz/NAME',
  ])('leads nowhere as a part of %s', async (pattern) => {
    const { status, text } = await get(pattern.replace('NAME', name))
    expect([status, text]).toEqual([404, expect.not.stringContaining('native code')])
  })
})

describe('labels and annotations', () => {
  it.each([
    { labelSelector: 'constructor', found: ['with'] },
    { labelSelector: '!constructor', found: ['without'] },
    { labelSelector: 'constructor=x', found: ['with'] },
    { labelSelector: 'constructor!=x', found: ['without'] },
    { labelSelector: 'constructor in (x,y)', found: ['with'] },
    { labelSelector: 'toString', found: [] },
    { labelSelector: '!toString,!valueOf', found: ['with', 'without'] },
  ])('$labelSelector finds $found', async ({ labelSelector, found }) => {
    await post(`${base}/configmaps`, configMap({}, { name: 'with', labels: { constructor: 'x', app: 'a' } }))
    await post(`${base}/configmaps`, configMap({}, { name: 'without', labels: { app: 'a' } }))
    const { json } = await get(`${base}/configmaps?labelSelector=${encodeURIComponent(`app=a,${labelSelector}`)}`)
    expect((json.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)).toEqual(found)
  })

  it('are added, changed and removed', async () => {
    await post(`${base}/configmaps`, configMap({}, { labels: { app: 'a' } }))
    const headers = { 'content-type': 'application/merge-patch+json' }
    const steps: readonly (readonly [string | null, object])[] = [
      ['x', { app: 'a', constructor: 'x' }],
      ['y', { app: 'a', constructor: 'y' }],
      [null, { app: 'a' }],
    ]
    for (const [constructor, labels] of steps) {
      const body = { metadata: { labels: { constructor }, annotations: { toString: constructor } } }
      const { json } = await client.send(`${base}/configmaps/m`, { method: 'PATCH', headers, body })
      expect(json.metadata.labels).toStrictEqual(labels)
      expect(Object.entries(json.metadata.annotations ?? {})).toEqual(
        constructor === null ? [] : [['toString', constructor]],
      )
    }
  })

  it.each([
    '/metadata/labels/constructor',
    '/data/__proto__',
    '/constructor',
    '/__proto__/x',
    '/constructor/prototype/y',
  ])('has no %s to remove', async (path) => {
    await post(`${base}/configmaps`, configMap({ a: 'x' }, { labels: { app: 'a' } }))
    const headers = { 'content-type': 'application/json-patch+json' }
    const send = (body: object): Promise<Answer> =>
      client.send(`${base}/configmaps/m`, { method: 'PATCH', headers, body })
    expect((await send([{ op: 'remove', path }])).status).toBe(422)
    expect((await send([{ op: 'move', from: path, path: '/data/b' }])).status).toBe(422)
  })
})

describe('pods', () => {
  const spec = { containers: [{ name: 'c', image: 'nginx' }] }
  const pod = (more: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { ...spec, ...more },
  })

  it('take labels of nodes from their runtime class', async () => {
    const made = await post('/apis/node.k8s.io/v1/runtimeclasses', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'slow' },
      handler: 'slow',
      scheduling: { nodeSelector: { constructor: 'x' } },
    })
    expect(made.status).toBe(201)
    const { status, json } = await post(`${base}/pods`, pod({ runtimeClassName: 'slow' }))
    expect([status, json.spec.nodeSelector]).toEqual([201, { constructor: 'x' }])
  })

  it('are not warned of labels that were never there', async () => {
    const { status, headers } = await post(`${base}/pods`, pod({ nodeSelector: { constructor: 'x', toString: 'y' } }))
    expect([status, headers['warning']]).toEqual([201, undefined])
  })
})

describe('an apply', () => {
  const headers = { 'content-type': 'application/apply-patch+yaml' }
  it.each([
    { when: 'a field is unknown', body: configMap({}, { constructor: 'x' }), says: '.metadata.constructor: field not' },
    {
      when: 'the name is no text',
      body: configMap({}, { name: {} }),
      says: 'object (/; /v1, Kind=ConfigMap): .metadata.name: expected string',
    },
  ])('is refused when $when', async ({ body, says }) => {
    const sent = { method: 'PATCH', headers, body }
    const { json } = await client.send(`${base}/configmaps/m?fieldManager=me`, sent)
    expect(json.message).toContain(says)
  })
})

describe('custom resources', () => {
  const things = (): string => `/apis/sea.dev/v1/namespaces/${namespace}/things`
  const thing = (spec: object, name = 't'): object => ({
    apiVersion: 'sea.dev/v1',
    kind: 'Thing',
    metadata: { name },
    spec,
  })
  const made = async (spec: object, query = ''): Promise<Answer> => post(`${things()}${query}`, thing(spec))
  const definition = (plural: string, spec: object, version: object = {}): object => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.sea.dev` },
    spec: {
      group: 'sea.dev',
      scope: 'Namespaced',
      names: { plural, kind: plural === 'things' ? 'Thing' : 'Other' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', properties: { spec, constructor: { type: 'string' } } },
          },
          ...version,
        },
      ],
    },
  })
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

  beforeAll(async () => {
    const entry = { type: 'object', required: ['toString'], properties: { toString: { type: 'string' } } }
    const spec = {
      type: 'object',
      required: ['hasOwnProperty'],
      properties: {
        ...only('__proto__', { type: 'string', default: 'p' }),
        constructor: { type: 'integer', default: 3, maximum: 9 },
        toString: {
          type: 'object',
          properties: { valueOf: { type: 'string', format: 'hasOwnProperty' } },
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'once set it stays' }],
        },
        isPrototypeOf: { type: 'integer' },
        hasOwnProperty: { type: 'boolean' },
        named: { type: 'string' },
        map: { type: 'object', additionalProperties: { type: 'integer' } },
        list: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['toString'],
          items: entry,
        },
      },
      'x-kubernetes-validations': [
        { rule: 'has(self.toString) ? self.constructor != 4 : true', message: 'no four with toString' },
        { rule: "!has(self.map) || !('constructor' in self.map) || self.map['constructor'] > 1", message: 'too few' },
      ],
    }
    const answer = await post(
      definitions,
      definition('things', spec, {
        additionalPrinterColumns: [{ name: 'C', type: 'integer', jsonPath: '.spec.constructor' }],
        selectableFields: [{ jsonPath: '.spec.constructor' }, { jsonPath: '.constructor' }],
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.isPrototypeOf', statusReplicasPath: '.status.valueOf' },
        },
      }),
    )
    if (answer.status !== 201) throw new Error(answer.text)
    await vi.waitUntil(async () => (await get('/apis/sea.dev/v1/things')).status === 200)
  })

  it('are filled with defaults', async () => {
    const { json } = await made({ hasOwnProperty: true })
    expect(sorted(json.spec)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 3],
      ['hasOwnProperty', true],
    ])
    const { json: again } = await get(`${things()}/t`)
    expect(sorted(again.spec)).toEqual(sorted(json.spec))
  })

  it('lose what nobody declared, and keep what somebody did', async () => {
    const spec = { hasOwnProperty: true, constructor: 5, valueOf: 1, toString: { valueOf: 'x', constructor: 1 } }
    const { status, json } = await made(spec)
    expect(status).toBe(201)
    expect(sorted(json.spec)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 5],
      ['hasOwnProperty', true],
      ['toString', { valueOf: 'x' }],
    ])
    const strict = await made(spec, '?fieldValidation=Strict')
    expect([strict.status, strict.json.message]).toEqual([
      400,
      expect.stringContaining('unknown field "spec.toString.constructor", unknown field "spec.valueOf"'),
    ])
  })

  it.each<{ readonly when: string; readonly spec: object; readonly says: string }>([
    { when: 'what is required is missing', spec: {}, says: 'spec.hasOwnProperty: Required value' },
    { when: 'a number is too big', spec: { hasOwnProperty: true, constructor: 10 }, says: 'spec.constructor: ' },
    { when: 'a type is another', spec: { hasOwnProperty: true, constructor: 'x' }, says: 'spec.constructor: ' },
    {
      when: 'a type is another under __proto__',
      spec: { hasOwnProperty: true, ...only('__proto__', {}) },
      says: 'spec.__proto__: ',
    },
    {
      when: 'a rule fails',
      spec: { hasOwnProperty: true, constructor: 4, toString: {} },
      says: 'no four with toString',
    },
    { when: 'a rule on a map fails', spec: { hasOwnProperty: true, map: { constructor: 1 } }, says: 'too few' },
    {
      when: 'a key comes twice',
      spec: { hasOwnProperty: true, list: [{ toString: 'a' }, { toString: 'a' }] },
      says: 'spec.list[1]: Duplicate value: {"toString":"a"}',
    },
    {
      when: 'a key is missing',
      spec: { hasOwnProperty: true, list: [{}] },
      says: 'spec.list[0].toString: Required value',
    },
  ])('are refused when $when', async ({ spec, says }) => {
    const { status, json } = await made(spec)
    expect([status, json.message]).toEqual([422, expect.stringContaining(says)])
  })

  it('are selected and printed by such fields', async () => {
    await made({ hasOwnProperty: true, constructor: 7 })
    await post(things(), thing({ hasOwnProperty: true }, 'u'))
    const listed = async (selector: string): Promise<string[]> =>
      ((await get(`${things()}?fieldSelector=${selector}`)).json.items as { metadata: { name: string } }[]).map(
        ({ metadata }) => metadata.name,
      )
    expect(await listed('spec.constructor%3D7')).toEqual(['t'])
    expect(await listed('spec.constructor!%3D7')).toEqual(['u'])
    expect(await listed('constructor%3D7')).toEqual([])
    expect(await listed('constructor!%3D7')).toEqual(['t', 'u'])
    const { json } = await get(things(), { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    expect((json.rows as { cells: unknown[] }[]).map(({ cells }) => cells[1])).toEqual([7, 3])
  })

  it('are scaled by such fields', async () => {
    await made({ hasOwnProperty: true })
    expect((await get(`${things()}/t/scale`)).json).toMatchObject({ spec: { replicas: 0 }, status: { replicas: 0 } })
    const headers = { 'content-type': 'application/merge-patch+json' }
    const sent = { method: 'PATCH', headers, body: { spec: { replicas: 4 } } }
    expect((await client.send(`${things()}/t/scale`, sent)).json.spec.replicas).toBe(4)
    expect((await get(`${things()}/t`)).json.spec.isPrototypeOf).toBe(4)
  })

  it('are compared with what was there before', async () => {
    await made({ hasOwnProperty: true })
    const headers = { 'content-type': 'application/merge-patch+json' }
    const send = (spec: object): Promise<Answer> =>
      client.send(`${things()}/t`, { method: 'PATCH', headers, body: { spec } })
    expect((await send({ toString: { valueOf: 'a' } })).status).toBe(200)
    const refused = await send({ toString: { valueOf: 'b' } })
    expect([refused.status, refused.json.message]).toEqual([422, expect.stringContaining('once set it stays')])
  })

  it('merge their lists by such keys when they are applied', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' }
    const apply = (manager: string, ...keys: readonly string[]): Promise<Answer> =>
      client.send(`${things()}/t?fieldManager=${manager}`, {
        method: 'PATCH',
        headers,
        body: thing({ hasOwnProperty: true, list: keys.map((key) => ({ toString: key })) }),
      })
    await apply('one', 'a')
    expect((await apply('two', 'b')).json.spec.list).toEqual([{ toString: 'a' }, { toString: 'b' }])
    expect((await apply('two')).json.spec.list).toEqual([{ toString: 'a' }])
  })

  it.each(['self.constructor == 1', 'self.toString()', 'has(self.valueOf)', 'constructor == 1', "self['__proto__']"])(
    'are not defined with the rule %s where no such thing is declared',
    async (rule) => {
      const spec = { type: 'object', properties: { a: { type: 'string' } }, 'x-kubernetes-validations': [{ rule }] }
      const { status, json } = await post(definitions, definition('others', spec))
      expect([status, json.message]).toEqual([422, expect.stringContaining('compilation failed')])
    },
  )

  it('are not defined with keys of lists that no item has', async () => {
    const list = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['constructor'],
      items: { type: 'object', properties: { a: { type: 'string' } } },
    }
    const { status, json } = await post(definitions, definition('others', list))
    expect([status, json.message]).toEqual([
      422,
      expect.stringContaining('entries must all be names of item properties'),
    ])
  })
})

it('nothing of all this has changed what every object inherits', async () => {
  const headers = { 'content-type': 'application/merge-patch+json' }
  await post(`${base}/configmaps`, configMap())
  const body = '{"__proto__":{"polluted":"x"},"constructor":{"prototype":{"polluted":"x"}},"data":{"__proto__":"y"}}'
  await client.send(`${base}/configmaps/m`, { method: 'PATCH', headers, body })
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototypeBefore)
})
