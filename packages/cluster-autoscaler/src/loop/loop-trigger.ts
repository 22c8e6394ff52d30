// When the next loop begins (kubernetes-sigs/cluster-autoscaler:pkg/loop/trigger.go; rules CA-10 to CA-14).
import { formatGoDuration, instant, ms, seconds, type Ms, type Pod } from '@plimsoll/model'
import type { Clock, Log } from '@plimsoll/ports'
import type { Informer } from '@plimsoll/runtime'

/** A condition that changed longer ago is no news. */
const fresh = seconds(10)

/** Holds at most one signal that a pod has become unschedulable. */
export class UnschedulablePodSignal {
  #pending = false
  #waiter: (() => void) | undefined

  /** Returns the function that ends the watching. */
  watch(pods: Informer<Pod>, clock: Clock): () => void {
    const look = (pod: Pod): void => {
      if (pod.spec.nodeName) return
      const condition = pod.status?.conditions?.find((each) => each.type === 'PodScheduled')
      if (condition?.status !== 'False' || condition.reason !== 'Unschedulable') return
      const since = instant(condition.lastTransitionTime)
      if (since !== undefined && since + fresh >= clock.now()) this.#raise()
    }
    return pods.subscribe({ added: look, updated: look })
  }

  /** Resolves to true when there is a signal, which is then taken; to false when `ended` comes first. */
  async take(ended: Promise<void>): Promise<boolean> {
    if (!this.#pending) {
      await Promise.race([
        ended,
        new Promise<void>((resolve) => {
          this.#waiter = resolve
        }),
      ])
      this.#waiter = undefined
    }
    const had = this.#pending
    this.#pending = false
    return had
  }

  #raise(): void {
    this.#pending = true
    this.#waiter?.()
  }
}

/** In which loop, counted from the first, something was last done; -Infinity for never. */
export interface LoopActivity {
  readonly lastScaleUpLoop: number
  readonly lastDeletionLoop: number
}

/** A productive loop is followed by two at once. */
const followUps = 2

export class LoopTrigger {
  readonly #clock: Clock
  readonly #log: Log
  readonly #scanInterval: Ms
  readonly #signal: UnschedulablePodSignal

  constructor(o: {
    readonly clock: Clock
    readonly log: Log
    readonly scanInterval: Ms
    readonly signal: UnschedulablePodSignal
  }) {
    this.#clock = o.clock
    this.#log = o.log.named('trigger.go')
    this.#scanInterval = o.scanInterval
    this.#signal = o.signal
  }

  /**
   * Resolves when loop number `next` is to begin. Upstream compares instants; loops are counted here, because in virtual
   * time several may begin at one instant.
   */
  async wait(next: number, activity: LoopActivity, signal: AbortSignal): Promise<void> {
    if (activity.lastScaleUpLoop >= next - followUps) {
      this.#log.info(0, 'Autoscaler loop triggered immediately after a scale up')
      return
    }
    if (activity.lastDeletionLoop >= next - followUps) {
      this.#log.info(0, 'Autoscaler loop triggered immediately after a scale down')
      return
    }
    const waiting = new AbortController()
    const timer = this.#clock.sleep(this.#scanInterval, AbortSignal.any([signal, waiting.signal])).catch(() => {})
    const bySignal = await this.#signal.take(timer)
    waiting.abort()
    if (signal.aborted) return
    if (bySignal) this.#log.info(0, 'Autoscaler loop triggered by unschedulable pod appearing')
    else this.#log.info(0, `Autoscaler loop triggered by a ${formatGoDuration(ms(this.#scanInterval))} timer`)
  }
}
