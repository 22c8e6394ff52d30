import { get as getHttp1 } from 'node:https'
import { ConfigMaps, Namespaces } from '@plimsoll/model'
import type { KubeApi } from '@plimsoll/ports'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serve, type TestServer } from './serve.ts'
import { WireClient } from './wire-client.ts'

let world: TestServer
let admin: WireClient
let stranger: WireClient
let inside: KubeApi

beforeAll(async () => {
  world = await serve({ tokens: { 'fixed-token': { name: 'robot', groups: ['robots'] } } })
  admin = new WireClient(world)
  stranger = new WireClient(world, { anonymous: true })
  inside = world.api.client({ name: 'test', groups: [] }, 'test')
})
afterAll(async () => {
  admin.close()
  stranger.close()
  await world.close()
})

let namespace = 'n0'
let namespaces = 0
beforeEach(async () => {
  namespace = `n${++namespaces}`
  await inside.create(Namespaces, { metadata: { name: namespace } })
})

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
const configMaps = (): string => `/api/v1/namespaces/${namespace}/configmaps`
const makeConfigMaps = async (...names: readonly string[]): Promise<void> => {
  for (const name of names) await inside.create(ConfigMaps, { metadata: { name, namespace }, data: { a: 'b' } })
}

describe('authentication', () => {
  it('knows the administrator by certificate', async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const { status, json } = await admin.send('/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: review })
    expect(status).toBe(201)
    expect(json.status.userInfo).toMatchObject({
      username: 'kubernetes-admin',
      groups: ['system:masters', 'system:authenticated'],
    })
  })

  it.each([
    { token: 'fixed-token', user: 'robot' },
    {
      token: `k8s-aws-v1.${Buffer.from('https://sts.ap-northeast-2.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Signature=0').toString('base64url')}`,
      user: 'kubernetes-admin',
    },
  ])('knows $user by token', async ({ token, user }) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const headers = { authorization: `Bearer ${token}` }
    const { json } = await stranger.send('/apis/authentication.k8s.io/v1/selfsubjectreviews', { body, headers })
    expect(json.status.userInfo.username).toBe(user)
  })

  it('knows a service account by the token that it issued', async () => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
    const issued = await admin.send(path, { body: request })
    expect(issued.status).toBe(201)
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const headers = { authorization: `Bearer ${issued.json.status.token}` }
    const { json } = await stranger.send('/apis/authentication.k8s.io/v1/selfsubjectreviews', { body, headers })
    expect(json.status.userInfo.username).toBe(`system:serviceaccount:${namespace}:default`)
  })

  it.each([
    { headers: { authorization: 'Bearer wrong' }, status: 401, message: 'Unauthorized' },
    { headers: { authorization: 'Bearer k8s-aws-v1.bm90IGEgdXJs' }, status: 401, message: 'Unauthorized' },
    { headers: { authorization: 'Basic eDp5' }, status: 401, message: 'Unauthorized' },
    {
      headers: {},
      status: 403,
      message:
        'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope',
    },
  ])('refuses $headers', async ({ headers, status, message }) => {
    const answer = await stranger.send('/api/v1/nodes', { headers: headers as Record<string, string> })
    expect(answer.status).toBe(status)
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', message, code: status })
  })

  it('tells everyone its version and health', async () => {
    expect((await stranger.send('/version')).json.gitVersion).toBe('v1.35.0+plimsoll')
    expect((await stranger.send('/readyz')).text).toBe('ok')
    expect((await stranger.send('/livez?verbose')).text).toMatch(/\[\+\]ping ok\n[^]*livez check passed/)
    expect((await stranger.send('/healthz/ping')).text).toBe('ok')
  })

  it('takes everyone for the administrator on the port without TLS', async () => {
    const open = await serve({ insecurePort: 0 })
    try {
      const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${open.server.insecureUrl}${path}`, { method: 'POST', body, headers })
      expect(await answer.json()).toMatchObject({ status: { userInfo: { username: 'kubernetes-admin' } } })
    } finally {
      await open.close()
    }
  })

  it('lets a user speak for another', async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const headers = { 'impersonate-user': 'alice', 'impersonate-group': 'dev' }
    const { json } = await admin.send('/apis/authentication.k8s.io/v1/selfsubjectreviews', { body, headers })
    expect(json.status.userInfo).toMatchObject({ username: 'alice', groups: ['dev', 'system:authenticated'] })
  })
})

describe('documents', () => {
  const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

  it('tells aggregated discovery once', async () => {
    const first = await admin.send('/apis', { headers: { accept: `${v2},application/json` } })
    expect(first.headers['content-type']).toBe(v2)
    const apps = first.json.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'apps')
    const deployments = apps.versions[0].resources.find((r: { resource: string }) => r.resource === 'deployments')
    expect(deployments).toMatchObject({
      scope: 'Namespaced',
      singularResource: 'deployment',
      shortNames: ['deploy'],
      categories: ['all'],
      responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    })
    const again = await admin.send('/apis', { headers: { accept: v2, 'if-none-match': String(first.headers['etag']) } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('tells the old form to those who ask for it', async () => {
    expect((await admin.send('/api')).json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] })
    expect((await admin.send('/apis')).json.kind).toBe('APIGroupList')
    expect((await admin.send('/apis/autoscaling')).json.preferredVersion.version).toBe('v2')
    const { json } = await admin.send('/api/v1')
    expect(json.resources).toContainEqual({
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    })
  })

  it('serves OpenAPI documents in which every reference leads somewhere', async () => {
    const { json: index } = await admin.send('/openapi/v3')
    expect(Object.keys(index.paths)).toContain('apis/apps/v1')
    for (const { serverRelativeURL } of Object.values<{ serverRelativeURL: string }>(index.paths)) {
      const { json, text, headers } = await admin.send(serverRelativeURL)
      expect(headers['cache-control']).toBe('public, immutable')
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
        expect(json.components.schemas).toHaveProperty([name!])
      }
    }
  })

  it('lists fieldValidation among the parameters of every patch', async () => {
    const { json } = await admin.send('/openapi/v3/apis/apps/v1')
    const patches = Object.values<{ patch?: { parameters: { name: string }[] } }>(json.paths).flatMap(
      ({ patch }) => patch ?? [],
    )
    expect(patches.length).toBeGreaterThan(5)
    for (const { parameters } of patches) expect(parameters.map(({ name }) => name)).toContain('fieldValidation')
    const deployment = json.components.schemas['io.k8s.api.apps.v1.Deployment']
    expect(deployment['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', kind: 'Deployment', version: 'v1' },
    ])
  })

  it('follows a CRD at once', async () => {
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'gadgets', kind: 'Gadget', singular: 'gadget', listKind: 'GadgetList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
              },
            },
          },
        ],
      },
    }
    const before = await admin.send('/apis', { headers: { accept: v2 } })
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    expect((await admin.send(crds, { body: crd })).status).toBe(201)
    const after = await admin.send('/apis', { headers: { accept: v2 } })
    expect(after.headers['etag']).not.toBe(before.headers['etag'])
    const told = await admin.send('/openapi/v3/apis/example.com/v1')
    expect(told.json.components.schemas['com.example.v1.Gadget'].properties.spec.properties.size.type).toBe('integer')

    const gadgets = `/apis/example.com/v1/namespaces/${namespace}/gadgets`
    const gadget = { apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 3 } }
    expect((await admin.send(gadgets, { body: gadget })).status).toBe(201)
    const shown = await admin.send(gadgets, { headers: { accept: table } })
    expect(shown.json.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(['Name', 'Size'])
    expect(shown.json.rows[0].cells).toEqual(['g', 3])
    const patch = { method: 'PATCH', body: {}, headers: { 'content-type': 'application/strategic-merge-patch+json' } }
    const refused = await admin.send(`${gadgets}/g`, patch)
    expect(refused.status).toBe(415)
    expect(refused.json.message).not.toContain('strategic')
    const strict = await admin.send(`${gadgets}?fieldValidation=Strict`, {
      body: { ...gadget, metadata: { name: 'h' }, spec: { sise: 3 } },
    })
    expect(strict.json.message).toBe(
      'Gadget in version "v1" cannot be handled as a Gadget: strict decoding error: unknown field "spec.sise"',
    )
    const widened = {
      spec: { versions: [{ ...crd.spec.versions[0], schema: { openAPIV3Schema: { type: 'object' } } }] },
    }
    const headers = { 'content-type': 'application/merge-patch+json' }
    await admin.send(`${crds}/gadgets.example.com`, { method: 'PATCH', body: widened, headers })
    const changed = await admin.send('/openapi/v3/apis/example.com/v1')
    expect(changed.json.components.schemas['com.example.v1.Gadget'].properties).not.toHaveProperty('spec')
    expect(changed.headers['etag']).not.toBe(told.headers['etag'])
    await admin.send(`${crds}/gadgets.example.com`, { method: 'DELETE' })
    expect((await admin.send(gadgets)).status).toBe(404)
  })

  it.each([
    ['/openapi/v2', 200],
    ['/openapi/v3/apis/none/v1', 404],
    ['/nowhere', 404],
    ['/apis/none.io/v1/things', 404],
    ['/api/v1/namespaces/default/nodes', 404],
  ])('%s is %i', async (path, status) => {
    expect((await admin.send(path)).status).toBe(status)
  })

  it('counts requests', async () => {
    expect((await admin.send('/metrics')).text).toMatch(/apiserver_request_total\{verb="GET",code="200"\} \d+/)
  })
})

/** What was expected, if the text meets it; else the text. */
const met = (text: string, expected: string | RegExp): string | RegExp =>
  expected instanceof RegExp && expected.test(text) ? expected : text

describe('objects', () => {
  it('answers the same over HTTP/1.1', async () => {
    await makeConfigMaps('a')
    const { ca, admin: identity } = world.pki
    const text = await new Promise<string>((resolve, reject) => {
      const options = { ca: ca.certificate, cert: identity.certificate, key: identity.key, ALPNProtocols: ['http/1.1'] }
      getHttp1(`${world.server.url}${configMaps()}/a`, options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve(`${response.httpVersion} ${Buffer.concat(chunks).toString()}`))
      }).on('error', reject)
    })
    expect(text).toBe(`1.1 ${(await admin.send(`${configMaps()}/a`)).text}`)
  })

  it('shows lists as objects, tables and metadata, as JSON and YAML', async () => {
    await makeConfigMaps('a', 'b')
    const list = (await admin.send(configMaps())).json
    expect(list.kind).toBe('ConfigMapList')
    expect(list.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
      'a',
      'b',
      'kube-root-ca.crt',
    ])
    const shown = (await admin.send(configMaps(), { headers: { accept: table } })).json
    expect(shown.metadata.resourceVersion).toBe(list.metadata.resourceVersion)
    expect(shown.rows[0]).toMatchObject({ cells: ['a', 1, '0s'], object: { kind: 'PartialObjectMetadata' } })
    const whole = await admin.send(`${configMaps()}?includeObject=Object`, { headers: { accept: table } })
    expect(whole.json.rows[0].object.data).toEqual({ a: 'b' })
    const partial = await admin.send(configMaps(), {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' },
    })
    expect(partial.json).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ metadata: { name: 'a' } }, {}, {}],
    })
    expect(partial.json.items[0].data).toBeUndefined()
    const yaml = await admin.send(`${configMaps()}/a`, { headers: { accept: 'application/yaml' } })
    expect(yaml.text).toContain('data:\n  a: b\n')
    expect((await admin.send(`${configMaps()}/a?pretty=true`)).text).toContain('\n  "data": {\n    "a": "b"\n  }')
  })

  it('pages a list through one snapshot', async () => {
    await makeConfigMaps('a', 'b', 'c')
    const first = (await admin.send(`${configMaps()}?limit=2`)).json
    expect(first.metadata.remainingItemCount).toBe(2)
    await makeConfigMaps('aa')
    const token = encodeURIComponent(first.metadata.continue)
    const second = (await admin.send(`${configMaps()}?limit=2&continue=${token}`)).json
    expect(second.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
      'c',
      'kube-root-ca.crt',
    ])
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
  })

  it('takes YAML', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: written}\ndata: {a: "1"}\n'
    const answer = await admin.send(configMaps(), { body, headers: { 'content-type': 'application/yaml' } })
    expect([answer.status, answer.json.data]).toEqual([201, { a: '1' }])
  })

  const refused = (text: string): string => `ConfigMap in version "v1" cannot be handled as a ConfigMap: ${text}`
  it.each([
    {
      what: 'a field that comes twice',
      body: '{"metadata":{"name":"x"},"data":{"a":"1","a":"2"}}',
      status: 400,
      message: refused('strict decoding error: duplicate field "data.a"'),
    },
    {
      what: 'an unknown field',
      body: '{"metadata":{"name":"x"},"dat":{}}',
      status: 400,
      message: refused('strict decoding error: unknown field "dat"'),
    },
    {
      what: 'a wrong type',
      body: '{"metadata":{"name":"x"},"data":{"a":1}}',
      status: 400,
      message: refused('json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string'),
    },
    {
      what: 'another version',
      body: '{"apiVersion":"v2","metadata":{"name":"x"}}',
      status: 400,
      message: 'the API version in the data (v2) does not match the expected API version (v1)',
    },
    {
      what: 'no JSON',
      body: '{"a',
      status: 400,
      message: /^the object provided is unrecognized \(must be of type ConfigMap\)/,
    },
    { what: 'nothing', body: '', status: 400, message: /\(empty\)$/ },
    {
      what: 'an unknown dry run',
      query: '&dryRun=Some',
      body: '{"metadata":{"name":"x"}}',
      status: 422,
      message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    },
    { what: 'too much', body: ' '.repeat(3 * 1024 * 1024 + 1), status: 413, message: /^Request entity too large/ },
  ])('refuses $what', async ({ query = '', body, status, message }) => {
    const answer = await admin.send(`${configMaps()}?fieldValidation=Strict${query}`, { body })
    expect(answer.status).toBe(status)
    expect(met(answer.json.message as string, message)).toEqual(message)
  })

  it('warns of unknown fields unless told otherwise, and drops them', async () => {
    const answer = await admin.send(configMaps(), { body: { metadata: { name: 'w' }, dat: {}, data: { a: 'b' } } })
    expect(answer.headers['warning']).toBe('299 - "unknown field \\"dat\\""')
    expect(answer.json).not.toHaveProperty('dat')
  })

  it('refuses bodies and answers of other kinds', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await admin.send(configMaps(), { body: 'a=b', headers })).status).toBe(415)
    expect((await admin.send(configMaps(), { headers: { accept: 'text/html' } })).status).toBe(406)
    expect((await admin.send(configMaps(), { method: 'PUT', body: {} })).status).toBe(405)
  })

  it('reads protobuf by its magic', async () => {
    // TypeMeta{v1, ConfigMap}, then ConfigMap{metadata{name: pb}, data{k: v}}
    const raw = [10, 4, 10, 2, 0x70, 0x62, 18, 6, 10, 1, 0x6b, 18, 1, 0x76]
    const type = [10, 2, 0x76, 0x31, 18, 9, ...Buffer.from('ConfigMap')]
    const body = Uint8Array.from([0x6b, 0x38, 0x73, 0, 10, type.length, ...type, 18, raw.length, ...raw])
    const answer = await admin.send(configMaps(), {
      body,
      headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
    })
    expect(answer.json).toMatchObject({ metadata: { name: 'pb' }, data: { k: 'v' } })
  })

  it('scales through its subresource', async () => {
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    await admin.send(deployments, {
      body: { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } },
    })
    const patched = await admin.send(`${deployments}/d/scale`, {
      method: 'PATCH',
      body: { spec: { replicas: 15 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    })
    expect(patched.json).toMatchObject({ kind: 'Scale', spec: { replicas: 15 }, status: { selector: 'a=b' } })
    expect((await admin.send(`${deployments}/d`)).json.spec.replicas).toBe(15)
    const negative = { ...patched.json, spec: { replicas: -1 } }
    expect((await admin.send(`${deployments}/d/scale`, { method: 'PUT', body: negative })).status).toBe(422)
  })

  it('refuses to connect to containers, and evicts without a Retry-After', async () => {
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const labels = { app: 'x' }
    await admin.send(pods, {
      body: { metadata: { name: 'p', labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    })
    const exec = await admin.send(`${pods}/p/exec?command=ls`, { method: 'POST' })
    expect([exec.status, exec.json.message]).toEqual([400, 'pod p does not have a host assigned'])
    const forward = await admin.send(`${pods}/p/portforward`, { method: 'POST' })
    expect([forward.status, forward.json.reason]).toEqual([501, 'NotImplemented'])

    const headers = { 'content-type': 'application/merge-patch+json' }
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
    await admin.send(`${pods}/p/status`, { method: 'PATCH', body: { status }, headers })
    const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`
    await admin.send(budgets, {
      body: { metadata: { name: 'b' }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
    })
    const observed = {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    }
    await admin.send(`${budgets}/b/status`, { method: 'PATCH', body: { status: observed }, headers })
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } }
    const refusal = await admin.send(`${pods}/p/eviction`, { body: eviction })
    expect(refusal.status).toBe(429)
    expect(refusal.headers['retry-after']).toBeUndefined()
    expect(refusal.json.message).toBe("Cannot evict pod as it would violate the pod's disruption budget.")
    const allowed = { status: { ...observed, disruptionsAllowed: 1 } }
    await admin.send(`${budgets}/b/status`, { method: 'PATCH', body: allowed, headers })
    expect((await admin.send(`${pods}/p/eviction`, { body: eviction })).status).toBe(201)
  })

  it('streams a log while it is written', async () => {
    const pods = `/api/v1/namespaces/${namespace}/pods`
    await admin.send(pods, {
      body: { metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } },
    })
    let write = (_text: string): void => {}
    let stopped = false
    world.api.podLogs = {
      read: (_pod, _options, sink) => {
        write = (text) => sink.chunk(text)
        sink.chunk('first\n')
        return { stop: () => (stopped = true) }
      },
    }
    const { stream, headers } = await admin.open(`${pods}/p/log?follow=true`)
    expect(headers['content-type']).toMatch(/^text\/plain/)
    const lines: string[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      lines.push(chunk.toString())
      if (lines.length === 1) write('second\n')
      else break
    }
    expect(lines).toEqual(['first\n', 'second\n'])
    await expect.poll(() => stopped).toBe(true)
    world.api.podLogs = undefined
  })
})

describe('watches', () => {
  const take = async <T>(events: AsyncGenerator<T>, count: number): Promise<T[]> => {
    const taken: T[] = []
    for await (const event of events) if (taken.push(event) === count) break
    return taken
  }
  const names = (events: readonly { type: string; object: { metadata: { name?: string } } }[]): string[] =>
    events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim())

  it('continues from a version', async () => {
    const { resourceVersion } = (await admin.send(configMaps())).json.metadata
    await makeConfigMaps('a')
    await inside.remove(ConfigMaps, { namespace, name: 'a' })
    await makeConfigMaps('b')
    const events = await take(admin.watch(`${configMaps()}?watch=1&resourceVersion=${resourceVersion}`), 3)
    expect(names(events)).toEqual(['ADDED a', 'DELETED a', 'ADDED b'])
  })

  it('sends the initial state and says where it ends', async () => {
    await makeConfigMaps('a')
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const watch = admin.watch(`${configMaps()}?${query}`)
    const events = await take(watch, 3)
    expect(names(events)).toEqual(['ADDED a', 'ADDED kube-root-ca.crt', 'BOOKMARK'])
    expect(events[2]!.object).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
    })
  })

  it('shows tables, with the columns once', async () => {
    const { resourceVersion } = (await admin.send(configMaps())).json.metadata
    await makeConfigMaps('a', 'b')
    const path = `${configMaps()}?watch=True&resourceVersion=${resourceVersion}`
    const [first, second] = await take(admin.watch(path, { headers: { accept: table } }), 2)
    expect(first!.object.columnDefinitions).toHaveLength(3)
    expect(second!.object).toMatchObject({ kind: 'Table', columnDefinitions: null, rows: [{ cells: ['b', 1, '0s'] }] })
  })

  it('ends when it times out', async () => {
    const began = performance.now()
    expect(await take(admin.watch(`${configMaps()}?watch=1&timeout=300ms&labelSelector=none`), 9)).toEqual([])
    expect(performance.now() - began).toBeGreaterThan(250)
  })

  it('tells of a version that is gone inside of the stream', async () => {
    const small = await serve({ ringCapacity: 3 })
    const client = new WireClient(small)
    try {
      const kube = small.api.client({ name: 'test', groups: [] }, 'test')
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        await kube.create(ConfigMaps, { metadata: { name, namespace: 'default' } })
      }
      const events = await take(client.watch('/api/v1/configmaps?watch=1&resourceVersion=1'), 9)
      expect(events).toHaveLength(1)
      expect(events[0]).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
    } finally {
      client.close()
      await small.close()
    }
  })

  it.each(['sendInitialEvents=true', 'resourceVersionMatch=NotOlderThan&resourceVersion=1'])(
    'refuses %s',
    async (query) => {
      expect((await admin.send(`${configMaps()}?watch=1&${query}`)).status).toBe(422)
    },
  )

  it('delivers everything in order to many at once', async () => {
    const { resourceVersion } = (await admin.send(configMaps())).json.metadata
    const watches = Array.from({ length: 20 }, () =>
      take(admin.watch(`${configMaps()}?watch=1&resourceVersion=${resourceVersion}`), 200),
    )
    const made = Array.from({ length: 200 }, (_, i) => `c${i}`)
    await makeConfigMaps(...made)
    for (const events of await Promise.all(watches)) {
      expect(names(events)).toEqual(made.map((name) => `ADDED ${name}`))
    }
  })

  it('forgets a client that went away', async () => {
    const { api } = world
    const open = new Set<object>()
    const watch = api.watch.bind(api)
    api.watch = (...args) => {
      const subscription = watch(...args)
      const watched = {
        stop: () => {
          open.delete(watched)
          subscription.stop()
        },
      }
      open.add(watched)
      return watched
    }
    try {
      for await (const _ of admin.watch(`${configMaps()}?watch=1&resourceVersion=0`)) {
        expect(open.size).toBe(1)
        break
      }
      await expect.poll(() => open.size).toBe(0)
    } finally {
      // What was laid over the class's own method.
      Reflect.deleteProperty(api, 'watch')
    }
  })

  it('waits for a version that is not there yet', async () => {
    const next = Number(world.api.resourceVersion) + 2
    const reading = admin.send(`${configMaps()}?resourceVersion=${next}`)
    await makeConfigMaps('a', 'b')
    expect((await reading).status).toBe(200)
    const hopeless = await admin.send(`${configMaps()}?resourceVersion=${next + 1000}`)
    expect(hopeless.status).toBe(504)
    expect(hopeless.headers['retry-after']).toBe('1')
  })
})
