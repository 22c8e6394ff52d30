import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPki } from '../src/http/pki.ts'
import { fieldsOf, type Fields } from '../src/object.ts'
import { serve, type TestServer } from './serve.ts'
import { WireClient } from './wire-client.ts'

// v1 has spec.size as a number, v1alpha1 had it as text: what a webhook is for.

interface Review {
  readonly kind: string
  readonly apiVersion: string
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly Fields[] }
}

let world: TestServer
let wire: WireClient
let hook: Server
/** How many objects the webhook was asked to convert, question by question. */
const asked: number[] = []
let answer: (review: Review) => unknown

function converted(object: Fields, apiVersion: string): Fields {
  const { size } = fieldsOf(object['spec'])
  const next = apiVersion.endsWith('/v1') ? Number(size) : String(size)
  return { ...object, apiVersion, spec: { size: next } }
}

const faithful = ({ request, ...review }: Review): unknown => ({
  ...review,
  response: {
    uid: request.uid,
    result: { status: 'Success' },
    convertedObjects: request.objects.map((object) => converted(object, request.desiredAPIVersion)),
  },
})

function schemaOf(type: string): Fields {
  const spec = { type: 'object', properties: { size: { type } } }
  return { openAPIV3Schema: { type: 'object', properties: { spec } } }
}

const tanks = '/apis/example.com/v1/namespaces/default/tanks'
const oldTanks = '/apis/example.com/v1alpha1/namespaces/default/tanks'

function tank(version: string, name: string, size: unknown): Fields {
  return { apiVersion: `example.com/${version}`, kind: 'Tank', metadata: { name }, spec: { size } }
}

beforeAll(async () => {
  world = await serve()
  wire = new WireClient(world)
  const pki = await createPki()
  hook = createServer({ cert: pki.server.certificate, key: pki.server.key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Review
      asked.push(review.request.objects.length)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer(review)))
    })
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const { port } = hook.address() as AddressInfo
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'tanks.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'tanks', kind: 'Tank' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: schemaOf('integer') },
        { name: 'v1alpha1', served: true, storage: false, schema: schemaOf('string') },
      ],
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: {
            url: `https://127.0.0.1:${port}/convert`,
            caBundle: Buffer.from(pki.ca.certificate).toString('base64'),
          },
        },
      },
    },
  }
  await wire.send('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition })
})

afterAll(async () => {
  wire.close()
  await new Promise((resolve) => hook.close(resolve))
  await world.close()
})

describe('conversion webhooks', () => {
  it('convert what is created, read, listed in one question, replaced and patched', async () => {
    answer = faithful
    expect((await wire.send(oldTanks, { body: tank('v1alpha1', 'a', '5') })).json).toMatchObject({
      apiVersion: 'example.com/v1alpha1',
      spec: { size: '5' },
    })
    const stored = (await wire.send(`${tanks}/a`)).json
    expect(stored).toMatchObject({ apiVersion: 'example.com/v1', spec: { size: 5 } })
    await wire.send(tanks, { body: tank('v1', 'b', 7) })
    await wire.send(tanks, { body: tank('v1', 'c', 9) })
    asked.length = 0
    const { items } = (await wire.send(oldTanks)).json as { readonly items: readonly Fields[] }
    expect(items.map((item) => item['spec'])).toEqual([{ size: '5' }, { size: '7' }, { size: '9' }])
    expect(asked).toEqual([3])
    const patched = await wire.send(`${oldTanks}/b`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { size: '70' } },
    })
    expect(patched.json).toMatchObject({ apiVersion: 'example.com/v1alpha1', spec: { size: '70' } })
    expect((await wire.send(`${tanks}/b`)).json).toMatchObject({ spec: { size: 70 } })
  })

  it('are not asked about what the schema of the request refuses', async () => {
    answer = faithful
    asked.length = 0
    const refused = await wire.send(oldTanks, { body: tank('v1alpha1', 'x', 5) })
    expect(refused.json.message).toBe(
      'Tank.example.com "x" is invalid: spec.size: Invalid value: "integer": spec.size in body must be of type string: "integer"',
    )
    expect(asked).toEqual([])
  })

  it('keep the order of a watch', async () => {
    answer = faithful
    const list = (await wire.send(oldTanks)).json
    const { stream } = await wire.open(
      `${oldTanks}?watch=1&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=30`,
    )
    await wire.send(tanks, { body: tank('v1', 'd', 1) })
    await wire.send(tanks, { body: tank('v1', 'e', 2) })
    await wire.send(`${tanks}/d`, { method: 'DELETE' })
    let text = ''
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      text += chunk.toString()
      if (text.split('\n').length > 3) break
    }
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string; readonly object: Fields })
    expect(events.map(({ type, object }) => [type, object['apiVersion'], object['spec']])).toEqual([
      ['ADDED', 'example.com/v1alpha1', { size: '1' }],
      ['ADDED', 'example.com/v1alpha1', { size: '2' }],
      ['DELETED', 'example.com/v1alpha1', { size: '1' }],
    ])
  })

  const refusals: readonly {
    readonly when: string
    readonly answer: (review: Review) => unknown
    readonly why: string
  }[] = [
    {
      when: 'it refuses',
      answer: ({ request, ...review }) => ({
        ...review,
        response: { uid: request.uid, result: { status: 'Failure', message: 'no such size' }, convertedObjects: [] },
      }),
      why: 'conversion webhook for example.com/v1alpha1, Kind=Tank failed: no such size',
    },
    {
      when: 'it returns too few',
      answer: ({ request, ...review }) => ({
        ...review,
        response: { uid: request.uid, result: { status: 'Success' }, convertedObjects: [] },
      }),
      why: 'conversion webhook for example.com/v1alpha1, Kind=Tank returned 0 objects, expected 1',
    },
    {
      when: 'it converts nothing',
      answer: ({ request, ...review }) => ({
        ...review,
        response: { uid: request.uid, result: { status: 'Success' }, convertedObjects: request.objects },
      }),
      why: 'conversion webhook for example.com/v1alpha1, Kind=Tank returned invalid converted object at index 0: invalid groupVersion (expected example.com/v1, received example.com/v1alpha1)',
    },
  ]
  it.each(refusals)('$when: nothing is written', async ({ answer: given, why }) => {
    answer = given
    const failed = await wire.send(oldTanks, { body: tank('v1alpha1', 'y', '5') })
    expect([failed.status, failed.json.message]).toEqual([500, why])
    expect((await wire.send(`${tanks}/y`)).status).toBe(404)
  })

  it('may be answered within the process', () => {
    const { api } = world
    api.converters.set('example.com/Tank', (object, apiVersion) => converted(object, apiVersion) as typeof object)
    const info = api.resource({ group: 'example.com', version: 'v1alpha1', plural: 'tanks' })
    const context = { user: { name: 'me', groups: ['system:masters'] }, userAgent: 'me', warnings: [] }
    api.create(context, info, 'default', tank('v1alpha1', 'z', '11'))
    const v1 = api.resource({ group: 'example.com', version: 'v1', plural: 'tanks' })
    expect(api.get(context, v1, { namespace: 'default', name: 'z' }).spec).toEqual({ size: 11 })
    api.converters.clear()
  })
})
