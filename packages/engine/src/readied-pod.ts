// The predicates made ready for the pods of one class, and what is remembered of their answers. Refusals that hang on a node
// and the pods on it alone hold until something there goes away; they are remembered in one bit for each node, so that pods
// of one class together ask each full node once.

import type { NodeColumns } from './node-columns.ts'
import type { PodClass } from './pod-class.ts'
import { predicates } from './predicates/index.ts'
import type { Check, World } from './predicates/predicate.ts'
import { taintToleration } from './predicates/taint-toleration.ts'
import type { ExplainedUnfit, Unfit } from './unfit.ts'

export class ReadiedPod {
  readonly podClass: PodClass
  /** Of the population, when it was made. */
  readonly epoch: number
  /** Whether a node that refuses goes on refusing as long as pods only come and no node changes. */
  readonly refusalsLast: boolean
  readonly #columns: NodeColumns
  /** In kube-scheduler's order. */
  readonly #checks: readonly Check[]
  readonly #ofNode: readonly Check[]
  readonly #ofRoom: readonly Check[]
  readonly #ofCluster: readonly Check[]
  readonly #toPrepare: readonly Check[]
  /** By slot, one bit each: refused by a check of node or room; admitted by all checks of the node. */
  #refused: Uint32Array
  #admitted: Uint32Array
  /**
   * Refused by what hangs on other pods as well, where that lasts as long as pods only come: forgotten as soon as anything
   * was loosened anywhere. Empty where it does not last.
   */
  #objected: Uint32Array
  /** How far the news of loosened slots were read. */
  #read: number

  constructor(podClass: PodClass, world: World, extra?: Check) {
    const checks: Check[] = []
    for (const predicate of predicates) {
      // NodeName comes before TaintToleration upstream.
      if (predicate === taintToleration && extra !== undefined) checks.push(extra)
      const check = predicate(podClass, world)
      if (check !== undefined) checks.push(check)
    }
    this.podClass = podClass
    this.epoch = world.population.epoch
    this.#columns = world.columns
    this.#checks = checks
    this.#ofNode = checks.filter(({ scope }) => scope === 'node')
    this.#ofRoom = checks.filter(({ scope }) => scope === 'room')
    this.#ofCluster = checks.filter(({ scope }) => scope === 'cluster')
    this.#toPrepare = checks.filter((check) => check.prepare !== undefined)
    this.refusalsLast = this.#ofCluster.every(({ refusalLasts }) => refusalLasts === true)
    const words = (world.columns.capacity + 31) >>> 5
    this.#refused = new Uint32Array(words)
    this.#admitted = new Uint32Array(words)
    this.#objected = new Uint32Array(this.#rememberedWords(words))
    this.#read = world.columns.loosenedEnd
  }

  /** To be called before every question. */
  catchUp(): void {
    const toPrepare = this.#toPrepare
    for (let i = 0; i < toPrepare.length; i++) toPrepare[i]!.prepare!()
    const columns = this.#columns
    if (this.#read === columns.loosenedEnd && columns.capacity <= this.#refused.length << 5) return
    const slots = columns.loosenedSince(this.#read)
    this.#read = columns.loosenedEnd
    const words = (columns.capacity + 31) >>> 5
    if (slots === undefined || words > this.#refused.length) {
      this.#refused = new Uint32Array(words)
      this.#admitted = new Uint32Array(words)
      this.#objected = new Uint32Array(this.#rememberedWords(words))
      return
    }
    this.#objected.fill(0)
    for (let i = 0; i < slots.length; i++) {
      const word = slots[i]! >>> 5
      const keep = ~(1 << (slots[i]! & 31))
      this.#refused[word]! &= keep
      this.#admitted[word]! &= keep
    }
  }

  #rememberedWords(words: number): number {
    return this.refusalsLast && this.#ofCluster.length > 0 ? words : 0
  }

  /** Whether the pod fits the node at the slot. */
  fits(slot: number): boolean {
    const word = slot >>> 5
    const bit = 1 << (slot & 31)
    if (((this.#refused[word]! | (word < this.#objected.length ? this.#objected[word]! : 0)) & bit) !== 0) return false
    // Room first: it is a look into columns, and what most nodes of a busy cluster lack.
    const ofRoom = this.#ofRoom
    for (let i = 0; i < ofRoom.length; i++) {
      if (ofRoom[i]!.fits(slot)) continue
      this.#refused[word]! |= bit
      return false
    }
    if ((this.#admitted[word]! & bit) === 0) {
      const ofNode = this.#ofNode
      for (let i = 0; i < ofNode.length; i++) {
        if (ofNode[i]!.fits(slot)) continue
        this.#refused[word]! |= bit
        return false
      }
      this.#admitted[word]! |= bit
    }
    const ofCluster = this.#ofCluster
    for (let i = 0; i < ofCluster.length; i++) {
      if (ofCluster[i]!.fits(slot)) continue
      if (word < this.#objected.length) this.#objected[word]! |= bit
      return false
    }
    return true
  }

  /** The first slot from `start` up to but not including `end` that holds a node and is not known to refuse, or `end`. */
  nextOpen(start: number, end: number): number {
    const refused = this.#refused
    const objected = this.#objected
    const { entries } = this.#columns
    let slot = start
    while (slot < end) {
      const word = slot >>> 5
      // The bits from the slot on that are not known to refuse.
      let open = ~(refused[word]! | (word < objected.length ? objected[word]! : 0)) & (-1 << (slot & 31))
      while (open !== 0) {
        const found = (word << 5) + 31 - Math.clz32(open & -open)
        if (found >= end) return end
        if (entries[found] !== undefined) return found
        open &= open - 1
      }
      slot = (word + 1) << 5
    }
    return end
  }

  /** What the first check that refuses says; empty when the pod fits. */
  unfits(slot: number): readonly Unfit[] {
    for (const check of this.#checks) {
      if (check.fits(slot)) continue
      return check.reasons(slot).map((reason) => ({ plugin: check.plugin, ...reason }))
    }
    return noUnfits
  }

  /** What all checks that refuse say, with the numbers. */
  explain(slot: number): readonly ExplainedUnfit[] {
    return this.#checks.flatMap((check) =>
      check.fits(slot)
        ? []
        : check.reasons(slot).map((reason) => ({
            plugin: check.plugin,
            ...reason,
            detail: check.detail?.(slot, reason) ?? '',
          })),
    )
  }
}

const noUnfits: readonly Unfit[] = []
