// An API server in virtual time with the autoscaler at it. Nodes are objects; nothing schedules, for nothing here asks.
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  ConfigMaps,
  Deployments,
  Events,
  ms,
  Nodes,
  type Event,
  type KubeObject,
  type Ms,
  type Node,
  type ResourceType,
  type Taint,
} from '@plimsoll/model'
import {
  KubeError,
  SeededRandom,
  VirtualClock,
  type ContainerResponse,
  type KubeApi,
  type KubeFailureKind,
  type WatchSink,
} from '@plimsoll/ports'
import { runProportionalAutoscaler } from '../src/index.ts'

const labStart: Ms = ms(Date.parse('2024-03-10T09:00:00Z'))
const admin = { name: 'kubernetes-admin', groups: ['system:masters'] }

export const ladder = '{"nodesToReplicas":[[1,1],[2,2],[3,3],[4,3],[5,5]]}'

export interface Run {
  readonly lines: string[]
  readonly stop: AbortController
  /** Resolves to the exit code. */
  readonly code: Promise<number>
  readonly ended: () => boolean
  /** Answers a GET, once something is served. */
  get(path: string): ContainerResponse | undefined
  /** Calls that write, as `create configmaps`, `scale deployments/web 3`. */
  readonly writes: string[]
  reads: number
}

/** Who must not be reached, or is refused: by verb and resource, as in `get configmaps`; `*` for all. */
export type Trouble = { readonly kind: KubeFailureKind; readonly code: number; readonly message: string }

export class Laboratory {
  readonly clock: VirtualClock = new VirtualClock({ start: labStart })
  readonly server: ApiServer
  readonly kube: KubeApi
  /** What goes wrong from now on. */
  readonly troubles: Map<string, Trouble> = new Map()
  /** Happens before a call, as by somebody else: by verb and resource. */
  readonly interference: Map<string, () => Promise<unknown>> = new Map()
  readonly #random = new SeededRandom('laboratory')
  readonly #watches = new Set<WatchSink<never>>()
  #runs = 0
  #nodes = 0

  constructor() {
    this.server = new ApiServer({ clock: this.clock, random: this.#random.split('kube') })
    bootstrap(this.server)
    this.kube = this.server.client(admin, 'test')
  }

  async node(
    o: {
      readonly cpu?: string
      readonly ready?: boolean
      readonly cordoned?: boolean
      readonly labels?: { readonly [key: string]: string }
      readonly taints?: readonly Taint[]
    } = {},
  ): Promise<string> {
    const name = `node-${++this.#nodes}`
    await this.kube.create(Nodes, {
      metadata: { name, ...(o.labels === undefined ? {} : { labels: o.labels }) },
      spec: {
        ...(o.cordoned === true ? { unschedulable: true } : {}),
        // Else new nodes are tainted as not ready.
        taints: o.taints ?? [],
      },
      status: status(o.ready ?? true, o.cpu ?? '1930m'),
    })
    return name
  }

  async nodes(count: number, o?: Parameters<Laboratory['node']>[0]): Promise<void> {
    for (let i = 0; i < count; i++) await this.node(o)
  }

  async setReady(name: string, ready: boolean): Promise<void> {
    const stored = await this.kube.get(Nodes, { name })
    await this.kube.replace(Nodes, { ...stored, status: status(ready, '1930m') }, { subresource: 'status' })
  }

  async deployment(name: string, replicas = 1): Promise<void> {
    await this.kube.create(Deployments, {
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'main', image: 'nginx' }] },
        },
      },
    })
  }

  async replicas<T extends KubeObject = KubeObject>(
    name: string,
    type: ResourceType<T> = Deployments as unknown as ResourceType<T>,
  ): Promise<number | undefined> {
    return (await this.kube.readScale(type, { namespace: 'default', name })).spec?.replicas
  }

  async configMap(data: { readonly [mode: string]: string }): Promise<void> {
    const key = { namespace: 'default', name: 'cpa' }
    const stored = await this.kube.get(ConfigMaps, key).catch(() => undefined)
    if (stored === undefined) await this.kube.create(ConfigMaps, { metadata: key, data })
    else await this.kube.replace(ConfigMaps, { ...stored, data })
  }

  async removeConfigMap(): Promise<void> {
    await this.kube.remove(ConfigMaps, { namespace: 'default', name: 'cpa' })
  }

  async events(): Promise<readonly Event[]> {
    return (await this.kube.list(Events, { namespace: 'default' })).items
  }

  run(time: Ms): Promise<void> {
    return this.clock.runFor(time)
  }

  /** The program, with a ConfigMap `cpa` and a target in `default` unless the flags say otherwise. */
  autoscale(
    flags: readonly string[] = [],
    o: {
      readonly bare?: boolean
      /** The process is cut off at this call, the first being 0: before it is carried out, or before its answer. */
      readonly diesAt?: { readonly call: number; readonly carriedOut: boolean }
    } = {},
  ): Run {
    const lines: string[] = []
    const writes: string[] = []
    const stop = new AbortController()
    let handler: ((request: { method: string; path: string }) => ContainerResponse) | undefined
    let over = false
    const identity = `cpa-${this.#runs++}`
    const usual =
      o.bare === true ? [] : ['--namespace=default', '--configmap=cpa', '--target=deployment/web', '--logtostderr']
    const run: Run = {
      lines,
      stop,
      writes,
      reads: 0,
      ended: () => over,
      get: (path) => handler?.({ method: 'GET', path }),
      code: runProportionalAutoscaler({
        args: [...usual, ...flags],
        environment: {},
        clock: this.clock,
        random: this.#random.split(identity),
        identity,
        signal: stop.signal,
        out: (line) => lines.push(`out: ${line}`),
        error: (line) => lines.push(line),
        connect: () =>
          Promise.resolve(
            mortal(
              this.#troubled(identity, () => run),
              o.diesAt,
            ),
          ),
        serve: (_, answer) => {
          handler = answer
          return Promise.resolve(() => (handler = undefined))
        },
      }).finally(() => (over = true)),
    }
    return run
  }

  /** The API server goes away: calls fail and watches end, until `back`. */
  away(): void {
    this.troubles.set('*', {
      kind: 'unavailable',
      code: 503,
      message: 'dial tcp 10.100.0.1:443: connect: connection refused',
    })
    for (const sink of this.#watches) sink.end(errorOf(this.troubles.get('*')!))
    this.#watches.clear()
  }

  /** How many watches are open. */
  get watching(): number {
    return this.#watches.size
  }

  back(): void {
    this.troubles.delete('*')
  }

  #troubled(identity: string, run: () => Run): KubeApi {
    const api = this.server.client(admin, identity)
    const check = (call: string): void => {
      const trouble = this.troubles.get('*') ?? this.troubles.get(call)
      if (trouble !== undefined) throw errorOf(trouble)
    }
    const told = async <T>(call: string, more: string, carry: () => Promise<T>): Promise<T> => {
      if (call.startsWith('get ')) run().reads++
      check(call)
      await this.interference.get(call)?.()
      if (!/^(get|list) | leases$/.test(call)) run().writes.push(`${call}${more}`)
      return carry()
    }
    return {
      ...bound(api),
      get: (type, key) => told(`get ${type.plural}`, '', () => api.get(type, key)),
      list: (type, options) => told(`list ${type.plural}`, '', () => api.list(type, options)),
      watch: async (type, options, sink) => {
        check(`watch ${type.plural}`)
        this.#watches.add(sink as WatchSink<never>)
        const subscription = await api.watch(type, options, sink)
        return {
          stop: () => {
            this.#watches.delete(sink as WatchSink<never>)
            subscription.stop()
          },
        }
      },
      create: (type, object, options) => told(`create ${type.plural}`, '', () => api.create(type, object, options)),
      replace: (type, object, options) => told(`replace ${type.plural}`, '', () => api.replace(type, object, options)),
      readScale: (type, key) => told(`get ${type.plural}/scale`, '', () => api.readScale(type, key)),
      writeScale: (type, key, scale) =>
        told(`scale ${type.plural}`, `/${key.name} ${scale.spec?.replicas}`, () => api.writeScale(type, key, scale)),
    }
  }
}

/** From the fatal call on, nothing is sent and nothing heard. */
function mortal(api: KubeApi, at: { readonly call: number; readonly carriedOut: boolean } | undefined): KubeApi {
  if (at === undefined) return api
  let calls = 0
  return new Proxy(api, {
    get: (target, name) => {
      const method = target[name as keyof KubeApi] as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]): Promise<unknown> => {
        const call = calls++
        if (call < at.call) return method.apply(target, args)
        const gone = new Promise<never>(() => {})
        return call === at.call && at.carriedOut ? method.apply(target, args).then(() => gone) : gone
      }
    },
  })
}

function bound(api: KubeApi): KubeApi {
  return new Proxy(api, {
    ownKeys: () => ['patch', 'apply', 'remove', 'removeCollection', 'evict', 'bind'],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (target, name) => (target[name as keyof KubeApi] as (...args: unknown[]) => unknown).bind(target),
  })
}

function errorOf({ kind, code, message }: Trouble): KubeError {
  return new KubeError(kind, { kind: 'Status', status: 'Failure', message, code })
}

function status(ready: boolean, cpu: string): NonNullable<Node['status']> {
  return {
    allocatable: { cpu },
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  }
}
