// What a pod's containers ask for together (kubernetes/component-helpers:resource/helpers.go, PodRequests and PodLimits),
// by resource name and exact. The scheduler's own, faster sums are the engine's.
import { parseQuantity, type ExactQuantity } from './quantity.ts'
import type { Container, PodSpec, Quantity } from './types.generated.ts'

/** Exact amounts by resource name. */
export type ExactAmounts = ReadonlyMap<string, ExactQuantity>

type List = { readonly [resource: string]: Quantity } | undefined

/** A zero takes the form of what is added to it (Quantity.Add). */
export function addExact(a: ExactQuantity | undefined, b: ExactQuantity): ExactQuantity {
  if (a === undefined || a.nano === 0n) return b
  return { nano: a.nano + b.nano, format: a.format }
}

/** Malformed amounts are passed over. */
export function exactAmounts(list: List): ExactAmounts {
  const amounts = new Map<string, ExactQuantity>()
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text)
    if (quantity !== undefined) amounts.set(name, quantity)
  }
  return amounts
}

function add(to: Map<string, ExactQuantity>, more: ExactAmounts): void {
  for (const [name, quantity] of more) to.set(name, addExact(to.get(name), quantity))
}

function raise(to: Map<string, ExactQuantity>, least: ExactAmounts): void {
  for (const [name, quantity] of least) {
    const known = to.get(name)
    if (known === undefined || known.nano < quantity.nano) to.set(name, quantity)
  }
}

/** What a pod may set for all of its containers together. */
function isPodLevel(resource: string): boolean {
  return resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-')
}

/**
 * Containers and sidecars together, or what starting up takes where that is more; what the pod sets for itself comes before
 * both. The overhead of the pod's runtime is not in it unless asked for: in requests, and in limits that there are.
 */
export function podAmounts(
  spec: PodSpec,
  kind: 'requests' | 'limits',
  o: { readonly overhead?: boolean } = {},
): ExactAmounts {
  const of = (container: Container): ExactAmounts => exactAmounts(container.resources?.[kind])
  const total = new Map<string, ExactQuantity>()
  for (const container of spec.containers) add(total, of(container))
  const sidecars = new Map<string, ExactQuantity>()
  const starting = new Map<string, ExactQuantity>()
  for (const container of spec.initContainers ?? []) {
    const own = of(container)
    if (container.restartPolicy === 'Always') {
      add(total, own)
      add(sidecars, own)
      raise(starting, sidecars)
    } else {
      const beside = new Map(own)
      add(beside, sidecars)
      raise(starting, beside)
    }
  }
  raise(total, starting)
  for (const [name, quantity] of exactAmounts(spec.resources?.[kind])) if (isPodLevel(name)) total.set(name, quantity)
  if (o.overhead === true) {
    for (const [name, quantity] of exactAmounts(spec.overhead)) {
      const known = total.get(name)
      if (kind === 'requests') total.set(name, addExact(known, quantity))
      else if (known !== undefined && known.nano !== 0n) total.set(name, addExact(known, quantity))
    }
  }
  return total
}
