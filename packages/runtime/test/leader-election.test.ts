import { Events, Leases, ms, seconds, type Lease } from '@plimsoll/model'
import { SeededRandom, type Clock, type KubeApi, type Random } from '@plimsoll/ports'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog, EventRecorder, LeaderElection, type LeaderElectionOptions } from '../src/index.ts'
import { failure, makeLaboratory, start, type Laboratory } from './laboratory.ts'

const timing = { leaseDuration: seconds(15), renewDeadline: seconds(10), retryPeriod: seconds(2) }
const lock = { namespace: 'kube-system', name: 'cluster-autoscaler' }

function contender(
  laboratory: Laboratory,
  identity: string,
  options: Partial<LeaderElectionOptions> = {},
): LeaderElection {
  const { kube, clock } = laboratory
  return new LeaderElection({ kube, clock, identity, ...lock, ...timing, releaseOnCancel: true, ...options })
}

/** Leads until told to stop. */
function untilAborted(leading: AbortSignal): Promise<void> {
  return new Promise((resolve) => leading.addEventListener('abort', () => resolve(), { once: true }))
}

const leaseOf = ({ kube }: Laboratory): Promise<Lease> => kube.get(Leases, lock)
const at = (second: number): string => `${new Date(start + second * 1000).toISOString().slice(0, -1)}000Z`

describe('LeaderElection', () => {
  it('creates the lease and renews it', async () => {
    const laboratory = makeLaboratory()
    const stop = new AbortController()
    const lines: string[] = []
    const log = createLog({ clock: laboratory.clock, write: (line) => lines.push(line) })
    const running = contender(laboratory, 'one', { log }).run(stop.signal, untilAborted)
    await laboratory.clock.runFor(seconds(5))
    expect((await leaseOf(laboratory)).spec).toEqual({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: at(0),
      renewTime: at(4),
      leaseTransitions: 0,
    })
    expect(lines.map((line) => line.split('] ')[1])).toEqual([
      'attempting to acquire leader lease kube-system/cluster-autoscaler...',
      'successfully acquired lease kube-system/cluster-autoscaler',
    ])
    stop.abort()
    expect(await running).toBe('stopped')
  })

  it('releases at the end, so that the next one leads at its next try', async () => {
    const laboratory = makeLaboratory()
    const stops = [new AbortController(), new AbortController()]
    const first = contender(laboratory, 'one').run(stops[0]!.signal, untilAborted)
    const second = contender(laboratory, 'two')
    const running = second.run(stops[1]!.signal, untilAborted)
    await laboratory.clock.runFor(seconds(5))
    expect(second.leader).toBe('one')
    stops[0]!.abort()
    expect(await first).toBe('stopped')
    expect((await leaseOf(laboratory)).spec).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: at(5),
      renewTime: at(5),
      leaseTransitions: 0,
    })
    await laboratory.clock.runFor(seconds(2))
    expect((await leaseOf(laboratory)).spec).toMatchObject({
      holderIdentity: 'two',
      leaseTransitions: 1,
      acquireTime: at(6),
    })
    stops[1]!.abort()
    await running
  })

  it('waits for the end of the work before it releases', async () => {
    const laboratory = makeLaboratory()
    const { clock } = laboratory
    const stop = new AbortController()
    const running = contender(laboratory, 'one').run(stop.signal, async (leading) => {
      await untilAborted(leading)
      await clock.sleep(seconds(3))
    })
    await clock.runFor(seconds(1))
    stop.abort()
    await clock.runFor(ms(2_900))
    expect((await leaseOf(laboratory)).spec.holderIdentity).toBe('one')
    await clock.runFor(ms(100))
    expect((await leaseOf(laboratory)).spec.holderIdentity).toBe('')
    expect(await running).toBe('stopped')
  })

  it('releases although a renewal that it gave up was written all the same', async () => {
    const laboratory = makeLaboratory()
    const stop = new AbortController()
    const kube: LeaderElectionOptions['kube'] = {
      get: (...args) => laboratory.kube.get(...args),
      create: (...args) => laboratory.kube.create(...args),
      replace: async (...[type, object]) => {
        const written = await laboratory.kube.replace(type, object)
        await laboratory.clock.sleep(seconds(1))
        return written
      },
    }
    const running = contender(laboratory, 'one', { kube }).run(stop.signal, untilAborted)
    await laboratory.clock.runFor(ms(2500))
    stop.abort()
    await laboratory.clock.runFor(seconds(5))
    expect(await running).toBe('stopped')
    expect((await leaseOf(laboratory)).spec.holderIdentity).toBe('')
  })

  it('does not hang on a server that is away when it should release', async () => {
    const laboratory = makeLaboratory()
    const stop = new AbortController()
    let away = false
    const kube: LeaderElectionOptions['kube'] = {
      get: (...args) => (away ? new Promise(() => {}) : laboratory.kube.get(...args)),
      create: (...args) => laboratory.kube.create(...args),
      replace: (...args) => (away ? new Promise(() => {}) : laboratory.kube.replace(...args)),
    }
    const running = contender(laboratory, 'one', { kube }).run(stop.signal, untilAborted)
    await laboratory.clock.runFor(seconds(1))
    away = true
    stop.abort()
    await laboratory.clock.runFor(seconds(10))
    expect(await running).toBe('stopped')
  })

  it('without release the next one waits for the lease to expire', async () => {
    const laboratory = makeLaboratory()
    const stop = new AbortController()
    const first = contender(laboratory, 'one', { releaseOnCancel: false }).run(stop.signal, untilAborted)
    await laboratory.clock.runFor(seconds(1))
    stop.abort()
    await first
    const second = contender(laboratory, 'two')
    const ending = new AbortController()
    const running = second.run(ending.signal, untilAborted)
    // It saw the lease at 1 s first, whatever the lease itself says.
    await laboratory.clock.runFor(ms(14_999))
    expect(second.leader).toBe('one')
    await laboratory.clock.runFor(seconds(2))
    expect(second.leader).toBe('two')
    ending.abort()
    await running
  })

  it('is lost when it cannot be renewed before the deadline', async () => {
    const laboratory = makeLaboratory()
    let away = false
    const kube: LeaderElectionOptions['kube'] = {
      get: (...args) => (away ? Promise.reject(failure('unavailable')) : laboratory.kube.get(...args)),
      create: (...args) => laboratory.kube.create(...args),
      replace: (...args) => (away ? Promise.reject(failure('unavailable')) : laboratory.kube.replace(...args)),
    }
    let endedAt = 0
    const running = contender(laboratory, 'one', { kube, releaseOnCancel: false }).run(
      new AbortController().signal,
      async (leading) => {
        await untilAborted(leading)
        endedAt = laboratory.clock.now() - start
      },
    )
    await laboratory.clock.runFor(seconds(5))
    away = true
    await laboratory.clock.runFor(seconds(20))
    expect(await running).toBe('lost')
    // Renewed last at 4 s; then a retry period and the renewal's deadline.
    expect(endedAt).toBe(16_000)
  })

  it('is lost when the server does not answer at all', async () => {
    const laboratory = makeLaboratory()
    let away = false
    const kube: LeaderElectionOptions['kube'] = {
      get: (...args) => (away ? new Promise(() => {}) : laboratory.kube.get(...args)),
      create: (...args) => laboratory.kube.create(...args),
      replace: (...args) => (away ? new Promise(() => {}) : laboratory.kube.replace(...args)),
    }
    const running = contender(laboratory, 'one', { kube, releaseOnCancel: false }).run(
      new AbortController().signal,
      untilAborted,
    )
    await laboratory.clock.runFor(seconds(1))
    away = true
    await laboratory.clock.runFor(ms(10_999))
    let outcome: string | undefined
    void running.then((o) => (outcome = o))
    await laboratory.clock.runFor(ms(0))
    expect(outcome).toBeUndefined()
    await laboratory.clock.runFor(ms(1))
    expect(outcome).toBe('lost')
  })

  it('ends with the work, and passes on what the work threw', async () => {
    const laboratory = makeLaboratory()
    const ended = contender(laboratory, 'one').run(new AbortController().signal, () => Promise.resolve())
    await laboratory.clock.runFor(ms(0))
    expect(await ended).toBe('stopped')
    expect((await leaseOf(laboratory)).spec.holderIdentity).toBe('')
    const failed = contender(laboratory, 'one')
      .run(new AbortController().signal, () => Promise.reject(new Error('boom')))
      .catch((error: unknown) => error)
    await laboratory.clock.runFor(ms(0))
    expect(await failed).toEqual(new Error('boom'))
  })

  it('records who became leader', async () => {
    const laboratory = makeLaboratory()
    const { kube, clock } = laboratory
    const events = new EventRecorder({ kube, clock, component: 'cluster-autoscaler' })
    const stop = new AbortController()
    const running = contender(laboratory, 'one', { events }).run(stop.signal, untilAborted)
    await clock.runFor(seconds(1))
    const [event] = (await kube.list(Events, { namespace: 'kube-system' })).items
    expect([event!.reason, event!.message, event!.involvedObject.kind]).toEqual([
      'LeaderElection',
      'one became leader',
      'Lease',
    ])
    stop.abort()
    await running
  })

  it.each([
    { leaseDuration: seconds(10), message: 'leaseDuration must be greater than renewDeadline' },
    { retryPeriod: seconds(9), message: 'renewDeadline must be greater than retryPeriod*JitterFactor' },
    { retryPeriod: ms(0), message: 'retryPeriod must be greater than zero' },
    { identity: '', message: 'a contender has an identity' },
  ])('refuses: $message', ({ message, ...options }) => {
    expect(() => contender(makeLaboratory(), 'one', options)).toThrow(message)
  })

  it('never has two leaders at one instant, and has one again once the faults end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 4 }), async (seed, contenders) => {
        const laboratory = makeLaboratory()
        const { clock } = laboratory
        const random = new SeededRandom(seed)
        const stop = new AbortController()
        const leaders = new Set<string>()
        let terms = 0
        let faulty = true

        const live = async (identity: string): Promise<void> => {
          const own = random.split(identity)
          const kube = faultyLeases(laboratory.kube, clock, own.split('faults'), () => faulty)
          // Each term is a process of its own.
          while (!stop.signal.aborted) {
            const life = new AbortController()
            const death = clock.after(ms(faulty ? 1000 + own.below(120_000) : 10_000_000), () => life.abort())
            const election = contender(laboratory, identity, { kube, random: own, releaseOnCancel: own.below(2) === 0 })
            await election.run(AbortSignal.any([life.signal, stop.signal]), async (leading) => {
              expect([...leaders]).toEqual([])
              leaders.add(identity)
              terms++
              leading.addEventListener('abort', () => leaders.delete(identity), { once: true })
              await untilAborted(leading)
              // Some take long to clean up.
              await clock.sleep(ms(own.below(4) * 2000))
            })
            death.cancel()
            await clock.sleep(ms(own.below(5000)), stop.signal).catch(() => {})
          }
        }
        const lives = Array.from({ length: contenders }, (_, i) => live(`contender-${i}`))
        await clock.runFor(seconds(600))
        faulty = false
        await clock.runFor(seconds(180))
        expect(leaders.size).toBe(1)
        expect(terms).toBeGreaterThan(1)
        stop.abort()
        await clock.runFor(seconds(60))
        await Promise.all(lives)
      }),
      // The example once released the lease of its own next life.
      { numRuns: 40, examples: [[-440876950, 3]] },
    )
  })
})

/** Requests that are late, lost, or done without an answer. */
function faultyLeases(
  kube: KubeApi,
  clock: Clock,
  random: Random,
  faulty: () => boolean,
): LeaderElectionOptions['kube'] {
  /** For a while nothing works at all. */
  let awayUntil = 0
  const exchange = async <R>(request: () => Promise<R>): Promise<R> => {
    if (!faulty()) return request()
    if (random.below(40) === 0) awayUntil = clock.now() + random.below(40_000)
    if (clock.now() < awayUntil) {
      if (random.below(2) === 0) await clock.sleep(ms(random.below(30_000)))
      throw failure('unavailable')
    }
    await clock.sleep(latency(random))
    if (random.below(10) === 0) throw failure('unavailable')
    const answer = await request()
    await clock.sleep(latency(random))
    if (random.below(10) === 0) throw failure('unavailable')
    return answer
  }
  return {
    get: (type, key) => exchange(() => kube.get(type, key)),
    create: (type, object) => exchange(() => kube.create(type, object)),
    replace: (type, object) => exchange(() => kube.replace(type, object)),
  }
}

function latency(random: Random): ReturnType<typeof ms> {
  return ms(random.below(8) === 0 ? random.below(12_000) : random.below(100))
}
