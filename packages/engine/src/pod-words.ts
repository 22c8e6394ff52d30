// What scheduling reads from a pod, as a row of small numbers: each text that occurs has a number, and so has each kind of
// bracket. Equal rows are the same to scheduling; the same thing said otherwise gives another row, which costs a second
// class and no more. Rows are compared as numbers, for making and hashing one long text per pod costs several times more.
import type { Container, Pod } from '@plimsoll/model'
import { holdsByStatus } from './resources.ts'
import { volumeWords } from './volumes/pod-volumes.ts'

// Brackets and the like are below zero, numbers of texts above.
const absent = 0
const no = -1
const yes = -2
const number = -3
/** A number that is no 32-bit integer, by its text. */
const otherNumber = -4
const listBegins = -5
const objectBegins = -6
const ends = -7

interface Entry<T> {
  readonly row: Int32Array
  readonly value: T
  /** Another row with the same hash. */
  readonly next: Entry<T> | undefined
}

/** Remembers one value for all pods in the same words. */
export class PodWords<T> {
  readonly #make: (pod: Pod) => T
  readonly #entriesMax: number
  readonly #byHash = new Map<number, Entry<T>>()
  readonly #numbers = new Map<string, number>()
  #entries = 0
  /** The row being written. */
  #row = new Int32Array(1024)
  #length = 0

  /** Forgets everything when there are more than so many entries: classes are made anew, and nothing else happens. */
  constructor(make: (pod: Pod) => T, entriesMax: number) {
    this.#make = make
    this.#entriesMax = entriesMax
  }

  get(pod: Pod): T {
    this.#length = 0
    this.#pod(pod)
    const hash = this.#hash()
    for (let entry = this.#byHash.get(hash); entry !== undefined; entry = entry.next) {
      if (this.#isWritten(entry.row)) return entry.value
    }
    const row = this.#row.slice(0, this.#length)
    const value = this.#make(pod)
    if (this.#entries >= this.#entriesMax) {
      // The texts' numbers go with the last row that holds them. This row's are of the old numbering: not kept.
      this.#byHash.clear()
      this.#numbers.clear()
      this.#entries = 0
    } else {
      this.#byHash.set(hash, { row, value, next: this.#byHash.get(hash) })
      this.#entries++
    }
    return value
  }

  #pod(pod: Pod): void {
    const { metadata, spec } = pod
    this.#value(metadata.namespace)
    this.#value(metadata.labels)
    this.#push(metadata.deletionTimestamp === undefined ? no : yes)
    this.#push(isReplicated(pod) ? yes : no)
    for (const container of spec.containers) this.#container(container)
    this.#push(ends)
    if (spec.initContainers !== undefined) {
      for (const container of spec.initContainers) {
        this.#value(container.restartPolicy)
        this.#container(container)
      }
    }
    this.#push(ends)
    this.#value(spec.priority)
    this.#value(spec.preemptionPolicy)
    this.#value(spec.schedulerName)
    this.#value(spec.nodeSelector)
    this.#value(spec.affinity)
    this.#value(spec.tolerations)
    this.#value(spec.topologySpreadConstraints)
    this.#value(spec.overhead)
    this.#value(spec.resources)
    this.#value(spec.volumes === undefined ? undefined : volumeWords(pod))
    if (spec.resourceClaims !== undefined) {
      this.#value(spec.resourceClaims)
      this.#value(pod.status?.resourceClaimStatuses)
      // Claims belong to the pod or are reserved for it: none is like another, not even of the same name.
      this.#value(metadata.name)
      this.#value(metadata.uid)
    }
    if (holdsByStatus(pod)) this.#held(pod)
  }

  #container(container: Container): void {
    this.#push(objectBegins)
    this.#value(container.resources?.requests)
    if (container.ports === undefined) return
    for (const { hostPort, hostIP, protocol } of container.ports) {
      if (hostPort === undefined) continue
      this.#value(hostPort)
      this.#value(hostIP)
      this.#value(protocol)
    }
  }

  /** What containers hold by their status, where it counts. */
  #held({ spec, status }: Pod): void {
    for (const { name } of spec.containers) this.#value(name)
    this.#push(ends)
    if (spec.initContainers !== undefined) for (const { name } of spec.initContainers) this.#value(name)
    for (const statuses of [status?.containerStatuses, status?.initContainerStatuses]) {
      this.#push(listBegins)
      for (const { name, allocatedResources, resources } of statuses ?? []) {
        if (resources === undefined) continue
        this.#value(name)
        this.#value(allocatedResources)
        this.#value(resources.requests)
      }
    }
    for (const { type, reason } of status?.conditions ?? []) if (type === 'PodResizePending') this.#value(reason)
  }

  /** Plain data of any shape, as it stands; keys in the order that the object has them in. */
  #value(value: unknown): void {
    if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'number') {
      const isSmall = (value | 0) === value
      this.#push(isSmall ? number : otherNumber)
      if (isSmall) this.#push(value)
      else this.#text(String(value))
    } else if (typeof value === 'boolean') this.#push(value ? yes : no)
    else if (value === undefined || value === null) this.#push(absent)
    else if (Array.isArray(value)) {
      this.#push(listBegins)
      for (const inner of value) this.#value(inner)
      this.#push(ends)
    } else this.#object(value as { readonly [key: string]: unknown })
  }

  #object(object: { readonly [key: string]: unknown }): void {
    this.#push(objectBegins)
    for (const key in object) {
      const inner = object[key]
      if (inner === undefined) continue
      this.#text(key)
      this.#value(inner)
    }
    this.#push(ends)
  }

  #text(text: string): void {
    let n = this.#numbers.get(text)
    if (n === undefined) {
      n = this.#numbers.size + 1
      this.#numbers.set(text, n)
    }
    this.#push(n)
  }

  #push(word: number): void {
    if (this.#length === this.#row.length) {
      const wider = new Int32Array(2 * this.#length)
      wider.set(this.#row)
      this.#row = wider
    }
    this.#row[this.#length++] = word
  }

  #hash(): number {
    const row = this.#row
    let hash = this.#length
    for (let i = 0; i < this.#length; i++) hash = Math.imul(hash ^ row[i]!, 0x9e3779b1) ^ (hash >>> 15)
    return hash & 0x3fff_ffff
  }

  #isWritten(row: Int32Array): boolean {
    if (row.length !== this.#length) return false
    const written = this.#row
    for (let i = 0; i < row.length; i++) if (row[i] !== written[i]) return false
    return true
  }
}

const replicatedKinds = new Set(['ReplicaSet', 'StatefulSet', 'ReplicationController'])

/** Whether it is one of several by its controller. */
export function isReplicated(pod: Pod): boolean {
  const owners = pod.metadata.ownerReferences
  if (owners === undefined) return false
  for (const owner of owners) if (owner.controller === true) return replicatedKinds.has(owner.kind)
  return false
}
