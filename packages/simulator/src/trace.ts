// What happened in a run, as lines that a person can read and a test can compare: who joined, who was bound where, what
// the autoscaler asked of the cloud and said in events.
import { ms, Nodes, Pods, Events, type Event, type Ms, type Node, type Pod } from '@plimsoll/model'
import type { House } from './house.ts'
import type { AwsApi, Clock, KubeApi, WatchEvent } from '@plimsoll/ports'

/** Calls that change the cloud; reads are not told. */
const told = new Set([
  'SetDesiredCapacity',
  'TerminateInstanceInAutoScalingGroup',
  'UpdateAutoScalingGroup',
  'TerminateInstances',
])

export class Trace {
  readonly #clock: Clock
  readonly #start: Ms
  readonly #lines: string[] = []
  readonly #nodes = new Map<string, Node>()
  readonly #pods = new Map<string, Pod>()
  /** By pod: what the scheduler last said; and how many pods it has just said the same of. */
  readonly #refusals = new Map<string, string>()
  #refusal: { readonly text: string; readonly at: Ms; pods: number } | undefined
  #namespace = ''
  /** Log lines that were told, by pod. */
  readonly #logged = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#start = clock.now()
  }

  /** Every line so far. */
  text(): string {
    this.#tellRefusal()
    return this.#lines.map((line) => `${line}\n`).join('')
  }

  say(what: string, text: string): void {
    this.#tellRefusal()
    this.#line(this.#clock.now(), what, text)
  }

  #line(at: Ms, what: string, text: string): void {
    this.#lines.push(`${stamp(ms(at - this.#start))} ${what.padEnd(8)} ${text}`)
  }

  /** Fifteen pods that do not fit for one reason are one line. */
  #refused(text: string): void {
    const at = this.#clock.now()
    if (this.#refusal?.text === text && this.#refusal.at === at) {
      this.#refusal.pods++
      return
    }
    this.#tellRefusal()
    this.#refusal = { text, at, pods: 1 }
  }

  #tellRefusal(): void {
    const refusal = this.#refusal
    if (refusal === undefined) return
    this.#refusal = undefined
    this.#line(refusal.at, 'event', `FailedScheduling (${refusal.pods} pods): ${refusal.text}`)
  }

  /** Follows nodes, the pods of one namespace, and events. */
  async follow(kube: KubeApi, o: { readonly namespace: string }): Promise<void> {
    this.#namespace = o.namespace
    const watching = { allowBookmarks: false }
    await kube.watch(Nodes, watching, { event: (event) => this.#node(event), end: () => {} })
    await kube.watch(
      Pods,
      { ...watching, namespace: o.namespace },
      { event: (event) => this.#pod(event), end: () => {} },
    )
    await kube.watch(Events, watching, { event: (event) => this.#event(event), end: () => {} })
  }

  /** The same cloud, with what is asked of it written down. */
  around(api: AwsApi): AwsApi {
    return {
      region: api.region,
      call: async (service, operation, input, signal) => {
        if (told.has(operation)) this.say('aws', `${operation} ${facts(input as object)}`)
        return api.call(service, operation, input, signal)
      },
    }
  }

  /**
   * What the pods of `namespace/name…` have said since the last time, each line without its time and process. What a
   * container said that was replaced before is lost, as with kubectl.
   */
  async tellLogs(house: Pick<House, 'cluster'>, kube: KubeApi, place: string): Promise<void> {
    const [namespace = '', prefix = ''] = place.split('/')
    const { items } = await kube.list(Pods, { namespace })
    for (const { metadata, spec } of items.filter(({ metadata: { name } }) => name.startsWith(prefix))) {
      const { name } = metadata
      const container = spec.containers[0]!.name
      let text = ''
      for (const previous of [true, false]) {
        const sink = { chunk: (part: string) => (text += part), end: () => {} }
        house.cluster.podLogs.read({ namespace, name }, { container, previous }, sink)
      }
      const lines = text.split('\n').filter((line) => line !== '')
      const fresh = lines.filter((line) => !this.#logged.has(`${name} ${line}`))
      for (const line of fresh) {
        this.#logged.add(`${name} ${line}`)
        this.say('log', line.replace(/^([IWEF])\d{4} (\d\d:\d\d:\d\d)\S+ +\d+ /, '$1 '))
      }
    }
  }

  #node(event: WatchEvent<Node>): void {
    if (event.type === 'BOOKMARK') return
    const { object } = event
    const { name } = object.metadata
    const before = this.#nodes.get(name)
    if (event.type === 'DELETED') {
      this.#nodes.delete(name)
      this.say('node', `${name} gone`)
      return
    }
    this.#nodes.set(name, object)
    if (before === undefined) this.say('node', `${name} joins`)
    if (readiness(before) !== readiness(object) && before !== undefined)
      this.say('node', `${name} ${readiness(object)}`)
    for (const key of taintKeys(object)) if (!taintKeys(before).has(key)) this.say('node', `${name} +${key}`)
    for (const key of taintKeys(before)) if (!taintKeys(object).has(key)) this.say('node', `${name} -${key}`)
  }

  #pod(event: WatchEvent<Pod>): void {
    if (event.type === 'BOOKMARK') return
    const { object } = event
    const key = object.metadata.name
    const before = this.#pods.get(key)
    if (event.type === 'DELETED') {
      this.#pods.delete(key)
      this.say('pod', `${key} gone`)
      return
    }
    this.#pods.set(key, object)
    if (before?.spec.nodeName === undefined && object.spec.nodeName !== undefined)
      this.say('pod', `${key} -> ${object.spec.nodeName}`)
    if (before?.status?.phase !== object.status?.phase && object.status?.phase !== 'Pending')
      this.say('pod', `${key} ${object.status?.phase}`)
  }

  #event(event: WatchEvent<Event>): void {
    if (event.type !== 'ADDED' && event.type !== 'MODIFIED') return
    const { object } = event
    const component = object.source?.component ?? object.reportingComponent ?? ''
    const { kind, name } = object.involvedObject
    const about = `${kind?.toLowerCase()}/${name}`
    if (component === 'cluster-autoscaler') {
      this.say('event', `${object.reason} ${about}: ${object.message}`)
    } else if (
      object.reason === 'FailedScheduling' &&
      object.metadata.namespace === this.#namespace &&
      this.#refusals.get(about) !== object.message
    ) {
      this.#refusals.set(about, object.message ?? '')
      this.#refused(object.message ?? '')
    }
  }
}

function stamp(since: Ms): string {
  const total = Math.floor(since / 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(Math.floor(total / 3600))}:${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`
}

function readiness(node: Node | undefined): string {
  const ready = node?.status?.conditions?.find((condition) => condition.type === 'Ready')
  return ready?.status === 'True' ? 'ready' : ready?.status === 'Unknown' ? 'lost' : 'not ready'
}

/** The taints of autoscalers, and being cordoned; those of starting nodes come and go with readiness. */
function taintKeys(node: Node | undefined): Set<string> {
  const keys = (node?.spec.taints ?? [])
    .map(({ key }) => key)
    .filter((key) => !key.startsWith('node.kubernetes.io/') && !key.startsWith('node.cloudprovider.kubernetes.io/'))
  return new Set(node?.spec.unschedulable === true ? [...keys, 'cordon'] : keys)
}

function facts(input: object): string {
  return Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ')
}
