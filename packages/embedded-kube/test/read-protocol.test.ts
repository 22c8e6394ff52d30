// What kube-apiserver 1.35 answers to reads that are right and to reads that are wrong, request by request.
import { ConfigMaps, Namespaces } from '@plimsoll/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type TestServer } from './serve.ts'
import { WireClient, type Answer } from './wire-client.ts'

let world: TestServer
let admin: WireClient

beforeAll(async () => {
  world = await serve()
  admin = new WireClient(world)
  const inside = world.api.client({ name: 'test', groups: [] }, 'test')
  await inside.create(Namespaces, { metadata: { name: 'a-read' } })
  for (let i = 0; i < 5; i++) {
    const labels = { n: String(i), even: String(i % 2 === 0) }
    await inside.create(ConfigMaps, { metadata: { name: `c${i}`, namespace: 'a-read', labels }, data: { a: 'b' } })
  }
})
afterAll(async () => {
  admin.close()
  await world.close()
})

const configMaps = '/api/v1/namespaces/a-read/configmaps'

/** Method, path, what is accepted, status, and the message of a Status or of a page that is not there. */
const rows: readonly (readonly [string, string, string | undefined, number, string])[] = [
  ['GET', '/api/v1/namespaces/a-read/configmaps', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=Exact',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=NotOlderThan',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=Bad',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Unsupported value: "Bad": supported values: "Exact", "NotOlderThan", ""]',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=Bad&resourceVersion=1',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Bad": supported values: "Exact", "NotOlderThan", ""',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=Exact&resourceVersion=0',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersionMatch=NotOlderThan&resourceVersion=0',
    undefined,
    200,
    '',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?resourceVersion=0', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps?resourceVersion=1', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersion=abc',
    undefined,
    400,
    'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?resourceVersion=-1',
    undefined,
    400,
    'invalid resource version: resourceVersion: Invalid value: "-1": strconv.ParseUint: parsing "-1": invalid syntax',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?continue=abc',
    undefined,
    400,
    "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?continue=', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?limit=abc',
    undefined,
    400,
    'strconv.ParseInt: parsing "abc": invalid syntax',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?limit=-1', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps?limit=0', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?continue=abc&resourceVersion=5',
    undefined,
    400,
    "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?continue=abc&resourceVersionMatch=Exact',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided]',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?continue=abc&resourceVersionMatch=Exact&resourceVersion=5',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?sendInitialEvents=true',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?sendInitialEvents=false',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?timeoutSeconds=abc',
    undefined,
    400,
    'strconv.ParseInt: parsing "abc": invalid syntax',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?timeout=abc',
    undefined,
    400,
    'invalid timeout specified in the request URL - time: invalid duration "abc"',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?timeout=5s', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?labelSelector=a%20b',
    undefined,
    400,
    "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?labelSelector=a,,b',
    undefined,
    400,
    "found ',', expected: identifier after ','",
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?labelSelector=n%3E1', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?fieldSelector=foo%3Dbar',
    undefined,
    400,
    '"foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?fieldSelector=metadata.name',
    undefined,
    400,
    "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?fieldSelector=metadata.name%3D%3Dc1', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?fieldSelector=a%3Db%5C',
    undefined,
    400,
    'invalid field selector: invalid escape sequence: \\',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?fieldSelector=a%3Db%5Cx',
    undefined,
    400,
    'invalid field selector: invalid escape sequence: \\x',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?fieldSelector=metadata.name%3Da%3Db',
    undefined,
    400,
    'invalid field selector: unescaped character in value: 61',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps?fieldSelector=,', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps?fieldSelector=%21%3D', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps?watch=false', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps?unknown=x', undefined, 200, ''],
  ['GET', '/api/v1/namespaces/a-read/configmaps/c1?resourceVersion=0', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps/c1?resourceVersion=abc',
    undefined,
    500,
    'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps/c1?resourceVersionMatch=Exact', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps/c1?timeout=abc',
    undefined,
    400,
    'invalid timeout specified in the request URL - time: invalid duration "abc"',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps/c1?watch=1', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&resourceVersion=abc',
    undefined,
    500,
    'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&resourceVersionMatch=Exact',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&resourceVersionMatch=NotOlderThan',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=Exact',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=false',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&continue=x',
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?watch=1&timeoutSeconds=1&labelSelector=!',
    undefined,
    400,
    "unable to parse requirement: found '', expected: identifier",
  ],
  ['GET', '/api/v1/foos', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v2/pods', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v2', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/apis/none', undefined, 404, '404 page not found\n'],
  ['GET', '/apis/none/v1', undefined, 404, '404 page not found\n'],
  ['GET', '/apis/none/v1/pods', undefined, 404, '404 page not found\n'],
  ['GET', '/apis/apps/v2', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/apis/apps/v2/deployments', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/apis/apps/v1/pods', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/pods/p0', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces/a-read/nodes', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces//configmaps', undefined, 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps/c1/status',
    undefined,
    404,
    'the server could not find the requested resource',
  ],
  ['GET', '/api/v1/namespaces/a-read/configmaps/none', undefined, 404, 'configmaps "none" not found'],
  ['GET', '/api/v1/namespaces/none/configmaps', undefined, 200, ''],
  ['GET', '/api/v1/bindings', undefined, 404, 'the server could not find the requested resource'],
  [
    'GET',
    '/api/v1/namespaces/a-read/bindings',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  [
    'GET',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  ['GET', '/api/v1/watch/foo', undefined, 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/watch/namespaces/a-read/configmaps/c1?timeoutSeconds=1', undefined, 200, ''],
  ['GET', '/foo', undefined, 404, '404 page not found\n'],
  ['GET', '/healthz/none', undefined, 404, '404 page not found\n'],
  ['GET', '/readyz/etcd', undefined, 200, ''],
  ['GET', '/livez?verbose&exclude=ping', undefined, 200, ''],
  ['GET', '/api/v1/pods?fieldSelector=spec.foo=1', undefined, 400, 'field label not supported: spec.foo'],
  [
    'GET',
    '/apis/apps/v1/replicasets?fieldSelector=status.replicas=1',
    undefined,
    400,
    '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ],
  ['GET', '/apis/batch/v1/jobs?fieldSelector=foo=1', undefined, 400, 'field label "foo" not supported for Job'],
  ['GET', '/api/v1/services?fieldSelector=spec.clusterIP=None', undefined, 200, ''],
  ['GET', '/api/v1/services?fieldSelector=foo=x', undefined, 400, 'field label not supported: foo'],
  ['GET', '/api/v1/pods?fieldSelector=spec.host=x', undefined, 200, ''],
  [
    'GET',
    '/api/v1/nodes?fieldSelector=metadata.namespace=x',
    undefined,
    400,
    'field label not supported: metadata.namespace',
  ],
  ['GET', '/apis/events.k8s.io/v1/events?fieldSelector=regarding.kind=Pod', undefined, 200, ''],
  ['GET', '/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.driver=x', undefined, 200, ''],
  [
    'PUT',
    '/api/v1/namespaces/a-read/configmaps',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  [
    'PATCH',
    '/api/v1/namespaces/a-read/configmaps',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  [
    'OPTIONS',
    '/api/v1/namespaces/a-read/configmaps',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  ['HEAD', '/api/v1/namespaces/a-read/configmaps', undefined, 405, ''],
  [
    'POST',
    '/api/v1/namespaces/a-read/configmaps/c1',
    undefined,
    405,
    'the server does not allow this method on the requested resource',
  ],
  ['HEAD', '/api/v1/namespaces/a-read/configmaps/c1', undefined, 405, ''],
  ['DELETE', '/api/v1/namespaces', undefined, 405, 'the server does not allow this method on the requested resource'],
  ['GET', '/api/v1/namespaces/a-read/configmaps', 'application/vnd.kubernetes.protobuf,application/json', 200, ''],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps',
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    406,
    'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps/c1',
    'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    406,
    'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)',
  ],
  [
    'GET',
    '/api/v1/namespaces/a-read/configmaps?includeObject=Bad',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    400,
    "Unable to convert to Table as requested: includeObject: Invalid value: \"Bad\": must be 'Metadata', 'Object', 'None', or empty",
  ],
]

function messageOf({ headers, text, status }: Answer): string {
  if (!String(headers['content-type']).startsWith('application/json')) return status === 404 ? text : ''
  const [first = ''] = text.split('\n')
  const body = first === '' ? {} : (JSON.parse(first) as { kind?: string; message?: string })
  return body.kind === 'Status' ? (body.message ?? '') : ''
}

describe('reads', () => {
  it.each(rows)('%s %s %s', async (method, path, accept, status, message) => {
    const headers = accept === undefined ? {} : { accept }
    const answer = await admin.send(path, { method, headers })
    expect({ status: answer.status, message: method === 'HEAD' ? '' : messageOf(answer) }).toEqual({ status, message })
  })

  it('lists without the type of each item, a get with it', async () => {
    const { json } = await admin.send(configMaps)
    expect(json).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' })
    expect(Object.keys(json.items[0])).toEqual(['metadata', 'data'])
    expect((await admin.send(`${configMaps}/c1`)).json).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' })
  })

  it.each([
    ['n notin (1,2),even', ['c0', 'c3', 'c4']],
    ['n>1,even=true', ['c2', 'c4']],
    ['!even', ['kube-root-ca.crt']],
    ['a=,b in ()', []],
  ])('selects %s', async (selector, names) => {
    const { json } = await admin.send(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)
    expect(json.items.map((item: Answer['json']) => item.metadata.name)).toEqual(names)
  })

  it('lists what there was at an exact version', async () => {
    const { json: before } = await admin.send(configMaps)
    const { resourceVersion } = before.metadata
    await admin.send(`${configMaps}/c4`, { method: 'DELETE' })
    await admin.send(configMaps, { body: { metadata: { name: 'later' } } })
    await admin.send(`${configMaps}/c0`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { data: { a: 'c' } },
    })
    const exact = `${configMaps}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`
    expect((await admin.send(exact)).json).toEqual(before)
    const { json: page } = await admin.send(`${exact}&limit=2`)
    expect(page.metadata).toMatchObject({ resourceVersion, remainingItemCount: before.items.length - 2 })
    const { json: rest } = await admin.send(`${configMaps}?limit=9&continue=${page.metadata.continue}`)
    expect([...page.items, ...rest.items]).toEqual(before.items)
    expect((await admin.send(`${configMaps}/later`, { method: 'DELETE' })).status).toBe(200)
    await admin.send(configMaps, { body: { metadata: { name: 'c4', labels: { n: '4', even: 'true' } } } })
  })

  it('goes on with a page whose list is forgotten, with what there is now', async () => {
    const forgotten = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: 3, start: 'a-read/c1\u0000' }))
    const { status, json } = await admin.send(`${configMaps}?limit=2&continue=${forgotten.toString('base64url')}`)
    expect({ status, reason: json.reason }).toEqual({ status: 410, reason: 'Expired' })
    const { json: page } = await admin.send(`${configMaps}?limit=2&continue=${json.metadata.continue}`)
    expect(page.items.map((item: Answer['json']) => item.metadata.name)).toEqual(['c2', 'c3'])
  })

  it('waits for a version that may come, then says that it is too large', async () => {
    const { status, json, headers } = await admin.send(`${configMaps}?resourceVersion=99999999`)
    expect({ status, message: json.message }).toEqual({
      status: 504,
      message: expect.stringMatching(/^Timeout: Too large resource version: 99999999, current: \d+$/) as string,
    })
    expect(headers['retry-after']).toBe('1')
  })

  it('warns of what is deprecated, and is pretty for people', async () => {
    const { headers } = await admin.send('/api/v1/endpoints')
    expect(headers['warning']).toBe(
      '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
    )
    const { text } = await admin.send(`${configMaps}/c1`, { headers: { 'user-agent': 'curl/8.5.0' } })
    expect(text).toMatch(/^\{\n {2}"/)
    expect((await admin.send(`${configMaps}/c1`)).text).not.toContain('\n ')
  })
})
