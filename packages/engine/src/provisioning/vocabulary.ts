// Numbers for what passes meet again and again: sets of requirements and names of resources. Kept from pass to pass, and
// with them what is known about instance types; begun anew before they grow without bound. No answer depends on them.
import type { LabelRegistry } from '@plimsoll/model'
import { ResourceNames } from './dimensions.ts'
import { RequirementSets } from './requirement-sets.ts'

export interface Vocabulary {
  readonly sets: RequirementSets
  readonly names: ResourceNames
}

const setsMax = 20_000
const namesMax = 64

const byRegistry = new WeakMap<LabelRegistry, Vocabulary>()

export function vocabularyOf(registry: LabelRegistry): Vocabulary {
  let found = byRegistry.get(registry)
  if (found === undefined || found.sets.size > setsMax || found.names.names.length > namesMax) {
    found = { sets: new RequirementSets(registry), names: new ResourceNames() }
    byRegistry.set(registry, found)
  }
  return found
}
