import { ms, type KubeObject, type Node, type ObjectKey, type ResourceType } from '@plimsoll/model'
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  KubeError,
  SeededRandom,
  VirtualClock,
  type KubeApi,
  type KubeFailureKind,
  type KubeList,
  type KubeReader,
  type ListOptions,
  type Subscription,
  type WatchOptions,
  type WatchSink,
} from '@plimsoll/ports'

export interface Laboratory {
  readonly clock: VirtualClock
  readonly server: ApiServer
  readonly kube: KubeApi
}

export const start: number = Date.parse('2026-01-02T03:04:05Z')

/** An API server in virtual time that remembers `ringCapacity` events. */
export function makeLaboratory(ringCapacity = 1000): Laboratory {
  const clock = new VirtualClock({ start: ms(start) })
  const server = new ApiServer({ clock, random: new SeededRandom('test'), ringCapacity })
  bootstrap(server)
  return { clock, server, kube: server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'test/1') }
}

export function failure(kind: KubeFailureKind, message: string = kind): KubeError {
  return new KubeError(kind, { message })
}

/** Reads that fail and watches that end when a test says so. */
export class FaultyReader implements KubeReader {
  /** What the next calls throw, in turn. */
  readonly failures: KubeError[] = []
  lists = 0
  watches = 0
  readonly #kube: KubeReader
  readonly #open = new Set<(error?: KubeError) => void>()

  constructor(kube: KubeReader) {
    this.#kube = kube
  }

  /** How many watches are open. */
  get open(): number {
    return this.#open.size
  }

  /** Ends all open watches. */
  cut(error?: KubeError): void {
    // Those that end open others only after this.
    for (const end of this.#open) end(error)
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return this.#kube.get(type, key)
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>> {
    this.lists++
    this.#fail()
    return this.#kube.list(type, options)
  }

  async watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    sink: WatchSink<T>,
  ): Promise<Subscription> {
    this.watches++
    this.#fail()
    let over = false
    let subscription: Subscription | undefined
    const end = (error?: KubeError): void => {
      if (over) return
      over = true
      this.#open.delete(end)
      subscription?.stop()
      sink.end(error)
    }
    subscription = await this.#kube.watch(type, options, {
      event: (event) => {
        if (!over) sink.event(event)
      },
      end: (error) => end(error),
    })
    if (!over) this.#open.add(end)
    return {
      stop: () => {
        over = true
        this.#open.delete(end)
        subscription?.stop()
      },
    }
  }

  #fail(): void {
    const next = this.failures.shift()
    if (next !== undefined) throw next
  }
}

export function nodeNames(nodes: readonly Node[]): string[] {
  return nodes.map((node) => node.metadata.name)
}
