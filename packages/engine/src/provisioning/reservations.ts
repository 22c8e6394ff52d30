// Reserved capacity is held while it is planned with: a claim holds a place in every reservation that it may still be
// launched into, and gives up those it no longer can.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/reservationmanager.go and nodeclaim.go
// (offeringsToReserve).
import { assert, labelKeys, type InstanceType, type Offering } from '@plimsoll/model'

export function capacityTypeOf(offering: Offering): string {
  return offering.requirements.find(labelKeys.capacityType)?.values[0] ?? ''
}

/** The id of the reservation behind a reserved offering, by the label that the cloud tells it with. */
export function reservationOf(offering: Offering, label: string): string | undefined {
  return capacityTypeOf(offering) === 'reserved' ? offering.requirements.find(label)?.values[0] : undefined
}

export class Reservations {
  /** By reservation: how many more hosts may hold it. */
  readonly #left = new Map<string, number>()
  readonly #held = new Map<number, Set<string>>()

  constructor(types: Iterable<readonly InstanceType[]>, idOf: (offering: Offering) => string | undefined) {
    for (const list of types) {
      for (const { offerings } of list) {
        for (const offering of offerings) {
          const id = idOf(offering)
          if (id === undefined) continue
          const capacity = offering.reservationCapacity ?? 0
          this.#left.set(id, Math.min(capacity, this.#left.get(id) ?? capacity))
        }
      }
    }
  }

  canHold(host: number, id: string): boolean {
    return this.#held.get(host)?.has(id) === true || (this.#left.get(id) ?? 0) > 0
  }

  held(host: number): readonly string[] {
    return [...(this.#held.get(host) ?? [])].sort()
  }

  holdsAny(host: number): boolean {
    return (this.#held.get(host)?.size ?? 0) > 0
  }

  /** From now on the host holds these, and nothing else. */
  hold(host: number, ids: ReadonlySet<string>): void {
    let held = this.#held.get(host)
    if (held === undefined) this.#held.set(host, (held = new Set()))
    for (const id of ids) {
      if (held.has(id)) continue
      const left = this.#left.get(id)! - 1
      assert(left >= 0, `a reservation is held no more often than it has places: ${id}`)
      this.#left.set(id, left)
      held.add(id)
    }
    for (const id of held) {
      if (ids.has(id)) continue
      held.delete(id)
      this.#left.set(id, this.#left.get(id)! + 1)
    }
  }
}
