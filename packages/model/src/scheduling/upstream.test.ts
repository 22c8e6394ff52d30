import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  has,
  hasIntersection,
  intersection,
  lengthOf,
  operatorOf,
  requirementText,
  type RequirementEntry,
} from './requirement.ts'
import { compatible, incompatibilityText, intersects, Requirements, type Incompatibility } from './requirements.ts'
import { coreLabels } from './well-known-labels.ts'

/** What tools/requirements wrote: Karpenter v1.14.1's answers. */
interface Case {
  readonly existing: readonly RequirementEntry[]
  readonly incoming: readonly RequirementEntry[]
  readonly value: string
  readonly existingText: string
  readonly incomingText: string
  readonly compatible: string
  readonly forNewNode: string
  readonly intersects: string
  readonly keys: { readonly [key: string]: unknown }
  readonly entries: readonly RequirementEntry[]
}

const cases = JSON.parse(
  readFileSync(new URL('requirement-cases.generated.json', import.meta.url), 'utf8'),
) as readonly Case[]

/** Which unknown key upstream names is up to the order of a map. */
function verdict(problems: readonly Incompatibility[] | undefined): string {
  if (problems === undefined) return ''
  return problems[0]?.kind === 'unknownKey' ? 'unknown key' : incompatibilityText(problems)
}

describe('the algebra and upstream’s', () => {
  it(`agree on ${cases.length} random pairs of sets`, () => {
    for (const { existing, incoming, value, ...answers } of cases) {
      const one = Requirements.fromNodeSelectorRequirements(existing)
      const other = Requirements.fromNodeSelectorRequirements(incoming)
      const keys = [...one].map((a) => {
        const b = other.get(a.key)
        const both = intersection(a, b)
        return [
          a.key,
          {
            intersection: requirementText(both),
            hasIntersection: hasIntersection(a, b),
            has: has(a, value),
            intersectionHas: has(both, value),
            operator: operatorOf(a),
            length: String(lengthOf(a)),
          },
        ]
      })
      expect({
        existingText: one.text(),
        incomingText: other.text(),
        compatible: verdict(compatible(one, other)),
        forNewNode: verdict(compatible(one, other, coreLabels.wellKnown)),
        intersects: verdict(intersects(one, other)),
        keys: Object.fromEntries(keys),
        entries: one.entries(),
      }).toEqual(answers)
    }
  })
})
