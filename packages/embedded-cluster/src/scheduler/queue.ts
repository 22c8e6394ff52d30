// Which pods wait for a node, and when each is tried (kubernetes/kubernetes:pkg/scheduler/backend/queue/scheduling_queue.go).

import { keyText, ms, type Ms, type Pod } from '@plimsoll/model'
import { couldHelp, type ClusterChange } from './cluster-change.ts'

export interface QueuedPod {
  pod: Pod
  /** Order of arrival. */
  readonly sequence: number
  /** `active` is tried now; `backoff` when its wait is over; `parked` when something happens that could help. */
  state: 'active' | 'backoff' | 'parked' | 'gone'
  /** How often it was tried in vain. */
  attempts: number
  /** When it came, or was last tried. */
  since: Ms
  /** The filters that refused it last time. */
  refusedBy: ReadonlySet<string>
}

const backoffFirst = ms(1000)
const backoffLast = ms(10_000)
/** A parked pod is tried again after so long even if nothing happened. */
const parkedMax = ms(5 * 60_000)

export class SchedulingQueue {
  readonly #pods = new Map<string, QueuedPod>()
  /** Sorted when `#sorted`, the next one last. */
  readonly #active: QueuedPod[] = []
  #sorted = true
  /** Parked pods by who refused them: most changes concern few. */
  readonly #parked = new Map<string, { readonly refusedBy: ReadonlySet<string>; readonly pods: Set<QueuedPod> }>()
  #sequence = 0
  /** Nothing is due before. */
  #due = Infinity

  get(key: string): QueuedPod | undefined {
    return this.#pods.get(key)
  }

  /** Whether `pop` may have something to give. */
  get hasActive(): boolean {
    return this.#active.length > 0
  }

  /** When `flush` may next have something to do. */
  get due(): Ms | undefined {
    return this.#due === Infinity ? undefined : ms(this.#due)
  }

  /** A pod that came, or one that changed in a way that may make it fit. */
  add(pod: Pod, now: Ms): void {
    const key = keyText(pod.metadata)
    const known = this.#pods.get(key)
    if (known !== undefined && known.pod.metadata.uid === pod.metadata.uid) {
      known.pod = pod
      if (known.state === 'parked') this.#wake(known, now)
      return
    }
    this.remove(key)
    const queued: QueuedPod = {
      pod,
      sequence: this.#sequence++,
      state: 'active',
      attempts: 0,
      since: now,
      refusedBy: new Set(),
    }
    this.#pods.set(key, queued)
    this.#activate(queued)
  }

  remove(key: string): void {
    const queued = this.#pods.get(key)
    if (queued === undefined) return
    this.#pods.delete(key)
    this.#unpark(queued)
    queued.state = 'gone'
  }

  /** The next pod to try: highest priority first, then whoever has waited longest. It stays in the queue until removed. */
  pop(): QueuedPod | undefined {
    if (!this.#sorted) {
      this.#active.sort(lastFirst)
      this.#sorted = true
    }
    for (;;) {
      const queued = this.#active.pop()
      if (queued === undefined || queued.state === 'active') return queued
    }
  }

  /** It was tried and no node had room: it waits for something that could help. */
  park(queued: QueuedPod, refusedBy: ReadonlySet<string>, now: Ms): void {
    if (queued.state === 'gone') return
    queued.attempts++
    queued.since = now
    queued.refusedBy = refusedBy
    queued.state = 'parked'
    const key = parkingKey(queued)
    let there = this.#parked.get(key)
    if (there === undefined) this.#parked.set(key, (there = { refusedBy, pods: new Set() }))
    there.pods.add(queued)
    this.#due = Math.min(this.#due, now + parkedMax)
  }

  /** It was tried and something failed that has nothing to do with it: it is tried again after its wait. */
  delay(queued: QueuedPod, now: Ms): void {
    if (queued.state === 'gone') return
    queued.attempts++
    queued.since = now
    this.#backOff(queued)
  }

  /** Wakes the pods that the change could help, those whose wait is not over a little later. */
  happened(change: ClusterChange, now: Ms): void {
    for (const { refusedBy, pods } of this.#parked.values()) {
      if (couldHelp(change, refusedBy)) for (const queued of pods) this.#wake(queued, now)
    }
  }

  /** Wakes what is due; afterwards `pop` gives it. */
  flush(now: Ms): void {
    if (now < this.#due) return
    this.#due = Infinity
    for (const queued of this.#pods.values()) {
      if (queued.state !== 'backoff' && queued.state !== 'parked') continue
      const due = queued.state === 'backoff' ? backoffEnd(queued) : queued.since + parkedMax
      if (due <= now) this.#activate(queued)
      else this.#due = Math.min(this.#due, due)
    }
  }

  #wake(queued: QueuedPod, now: Ms): void {
    if (backoffEnd(queued) <= now) this.#activate(queued)
    else this.#backOff(queued)
  }

  #backOff(queued: QueuedPod): void {
    this.#unpark(queued)
    queued.state = 'backoff'
    this.#due = Math.min(this.#due, backoffEnd(queued))
  }

  #activate(queued: QueuedPod): void {
    this.#unpark(queued)
    queued.state = 'active'
    this.#active.push(queued)
    this.#sorted = false
  }

  #unpark(queued: QueuedPod): void {
    if (queued.state !== 'parked') return
    const key = parkingKey(queued)
    const there = this.#parked.get(key)!
    there.pods.delete(queued)
    if (there.pods.size === 0) this.#parked.delete(key)
  }
}

function parkingKey(queued: QueuedPod): string {
  return [...queued.refusedBy].sort().join()
}

/** One second after the first failure, two after the second, up to ten. */
function backoffEnd(queued: QueuedPod): number {
  if (queued.attempts === 0) return queued.since
  return queued.since + Math.min(backoffFirst * 2 ** (queued.attempts - 1), backoffLast)
}

function lastFirst(a: QueuedPod, b: QueuedPod): number {
  return (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) || b.since - a.since || b.sequence - a.sequence
}
