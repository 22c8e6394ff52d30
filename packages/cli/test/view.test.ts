// The viewer on an embedded API server in process and in virtual time: what it reads, and how it bears a server that goes
// away.
import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { ms, Nodes, Pods, seconds, type KubeObject, type ObjectKey, type ResourceType } from '@plimsoll/model'
import {
  KubeError,
  SeededRandom,
  VirtualClock,
  type KubeApi,
  type KubeList,
  type KubeReader,
  type ListOptions,
  type Subscription,
  type WatchOptions,
  type WatchSink,
} from '@plimsoll/ports'
import { readSettings, settle, viewLive, viewOnce, type FlagValues, type TerminalPort } from '@plimsoll/terminal'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { announceInstance, claimInstance, instancePaths } from '../src/instance.ts'
import { chooseAccess } from '../src/view/access.ts'
import { attribution } from '../src/view/attribution.ts'
import { cataloguePrices } from '../src/view/catalogue-prices.ts'
import { colourDepth } from '../src/view/process-terminal.ts'

/** A server that can be away. */
class AbsentReader implements KubeReader {
  away: KubeError | undefined
  readonly #kube: KubeReader
  readonly #watches = new Set<(error: KubeError) => void>()

  constructor(kube: KubeReader) {
    this.#kube = kube
  }

  leave(kind: KubeError['failure'] = 'unavailable'): void {
    this.away = new KubeError(kind, { message: 'connection refused' })
    for (const end of this.#watches) end(this.away)
    this.#watches.clear()
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#kube.get(type, key)
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>> {
    if (this.away !== undefined) throw this.away
    return this.#kube.list(type, options)
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    sink: WatchSink<T>,
  ): Promise<Subscription> {
    if (this.away !== undefined) throw this.away
    const watch = await this.#kube.watch(type, options, sink)
    const end = (error: KubeError): void => {
      watch.stop()
      sink.end(error)
    }
    this.#watches.add(end)
    return {
      stop: () => {
        this.#watches.delete(end)
        watch.stop()
      },
    }
  }
}

function laboratory() {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-03-01T12:00:00Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('view') })
  bootstrap(server)
  const kube = server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'test/1')
  return { clock, kube, reader: new AbsentReader(kube) }
}

async function addNode(kube: KubeApi, name: string, labels: { readonly [key: string]: string } = {}): Promise<void> {
  await kube.create(Nodes, { metadata: { name, labels }, spec: {} })
  await kube.patch(
    Nodes,
    { name },
    {
      type: 'merge',
      body: {
        status: {
          allocatable: { cpu: '2', memory: '4Gi', pods: '17' },
          conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-03-01T12:00:00Z' }],
        },
      },
    },
    { subresource: 'status' },
  )
}

async function addPod(kube: KubeApi, name: string, nodeName: string | undefined, cpu: string): Promise<void> {
  await kube.create(Pods, {
    metadata: { name, namespace: 'default' },
    spec: {
      ...(nodeName === undefined ? {} : { nodeName }),
      containers: [{ name: 'main', image: 'x', resources: { requests: { cpu } } }],
    },
  })
}

interface CustomResourceDefinition extends KubeObject {
  readonly spec: object
}
const CustomResourceDefinitions: ResourceType<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
interface NodeClaim extends KubeObject {
  readonly status?: object
}
const NodeClaims: ResourceType<NodeClaim> = {
  group: 'karpenter.sh',
  version: 'v1',
  plural: 'nodeclaims',
  kind: 'NodeClaim',
  namespaced: false,
}

function settingsOf(given: Partial<FlagValues>) {
  const read = readSettings(settle(given, {}, {}))
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  return read.settings
}

const plain = { form: 'table', width: Infinity, colours: 'none' } as const
const spot = {
  'node.kubernetes.io/instance-type': 'm5.large',
  'karpenter.sh/capacity-type': 'spot',
  'topology.kubernetes.io/region': 'us-east-1',
}

describe('viewOnce', () => {
  it('counts pods on the selected nodes only', async () => {
    const { clock, kube } = laboratory()
    await addNode(kube, 'a', { team: 'red' })
    await addNode(kube, 'b', spot)
    await addPod(kube, 'one', 'a', '500m')
    await addPod(kube, 'two', 'b', '1')
    await addPod(kube, 'three', undefined, '1')
    const viewer = { kube, clock, prices: cataloguePrices() }
    const all = await viewOnce({ ...viewer, settings: settingsOf({}), ...plain })
    expect(all).toMatch(/^2 nodes \( +1500m\/4\) +37\.5% cpu .* \$0\.034\/hour \| \$24\.528\/month\n/)
    expect(all).toContain('\n3 pods (3 pending 0 running 2 bound) • estimated prices • 1 node without price\n')
    expect(all).toMatch(/\nb cpu █+░+ +50% \(1\/17 pods\) m5\.large\/\$0\.0336 Spot - Ready\n/)
    const red = await viewOnce({ ...viewer, settings: settingsOf({ 'node-selector': 'team=red' }), ...plain })
    expect(red).toMatch(/^1 node /)
    expect(red).toContain('\n1 pod (1 pending 0 running 1 bound)')
  })

  it('shows a machine that Karpenter has launched', async () => {
    const { clock, kube } = laboratory()
    const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const viewer = { kube, clock, prices: cataloguePrices(), settings: settingsOf({}), ...plain }
    expect(await viewOnce(viewer)).toContain('no nodes found')
    await kube.create(CustomResourceDefinitions, {
      metadata: { name: 'nodeclaims.karpenter.sh' },
      spec: {
        group: 'karpenter.sh',
        scope: 'Cluster',
        names: { plural: 'nodeclaims', singular: 'nodeclaim', kind: 'NodeClaim', listKind: 'NodeClaimList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    })
    await clock.runFor(seconds(2))
    await kube.create(NodeClaims, {
      metadata: { name: 'general-x', labels: { ...spot, 'karpenter.sh/nodepool': 'general' } },
      status: { providerID: 'aws:///us-east-1a/i-0abc', allocatable: { cpu: '2', pods: '29' } },
    })
    await clock.runFor(seconds(12))
    expect(await viewOnce(viewer)).toMatch(
      /\ni-0abc cpu ░+ +0% \(0\/29 pods\) m5\.large\/\$0\.0336 Spot - NotReady\/12s\n/,
    )
  })

  it('says what the server said', async () => {
    const { clock, reader } = laboratory()
    reader.leave('forbidden')
    const settings = settingsOf({})
    await expect(viewOnce({ kube: reader, clock, prices: cataloguePrices(), settings, ...plain })).rejects.toThrow(
      'connection refused',
    )
  })
})

describe('viewLive', () => {
  let stop: AbortController
  beforeEach(() => void (stop = new AbortController()))
  afterEach(() => stop.abort())

  /** What was last written to each line of the screen. */
  function terminal(): TerminalPort & { readonly text: () => string } {
    const lines: string[] = []
    const stdin = Object.assign(new EventEmitter(), {
      isTTY: true,
      setEncoding: () => {},
      setRawMode: () => {},
      ref: () => {},
      unref: () => {},
      read: () => null,
    }) as unknown as NodeJS.ReadStream
    return {
      stdin,
      colours: 'none',
      size: () => ({ columns: 120, rows: 20 }),
      onResize: () => () => {},
      write: (text, taken) => {
        const readable = text.replaceAll('\u001b', '␛')
        for (const [, row, line] of readable.matchAll(/␛\[(\d+);1H␛\[2K([^␛]*)/g)) lines[Number(row) - 1] = line!
        queueMicrotask(taken)
      },
      text: () => lines.join('\n'),
    }
  }

  it('keeps the last picture while the server is away, and goes on when it is back', async () => {
    const { clock, kube, reader } = laboratory()
    await addNode(kube, 'a', spot)
    const screen = terminal()
    const ended = viewLive({
      kube: reader,
      clock,
      prices: cataloguePrices(),
      settings: settingsOf({}),
      server: 'https://127.0.0.1:6443',
      terminal: screen,
      signal: stop.signal,
    })
    const until = async (pattern: RegExp): Promise<void> => {
      await expect
        .poll(async () => (await clock.runFor(ms(200)), screen.text()), { timeout: 5000, interval: 5 })
        .toMatch(pattern)
    }
    await until(/^1 node /)
    reader.leave()
    await until(/No answer from https:\/\/127\.0\.0\.1:6443 for \d+s, this is the last picture \(connection refused\)/)
    expect(screen.text()).toMatch(/^a cpu/m)
    await clock.runFor(seconds(60))
    await until(/No answer from \S+ for (6\d|[78]\d)s/)
    await addNode(kube, 'b', spot)
    reader.away = undefined
    // Though the usual waits have grown to half a minute and more.
    await clock.runFor(seconds(4))
    await expect.poll(screen.text, { timeout: 3000, interval: 5 }).toMatch(/^2 nodes /)
    expect(screen.text()).not.toContain('No answer')
    stop.abort()
    await ended
  })

  it('fails when the server was never there', async () => {
    const { clock, reader } = laboratory()
    reader.leave()
    const screen = terminal()
    const live = viewLive({
      kube: reader,
      clock,
      prices: cataloguePrices(),
      settings: settingsOf({}),
      server: 'https://127.0.0.1:6443',
      terminal: screen,
      signal: stop.signal,
    })
    await expect(live).rejects.toThrow('connection refused')
    expect(screen.text()).toBe('')
  })
})

describe('cataloguePrices', () => {
  const prices = cataloguePrices()
  const instance = { kind: 'instance', instanceType: 'm5.large', zone: undefined, autoMode: false } as const
  it.each([
    { of: { ...instance, purchase: 'onDemand', region: 'us-east-1' }, price: 0.096, estimated: false },
    { of: { ...instance, purchase: 'spot', region: 'us-east-1' }, price: 0.0336, estimated: true },
    { of: { ...instance, purchase: 'onDemand', region: 'ap-northeast-2' }, price: 0.11808, estimated: true },
    { of: { ...instance, purchase: 'onDemand', region: 'us-east-1', autoMode: true }, price: 0.10752, estimated: true },
    { of: { kind: 'fargate', vcpu: 1, gigabytes: 2, region: 'us-east-1' }, price: 0.04937, estimated: false },
  ] as const)('$of: $price', ({ of, price, estimated }) => {
    const answer = prices.pricePerHour(of)
    expect(answer?.usdPerHour).toBeCloseTo(price, 6)
    expect(answer?.estimated).toBe(estimated)
  })

  it('does not know every type', () => {
    expect(prices.pricePerHour({ ...instance, instanceType: 'z9.mega', purchase: 'spot', region: 'us-east-1' })).toBe(
      undefined,
    )
  })
})

describe('colourDepth', () => {
  it.each([
    [{ TERM: 'xterm-256color', COLORTERM: 'truecolor' }, true, 'true'],
    [{ TERM: 'xterm-256color' }, true, 'palette'],
    [{ TERM: 'xterm' }, true, 'sixteen'],
    [{ TERM: 'dumb' }, true, 'none'],
    [{}, true, 'none'],
    [{ TERM: 'xterm-256color', NO_COLOR: '1' }, true, 'none'],
    [{ TERM: 'xterm-256color', NO_COLOR: '' }, true, 'palette'],
    [{ TERM: 'xterm-256color', COLORTERM: 'truecolor' }, false, 'none'],
    [{ FORCE_COLOR: '3' }, false, 'true'],
    [{ FORCE_COLOR: '0', TERM: 'xterm' }, true, 'none'],
  ] as const)('%o', (env, isTerminal, depth) => {
    expect(colourDepth(env, isTerminal)).toBe(depth)
  })
})

describe('chooseAccess', () => {
  let home: string
  const root = (): string => join(home, 'state')
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'plimsoll-view-'))))
  afterEach(() => rmSync(home, { recursive: true }))

  const run = (name: string): void => {
    const paths = instancePaths(root(), name)
    claimInstance(paths, name)
    announceInstance(paths, name, { kubeUrl: '', awsUrl: '', environment: { KUBECONFIG: paths.kubeconfig } })
  }
  const choose = (o: { kubeconfig?: string; context?: string; name?: string }, kubeconfigGiven = false) =>
    chooseAccess({ kubeconfig: '', context: '', name: '', ...o }, { root: root(), home, kubeconfigGiven, inPod: false })
  const embedded = (name: string) => ({
    access: { kind: 'file', path: instancePaths(root(), name).kubeconfig },
    where: `cluster ${name}`,
  })

  it('takes what was given before all else', () => {
    run('one')
    expect(choose({ kubeconfig: '/x', context: 'c' })).toEqual({
      access: { kind: 'file', path: '/x', context: 'c' },
      where: 'kubeconfig /x',
    })
  })

  it('takes the only cluster that runs before ~/.kube/config, but not when a context is asked for', () => {
    mkdirSync(join(home, '.kube'))
    writeFileSync(join(home, '.kube', 'config'), '')
    const own = { kind: 'file', path: join(home, '.kube', 'config') }
    expect(choose({}).access).toEqual(own)
    run('one')
    expect(choose({})).toEqual(embedded('one'))
    expect(choose({ context: 'prod' }).access).toEqual({ ...own, context: 'prod' })
    run('two')
    expect(choose({}).access).toEqual(own)
    expect(choose({ name: 'two' })).toEqual(embedded('two'))
  })

  it.each([
    { when: 'there is nothing', running: [], of: {}, message: /^no cluster to view: no --kubeconfig, no \$KUBECONFIG/ },
    { when: 'there are two', running: ['one', 'two'], of: {}, message: /^several clusters are running \(one, two\)/ },
    { when: 'another is named', running: ['one'], of: { name: 'three' }, message: /^no cluster three is running/ },
  ])('$when', ({ running, of, message }) => {
    for (const name of running) run(name)
    expect(() => choose(of)).toThrow(message)
  })

  it('refuses two answers to one question', () => {
    expect(() => choose({ name: 'one', kubeconfig: '/x' }, true)).toThrow(/^--name and --kubeconfig/)
  })
})

it('attribution names what the viewer is made of, with licences', () => {
  const text = attribution()
  for (const name of ['ink', 'react', 'yoga-layout', '@kubernetes/client-node', 'commander'])
    expect(text).toMatch(
      new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\S* \\(MIT|^${name} \\d+\\.\\d+\\.\\d+\\S* \\(Apache-2\\.0`, 'm'),
    )
  expect(text).not.toContain('@plimsoll/')
  expect(text).toContain('Permission is hereby granted')
})
