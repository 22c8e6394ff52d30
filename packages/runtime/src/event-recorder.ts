import {
  assert,
  Events,
  ms,
  timestamp,
  type Draft,
  type Event,
  type KubeObject,
  type Ms,
  type ObjectReference,
} from '@plimsoll/model'
import { isKubeFailure, KubeError, silentLog, type Clock, type KubeApi, type Log } from '@plimsoll/ports'
import { EventCorrelator, type RecordedEvent, type SpamFilter } from './event-correlator.ts'

export interface EventRecorderOptions {
  readonly kube: Pick<KubeApi, 'create' | 'patch'>
  readonly clock: Clock
  /** Who speaks: `cluster-autoscaler`, `default-scheduler`, `kubelet`. */
  readonly component: string
  /** Where: the node's name for kubelets. */
  readonly host?: string
  /** Every event is also logged, at verbosity 4. */
  readonly log?: Log
  /** 25 events at once and one per five minutes for each object, when absent. */
  readonly spamFilter?: SpamFilter
  /** What recorders of one process share, when they speak of different objects each; one of its own when absent. */
  readonly correlator?: EventCorrelator
}

interface Recording {
  readonly reference: ObjectReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly annotations: { readonly [key: string]: string } | undefined
  readonly at: Ms
}

/** Waiting events beyond this many are dropped: the server is away, and memory is not for its events. */
const waitingMax = 10_000
const triesMax = 12
const retryWait = ms(10_000)

/**
 * Writes v1 Events about objects, as client-go's recorder does (kubernetes/client-go:tools/record/event.go): in the
 * background, one after the other, repetitions counted by patches, failures logged and never thrown.
 */
export class EventRecorder {
  readonly #o: EventRecorderOptions
  readonly #log: Log
  readonly #correlator: EventCorrelator
  /** One object for all events. */
  readonly #source: NonNullable<Event['source']>
  #lastName = 0n
  #waiting = 0
  #chain: Promise<void> = Promise.resolve()

  constructor(options: EventRecorderOptions) {
    this.#o = options
    this.#log = options.log ?? silentLog
    this.#correlator = options.correlator ?? new EventCorrelator(options.spamFilter)
    const { component, host } = options
    this.#source = host === undefined ? { component } : { component, host }
  }

  /** Records that something happened to `object`, which names its kind and apiVersion. */
  event(
    object: KubeObject | ObjectReference,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    annotations?: { readonly [key: string]: string },
  ): void {
    const reference = referenceTo(object)
    if (this.#log.enabled(4))
      this.#log.info(4, `Event(${referenceText(reference)}): type: '${type}' reason: '${reason}' ${message}`)
    if (this.#waiting >= waitingMax) {
      this.#log.error('Unable to record event: too many queued events, dropped event', { reason, message })
      return
    }
    this.#waiting++
    const recording = { reference, type, reason, message, annotations, at: this.#o.clock.now() }
    this.#chain = this.#chain.then(async () => {
      await this.#record(recording)
      this.#waiting--
    })
  }

  /** Resolves when all events recorded so far were written or given up. */
  flush(): Promise<void> {
    return this.#chain
  }

  async #record(recording: Recording): Promise<void> {
    const { reference, type, reason } = recording
    const subject = [
      reference.kind,
      reference.namespace,
      reference.name,
      reference.uid,
      reference.apiVersion,
      reference.fieldPath,
    ].join('\0')
    const correlation = this.#correlator.correlate({ subject, type, reason, message: recording.message }, recording.at)
    if (correlation === undefined) return
    let earlier = correlation.earlier
    for (let tries = 1; ; tries++) {
      try {
        const recorded =
          earlier === undefined
            ? await this.#create(recording, correlation.message)
            : await this.#countUp(recording, correlation.message, earlier)
        this.#correlator.note(correlation, recorded)
        return
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        // Events expire after an hour; a later repetition starts anew.
        if (earlier !== undefined && error.failure === 'notFound') {
          earlier = undefined
          continue
        }
        if (error.failure !== 'unavailable') {
          this.#log.error('Server rejected event (will not retry!)', { err: error, reason, message: recording.message })
          return
        }
        if (tries >= triesMax) {
          this.#log.error('Unable to write event (retry limit exceeded!)', { reason, message: recording.message })
          return
        }
        this.#log.error('Unable to write event (may retry after sleeping)', { err: error, reason })
      }
      await this.#o.clock.sleep(retryWait)
    }
  }

  async #create(recording: Recording, message: string): Promise<RecordedEvent> {
    const { reference, annotations } = recording
    const at = timestamp(recording.at)
    const host = this.#o.host
    for (;;) {
      const name = `${reference.name ?? ''}.${this.#nextName(recording.at)}`
      const draft: Draft<Event> = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {
          name,
          namespace: namespaceOf(reference),
          ...(annotations === undefined ? {} : { annotations }),
        },
        involvedObject: reference,
        reason: recording.reason,
        message,
        source: this.#source,
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
        type: recording.type,
        reportingComponent: this.#o.component,
        reportingInstance: host ?? '',
      }
      try {
        await this.#o.kube.create(Events, draft)
        return { name, count: 1, firstTimestamp: recording.at }
      } catch (error) {
        // Another source spoke of the same object at the same instant.
        if (!isKubeFailure(error, 'alreadyExists')) throw error
      }
    }
  }

  async #countUp(recording: Recording, message: string, earlier: RecordedEvent): Promise<RecordedEvent> {
    const count = earlier.count + 1
    await this.#o.kube.patch(
      Events,
      { namespace: namespaceOf(recording.reference), name: earlier.name },
      { type: 'strategic', body: { count, lastTimestamp: timestamp(recording.at), message } },
    )
    return { ...earlier, count }
  }

  /** Nanoseconds in hexadecimal, as upstream's; on a clock of milliseconds the next free one. */
  #nextName(at: Ms): string {
    const wanted = BigInt(Math.trunc(at)) * 1_000_000n
    this.#lastName = wanted > this.#lastName ? wanted : this.#lastName + 1n
    return this.#lastName.toString(16)
  }
}

function namespaceOf(reference: ObjectReference): string {
  return reference.namespace === undefined || reference.namespace === '' ? 'default' : reference.namespace
}

function referenceTo(object: KubeObject | ObjectReference): ObjectReference {
  assert(object.kind !== undefined && object.kind !== '', 'the object of an event says its kind')
  if (!('metadata' in object)) return object
  const { namespace, name, uid, resourceVersion } = object.metadata
  return {
    kind: object.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid,
    ...(object.apiVersion === undefined ? {} : { apiVersion: object.apiVersion }),
    resourceVersion,
  }
}

/** As Go prints a v1.ObjectReference with %#v. */
function referenceText(r: ObjectReference): string {
  const fields = [
    ['Kind', r.kind],
    ['Namespace', r.namespace],
    ['Name', r.name],
    ['UID', r.uid],
    ['APIVersion', r.apiVersion],
    ['ResourceVersion', r.resourceVersion],
    ['FieldPath', r.fieldPath],
  ]
  return `v1.ObjectReference{${fields.map(([name, value]) => `${name}:${JSON.stringify(value ?? '')}`).join(', ')}}`
}
