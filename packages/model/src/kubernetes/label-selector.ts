import type { LabelSelector } from './types.generated.ts'

export type Labels = { readonly [key: string]: string }

export type LabelOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'

export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  readonly values: readonly string[]
}

/** Whether the labels satisfy one requirement (kubernetes/apimachinery:pkg/labels/selector.go, Requirement.Matches). */
export function labelRequirementMatches(requirement: LabelRequirement, labels: Labels | undefined): boolean {
  const value = labels?.[requirement.key]
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value)
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt': {
      const found = wholeNumber(value)
      const bound = wholeNumber(requirement.values[0])
      if (found === undefined || bound === undefined) return false
      return requirement.operator === 'Gt' ? found > bound : found < bound
    }
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined
}

/**
 * The requirements of a LabelSelector object, or undefined when it is absent: an absent selector matches nothing, an
 * empty one everything (kubernetes/apimachinery:pkg/apis/meta/v1/helpers.go, LabelSelectorAsSelector).
 */
export function labelRequirements(selector: LabelSelector | undefined | null): readonly LabelRequirement[] | undefined {
  if (selector === undefined || selector === null) return undefined
  const requirements: LabelRequirement[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: 'In', values: [value] })
  }
  for (const expression of selector.matchExpressions ?? []) {
    requirements.push({
      key: expression.key,
      operator: expression.operator as LabelOperator,
      values: expression.values ?? [],
    })
  }
  return requirements
}

export function labelSelectorMatches(selector: LabelSelector | undefined | null, labels: Labels | undefined): boolean {
  const requirements = labelRequirements(selector)
  return requirements !== undefined && requirements.every((requirement) => labelRequirementMatches(requirement, labels))
}

/**
 * Parses the text form that clients send (`a=b,c!=d,e in (f,g),!h`).
 * Returns the requirements, or the message of the error (kubernetes/apimachinery:pkg/labels/selector.go, Parse).
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] | { readonly error: string } {
  const requirements: LabelRequirement[] = []
  for (const part of splitOutsideParentheses(text)) {
    const term = part.trim()
    if (term === '') continue
    const requirement = parseTerm(term)
    if (requirement === undefined)
      return { error: `unable to parse requirement: found '${term}', expected: a label requirement` }
    requirements.push(requirement)
  }
  return requirements
}

const name = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?`
const setTerm = new RegExp(`^(${name})\\s+(in|notin)\\s*\\(([^)]*)\\)$`)
const comparison = new RegExp(`^(${name})\\s*(==|=|!=|>|<)\\s*([-A-Za-z0-9_.]*)$`)
const existence = new RegExp(`^(!?)\\s*(${name})$`)

function parseTerm(term: string): LabelRequirement | undefined {
  const set = setTerm.exec(term)
  if (set !== null) {
    const values = set[3]!.split(',').map((value) => value.trim())
    return { key: set[1]!, operator: set[2] === 'in' ? 'In' : 'NotIn', values }
  }
  const compared = comparison.exec(term)
  if (compared !== null) {
    const operator = ({ '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' } as const)[compared[2] as '=']
    return { key: compared[1]!, operator, values: [compared[3]!] }
  }
  const exists = existence.exec(term)
  if (exists !== null) return { key: exists[2]!, operator: exists[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] }
  return undefined
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** The text form of a selector object, as kubectl and the scale subresource print it. */
export function labelSelectorText(selector: LabelSelector | undefined | null): string {
  const texts = (labelRequirements(selector) ?? []).map((requirement) => {
    const values = [...requirement.values].sort()
    switch (requirement.operator) {
      case 'In':
        return values.length === 1 ? `${requirement.key}=${values[0]}` : `${requirement.key} in (${values.join(',')})`
      case 'NotIn':
        return `${requirement.key} notin (${values.join(',')})`
      case 'Exists':
        return requirement.key
      case 'DoesNotExist':
        return `!${requirement.key}`
      case 'Gt':
        return `${requirement.key}>${values[0]}`
      case 'Lt':
        return `${requirement.key}<${values[0]}`
    }
  })
  return texts.sort().join(',')
}
