// What containers and nodes use, for metrics.k8s.io. Worked out when somebody asks, from annotations and from time: no
// timers, and equal seeds give equal figures.
import {
  controllerOf,
  formatQuantity,
  instant,
  keyText,
  milliValue,
  ms,
  type Container,
  type KubeObject,
  type Ms,
  type ObjectKey,
  type Pod,
} from '@plimsoll/model'
import type { Clock, Log, Random } from '@plimsoll/ports'
import { onChange, type Caches } from '../caches.ts'
import { isPodActive, isPodReady } from '../pods.ts'
import { amountAt, parseProfile, type LoadProfile } from './load-profile.ts'

export interface ResourceUsage {
  /** Quantities. */
  readonly cpu: string
  readonly memory: string
}

/** Which containers run, and where. */
export interface RunningContainers {
  runningContainers(pod: ObjectKey): readonly Container[]
  /** Of a node whose kubelet is up; undefined otherwise. */
  podsOn(name: string): readonly Pod[] | undefined
}

type Resource = 'cpu' | 'memory'

interface Given {
  readonly text: string
  readonly profile: LoadProfile | undefined
  /** When it was first seen so. */
  readonly since: Ms
}

/** What KWOK reads: an amount for each container of the pod. */
const kwok = { cpu: 'kwok.x-k8s.io/usage-cpu', memory: 'kwok.x-k8s.io/usage-memory' }
/** The use of one pod. */
const perPod = { cpu: 'plimsoll.dev/usage-cpu', memory: 'plimsoll.dev/usage-memory' }
/** What all ready pods of a workload or Service have to bear together. */
const shared = { cpu: 'plimsoll.dev/load-cpu', memory: 'plimsoll.dev/load-memory' }

/** Noise stays the same for so long, the window of a measurement. */
const noiseStepMs = 15_000
/** What the system's own processes use on every node. */
const systemMilliCpu = 30
const systemMemoryMilli = 350_000 * 1024 * 1000

export class UsageModel {
  readonly #caches: Caches
  readonly #clock: Clock
  readonly #log: Log
  readonly #running: RunningContainers
  readonly #seed: number
  readonly #profiles = new Map<string, LoadProfile | undefined>()
  /** By kind and key: workloads and Services that say what they have to bear. */
  readonly #loads = new Map<string, { readonly [resource in Resource]: Given | undefined }>()
  /** By namespace, how many pods share each load, as of one instant and one state of the pods. */
  #sharers = new Map<string, ReadonlyMap<string, number>>()
  #sharersAt = ''

  constructor(o: {
    readonly caches: Caches
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly running: RunningContainers
  }) {
    this.#caches = o.caches
    this.#clock = o.clock
    this.#log = o.log
    this.#running = o.running
    this.#seed = o.random.below(2 ** 31)
    const { deployments, statefulSets, replicaSets, daemonSets, services } = o.caches
    onChange(deployments, (now, was) => this.#noteLoad('Deployment', now, was))
    onChange(statefulSets, (now, was) => this.#noteLoad('StatefulSet', now, was))
    onChange(replicaSets, (now, was) => this.#noteLoad('ReplicaSet', now, was))
    onChange(daemonSets, (now, was) => this.#noteLoad('DaemonSet', now, was))
    onChange(services, (now, was) => this.#noteLoad('Service', now, was))
  }

  /** By container name; undefined unless the pod runs. */
  pod(key: ObjectKey): ReadonlyMap<string, ResourceUsage> | undefined {
    const pod = this.#caches.pods.get(key)
    return pod === undefined ? undefined : this.#ofPod(pod)
  }

  node(name: string): ResourceUsage | undefined {
    const pods = this.#running.podsOn(name)
    if (pods === undefined) return undefined
    let cpu = systemMilliCpu
    let memory = systemMemoryMilli
    for (const pod of pods) {
      for (const usage of this.#ofPod(pod)?.values() ?? []) {
        cpu += milliValue(usage.cpu)
        memory += milliValue(usage.memory)
      }
    }
    return { cpu: cpuText(cpu), memory: memoryText(memory) }
  }

  #ofPod(pod: Pod): ReadonlyMap<string, ResourceUsage> | undefined {
    const containers = this.#running.runningContainers(pod.metadata)
    if (containers.length === 0) return undefined
    const cpu = this.#amounts(pod, containers, 'cpu')
    const memory = this.#amounts(pod, containers, 'memory')
    return new Map(
      containers.map(({ name }, i) => [name, { cpu: cpuText(cpu[i]!), memory: memoryText(memory[i]!) }] as const),
    )
  }

  /** Thousandths that each container uses: what it is said to use, plus its part of what it has to bear. */
  #amounts(pod: Pod, containers: readonly Container[], resource: Resource): number[] {
    const requests = containers.map((container) => milliValue(container.resources?.requests?.[resource]))
    const requested = requests.reduce((sum, request) => sum + request, 0)
    /** Each container's part: as it requests, or equal parts where none requests anything. */
    const part = (i: number): number => (requested === 0 ? 1 / containers.length : requests[i]! / requested)
    const annotations = pod.metadata.annotations ?? {}
    const since = instant(pod.status?.startTime) ?? ms(0)
    const key = keyText(pod.metadata)
    const ofPod = this.#profile(annotations[perPod[resource]], key)
    const ofEach = this.#profile(annotations[kwok[resource]], key)
    const load = this.#shareOfLoads(pod, resource)
    return containers.map((container, i) => {
      const noise = this.#noise(`${key}/${container.name}/${resource}`)
      const at = { now: this.#clock.now(), since, noise }
      let milli: number
      if (ofPod !== undefined) milli = amountAt(ofPod, { ...at, requestMilli: requested }) * part(i)
      else if (ofEach !== undefined) milli = amountAt(ofEach, { ...at, requestMilli: requests[i]! })
      else if (load === undefined || resource === 'memory')
        milli = usualAmount(`${key}/${container.name}`, requests[i]!, resource)
      else milli = 0
      if (load !== undefined) milli += load * part(i)
      const limit = container.resources?.limits?.[resource]
      return limit === undefined ? milli : Math.min(milli, milliValue(limit))
    })
  }

  /** The pod's part of all loads that it helps to bear; undefined when there are none. */
  #shareOfLoads(pod: Pod, resource: Resource): number | undefined {
    if (this.#loads.size === 0) return undefined
    let total: number | undefined
    for (const id of this.#bearers(pod)) {
      const given = this.#loads.get(id)?.[resource]
      if (given?.profile === undefined) continue
      const noise = this.#noise(`${id}/${resource}`)
      const whole = amountAt(given.profile, { now: this.#clock.now(), since: given.since, requestMilli: 0, noise })
      const sharers = isBearing(pod) ? (this.#sharersIn(pod.metadata.namespace).get(id) ?? 0) : 0
      total = (total ?? 0) + (sharers === 0 ? 0 : whole / sharers)
    }
    return total
  }

  /** The workload that the pod belongs to and the Services in front of it, those that have a load. */
  #bearers(pod: Pod): string[] {
    const { namespace } = pod.metadata
    const ids: string[] = []
    let owner = controllerOf(pod)
    if (owner?.kind === 'ReplicaSet') {
      // A Deployment's annotations stand on its sets as well: only the topmost counts.
      const set = this.#caches.replicaSets.get({ namespace, name: owner.name })
      owner = (set === undefined ? undefined : controllerOf(set)) ?? owner
    }
    if (owner !== undefined) ids.push(`${owner.kind} ${namespace}/${owner.name}`)
    for (const service of this.#caches.services.byIndex('namespace', namespace)) {
      const id = `Service ${namespace}/${service.metadata.name}`
      if (this.#loads.has(id) && selects(service.spec?.selector, pod)) ids.push(id)
    }
    return ids.filter((id) => this.#loads.has(id))
  }

  #sharersIn(namespace: string): ReadonlyMap<string, number> {
    const { pods } = this.#caches
    const state = `${pods.resourceVersion}@${this.#clock.now()}`
    if (state !== this.#sharersAt) {
      this.#sharers = new Map()
      this.#sharersAt = state
    }
    const known = this.#sharers.get(namespace)
    if (known !== undefined) return known
    const counts = new Map<string, number>()
    for (const pod of pods.byIndex('namespace', namespace)) {
      if (isBearing(pod)) for (const id of this.#bearers(pod)) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    this.#sharers.set(namespace, counts)
    return counts
  }

  #noteLoad(kind: string, now: KubeObject | undefined, was: KubeObject | undefined): void {
    const object = now ?? was!
    const id = `${kind} ${keyText({ namespace: object.metadata.namespace, name: object.metadata.name })}`
    const before = this.#loads.get(id)
    const given = (resource: Resource): Given | undefined => {
      const text = now?.metadata.annotations?.[shared[resource]]
      if (text === undefined) return undefined
      if (before?.[resource]?.text === text) return before[resource]
      return { text, profile: this.#profile(text, id), since: this.#clock.now() }
    }
    const load = { cpu: given('cpu'), memory: given('memory') }
    if (load.cpu === undefined && load.memory === undefined) this.#loads.delete(id)
    else this.#loads.set(id, load)
  }

  #profile(text: string | undefined, whose: string): LoadProfile | undefined {
    if (text === undefined) return undefined
    if (this.#profiles.has(text)) return this.#profiles.get(text)
    const parsed = parseProfile(text)
    const profile = 'problem' in parsed ? undefined : parsed
    if ('problem' in parsed) this.#log.warning('A usage annotation cannot be read', { of: whose, err: parsed.problem })
    this.#profiles.set(text, profile)
    return profile
  }

  /** From -1 to 1, by name and step of time. */
  #noise(name: string): number {
    return hash(`${this.#seed}/${name}/${Math.floor(this.#clock.now() / noiseStepMs)}`) / 0x80000000 - 1
  }
}

function isBearing(pod: Pod): boolean {
  return isPodActive(pod) && isPodReady(pod)
}

function selects(selector: { readonly [key: string]: string } | undefined, pod: Pod): boolean {
  const entries = Object.entries(selector ?? {})
  return entries.length > 0 && entries.every(([key, value]) => pod.metadata.labels?.[key] === value)
}

/** A steady 10 to 70 % of the CPU request and 45 to 75 % of the memory request, always the same for one container. */
function usualAmount(name: string, requestMilli: number, resource: Resource): number {
  const share = 0.1 + (hash(name) % 600) / 1000
  return requestMilli * (resource === 'cpu' ? share : 0.4 + share / 2)
}

function cpuText(milli: number): string {
  return `${Math.max(1, Math.round(milli))}m`
}

/** Whole kibibytes, and a page at least. */
function memoryText(milli: number): string {
  const kibibytes = Math.max(4, Math.round(milli / 1000 / 1024))
  return formatQuantity({ nano: BigInt(kibibytes) * 1024n * 1_000_000_000n, format: 'BinarySI' })
}

/** FNV-1a with a finish, for its low bits alone are poor. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
