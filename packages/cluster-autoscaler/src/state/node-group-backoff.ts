import { ms, type Ms } from '@plimsoll/model'

export interface BackoffLimits {
  readonly initial: Ms
  readonly max: Ms
  readonly resetAfter: Ms
}

export interface GroupFailure {
  readonly errorClass: string
  readonly errorCode: string
  readonly errorMessage: string
}

interface Entry {
  duration: Ms
  until: Ms
  lastFailureAt: Ms
  failure: GroupFailure
}

/**
 * Pauses of node groups that failed to grow, doubling from failure to failure (rules CA-71 to CA-73).
 * kubernetes-sigs/cluster-autoscaler:pkg/utils/backoff/exponential_backoff.go
 */
export class NodeGroupBackoff {
  readonly #limits: BackoffLimits
  readonly #entries = new Map<string, Entry>()

  constructor(limits: BackoffLimits) {
    this.#limits = limits
  }

  /** Returns until when the group is paused. */
  failed(group: string, failure: GroupFailure, now: Ms): Ms {
    const entry = this.#entries.get(group)
    let duration = this.#limits.initial
    if (entry !== undefined) {
      // Failures of one and the same attempt come one by one: only one after the pause makes it longer.
      duration = entry.until < now ? ms(Math.min(entry.duration * 2, this.#limits.max)) : entry.duration
    }
    const until = ms(now + duration)
    this.#entries.set(group, { duration, until, lastFailureAt: now, failure })
    return until
  }

  /** Why the group is paused, or undefined. */
  statusOf(group: string, now: Ms): GroupFailure | undefined {
    const entry = this.#entries.get(group)
    return entry !== undefined && entry.until > now ? entry.failure : undefined
  }

  forgetOld(now: Ms): void {
    for (const [group, entry] of this.#entries) {
      if (entry.lastFailureAt + this.#limits.resetAfter < now) this.#entries.delete(group)
    }
  }
}
