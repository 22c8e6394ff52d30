// Reads faults off annotations and off the fault board, and tells those who suffer them: when they begin, when they end.
import { ConfigMaps, ms, Nodes, Pods, type ConfigMap, type Ms, type Node, type Pod } from '@plimsoll/model'
import type { Clock, KubeApi, Log, Machine, Random } from '@plimsoll/ports'
import { EventRecorder, Informer } from '@plimsoll/runtime'
import { onChange, type Caches } from '../caches.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { faultAnnotation, faultBoard, boardFaults, withdrawFaults } from './fault-board.ts'
import { courseOf, type Course } from './fault-course.ts'
import { faultText, kindOf, parseFaults, type Fault, type FaultScope } from './fault.ts'

/** Those whom faults befall. Each is told all that it suffers from now on. */
export interface FaultVictims {
  node(name: string, faults: readonly Fault[]): void
  /** One that is carried out once. */
  nodeOnce(name: string, fault: Fault): void
  pod(pod: Pod, faults: readonly Fault[]): void
  cloud(faults: readonly Fault[]): void
}

interface Case {
  text: string
  faults: readonly Fault[]
  readonly since: Map<string, Ms>
  course: Course
  timer: { cancel(): void } | undefined
}

/** Shared by all who suffer nothing. */
const none: readonly Fault[] = []
const nothing: Course = { active: none, over: none, next: undefined }

export class FaultDesk {
  readonly #o: {
    readonly kube: KubeApi
    readonly caches: Caches
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  }
  readonly #board: Informer<ConfigMap>
  readonly #events: EventRecorder
  readonly #cases = new Map<string, Case>()
  readonly #life: Lifetime
  #victims: FaultVictims | undefined

  /** `kube`: as one who may write annotations of nodes and pods, and the fault board. */
  constructor(o: {
    readonly kube: KubeApi
    readonly caches: Caches
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  }) {
    this.#o = o
    this.#life = new Lifetime(o.clock)
    this.#events = new EventRecorder({ kube: o.kube, clock: o.clock, component: 'plimsoll-faults' })
    this.#board = new Informer(o.kube, ConfigMaps, {
      clock: o.clock,
      random: o.random,
      log: o.log,
      selection: { namespace: faultBoard.namespace, fieldSelector: `metadata.name=${faultBoard.name}` },
    })
    onChange(o.caches.nodes, (now, was) => this.#noticed('node', now ?? was!, now))
    onChange(o.caches.pods, (now, was) => this.#noticed('pod', now ?? was!, now))
    onChange(this.#board, (now) => this.#boardChanged(now))
  }

  /** Before the caches are filled. */
  serve(victims: FaultVictims): void {
    this.#victims = victims
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#board.start(signal)
  }

  stop(): void {
    this.#life.end()
  }

  ofNode(name: string): readonly Fault[] {
    return this.#cases.get(`node/${name}`)?.course.active ?? none
  }

  ofPod(pod: Pod): readonly Fault[] {
    return this.#cases.get(`pod/${pod.metadata.uid}`)?.course.active ?? none
  }

  /** What a machine that starts now suffers: by the board, and by its own tags. */
  ofMachine(machine: Machine): readonly Fault[] {
    const posted = this.#cases.get('board')?.course.active ?? none
    const own = parseFaults(machine.tags?.[faultAnnotation] ?? '', 'machine')
    if ('problem' in own) this.#o.log.error('Unknown fault', { machine: machine.providerId, problem: own.problem })
    return [...posted, ...('faults' in own ? own.faults : [])].filter(
      (fault) => kindOf(fault.name).scopes.includes('machine') && meets(fault, machine),
    )
  }

  #noticed(scope: 'node' | 'pod', object: Node | Pod, now: Node | Pod | undefined): void {
    const key = scope === 'node' ? `node/${object.metadata.name}` : `pod/${object.metadata.uid}`
    const text = now?.metadata.annotations?.[faultAnnotation] ?? ''
    const known = this.#cases.get(key)
    if (text === (known?.text ?? '')) return
    const { faults, problem } = read(text, scope)
    if (problem !== undefined) this.#events.event(object, 'Warning', 'InvalidFault', `${faultAnnotation}: ${problem}`)
    this.#open(key, text, faults, (course) => {
      if (scope === 'node') this.#victims?.node(object.metadata.name, course.active)
      else this.#victims?.pod(now === undefined ? (object as Pod) : (now as Pod), course.active)
      this.#withdraw(scope, object, course.over)
    })
    const orders = faults.filter(
      (fault) => kindOf(fault.name).once === true && known?.since.has(faultText(fault)) !== true,
    )
    if (orders.length === 0) return
    for (const fault of orders) this.#victims?.nodeOnce(object.metadata.name, fault)
    this.#withdraw(scope, object, orders)
  }

  #boardChanged(now: ConfigMap | undefined): void {
    const text = JSON.stringify(now?.data ?? {})
    if (text === this.#cases.get('board')?.text) return
    const faults: Fault[] = []
    for (const entry of boardFaults(now)) {
      if ('fault' in entry) faults.push(entry.fault)
      else this.#events.event(now!, 'Warning', 'InvalidFault', `${entry.key}: ${entry.problem}`)
    }
    this.#open('board', text, faults, (course) => {
      this.#victims?.cloud(course.active.filter((fault) => kindOf(fault.name).scopes.includes('cloud')))
      if (course.over.length > 0) this.#spawn(withdrawFaults(this.#o.kube, { kind: 'board' }, course.over))
    })
  }

  /** Takes down what somebody suffers now; `tell` is called at once and at every change that time brings. */
  #open(key: string, text: string, faults: readonly Fault[], tell: (course: Course) => void): void {
    const known = this.#cases.get(key)
    known?.timer?.cancel()
    const now = this.#o.clock.now()
    const since = new Map(faults.map((fault) => [faultText(fault), known?.since.get(faultText(fault)) ?? now]))
    const opened: Case = { text, faults, since, course: nothing, timer: undefined }
    if (text === '') this.#cases.delete(key)
    else this.#cases.set(key, opened)
    const look = (): void => {
      const at = this.#o.clock.now()
      opened.course = courseOf(opened.faults, since, at)
      const { next } = opened.course
      opened.timer = next === undefined ? undefined : this.#life.after(ms(next - at), look)
      tell(opened.course)
    }
    look()
  }

  #withdraw(scope: 'node' | 'pod', object: Node | Pod, faults: readonly Fault[]): void {
    if (faults.length === 0) return
    const { name } = object.metadata
    const target =
      scope === 'node'
        ? ({ kind: 'object', type: Nodes, key: { name } } as const)
        : ({ kind: 'object', type: Pods, key: { namespace: (object as Pod).metadata.namespace, name } } as const)
    this.#spawn(withdrawFaults(this.#o.kube, target, faults))
  }

  #spawn(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#o.log.error('Failed to take down a fault', { err: error }))
  }
}

function read(text: string, scope: FaultScope): { readonly faults: readonly Fault[]; readonly problem?: string } {
  const parsed = parseFaults(text, scope)
  return 'problem' in parsed ? { faults: [], problem: parsed.problem } : parsed
}

function meets({ parameters }: Fault, { labels }: Machine): boolean {
  const wanted: readonly (readonly [string, string])[] = [
    ['group', 'eks.amazonaws.com/nodegroup'],
    ['type', 'node.kubernetes.io/instance-type'],
    ['zone', 'topology.kubernetes.io/zone'],
  ]
  return wanted.every(([parameter, label]) => (parameters[parameter] ?? labels[label]) === labels[label])
}
