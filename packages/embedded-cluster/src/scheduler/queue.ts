// Which pods wait for a node, and when each is tried (next) (kubernetes/kubernetes:pkg/scheduler/backend/queue/scheduling_queue.go).

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
  #sequence = 0

  get(key: string): QueuedPod | undefined {
    return this.#pods.get(key)
  }

  get size(): number {
    return this.#pods.size
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
  }

  /** It was tried and something failed that has nothing to do with it: it is tried again after its wait. */
  delay(queued: QueuedPod, now: Ms): void {
    if (queued.state === 'gone') return
    queued.attempts++
    queued.since = now
    queued.state = 'backoff'
  }

  /** Wakes the pods that the change could help, those whose wait is not over a little later. */
  happened(change: ClusterChange, now: Ms): void {
    for (const queued of this.#pods.values()) {
      if (queued.state === 'parked' && couldHelp(change, queued.refusedBy)) this.#wake(queued, now)
    }
  }

  /** Wakes what is due; afterwards `pop` gives it. */
  flush(now: Ms): void {
    for (const queued of this.#pods.values()) {
      if (queued.state === 'backoff' && backoffEnd(queued) <= now) this.#activate(queued)
      else if (queued.state === 'parked' && queued.since + parkedMax <= now) this.#activate(queued)
    }
  }

  /** When `flush` next has something to do. */
  get nextDue(): Ms | undefined {
    let next = Infinity
    for (const queued of this.#pods.values()) {
      if (queued.state === 'backoff') next = Math.min(next, backoffEnd(queued))
      else if (queued.state === 'parked') next = Math.min(next, queued.since + parkedMax)
    }
    return next === Infinity ? undefined : ms(next)
  }

  #wake(queued: QueuedPod, now: Ms): void {
    if (backoffEnd(queued) <= now) this.#activate(queued)
    else queued.state = 'backoff'
  }

  #activate(queued: QueuedPod): void {
    queued.state = 'active'
    this.#active.push(queued)
    this.#sorted = false
  }
}

/** One second after the first failure, two after the second, up to ten. */
function backoffEnd(queued: QueuedPod): number {
  if (queued.attempts === 0) return queued.since
  return queued.since + Math.min(backoffFirst * 2 ** (queued.attempts - 1), backoffLast)
}

function lastFirst(a: QueuedPod, b: QueuedPod): number {
  return (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) || b.since - a.since || b.sequence - a.sequence
}
