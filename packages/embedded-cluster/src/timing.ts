import { ms, type Ms } from '@plimsoll/model'
import { logNormal, type Machine, type Random } from '@plimsoll/ports'

/** `realistic`: as measured on EKS; `fast`: a tenth of it; `instant`: no time, but every step in its order. */
export type TimingMode = 'realistic' | 'fast' | 'instant'

interface Spread {
  /** Seconds. */
  readonly median: number
  readonly p95: number
}

const boot: Record<Machine['imageFamily'], Spread> = {
  al2023: { median: 18, p95: 28.8 },
  al2: { median: 12, p95: 19.2 },
  bottlerocket: { median: 10, p95: 16 },
  other: { median: 18, p95: 28.8 },
}
const registration: Spread = { median: 1, p95: 4 }
const network: Spread = { median: 7, p95: 15 }
const cloudInitialisation: Spread = { median: 1, p95: 3 }
const sandbox: Spread = { median: 0.4, p95: 1 }
const containerStart: Spread = { median: 0.3, p95: 0.8 }
const becomeReady: Spread = { median: 1, p95: 2 }
const devicePlugin: Spread = { median: 25, p95: 60 }
const volume: Spread = { median: 3, p95: 6 }
const attachment: Spread = { median: 1.5, p95: 4 }
const loadBalancer: Spread = { median: 3, p95: 6 }
const exit: Spread = { median: 1, p95: 5 }
/** Bytes a second that a node pulls from a registry, shared by its pulls. */
const pullBandwidth = 60_000_000
const pullOverheadSeconds = 0.5

/**
 * How long things take on simulated nodes. The draws of a machine depend on the seed and its instance id alone, so
 * equal runs are equal however their events interleave.
 */
export class Timing {
  readonly #factor: number

  constructor(mode: TimingMode) {
    this.#factor = { realistic: 1, fast: 0.1, instant: 0 }[mode]
  }

  boot(random: Random, family: Machine['imageFamily']): Ms {
    return this.#draw(random, boot[family])
  }
  registration(random: Random): Ms {
    return this.#draw(random, registration)
  }
  /** From registration until the network plugin is up, at least. */
  network(random: Random): Ms {
    return this.#draw(random, network)
  }
  cloudInitialisation(random: Random): Ms {
    return this.#draw(random, cloudInitialisation)
  }
  /** From the node's readiness until its GPUs and other devices are counted. */
  devicePlugin(random: Random): Ms {
    return this.#draw(random, devicePlugin)
  }
  /** Until an EBS volume exists. */
  volume(random: Random): Ms {
    return this.#draw(random, volume)
  }
  /** Until a machine has an EBS volume, or has let it go. */
  attachment(random: Random): Ms {
    return this.#draw(random, attachment)
  }
  /** Until a load balancer has a name; its targets come later. */
  loadBalancer(random: Random): Ms {
    return this.#draw(random, loadBalancer)
  }
  sandbox(random: Random): Ms {
    return this.#draw(random, sandbox)
  }
  containerStart(random: Random): Ms {
    return this.#draw(random, containerStart)
  }
  becomeReady(random: Random): Ms {
    return this.#draw(random, becomeReady)
  }
  /** From SIGTERM to the exit of a program that is not ours. */
  exit(random: Random): Ms {
    return this.#draw(random, exit)
  }
  /** From the end of a shortage until the node's condition says so. */
  pressureTransition(): Ms {
    return this.#scaled(300)
  }
  /** What every pull takes before the first byte comes. */
  pullOverhead(): Ms {
    return this.#scaled(pullOverheadSeconds)
  }
  /** For a pull that has the line for itself. */
  transfer(bytes: number): Ms {
    return this.#scaled(bytes / pullBandwidth)
  }

  #draw(random: Random, spread: Spread): Ms {
    return this.#factor === 0 ? ms(0) : this.#scaled(logNormal(random, spread))
  }
  #scaled(seconds: number): Ms {
    return ms(Math.round(seconds * 1000 * this.#factor))
  }
}
