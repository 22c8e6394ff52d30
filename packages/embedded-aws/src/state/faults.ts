import { ms, type Ms } from '@plimsoll/model'
import { AwsError, logNormal, type Clock, type Random } from '@plimsoll/ports'
import { failure } from './failure.ts'

export interface FaultRule {
  /** Absent: all. */
  readonly service?: string
  readonly operation?: string
  /** Answers with this error. */
  readonly error?: { readonly code: string; readonly message: string; readonly httpStatus?: number }
  /** Answers as the service does when it is asked too often. */
  readonly throttled?: true
  /** Waits before the operation is carried out: constant, or log-normal. */
  readonly latency?: Ms | { readonly median: Ms; readonly p95: Ms }
  /** The connection breaks, before or after the operation is carried out. */
  readonly drop?: 'before' | 'after'
  /** How often of all matching calls; 1 when absent. */
  readonly rate?: number
  /** How many calls it hits before it wears off; absent: without end. */
  readonly count?: number
}

export interface CapacityPool {
  /** Absent: all. */
  readonly instanceType?: string
  readonly zone?: string
  readonly lifecycle?: 'on-demand' | 'spot'
}

interface Bucket {
  readonly size: number
  readonly refillPerSecond: number
  tokens: number
  at: Ms
}

/** What goes wrong: rules over calls, throttling by token buckets, and instance types that run dry. */
export class Faults {
  readonly #clock: Clock
  readonly #random: Random
  readonly #rules: { readonly rule: FaultRule; left: number }[] = []
  readonly #buckets = new Map<string, Bucket>()
  readonly #pools: { readonly pool: CapacityPool; slots: number }[] = []
  #vcpusMax = Infinity

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** The rule holds until the returned function is called. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.count ?? Infinity }
    this.#rules.push(entry)
    return () => {
      const index = this.#rules.indexOf(entry)
      if (index >= 0) this.#rules.splice(index, 1)
    }
  }

  /** Lets `size` calls of an operation (`*`: of a service) through at once and `refillPerSecond` after that. */
  throttle(service: string, operation: string, o: { readonly size: number; readonly refillPerSecond: number }): void {
    this.#buckets.set(`${service}.${operation}`, { ...o, tokens: o.size, at: this.#clock.now() })
  }

  /** How many more instances the pool has room for: 0 is none; undefined: as many as asked for. */
  setCapacity(pool: CapacityPool, slots: number | undefined): void {
    const same = this.#pools.findIndex(
      (p) =>
        p.pool.instanceType === pool.instanceType && p.pool.zone === pool.zone && p.pool.lifecycle === pool.lifecycle,
    )
    if (same >= 0) this.#pools.splice(same, 1)
    if (slots !== undefined) this.#pools.push({ pool, slots })
  }

  /** The account's quota of on-demand vCPUs; undefined: none. */
  setVcpuLimit(vcpus: number | undefined): void {
    this.#vcpusMax = vcpus ?? Infinity
  }

  get vcpusMax(): number {
    return this.#vcpusMax
  }

  clear(): void {
    this.#rules.length = 0
    this.#buckets.clear()
    this.#pools.length = 0
    this.#vcpusMax = Infinity
  }

  /** Takes one place in every pool that applies; false, and nothing taken, when one of them is dry. */
  takeCapacity(instanceType: string, zone: string, lifecycle: 'on-demand' | 'spot'): boolean {
    const pools = this.#poolsOf(instanceType, zone, lifecycle)
    if (pools.some((pool) => pool.slots <= 0)) return false
    for (const pool of pools) pool.slots--
    return true
  }

  hasCapacity(instanceType: string, zone: string, lifecycle: 'on-demand' | 'spot'): boolean {
    return this.#poolsOf(instanceType, zone, lifecycle).every((pool) => pool.slots > 0)
  }

  #poolsOf(instanceType: string, zone: string, lifecycle: string): { slots: number }[] {
    return this.#pools.filter(
      ({ pool }) =>
        (pool.instanceType ?? instanceType) === instanceType &&
        (pool.zone ?? zone) === zone &&
        (pool.lifecycle ?? lifecycle) === lifecycle,
    )
  }

  /**
   * What stands between a call and its handler. Resolves to what is to be done afterwards.
   * @throws {AwsError} the injected error
   */
  async before(service: string, operation: string, accountId: string): Promise<(() => void) | undefined> {
    this.#spendToken(service, operation, accountId)
    let after: (() => void) | undefined
    for (const entry of this.#rules.slice()) {
      const { rule } = entry
      if ((rule.service ?? service) !== service || (rule.operation ?? operation) !== operation) continue
      if (entry.left <= 0 || (rule.rate !== undefined && this.#random.next() >= rule.rate)) continue
      entry.left--
      if (rule.latency !== undefined) await this.#clock.sleep(this.#latency(rule.latency))
      if (rule.error !== undefined) throw failure(rule.error.code, rule.error.message, rule.error.httpStatus ?? 400)
      if (rule.throttled === true) throw throttled(service, operation, accountId)
      if (rule.drop === 'before') throw connectionReset()
      if (rule.drop === 'after')
        after = () => {
          throw connectionReset()
        }
    }
    return after
  }

  #latency(latency: NonNullable<FaultRule['latency']>): Ms {
    return typeof latency === 'number' ? latency : ms(Math.round(logNormal(this.#random, latency)))
  }

  #spendToken(service: string, operation: string, accountId: string): void {
    const bucket = this.#buckets.get(`${service}.${operation}`) ?? this.#buckets.get(`${service}.*`)
    if (bucket === undefined) return
    const now = this.#clock.now()
    bucket.tokens = Math.min(bucket.size, bucket.tokens + ((now - bucket.at) / 1000) * bucket.refillPerSecond)
    bucket.at = now
    if (bucket.tokens < 1) throw throttled(service, operation, accountId)
    bucket.tokens--
  }
}

/** How each service says that it was asked too often. */
function throttled(service: string, operation: string, accountId: string): AwsError {
  switch (service) {
    case 'ec2':
      return failure(
        'RequestLimitExceeded',
        `Request limit exceeded. Account ${accountId} has been throttled on ec2:${operation} because it exceeded its request rate limit.`,
        503,
      )
    case 'eks':
      return failure('ThrottlingException', 'Rate exceeded', 429)
    case 'ssm':
      return failure('ThrottlingException', 'Rate exceeded')
    default:
      return failure('Throttling', 'Rate exceeded')
  }
}

/** HTTP status 0: the server closes the socket without an answer. */
function connectionReset(): AwsError {
  return new AwsError({
    failure: 'unavailable',
    code: 'ConnectionReset',
    message: 'the connection was closed without an answer',
    httpStatus: 0,
  })
}
