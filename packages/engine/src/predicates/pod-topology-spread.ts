import { own } from '@plimsoll/model'
import type { LabelColumn } from '../node-columns.ts'
import type { NodeEntry } from '../node-entry.ts'
import type { PodClass, SpreadConstraint } from '../pod-class.ts'
import type { SpreadCounter } from '../population.ts'
import { defaultSpread } from '../spread-defaults.ts'
import { untoleratedTaint } from '../toleration.ts'
import type { Check, Reason, World } from './predicate.ts'

const skewed: readonly Reason[] = [{ reason: "node(s) didn't match pod topology spread constraints", resolvable: true }]
const withoutLabel: readonly Reason[] = [
  { reason: "node(s) didn't match pod topology spread constraints (missing required label)", resolvable: false },
]

/** plugins/podtopologyspread/filtering.go */
export function podTopologySpread(pod: PodClass, world: World): Check | undefined {
  const constraints = pod.hasSpread ? pod.spread : defaultSpread(pod, world.spreadDefaults, 'DoNotSchedule')
  if (constraints.length === 0) return undefined
  const keys = constraints.map((constraint) => constraint.topologyKey)
  const parts = constraints.map((constraint): SpreadPart => {
    const { key, eligible } = spreadEligibility(pod, constraint, keys)
    const counter = world.population.spreadCounts(constraint.selector, constraint.topologyKey, key, eligible)
    return { constraint, counter, column: world.columns.label(constraint.topologyKey) }
  })
  return new TopologySpread(parts)
}

interface SpreadPart {
  readonly constraint: SpreadConstraint
  readonly counter: SpreadCounter
  readonly column: LabelColumn
}

class TopologySpread implements Check {
  readonly plugin = 'PodTopologySpread'
  readonly scope = 'cluster'
  readonly #parts: readonly SpreadPart[]

  constructor(parts: readonly SpreadPart[]) {
    this.#parts = parts
  }

  fits(slot: number): boolean {
    for (let p = 0; p < this.#parts.length; p++) if (refusal(this.#parts[p]!, slot) !== undefined) return false
    return true
  }

  reasons(slot: number): readonly Reason[] {
    for (const part of this.#parts) {
      const found = refusal(part, slot)
      if (found !== undefined) return found
    }
    return []
  }

  detail(slot: number): string {
    const part = this.#parts.find((each) => refusal(each, slot) !== undefined)!
    const { constraint, counter, column } = part
    const domain = column.ids[slot]!
    if (domain < 0) return `the node has no label ${constraint.topologyKey}`
    const least = leastOf(part)
    const here = counter.count(domain)
    return `${constraint.topologyKey}=${column.values[domain]}: ${here} there, ${constraint.selfMatch} more, at least ${least} everywhere; a skew of ${here + constraint.selfMatch - least} where ${constraint.maxSkew} is the most`
  }
}

function leastOf({ constraint, counter }: SpreadPart): number {
  return counter.domainCount < constraint.minDomains ? 0 : counter.least
}

function refusal(part: SpreadPart, slot: number): readonly Reason[] | undefined {
  const { constraint, counter } = part
  const domain = part.column.ids[slot]!
  if (domain < 0) return withoutLabel
  return counter.count(domain) + constraint.selfMatch - leastOf(part) > constraint.maxSkew ? skewed : undefined
}

/** A spread constraint looks at nodes that have all the keys and that the pod could go to; equal keys, equal answers. */
export function spreadEligibility(
  pod: PodClass,
  constraint: SpreadConstraint,
  keys: readonly string[],
): { readonly key: string; readonly eligible: (entry: NodeEntry) => boolean } {
  const key = JSON.stringify([
    keys,
    constraint.honorsAffinity ? pod.nodeAffinityKey : null,
    constraint.honorsTaints ? pod.tolerationKey : null,
  ])
  const eligible = (entry: NodeEntry): boolean => {
    if (!keys.every((key) => own(entry.labels, key) !== undefined)) return false
    if (constraint.honorsAffinity && pod.requiredAffinity?.(entry.node) === false) return false
    return !constraint.honorsTaints || untoleratedTaint(entry.node, pod.tolerations) === undefined
  }
  return { key, eligible }
}
