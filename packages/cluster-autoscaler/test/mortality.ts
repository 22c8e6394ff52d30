import type { AwsApi, KubeApi, WatchSink } from '@plimsoll/ports'

const never = new Promise<never>(() => {})

/**
 * A process that dies at its n-th call that matters: before the call is sent, or after it was carried out but before
 * the answer came. Nothing is heard from it or by it afterwards.
 */
export class Mortality {
  #calls = 0
  readonly #dieAt: number
  readonly #when: 'before' | 'after'
  #dead = false
  /** Calls count from here on. */
  armed = false

  constructor(dieAt: number, when: 'before' | 'after') {
    this.#dieAt = dieAt
    this.#when = when
  }

  get dead(): boolean {
    return this.#dead
  }

  kube(api: KubeApi): KubeApi {
    return new Proxy(api, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as unknown
        if (typeof method !== 'function') return method
        const bound = (method as (...args: unknown[]) => Promise<unknown>).bind(target)
        return (...args: unknown[]) => {
          if (name === 'watch') args[2] = this.#sink(args[2] as WatchSink<never>)
          // Reads change nothing: to die at one is to die before the write that follows. Nothing is read back from
          // events and the status.
          const counts = !['get', 'list', 'watch'].includes(String(name))
          const plural = (args[0] as { plural?: string } | undefined)?.plural ?? ''
          return this.#call(counts && plural !== 'events' && plural !== 'configmaps', () => bound(...args))
        }
      },
    })
  }

  aws(api: AwsApi): AwsApi {
    const call = (...args: unknown[]): Promise<unknown> =>
      this.#call(true, () => (api.call as (...args: unknown[]) => Promise<unknown>).apply(api, args))
    return { region: api.region, call: call as AwsApi['call'] }
  }

  async #call(counts: boolean, perform: () => Promise<unknown>): Promise<unknown> {
    if (this.#dead) return never
    const dies = counts && this.armed && ++this.#calls === this.#dieAt
    if (dies && this.#when === 'before') {
      this.#dead = true
      return never
    }
    const answer = await perform()
    if (dies) this.#dead = true
    return this.#dead ? never : answer
  }

  #sink<T>(sink: WatchSink<T>): WatchSink<T> {
    return {
      event: (event) => {
        if (!this.#dead) sink.event(event)
      },
      end: (error) => {
        if (!this.#dead) sink.end(error)
      },
    }
  }
}
