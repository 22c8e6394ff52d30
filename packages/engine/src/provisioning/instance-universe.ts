// The instance types of a pool, compiled so that narrowing a claim is a few word-wise ANDs.
//
// A row is an instance type together with offerings that give it the same allocatable amounts (most types are one row).
// A claim holds the rows that will still do. For each amount of each resource there is the set of rows that have so much,
// for each requirement on each key the set of rows whose type meets it, for each kind of offering the set of rows that
// have it to give; all but the last are made when first asked for, and everything is kept, from pass to pass too.
import {
  compatible,
  hasIntersection,
  operatorOf,
  type InstanceType,
  type Offering,
  type Requirement,
  type Requirements,
  type ResourceList,
} from '@plimsoll/model'
import { allBits, hasBit, setBit, wordsFor } from './bits.ts'
import { allocatableOf, type ResourceNames } from './dimensions.ts'
import { capacityTypeOf, reservationOf } from './reservations.ts'
import { requirementKey, type RequirementSets } from './requirement-sets.ts'
import { RowRoom } from './row-room.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface Row {
  readonly type: InstanceType
  /** Number of the type among the universe's types. */
  readonly typeIndex: number
  /** Available ones that give these amounts. */
  readonly offerings: readonly Offering[]
  readonly allocatable: Float64Array
}

export interface CapacityOrder {
  readonly byRow: Float64Array
  readonly order: Uint32Array
}

/** Rows by what their types say of one label key. */
interface KeyColumn {
  readonly distinct: readonly { readonly requirement: Requirement; readonly rows: Uint32Array }[]
  readonly meeting: Map<string, Uint32Array>
  /** Value → rows whose type names it, for minValues. */
  readonly values: ReadonlyMap<string, Uint32Array>
}

/** Available offerings of any type that say the same. */
interface OfferingKind {
  readonly requirements: Requirements
  readonly rows: Uint32Array
  readonly offerings: { readonly typeIndex: number; readonly price: number }[]
}

export class InstanceUniverse {
  readonly types: readonly InstanceType[]
  readonly rows: readonly Row[]
  readonly words: number
  readonly all: Uint32Array
  readonly hasReserved: boolean
  readonly #sets: RequirementSets
  readonly #columns = new Map<string, KeyColumn>()
  readonly #keys: readonly string[]
  readonly #offeringKinds: readonly OfferingKind[]
  readonly #byPrice = new Map<number, Uint32Array>()
  readonly #suiting: (Uint32Array | undefined)[] = []
  readonly #reserved = new Map<number, readonly { readonly row: number; readonly id: string }[]>()
  readonly #capacities = new Map<string, CapacityOrder>()
  readonly #names: ResourceNames
  #room: { readonly daemons: string; readonly room: RowRoom } | undefined = undefined

  constructor(types: readonly InstanceType[], { sets, names }: Vocabulary) {
    this.types = types
    this.#names = names
    this.#sets = sets
    const rows: Row[] = []
    types.forEach((type, typeIndex) => {
      for (const { offerings, allocatable: list } of groupsOf(type)) {
        rows.push({ type, typeIndex, offerings, allocatable: names.listOf(list) })
      }
    })
    this.rows = rows
    this.words = wordsFor(rows.length)
    this.all = allBits(rows.length)
    this.#keys = [...new Set(types.flatMap((type) => [...type.requirements.keys()]))].sort()
    const kinds = new Map<string, OfferingKind>()
    let hasReserved = false
    rows.forEach((row, r) => {
      for (const offering of row.offerings) {
        const text = textOf(offering.requirements)
        let kind = kinds.get(text)
        if (kind === undefined) {
          kind = { requirements: offering.requirements, rows: new Uint32Array(this.words), offerings: [] }
          kinds.set(text, kind)
        }
        setBit(kind.rows, r)
        kind.offerings.push({ typeIndex: row.typeIndex, price: offering.price })
        hasReserved ||= capacityTypeOf(offering) === 'reserved'
      }
    })
    this.#offeringKinds = [...kinds.values()]
    this.hasReserved = hasReserved
  }

  /** Rows by the capacity of their types in one resource, the largest first. */
  capacityOrder(resource: string): CapacityOrder {
    let found = this.#capacities.get(resource)
    if (found === undefined) {
      const d = this.#names.number(resource)
      const byType = this.types.map((type) => this.#names.listOf(type.capacity)[d] ?? 0)
      const byRow = Float64Array.from(this.rows, (row) => byType[row.typeIndex]!)
      found = { byRow, order: Uint32Array.from(byRow, (_, r) => r).sort((x, y) => byRow[y]! - byRow[x]!) }
      this.#capacities.set(resource, found)
    }
    return found
  }

  /** Made anew unless it was made last for the same daemons. */
  roomBeside(daemons: string, make: () => readonly Float64Array[]): RowRoom {
    if (this.#room?.daemons !== daemons) this.#room = { daemons, room: new RowRoom(make(), this.words) }
    return this.#room.room
  }

  /** Rows whose type and one of whose offerings suit the set; kept by the set's number. */
  suiting(set: number): Uint32Array {
    let found = this.#suiting[set]
    if (found === undefined) {
      found = this.meeting(this.#sets.get(set))
      const offered = this.offered(this.#sets.get(set))
      for (let w = 0; w < this.words; w++) found[w]! &= offered[w]!
      this.#suiting[set] = found
    }
    return found
  }

  /** Rows whose type's requirements meet the set, offerings aside. */
  meeting(set: Requirements): Uint32Array {
    const result = this.all.slice()
    for (const one of set) {
      const column = this.column(one.key)
      if (column === undefined) continue
      const key = requirementKey(one)
      let rows = column.meeting.get(key)
      if (rows === undefined) {
        rows = this.all.slice()
        for (const { requirement, rows: with_ } of column.distinct) {
          if (meets(requirement, one)) continue
          for (let w = 0; w < this.words; w++) rows[w]! &= ~with_[w]!
        }
        column.meeting.set(key, rows)
      }
      for (let w = 0; w < this.words; w++) result[w]! &= rows[w]!
    }
    return result
  }

  /** Keys of the set that the row's type cannot meet. */
  unmetKeys(set: Requirements, row: number): string[] {
    const { requirements } = this.rows[row]!.type
    const unmet: string[] = []
    for (const one of set) {
      const own = requirements.find(one.key)
      if (own !== undefined && !meets(own, one)) unmet.push(one.key)
    }
    return unmet
  }

  /** Rows that have an available offering that the set allows. */
  offered(set: Requirements): Uint32Array {
    const result = new Uint32Array(this.words)
    for (const { requirements, rows } of this.#offeringKinds) {
      if (compatible(set, requirements, this.#sets.registry.wellKnown) !== undefined) continue
      for (let w = 0; w < this.words; w++) result[w]! |= rows[w]!
    }
    return result
  }

  /** Reserved offerings that the set allows, by row; kept by the set's number. */
  reservedFor(set: number, label: string): readonly { readonly row: number; readonly id: string }[] {
    let found = this.#reserved.get(set)
    if (found === undefined) {
      const list: { row: number; id: string }[] = []
      const requirements = this.#sets.get(set)
      this.rows.forEach(({ offerings }, row) => {
        for (const offering of offerings) {
          const id = reservationOf(offering, label)
          if (id === undefined) continue
          if (compatible(requirements, offering.requirements, this.#sets.registry.wellKnown) === undefined) {
            list.push({ row, id })
          }
        }
      })
      found = list
      this.#reserved.set(set, found)
    }
    return found
  }

  column(key: string): KeyColumn | undefined {
    let column = this.#columns.get(key)
    if (column === undefined) {
      if (!this.#keys.includes(key)) return undefined
      const distinct = new Map<string, { requirement: Requirement; rows: Uint32Array }>()
      const values = new Map<string, Uint32Array>()
      this.rows.forEach((row, r) => {
        const requirement = row.type.requirements.find(key)
        if (requirement === undefined) return
        const text = requirementKey(requirement)
        let entry = distinct.get(text)
        if (entry === undefined) distinct.set(text, (entry = { requirement, rows: new Uint32Array(this.words) }))
        setBit(entry.rows, r)
        for (const value of requirement.values) {
          let rows = values.get(value)
          if (rows === undefined) values.set(value, (rows = new Uint32Array(this.words)))
          setBit(rows, r)
        }
      })
      column = { distinct: [...distinct.values()], meeting: new Map(), values }
      this.#columns.set(key, column)
    }
    return column
  }

  /** How many values of the key the rows' types name between them, counted up to `enough`. */
  valueCount(key: string, rows: Uint32Array, enough: number): number {
    let count = 0
    for (const named of this.column(key)?.values.values() ?? []) {
      for (let w = 0; w < rows.length; w++) {
        if ((named[w]! & rows[w]!) === 0) continue
        count++
        break
      }
      if (count >= enough) break
    }
    return count
  }

  /** The types of the rows, the cheapest offering that the set allows deciding, then the name. */
  typesByPrice(rows: Uint32Array, set: number): InstanceType[] {
    const present = new Uint8Array(this.types.length)
    this.rows.forEach((row, r) => {
      if (hasBit(rows, r)) present[row.typeIndex] = 1
    })
    const types: InstanceType[] = []
    for (const index of this.#orderByPrice(set)) if (present[index] === 1) types.push(this.types[index]!)
    return types
  }

  #orderByPrice(set: number): Uint32Array {
    let order = this.#byPrice.get(set)
    if (order === undefined) {
      const requirements = this.#sets.get(set)
      const { wellKnown } = this.#sets.registry
      const prices = new Float64Array(this.types.length).fill(Number.MAX_VALUE)
      for (const { requirements: kind, offerings } of this.#offeringKinds) {
        if (compatible(requirements, kind, wellKnown) !== undefined) continue
        for (const { typeIndex, price } of offerings) if (price < prices[typeIndex]!) prices[typeIndex] = price
      }
      const { types } = this
      order = Uint32Array.from(types, (_, i) => i).sort(
        (a, b) => prices[a]! - prices[b]! || (types[a]!.name < types[b]!.name ? -1 : 1),
      )
      this.#byPrice.set(set, order)
    }
    return order
  }
}

const universes = new WeakMap<
  readonly InstanceType[],
  { readonly vocabulary: Vocabulary; readonly universe: InstanceUniverse }
>()

/** The universe of the list: the same as long as it is asked for with the same list. */
export function universeOf(types: readonly InstanceType[], vocabulary: Vocabulary): InstanceUniverse {
  let found = universes.get(types)
  if (found?.vocabulary !== vocabulary) {
    found = { vocabulary, universe: new InstanceUniverse(types, vocabulary) }
    universes.set(types, found)
  }
  return found.universe
}

/** Two requirements on one key meet when some value suits both, or both are met by absence. */
function meets(existing: Requirement, incoming: Requirement): boolean {
  return hasIntersection(existing, incoming) || (suitsAbsence(existing) && suitsAbsence(incoming))
}

function suitsAbsence(one: Requirement): boolean {
  const operator = operatorOf(one)
  return operator === 'NotIn' || operator === 'DoesNotExist'
}

interface OfferingGroup {
  readonly offerings: readonly Offering[]
  readonly allocatable: ResourceList
}

// Clouds hand out the same objects from pass to pass.
const groups = new WeakMap<InstanceType, readonly OfferingGroup[]>()
const texts = new WeakMap<Requirements, string>()

function textOf(requirements: Requirements): string {
  let text = texts.get(requirements)
  if (text === undefined) {
    text = ''
    for (const one of requirements) text += requirementKey(one)
    texts.set(requirements, text)
  }
  return text
}

function groupsOf(type: InstanceType): readonly OfferingGroup[] {
  let found = groups.get(type)
  if (found === undefined) {
    found = offeringGroups(type).map((offerings) => ({ offerings, allocatable: allocatableOf(type, offerings[0]) }))
    groups.set(type, found)
  }
  return found
}

/** The type's available offerings by the amounts they give; those without overrides come first. */
function offeringGroups(type: InstanceType): readonly (readonly Offering[])[] {
  const base: Offering[] = []
  const others = new Map<string, Offering[]>()
  for (const offering of type.offerings) {
    if (!offering.available) continue
    const capacity = Object.entries(offering.capacityOverride ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
    if (capacity.length === 0 && offering.overheadOverride === undefined) {
      base.push(offering)
      continue
    }
    const key = JSON.stringify([capacity, offering.overheadOverride])
    const group = others.get(key)
    if (group === undefined) others.set(key, [offering])
    else group.push(offering)
  }
  return base.length === 0 ? [...others.values()] : [base, ...others.values()]
}
