import {
  assert,
  Leases,
  microTimestamp,
  ms,
  type Draft,
  type Lease,
  type LeaseSpec,
  type Ms,
  type ObjectKey,
} from '@plimsoll/model'
import { isKubeFailure, silentLog, type Clock, type KubeApi, type Log, type Random } from '@plimsoll/ports'
import { retryOnConflict } from './backoff.ts'
import type { EventRecorder } from './event-recorder.ts'

export interface LeaderElectionOptions {
  readonly kube: Pick<KubeApi, 'get' | 'create' | 'replace'>
  readonly clock: Clock
  readonly log?: Log
  /** Unique among the contenders: the host or pod name. */
  readonly identity: string
  readonly namespace: string
  /** Of the Lease. */
  readonly name: string
  /** How long the others wait after the last renewal that they saw. */
  readonly leaseDuration: Ms
  /** How long the leader tries to renew before it gives up. */
  readonly renewDeadline: Ms
  /** Between tries. */
  readonly retryPeriod: Ms
  /** Whether the lease is given back at the end, so that another may lead at once. */
  readonly releaseOnCancel: boolean
  /** Spreads the contenders' tries. */
  readonly random?: Random
  /** Told when leadership begins and ends. */
  readonly events?: EventRecorder
}

/**
 * At most one of several contenders leads, by a Lease that the leader renews
 * (kubernetes/client-go:tools/leaderelection/leaderelection.go and resourcelock/leaselock.go). Safe as long as clocks
 * run at like speed: they are never compared, only the time since a change of the Lease was seen counts.
 * Stricter than upstream in two places: the deadline counts from when the last good renewal was sent, not from when
 * its answer came; and the lease is released only after the leader's work has ended.
 */
export class LeaderElection {
  readonly #o: LeaderElectionOptions
  readonly #log: Log
  readonly #key: ObjectKey
  /** As last seen or written. */
  #lease: Lease | undefined
  #observedAt: Ms = ms(0)

  /** @throws AssertionError when the durations leave no room: lease > renewal > 1.2 retries > 0 */
  constructor(options: LeaderElectionOptions) {
    assert(options.leaseDuration > options.renewDeadline, 'leaseDuration must be greater than renewDeadline')
    assert(
      options.renewDeadline > options.retryPeriod * 1.2,
      'renewDeadline must be greater than retryPeriod*JitterFactor',
    )
    assert(options.retryPeriod > 0, 'retryPeriod must be greater than zero')
    assert(options.leaseDuration >= 1000, 'leaseDuration must be at least one second: a Lease counts in seconds')
    assert(options.identity !== '', 'a contender has an identity')
    this.#o = options
    this.#log = options.log ?? silentLog
    this.#key = { namespace: options.namespace, name: options.name }
  }

  /** Who leads as far as this contender has seen; empty when nobody. */
  get leader(): string {
    return this.#lease?.spec.holderIdentity ?? ''
  }

  /**
   * Contends until leading, then runs `onStarted` until it ends, `signal` is aborted (`stopped`) or the lease could not
   * be renewed in time (`lost`); in each case `leading` is aborted and its end awaited.
   * @throws what `onStarted` threw
   */
  async run(signal: AbortSignal, onStarted: (leading: AbortSignal) => Promise<void>): Promise<'lost' | 'stopped'> {
    const lock = `${this.#o.namespace}/${this.#o.name}`
    this.#log.info(0, `attempting to acquire leader lease ${lock}...`)
    const sentAt = await this.#acquire(signal)
    if (sentAt === undefined) return 'stopped'
    this.#log.info(0, `successfully acquired lease ${lock}`)
    this.#record('became leader')
    const leading = new AbortController()
    const work = onStarted(leading.signal)
    const ended = new AbortController()
    const end = (): void => ended.abort()
    work.then(end, end)
    const outcome = await this.#renew(AbortSignal.any([signal, ended.signal]), sentAt, () => {
      this.#log.info(0, `failed to renew lease ${lock}: context deadline exceeded`)
      this.#record('stopped leading')
      leading.abort(new Error('leader election lost'))
    })
    leading.abort(signal.aborted ? signal.reason : new Error('leader election ended'))
    try {
      await work
    } catch (error) {
      if (!signal.aborted && outcome !== 'lost') throw error
    } finally {
      if (this.#o.releaseOnCancel) await this.#release()
    }
    return outcome
  }

  /** Resolves to when the request that won was sent; undefined when aborted before. */
  async #acquire(signal: AbortSignal): Promise<Ms | undefined> {
    while (!signal.aborted) {
      const sentAt = this.#o.clock.now()
      if (await this.#try(this.#o.renewDeadline, signal)) return sentAt
      this.#log.info(4, `failed to acquire lease ${this.#o.namespace}/${this.#o.name}`)
      const jitter = this.#o.random === undefined ? 0 : this.#o.random.next() * 1.2
      await this.#sleep(ms(this.#o.retryPeriod * (1 + jitter)), signal)
    }
    return undefined
  }

  /** Renews until the signal is aborted or the deadline has passed. */
  async #renew(signal: AbortSignal, firstSentAt: Ms, onLost: () => void): Promise<'lost' | 'stopped'> {
    const { clock, retryPeriod, renewDeadline, leaseDuration } = this.#o
    // The others may take the lease a leaseDuration after the last renewal was sent: stop before that instant.
    const patience = Math.min(retryPeriod + renewDeadline, leaseDuration - 1)
    let deadline = firstSentAt + patience
    for (;;) {
      if (signal.aborted) return 'stopped'
      await this.#sleep(ms(Math.min(retryPeriod, Math.max(0, deadline - clock.now()))), signal)
      if (signal.aborted) return 'stopped'
      const sentAt = clock.now()
      if (sentAt < deadline && (await this.#try(ms(deadline - sentAt), signal))) deadline = sentAt + patience
      else if (!signal.aborted && clock.now() >= deadline) {
        onLost()
        return 'lost'
      }
    }
  }

  /** One try within `timeout`; a late answer is not taken. */
  async #try(timeout: Ms, signal: AbortSignal): Promise<boolean> {
    const late = new AbortController()
    const stop = AbortSignal.any([signal, late.signal])
    const attempt = this.#tryAcquireOrRenew(stop)
    const deadline = this.#sleep(timeout, stop).then(() => false)
    const won = await Promise.race([attempt, deadline])
    late.abort(new Error('the try took too long'))
    return won && !signal.aborted
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const now = this.#o.clock.now()
    if (this.#lease !== undefined && this.#leads() && this.#valid(now)) {
      // The leader writes over what it wrote last; somebody else's write in between makes it a conflict.
      const error = await this.#write(this.#lease, this.#claim(now, this.#lease.spec), signal)
      if (error === undefined) return true
      if (signal.aborted) return false
      this.#log.error(`Failed to update lock optimistically: ${text(error)}, falling back to slow path`)
    }
    let stored: Lease
    try {
      stored = await this.#o.kube.get(Leases, this.#key)
    } catch (error) {
      if (signal.aborted) return false
      if (isKubeFailure(error, 'notFound')) return this.#create(now, signal)
      this.#log.error(`error retrieving resource lock ${this.#o.namespace}/${this.#o.name}: ${text(error)}`)
      return false
    }
    if (signal.aborted) return false
    if (stored.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) this.#observe(stored)
    if (this.leader !== '' && this.#valid(now) && !this.#leads()) {
      this.#log.info(4, `lock is held by ${this.leader} and has not yet expired`)
      return false
    }
    const error = await this.#write(stored, this.#claim(now, stored.spec), signal)
    if (error !== undefined && !signal.aborted) this.#log.error(`Failed to update lock: ${text(error)}`)
    return error === undefined
  }

  async #create(now: Ms, signal: AbortSignal): Promise<boolean> {
    const spec: LeaseSpec = { ...this.#claim(now, undefined), leaseTransitions: 0 }
    const draft: Draft<Lease> = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: this.#o.namespace, name: this.#o.name },
      spec,
    }
    try {
      const created = await this.#o.kube.create(Leases, draft, { signal })
      if (signal.aborted) return false
      this.#observe(created)
      return true
    } catch (error) {
      if (!signal.aborted) this.#log.error(`error initially creating leader election record: ${text(error)}`)
      return false
    }
  }

  /** Writes if the stored lease is still `over`; resolves to the error. */
  async #write(over: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<unknown> {
    try {
      const written = await this.#o.kube.replace(Leases, { ...over, spec }, { signal })
      if (signal.aborted) return signal.reason
      this.#observe(written)
      return undefined
    } catch (error) {
      return error
    }
  }

  /** Gives the lease back if it is still this contender's, within the renewal's deadline. */
  async #release(): Promise<void> {
    if (!this.#leads()) return
    const late = new AbortController()
    const { clock, kube, renewDeadline } = this.#o
    // A renewal given up under way may still have been written: look again before each try.
    const release = retryOnConflict(
      async () => {
        const stored = await kube.get(Leases, this.#key)
        // A late answer may show the lease of this identity's next life.
        late.signal.throwIfAborted()
        if (stored.spec.holderIdentity !== this.#o.identity) return
        const now = microTimestamp(clock.now())
        const spec = { ...stored.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
        this.#observe(await kube.replace(Leases, { ...stored, spec }, { signal: late.signal }))
      },
      clock,
      late.signal,
    ).catch((error: unknown) => this.#log.error(`Failed to release lock: ${text(error)}`))
    await Promise.race([release, this.#sleep(renewDeadline, late.signal)])
    late.abort(new Error('context deadline exceeded'))
  }

  /** The lease as this contender wants it: a renewal keeps when and how often it was taken. */
  #claim(now: Ms, stored: LeaseSpec | undefined): LeaseSpec {
    const renewal = stored?.holderIdentity === this.#o.identity
    return {
      ...stored,
      holderIdentity: this.#o.identity,
      leaseDurationSeconds: Math.trunc(this.#o.leaseDuration / 1000),
      renewTime: microTimestamp(now),
      acquireTime: renewal ? stored?.acquireTime : microTimestamp(now),
      leaseTransitions: (stored?.leaseTransitions ?? 0) + (renewal ? 0 : 1),
    }
  }

  #observe(lease: Lease): void {
    const before = this.leader
    this.#lease = lease
    this.#observedAt = this.#o.clock.now()
    if (this.leader !== before && this.leader !== '' && !this.#leads())
      this.#log.info(1, 'new leader elected', { identity: this.leader })
  }

  #leads(): boolean {
    return this.leader === this.#o.identity
  }

  #valid(now: Ms): boolean {
    return this.#observedAt + (this.#lease?.spec.leaseDurationSeconds ?? 0) * 1000 > now
  }

  /** Sleeps, or ends early when the signal is aborted. */
  async #sleep(delay: Ms, signal: AbortSignal): Promise<void> {
    await this.#o.clock.sleep(delay, signal).catch(() => {})
  }

  #record(what: string): void {
    if (this.#lease === undefined) return
    const subject = { ...this.#lease, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
    this.#o.events?.event(subject, 'Normal', 'LeaderElection', `${this.#o.identity} ${what}`)
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
