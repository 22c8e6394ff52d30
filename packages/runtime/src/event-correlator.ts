import { ms, type Ms } from '@plimsoll/model'
import { Recent } from './recent.ts'

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
  readonly kind: EventKind
  readonly message: string
  /** Whether this stands for many alike. */
  readonly combined: boolean
  /** The event to count up instead of making a new one. */
  readonly earlier: RecordedEvent | undefined
}

/** Events of one source, object, type and reason. One message is the rule: more is kept only where there is more. */
interface EventKind {
  lastTimestamp: Ms
  message: string
  /** The messages seen within the interval, once there are two. */
  messages: Set<string> | undefined
  /** What stands on the server: of `message`, of the other messages, and for all that were combined. */
  recorded: RecordedEvent | undefined
  others: Map<string, RecordedEvent> | undefined
  combined: RecordedEvent | undefined
}

const cacheSize = 4096
const alikeMax = 10
const othersMax = 64
const alikeInterval = ms(600_000)

/**
 * Decides which events are written, and as what: more than ten alike within ten minutes become one, a repeated one is
 * counted, and an object that causes too many loses some (kubernetes/client-go:tools/record/events_cache.go).
 */
export class EventCorrelator {
  readonly #spam: SpamFilter
  readonly #kinds: Recent<EventKind>
  readonly #buckets: Recent<{ tokens: number; at: Ms }>

  /** `capacity`: how many kinds of events are remembered, 4,096 as upstream when absent. */
  constructor(spam: SpamFilter = { burst: 25, refill: ms(300_000) }, capacity: number = cacheSize) {
    this.#spam = spam
    this.#kinds = new Recent(capacity)
    this.#buckets = new Recent(spam.key === undefined ? capacity : 2 * capacity)
  }

  /** What to write, or undefined when the event is one too many. `note` must follow when it was written. */
  correlate(event: EventFacts, now: Ms): Correlation | undefined {
    const correlation = this.#aggregate(event, now)
    return this.#takeToken(event, now) ? correlation : undefined
  }

  /** The event stands on the server as this. */
  note({ kind, message, combined }: Correlation, recorded: RecordedEvent): void {
    if (combined) kind.combined = recorded
    else if (message === kind.message) kind.recorded = recorded
    else {
      kind.others ??= new Map()
      kind.others.delete(message)
      kind.others.set(message, recorded)
      if (kind.others.size > othersMax) kind.others.delete(kind.others.keys().next().value!)
    }
  }

  #aggregate(event: EventFacts, now: Ms): Correlation {
    const { message } = event
    const key = [event.subject, event.type, event.reason].join('\0')
    let kind = this.#kinds.get(key)
    if (kind === undefined) {
      kind = {
        lastTimestamp: now,
        message,
        messages: undefined,
        recorded: undefined,
        others: undefined,
        combined: undefined,
      }
      this.#kinds.set(key, kind)
    } else if (now - kind.lastTimestamp > alikeInterval) kind.messages = new Set()
    kind.lastTimestamp = now
    if (kind.messages === undefined && message !== kind.message) kind.messages = new Set([kind.message])
    kind.messages?.add(message)
    if (kind.messages === undefined || kind.messages.size < alikeMax) {
      const earlier = message === kind.message ? kind.recorded : kind.others?.get(message)
      return { kind, message, combined: false, earlier }
    }
    kind.messages.delete(kind.messages.keys().next().value!)
    return { kind, message: `(combined from similar events): ${message}`, combined: true, earlier: kind.combined }
  }

  #takeToken(event: EventFacts, now: Ms): boolean {
    const { burst, refill, key } = this.#spam
    const bucketKey = key === undefined ? event.subject : key(event)
    let bucket = this.#buckets.get(bucketKey)
    if (bucket === undefined) this.#buckets.set(bucketKey, (bucket = { tokens: burst, at: now }))
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refill)
    bucket.at = now
    const passes = bucket.tokens >= 1
    if (passes) bucket.tokens--
    return passes
  }
}
