import { ms, type Ms } from '@plimsoll/model'
import { logNormal, type Random } from '@plimsoll/ports'

export type TimingMode = 'realistic' | 'fast' | 'instant'

/**
 * How long the cloud takes for each step, in seconds: medians and 95th percentiles of log-normal distributions.
 * Launch and reaction times are measured ones (brevdev/ec2-coldboot-research; kubernetes/autoscaler#1263); the others
 * are assumptions.
 */
const steps = {
  /** A new desired capacity until the group's activity starts and the instance has an id. */
  groupReaction: { median: 2, p95: 6 },
  /** `pending` until `running`. */
  launch: { median: 16, p95: 22 },
  /** `shutting-down` until `terminated`. */
  termination: { median: 30, p95: 90 },
  /** `stopping` until `stopped`. */
  stop: { median: 30, p95: 60 },
  /** A member stopped or vanished until the group's health check sees it. */
  healthCheck: { median: 20, p95: 50 },
  /** Zones out of balance until the group acts. */
  rebalance: { median: 120, p95: 240 },
  /** Status checks `initializing` until `ok`. */
  statusChecks: { median: 140, p95: 180 },
  /** EKS takes up a changed node group configuration. */
  nodegroupUpdate: { median: 15, p95: 30 },
} as const

export type TimingStep = keyof typeof steps

const factorOf: { readonly [mode in TimingMode]: number } = { realistic: 1, fast: 0.1, instant: 0 }

/** Draws durations; every step has a stream of its own, so that one part's draws do not shift another's. */
export class Timing {
  readonly mode: TimingMode
  readonly #streams = new Map<TimingStep, Random>()
  readonly #random: Random

  constructor(mode: TimingMode, random: Random) {
    this.mode = mode
    this.#random = random
  }

  draw(step: TimingStep, times = 1): Ms {
    let stream = this.#streams.get(step)
    if (stream === undefined) this.#streams.set(step, (stream = this.#random.split(step)))
    const drawn = logNormal(stream, steps[step]) * 1000 * times
    return ms(Math.round(drawn * factorOf[this.mode]))
  }

  /** A fixed duration, shortened as all others are. */
  scaled(duration: Ms): Ms {
    return ms(Math.round(duration * factorOf[this.mode]))
  }
}
