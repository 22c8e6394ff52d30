import { formatGoDuration, ms, type Ms } from '@plimsoll/model'
import type { Clock } from '@plimsoll/ports'

export interface HealthLimits {
  readonly maxInactivity: Ms
  readonly maxFailingTime: Ms
  /** Stands for both until the first success; never less than either. */
  readonly maxStartupTime: Ms
}

/**
 * Whether the loop is alive (kubernetes-sigs/cluster-autoscaler:pkg/metrics/liveness.go). Always well until it is armed,
 * which a process without the lease never is.
 */
export class HealthCheck {
  readonly #clock: Clock
  readonly #limits: HealthLimits
  #armed = false
  #succeeded = false
  #lastActivity: Ms
  #lastSuccess: Ms

  constructor(clock: Clock, limits: HealthLimits) {
    this.#clock = clock
    const { maxInactivity, maxFailingTime } = limits
    const maxStartupTime = ms(Math.max(limits.maxStartupTime, maxInactivity, maxFailingTime))
    this.#limits = { maxInactivity, maxFailingTime, maxStartupTime }
    this.#lastActivity = clock.now()
    this.#lastSuccess = clock.now()
  }

  arm(): void {
    this.#armed = true
    this.#lastActivity = this.#clock.now()
    this.#lastSuccess = this.#clock.now()
  }

  active(at: Ms): void {
    if (at > this.#lastActivity) this.#lastActivity = at
  }

  succeeded(at: Ms): void {
    this.#succeeded = true
    if (at > this.#lastSuccess) this.#lastSuccess = at
  }

  /** What GET /health-check answers. */
  answer(): { readonly status: number; readonly body: string } {
    const now = this.#clock.now()
    const idle = ms(now - this.#lastActivity)
    const failing = ms(now - this.#lastSuccess)
    const { maxInactivity, maxFailingTime, maxStartupTime } = this.#limits
    const tooIdle = idle > (this.#succeeded ? maxInactivity : maxStartupTime)
    const tooLong = failing > (this.#succeeded ? maxFailingTime : maxStartupTime)
    if (!this.#armed || (!tooIdle && !tooLong)) return { status: 200, body: 'OK' }
    const body = `Error: last activity more ${formatGoDuration(idle)} ago, last success more than ${formatGoDuration(failing)} ago`
    return { status: 500, body }
  }
}
