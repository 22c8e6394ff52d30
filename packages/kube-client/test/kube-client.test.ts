import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { ConfigMaps, Deployments, ms, Nodes, Pods, type ConfigMap, type Pod } from '@plimsoll/model'
import { SystemClock, VirtualClock, type Clock, type KubeError, type WatchEvent } from '@plimsoll/ports'
import { afterEach, describe, expect, it } from 'vitest'
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../src/index.ts'
import { json, kubeconfigFor, WireServer, type Answer } from './wire-server.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(answer: Answer): Promise<WireServer> {
  const wire = await WireServer.start(answer)
  closing.push(() => wire.stop())
  return wire
}

async function clientOf(text: string, options: Partial<KubeClientOptions> = {}): Promise<KubeClient> {
  const client = await createKubeClient({
    access: { kind: 'text', text },
    userAgent: 'test/1.0',
    qps: 0,
    clock: new SystemClock(),
    ...options,
  })
  closing.push(() => client.close())
  return client
}

/** A clock whose sleeps pass at once, and are remembered. */
function quickClock(): { clock: Clock; slept: number[] } {
  const slept: number[] = []
  const real = new SystemClock()
  const clock: Clock = {
    now: () => real.now(),
    sleep: async (delay) => void slept.push(delay),
    after: (delay, callback) => real.after(delay, callback),
  }
  return { clock, slept }
}

function status(code: number, reason: string, message: string): object {
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code }
}

async function failureOf(promise: Promise<unknown>): Promise<KubeError> {
  return promise.then(
    () => {
      throw new Error('it worked')
    },
    (error: unknown) => error as KubeError,
  )
}

const web = { namespace: 'default', name: 'web-0' }
const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name: 'a' },
  data: { k: 'v' },
}

describe('what goes over the wire', () => {
  const cases: {
    call: string
    run: (kube: KubeClient) => Promise<unknown>
    method: string
    url: string
    contentType?: string
    body?: object
  }[] = [
    { call: 'get', run: (k) => k.get(Pods, web), method: 'GET', url: '/api/v1/namespaces/default/pods/web-0' },
    { call: 'get cluster-wide', run: (k) => k.get(Nodes, { name: 'a/b' }), method: 'GET', url: '/api/v1/nodes/a%2Fb' },
    {
      call: 'list',
      run: (k) => k.list(Deployments, { namespace: 'x', labelSelector: 'a in (b,c)', limit: 5, continue: 'tok=' }),
      method: 'GET',
      url: '/apis/apps/v1/namespaces/x/deployments?labelSelector=a%20in%20(b%2Cc)&limit=5&continue=tok%3D',
    },
    {
      call: 'list of all namespaces',
      run: (k) =>
        k.list(Pods, { fieldSelector: 'spec.nodeName=n', resourceVersion: '5', resourceVersionMatch: 'Exact' }),
      method: 'GET',
      url: '/api/v1/pods?fieldSelector=spec.nodeName%3Dn&resourceVersion=5&resourceVersionMatch=Exact',
    },
    {
      call: 'create',
      run: (k) => k.create(ConfigMaps, configMap, { fieldManager: 'me', dryRun: true }),
      method: 'POST',
      url: '/api/v1/namespaces/default/configmaps?fieldManager=me&dryRun=All',
      contentType: 'application/json',
      body: configMap,
    },
    {
      call: 'replace of a status',
      run: (k) => k.replace(ConfigMaps, configMap as unknown as ConfigMap, { subresource: 'status' }),
      method: 'PUT',
      url: '/api/v1/namespaces/default/configmaps/a/status',
      contentType: 'application/json',
      body: configMap,
    },
    {
      call: 'merge patch',
      run: (k) => k.patch(Pods, web, { type: 'merge', body: { a: null } }),
      method: 'PATCH',
      url: '/api/v1/namespaces/default/pods/web-0',
      contentType: 'application/merge-patch+json',
      body: { a: null },
    },
    {
      call: 'strategic patch',
      run: (k) => k.patch(Nodes, { name: 'n' }, { type: 'strategic', body: {} }, { subresource: 'status' }),
      method: 'PATCH',
      url: '/api/v1/nodes/n/status',
      contentType: 'application/strategic-merge-patch+json',
      body: {},
    },
    {
      call: 'json patch',
      run: (k) => k.patch(Pods, web, { type: 'json', body: [{ op: 'remove', path: '/a' }] }),
      method: 'PATCH',
      url: '/api/v1/namespaces/default/pods/web-0',
      contentType: 'application/json-patch+json',
      body: [{ op: 'remove', path: '/a' }],
    },
    {
      call: 'apply',
      run: (k) => k.apply(ConfigMaps, { metadata: { namespace: 'd', name: 'a' } }, { fieldManager: 'me', force: true }),
      method: 'PATCH',
      url: '/api/v1/namespaces/d/configmaps/a?fieldManager=me&force=true',
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'd', name: 'a' } },
    },
    {
      call: 'remove',
      run: (k) => k.remove(Pods, web, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } }),
      method: 'DELETE',
      url: '/api/v1/namespaces/default/pods/web-0',
      contentType: 'application/json',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
    },
    {
      call: 'removeCollection',
      run: (k) => k.removeCollection(Pods, { namespace: 'x', labelSelector: 'a=b' }, { propagationPolicy: 'Orphan' }),
      method: 'DELETE',
      url: '/api/v1/namespaces/x/pods?labelSelector=a%3Db',
      contentType: 'application/json',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Orphan' },
    },
    {
      call: 'evict',
      run: (k) => k.evict(web, { gracePeriodSeconds: 30 }),
      method: 'POST',
      url: '/api/v1/namespaces/default/pods/web-0/eviction',
      contentType: 'application/json',
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: web,
        deleteOptions: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 30 },
      },
    },
    {
      call: 'bind',
      run: (k) => k.bind({ ...web, uid: 'u' }, 'n1'),
      method: 'POST',
      url: '/api/v1/namespaces/default/pods/web-0/binding',
      contentType: 'application/json',
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { ...web, uid: 'u' },
        target: { apiVersion: 'v1', kind: 'Node', name: 'n1' },
      },
    },
    {
      call: 'readScale',
      run: (k) => k.readScale(Deployments, web),
      method: 'GET',
      url: '/apis/apps/v1/namespaces/default/deployments/web-0/scale',
    },
    {
      call: 'writeScale',
      run: (k) => k.writeScale(Deployments, web, { spec: { replicas: 3 } }),
      method: 'PUT',
      url: '/apis/apps/v1/namespaces/default/deployments/web-0/scale',
      contentType: 'application/json',
      body: { spec: { replicas: 3 } },
    },
  ]

  it.each(cases)('$call', async ({ run, method, url, contentType, body }) => {
    const wire = await serve((_, response) => json(response, 200, { metadata: {}, items: [] }))
    await run(await clientOf(kubeconfigFor(wire.url)))
    const [request] = wire.received
    expect({ method: request!.method, url: request!.url }).toEqual({ method, url })
    expect(request!.headers['content-type']).toBe(contentType)
    expect(request!.body === '' ? undefined : JSON.parse(request!.body)).toEqual(body)
    expect(request!.headers.authorization).toBe('Bearer t0ken')
    expect(request!.headers['user-agent']).toBe('test/1.0')
  })

  it('keeps the path of a server behind a proxy', async () => {
    const wire = await serve((_, response) => json(response, 200, {}))
    await (await clientOf(kubeconfigFor(`${wire.url}/k8s/clusters/x/`))).get(Nodes, { name: 'n' })
    expect(wire.received[0]!.url).toBe('/k8s/clusters/x/api/v1/nodes/n')
  })

  it('says what the items of a list are', async () => {
    const wire = await serve((_, response) =>
      json(response, 200, {
        kind: 'PodList',
        metadata: { resourceVersion: '7', continue: 'more', remainingItemCount: 3 },
        items: [{ metadata: { name: 'a' } }],
      }),
    )
    expect(await (await clientOf(kubeconfigFor(wire.url))).list(Pods)).toEqual({
      items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: 'more',
      remainingItemCount: 3,
    })
  })
})

describe('failures', () => {
  it.each([
    [404, 'NotFound', 'notFound'],
    [409, 'AlreadyExists', 'alreadyExists'],
    [409, 'Conflict', 'conflict'],
    [410, 'Expired', 'gone'],
    [410, 'Gone', 'gone'],
    [422, 'Invalid', 'invalid'],
    [400, 'BadRequest', 'badRequest'],
    [403, 'Forbidden', 'forbidden'],
    [405, 'MethodNotAllowed', 'methodNotAllowed'],
    [406, 'NotAcceptable', 'notAcceptable'],
    [413, 'RequestEntityTooLarge', 'tooLarge'],
    [415, 'UnsupportedMediaType', 'unsupportedMediaType'],
    [429, 'TooManyRequests', 'tooManyRequests'],
    [500, 'InternalError', 'internal'],
    [503, 'ServiceUnavailable', 'unavailable'],
    [504, 'Timeout', 'timeout'],
    [500, 'ServerTimeout', 'timeout'],
    [409, 'SomethingNew', 'conflict'],
  ])('%s %s is %s', async (code, reason, failure) => {
    const wire = await serve((_, response) => json(response, code, status(code, reason, 'because')))
    const error = await failureOf((await clientOf(kubeconfigFor(wire.url))).get(Pods, web))
    expect([error.failure, error.message, error.status.reason]).toEqual([failure, 'because', reason])
    expect(wire.received).toHaveLength(1)
  })

  it('says which request was answered by something else than Kubernetes', async () => {
    const wire = await serve((_, response) => {
      response.writeHead(502)
      response.end('<html>Bad gateway\n</html>')
    })
    const error = await failureOf((await clientOf(kubeconfigFor(wire.url))).get(Nodes, { name: 'n' }))
    expect(error.failure).toBe('unavailable')
    expect(error.message).toBe(`GET ${wire.url}/api/v1/nodes/n: the server answered 502: <html>Bad gateway`)
  })

  it('names the server that refuses the connection', async () => {
    const wire = await WireServer.start(() => {})
    await wire.stop()
    const url = 'http://127.0.0.1:9'
    const error = await failureOf((await clientOf(kubeconfigFor(url))).get(Nodes, { name: 'n' }))
    expect(error.failure).toBe('unavailable')
    expect(error.message).toBe(`GET ${url}/api/v1/nodes/n: 127.0.0.1:9: connection refused`)
  })

  it('gives up when no answer comes in time', async () => {
    const wire = await serve(() => {})
    const client = await clientOf(kubeconfigFor(wire.url), { requestTimeout: ms(30) })
    const error = await failureOf(client.get(Nodes, { name: 'n' }))
    expect(error.failure).toBe('unavailable')
    expect(error.message).toContain('no answer in time')
  })

  it('gives up when the caller does', async () => {
    const wire = await serve(() => {})
    const client = await clientOf(kubeconfigFor(wire.url))
    const stop = new AbortController()
    const failing = failureOf(client.create(ConfigMaps, configMap, { signal: stop.signal }))
    setTimeout(() => stop.abort(new Error('shutting down')), 20)
    expect((await failing).message).toContain('given up: shutting down')
  })
})

describe('retries', () => {
  it.each([429, 500, 503, 504])('waits as told when %s comes with Retry-After', async (code) => {
    const wire = await serve((_, response) => {
      if (wire.received.length <= 2) json(response, code, status(code, '', 'later'), { 'retry-after': '7' })
      else json(response, 200, { metadata: { name: 'n' } })
    })
    const { clock, slept } = quickClock()
    const client = await clientOf(kubeconfigFor(wire.url), { clock })
    expect(await client.get(Nodes, { name: 'n' })).toEqual({ metadata: { name: 'n' } })
    expect(slept).toEqual([7000, 7000])
  })

  it('gives up after ten retries', async () => {
    const wire = await serve((_, response) => json(response, 503, status(503, '', 'later'), { 'retry-after': '1' }))
    const { clock, slept } = quickClock()
    const error = await failureOf((await clientOf(kubeconfigFor(wire.url), { clock })).get(Nodes, { name: 'n' }))
    expect([error.failure, wire.received.length, slept.length]).toEqual(['unavailable', 11, 10])
  })

  it('takes the bare 429 of an eviction as the answer', async () => {
    const wire = await serve((_, response) => json(response, 429, status(429, 'TooManyRequests', 'budget')))
    const { clock, slept } = quickClock()
    const error = await failureOf((await clientOf(kubeconfigFor(wire.url), { clock })).evict(web))
    expect([error.failure, error.message, wire.received.length, slept]).toEqual(['tooManyRequests', 'budget', 1, []])
  })

  it('reads again over a broken connection, but does not write again', async () => {
    const wire = await serve((_, response) => {
      if (wire.received.length % 2 === 1) response.socket!.destroy()
      else json(response, 200, { metadata: { name: 'n' } })
    })
    const client = await clientOf(kubeconfigFor(wire.url))
    await client.get(Nodes, { name: 'n' })
    expect(wire.received.map(({ method }) => method)).toEqual(['GET', 'GET'])
    const error = await failureOf(client.create(ConfigMaps, configMap))
    expect(error.failure).toBe('unavailable')
    expect(wire.received.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST'])
  })

  it('keeps to its rate: a burst at once, then so many a second', async () => {
    const wire = await serve((_, response) => json(response, 200, {}))
    const { clock, slept } = quickClock()
    const client = await clientOf(kubeconfigFor(wire.url), { clock, qps: 5, burst: 3 })
    await Promise.all([1, 2, 3, 4, 5].map(() => client.get(Nodes, { name: 'n' })))
    expect(slept).toHaveLength(2)
    expect(slept[0]! / 100).toBeCloseTo(2, 0)
    expect(slept[1]! / 100).toBeCloseTo(4, 0)
  })
})

describe('watches', () => {
  const pod = (name: string, resourceVersion: string): Pod => ({ metadata: { name, resourceVersion } }) as Pod
  const lineOf = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`

  async function watch(
    chunks: (write: (chunk: string | Buffer) => void, response: ServerResponse) => void,
    options = {},
  ): Promise<{ wire: WireServer; events: WatchEvent<Pod>[]; ended: Promise<KubeError | undefined>; stop: () => void }> {
    const wire = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      chunks((chunk) => response.write(chunk), response)
    })
    const client = await clientOf(kubeconfigFor(wire.url))
    const events: WatchEvent<Pod>[] = []
    let onEnd: (error: KubeError | undefined) => void
    const ended = new Promise<KubeError | undefined>((resolve) => (onEnd = resolve))
    const subscription = await client.watch(Pods, options, {
      event: (e) => events.push(e),
      end: (error) => onEnd(error),
    })
    return { wire, events, ended, stop: () => subscription.stop() }
  }

  it('asks as the reflector does', async () => {
    const { wire } = await watch(() => {}, { namespace: 'x', resourceVersion: '12', allowBookmarks: true })
    expect(wire.received[0]!.url).toBe(
      '/api/v1/namespaces/x/pods?watch=1&resourceVersion=12&allowWatchBookmarks=true&timeoutSeconds=300',
    )
  })

  it('asks for a streaming list', async () => {
    const { wire } = await watch(() => {}, { sendInitialEvents: true })
    expect(wire.received[0]!.url).toBe(
      '/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=300',
    )
  })

  it('is established before any event', async () => {
    const { events } = await watch(() => {})
    expect(events).toEqual([])
  })

  it('puts lines and characters together however they are cut, and ends as the server ends', async () => {
    const text =
      lineOf('ADDED', pod('größe', '1')) +
      lineOf('MODIFIED', pod('b', '2')) +
      lineOf('DELETED', pod('b', '3')) +
      lineOf('BOOKMARK', { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } }) +
      lineOf('BOOKMARK', { metadata: { resourceVersion: '10' } })
    const { events, ended } = await watch((write, response) => {
      const bytes = Buffer.from(text)
      let at = 0
      const step = (): void => {
        if (at >= bytes.length) return void response.end()
        write(bytes.subarray(at, (at += 7)))
        setImmediate(step)
      }
      step()
    })
    expect(await ended).toBeUndefined()
    expect(events).toEqual([
      { type: 'ADDED', object: pod('größe', '1') },
      { type: 'MODIFIED', object: pod('b', '2') },
      { type: 'DELETED', object: pod('b', '3') },
      { type: 'BOOKMARK', resourceVersion: '9', initialEventsEnd: true },
      { type: 'BOOKMARK', resourceVersion: '10', initialEventsEnd: false },
    ])
  })

  it('ends as gone when the server says so in the stream, after the events before', async () => {
    const { events, ended } = await watch((write) =>
      write(
        lineOf('ADDED', pod('a', '1')) + lineOf('ERROR', status(410, 'Expired', 'too old resource version: 1 (5)')),
      ),
    )
    const error = await ended
    expect([error!.failure, error!.message]).toEqual(['gone', 'too old resource version: 1 (5)'])
    expect(events).toHaveLength(1)
  })

  it('ends as unavailable when the connection is lost', async () => {
    const { events, ended } = await watch((write, response) => {
      write(lineOf('ADDED', pod('a', '1')))
      setTimeout(() => response.socket!.destroy(), 10)
    })
    expect((await ended)!.failure).toBe('unavailable')
    expect((await ended)!.message).toMatch(/^watch of 127\.0\.0\.1:\d+: connection lost$/)
    expect(events).toHaveLength(1)
  })

  it('ends as unavailable when a line is garbled', async () => {
    const { ended } = await watch((write) => write('{"type":"ADD\n'))
    expect((await ended)!.failure).toBe('unavailable')
  })

  it('says nothing more once stopped', async () => {
    let more: () => void
    const { events, ended, stop } = await watch((write) => {
      more = () => write(lineOf('ADDED', pod('a', '1')))
    })
    stop()
    stop()
    more!()
    const silence = new Promise((resolve) => setTimeout(resolve, 30)).then(() => 'silence')
    expect(await Promise.race([ended, silence])).toBe('silence')
    expect(events).toEqual([])
  })

  it('says nothing more once stopped from within an event', async () => {
    let write: (chunk: string) => void
    const wire = await serve((_, response) => {
      response.writeHead(200).flushHeaders()
      write = (chunk) => response.write(chunk)
    })
    const client = await clientOf(kubeconfigFor(wire.url))
    const names: string[] = []
    const subscription = await client.watch(
      Pods,
      {},
      {
        event: (event) => {
          if (event.type !== 'BOOKMARK') names.push(event.object.metadata.name)
          subscription.stop()
        },
        end: () => names.push('end'),
      },
    )
    write!(lineOf('ADDED', pod('a', '1')) + lineOf('ADDED', pod('b', '2')))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(names).toEqual(['a'])
  })

  it.each([
    [410, 'Expired', 'gone'],
    [403, 'Forbidden', 'forbidden'],
  ])('rejects when the answer is %s', async (code, reason, failure) => {
    const wire = await serve((_, response) => json(response, code, status(code, reason, 'no')))
    const client = await clientOf(kubeconfigFor(wire.url))
    const error = await failureOf(client.watch(Pods, {}, { event: () => {}, end: () => {} }))
    expect(error.failure).toBe(failure)
  })
})

describe('access', () => {
  it.each([
    {
      when: 'the file is missing',
      access: { kind: 'file', path: '/nowhere/config' } as const,
      message: 'kubeconfig /nowhere/config: no such file',
    },
    {
      when: 'the context is unknown',
      access: { kind: 'text', text: kubeconfigFor('https://x'), context: 'prod' } as const,
      message: 'kubeconfig: no context "prod"; it has main',
    },
    {
      when: 'there is no context',
      access: { kind: 'text', text: '{}' } as const,
      message: 'kubeconfig: no current-context; it has none',
    },
    {
      when: 'the cluster is unknown',
      access: {
        kind: 'text',
        text: 'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]',
      } as const,
      message: 'kubeconfig: context "a" names cluster "c"; it has none',
    },
    {
      when: 'the server is no URL',
      access: { kind: 'text', text: kubeconfigFor('localhost:6443') } as const,
      message: 'kubeconfig: cluster "c" has server localhost:6443: expected an http or https URL',
    },
    {
      when: 'the text is no YAML',
      access: { kind: 'text', text: 'a: [' } as const,
      message: /^kubeconfig: [^\n]+$/,
    },
  ])('says in one line when $when', async ({ access, message }) => {
    await expect(
      createKubeClient({ access, userAgent: 't', clock: new VirtualClock({ start: ms(0) }) }),
    ).rejects.toThrow(message)
  })

  it('knows the server and the namespace of the context', async () => {
    const client = await clientOf(kubeconfigFor('https://example.test:6443'))
    expect([client.server, client.namespace]).toEqual(['https://example.test:6443', 'work'])
  })

  it('runs an exec plugin for the token, and again when the token is refused', async () => {
    const config = join(temporaryFolder(), 'config')
    // Each run gives another token; the first one is refused.
    const script = `
      const fs = require('node:fs'), path = ${JSON.stringify(`${config}.count`)}
      const n = fs.existsSync(path) ? Number(fs.readFileSync(path)) + 1 : 1
      fs.writeFileSync(path, String(n))
      const { apiVersion } = JSON.parse(process.env.KUBERNETES_EXEC_INFO)
      console.log(JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: 'token-' + n, expirationTimestamp: '2999-01-01T00:00:00Z' } }))`
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] }
    const wire = await serve((request, response) =>
      request.headers.authorization === 'Bearer token-2'
        ? json(response, 200, { metadata: { name: 'n' } })
        : json(response, 401, status(401, 'Unauthorized', 'Unauthorized')),
    )
    writeFileSync(config, kubeconfigFor(wire.url, { exec }))
    const client = await clientOf('', { access: { kind: 'file', path: config } })
    await client.get(Nodes, { name: 'n' })
    await client.get(Nodes, { name: 'n' })
    expect(wire.received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
      'Bearer token-2',
    ])
  })

  it('reports a token that stays refused', async () => {
    const wire = await serve((_, response) => json(response, 401, status(401, 'Unauthorized', 'Unauthorized')))
    const error = await failureOf((await clientOf(kubeconfigFor(wire.url))).get(Nodes, { name: 'n' }))
    expect([error.failure, wire.received.length]).toEqual(['unauthorized', 1])
  })

  it('reports a plugin that fails', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/nowhere/plugin' }
    const error = await failureOf((await clientOf(kubeconfigFor('https://x', { exec }))).get(Nodes, { name: 'n' }))
    expect(error.failure).toBe('unauthorized')
    expect(error.message).toBe('kubeconfig: getting credentials: spawn /nowhere/plugin ENOENT')
  })

  it.each([
    { user: { username: 'a', password: 'b' }, authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
    { user: {}, authorization: undefined },
  ])('sends what the user entry says: $user', async ({ user, authorization }) => {
    const wire = await serve((_, response) => json(response, 200, {}))
    await (await clientOf(kubeconfigFor(wire.url, user))).get(Nodes, { name: 'n' })
    expect(wire.received[0]!.headers.authorization).toBe(authorization)
  })

  it('reads a token from its file, named beside the kubeconfig', async () => {
    const folder = temporaryFolder()
    const wire = await serve((_, response) => json(response, 200, {}))
    writeFileSync(join(folder, 'token'), 'from-file\n')
    writeFileSync(join(folder, 'config'), kubeconfigFor(wire.url, { tokenFile: 'token' }))
    const client = await clientOf('', { access: { kind: 'file', path: join(folder, 'config') } })
    await client.get(Nodes, { name: 'n' })
    expect(wire.received[0]!.headers.authorization).toBe('Bearer from-file')
  })

  it('merges the files of $KUBECONFIG, the first word counting, and passes over missing ones', async () => {
    const folder = temporaryFolder()
    const [first, second] = ['https://first:1', 'https://second:2'].map((server) => kubeconfigFor(server))
    writeFileSync(join(folder, 'a'), first!)
    writeFileSync(join(folder, 'b'), second!.replaceAll('"main"', '"other"').replaceAll('"c"', '"c2"'))
    const list = [join(folder, 'missing'), join(folder, 'a'), join(folder, 'b')].join(delimiter)
    await withEnvironment({ KUBECONFIG: list }, async () => {
      expect((await clientOf('', { access: { kind: 'file' } })).server).toBe('https://first:1')
      expect((await clientOf('', { access: { kind: 'file', context: 'other' } })).server).toBe('https://second:2')
    })
    await withEnvironment({ KUBECONFIG: join(folder, 'missing') }, async () => {
      await expect(clientOf('', { access: { kind: 'file' } })).rejects.toThrow(
        `kubeconfig ${join(folder, 'missing')} ($KUBECONFIG): no such file`,
      )
    })
  })

  it('says that it is in no pod', async () => {
    await withEnvironment({ KUBERNETES_SERVICE_HOST: undefined }, async () => {
      await expect(clientOf('', { access: { kind: 'inCluster' } })).rejects.toThrow(
        'no access to a cluster; this is no pod either: no $KUBERNETES_SERVICE_HOST with ' +
          '/var/run/secrets/kubernetes.io/serviceaccount/token',
      )
    })
  })

  it('goes through the proxy of the cluster entry', async () => {
    const wire = await serve((_, response) => json(response, 200, {}))
    const asked: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request, socket) => {
      asked.push(request.url!)
      const [host, port] = request.url!.split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    closing.push(() => proxy.close())
    const { port } = proxy.address() as AddressInfo
    const config = JSON.parse(kubeconfigFor(wire.url)) as { clusters: { cluster: Record<string, string> }[] }
    config.clusters[0]!.cluster['proxy-url'] = `http://127.0.0.1:${port}`
    await (await clientOf(JSON.stringify(config))).get(Nodes, { name: 'n' })
    expect(asked).toEqual([wire.url.slice('http://'.length)])
    expect(wire.received).toHaveLength(1)
  })
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-client-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function withEnvironment(
  values: { [name: string]: string | undefined },
  run: () => Promise<void>,
): Promise<void> {
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  for (const [name, value] of Object.entries(values)) set(name, value)
  try {
    await run()
  } finally {
    for (const [name, value] of before) set(name, value)
  }
}
