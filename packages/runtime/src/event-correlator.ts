import { ms, type Ms } from '@plimsoll/model'
import { Lru } from './lru.ts'

/** What the correlator looks at in an event. */
export interface EventFacts {
  /** The source and the object: all that a spam bucket is kept for. */
  readonly subject: string
  readonly type: string
  readonly reason: string
  readonly message: string
}

export interface SpamFilter {
  /** How many events pass at once. */
  readonly burst: number
  /** After so long one more may pass. */
  readonly refill: Ms
  /** Events of one key share a bucket; by source and object when absent. */
  readonly key?: (event: EventFacts) => string
}

/** An event that was recorded before and is recorded again. */
export interface RecordedEvent {
  readonly name: string
  readonly count: number
  readonly firstTimestamp: Ms
}

export interface Correlation {
  /** Under which repetitions of the event are found. */
  readonly key: string
  readonly message: string
  /** The event to count up instead of making a new one. */
  readonly earlier: RecordedEvent | undefined
}

interface Alike {
  lastTimestamp: Ms
  /** The first one; the set is made for the second. */
  readonly message: string
  messages: Set<string> | undefined
}

const cacheSize = 4096
const alikeMax = 10
const alikeInterval = ms(600_000)

/**
 * Decides which events are written, and as what: more than ten alike within ten minutes become one, a repeated one is
 * counted, and an object that causes too many loses some (kubernetes/client-go:tools/record/events_cache.go).
 */
export class EventCorrelator {
  readonly #spam: SpamFilter
  readonly #alike: Lru<Alike>
  readonly #recorded: Lru<RecordedEvent>
  readonly #buckets: Lru<{ tokens: number; at: Ms }>

  /** `capacity`: how many kinds of events are remembered, 4,096 as upstream when absent. */
  constructor(spam: SpamFilter = { burst: 25, refill: ms(300_000) }, capacity: number = cacheSize) {
    this.#spam = spam
    this.#alike = new Lru(capacity)
    this.#recorded = new Lru(capacity)
    this.#buckets = new Lru(spam.key === undefined ? capacity : 2 * capacity)
  }

  /** What to write, or undefined when the event is one too many. `note` must follow when it was written. */
  correlate(event: EventFacts, now: Ms): Correlation | undefined {
    const aggregated = this.#aggregate(event, now)
    const earlier = this.#recorded.get(aggregated.key)
    return this.#takeToken(event, now) ? { ...aggregated, earlier } : undefined
  }

  /** The event stands on the server as this. */
  note(key: string, recorded: RecordedEvent): void {
    this.#recorded.set(key, recorded)
  }

  #aggregate(event: EventFacts, now: Ms): { key: string; message: string } {
    const key = [event.subject, event.type, event.reason].join('\0')
    let alike = this.#alike.get(key)
    if (alike === undefined || now - alike.lastTimestamp > alikeInterval)
      this.#alike.set(key, (alike = { lastTimestamp: now, message: event.message, messages: undefined }))
    alike.lastTimestamp = now
    if (alike.messages === undefined && event.message !== alike.message) alike.messages = new Set([alike.message])
    alike.messages?.add(event.message)
    if (alike.messages === undefined || alike.messages.size < alikeMax) {
      return { key: `${key}\0${event.message}`, message: event.message }
    }
    alike.messages.delete(alike.messages.keys().next().value!)
    return { key, message: `(combined from similar events): ${event.message}` }
  }

  #takeToken(event: EventFacts, now: Ms): boolean {
    const { burst, refill, key } = this.#spam
    const bucketKey = key === undefined ? event.subject : key(event)
    const bucket = this.#buckets.get(bucketKey) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refill)
    const passes = tokens >= 1
    this.#buckets.set(bucketKey, { tokens: passes ? tokens - 1 : tokens, at: now })
    return passes
  }
}
