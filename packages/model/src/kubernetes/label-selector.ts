import { own } from '../own.ts'
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
  const value = own(labels, requirement.key)
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
  const tokens = tokensOf(text)
  const requirements: LabelRequirement[] = []
  let at = 0
  const next = (): Token => tokens[Math.min(at++, tokens.length - 1)]!
  const ahead = (): Token => tokens[Math.min(at, tokens.length - 1)]!
  try {
    for (;;) {
      const { kind, text: found } = ahead()
      if (kind === 'end') return requirements
      if (kind !== 'word' && kind !== '!') {
        throw new SelectorError(`found '${found}', expected: !, identifier, or 'end of string'`)
      }
      requirements.push(parseRequirement(next, ahead))
      const after = next()
      if (after.kind === 'end') return requirements
      if (after.kind !== ',') throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`)
      const then = ahead()
      if (then.kind !== 'word' && then.kind !== '!') {
        throw new SelectorError(`found '${then.text}', expected: identifier after ','`)
      }
    }
  } catch (error) {
    if (error instanceof SelectorError) return { error: error.message }
    throw error
  }
}

class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

/** `word` also stands for `in` and `notin`, which are words where a key or a value may be. */
interface Token {
  readonly kind: 'word' | 'end' | 'error' | ',' | '!' | '(' | ')' | '=' | '==' | '!=' | '>' | '<'
  readonly text: string
}

const symbols = new Set([',', '!', '(', ')', '=', '==', '!=', '>', '<'])

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (const [found, special] of text.matchAll(/([=!(),><]+)|[^\s=!(),><]+/g)) {
    if (special === undefined) tokens.push({ kind: 'word', text: found })
    else tokens.push(...symbolsOf(special))
  }
  return [...tokens, { kind: 'end', text: '' }]
}

/** The longest that is a symbol, again and again. */
function symbolsOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length;) {
    const two = text.slice(at, at + 2)
    const found = symbols.has(two) ? two : text[at]!
    tokens.push({ kind: found as Token['kind'], text: found })
    at += found.length
  }
  return tokens
}

const comparisons = { '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' } as const

function parseRequirement(next: () => Token, ahead: () => Token): LabelRequirement {
  const fail = (why: string): never => {
    throw new SelectorError(`unable to parse requirement: ${why}`)
  }
  const first = next()
  const negated = first.kind === '!'
  const { kind, text: key } = negated ? next() : first
  if (kind !== 'word') fail(`found '${key}', expected: identifier`)
  const badKey = qualifiedNameErrors(key)
  if (badKey.length > 0) fail(`<nil>: Invalid value: ${JSON.stringify(key)}: ${badKey.join('; ')}`)
  const follows = ahead().kind
  if (negated) return { key, operator: 'DoesNotExist', values: [] }
  if (follows === 'end' || follows === ',') return { key, operator: 'Exists', values: [] }
  const { kind: sign, text: said } = next()
  const isSet = sign === 'word' && (said === 'in' || said === 'notin')
  if (!isSet && !Object.hasOwn(comparisons, sign)) {
    fail(`found '${said}', expected: in, notin, =, ==, !=, gt, lt`)
  }
  const operator = isSet ? (said === 'in' ? 'In' : 'NotIn') : comparisons[sign as keyof typeof comparisons]
  const values = isSet ? parseSet(next, ahead, fail) : [parseExact(next, ahead, fail)]
  if ((operator === 'Gt' || operator === 'Lt') && !/^[+-]?\d+$/.test(values[0]!)) {
    fail(
      `values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`,
    )
  }
  values.forEach((value, i) => {
    const bad = labelValueErrors(value)
    if (bad.length > 0) fail(`values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${bad.join('; ')}`)
  })
  return { key, operator, values }
}

function parseExact(next: () => Token, ahead: () => Token, fail: (why: string) => never): string {
  const { kind, text } = ahead()
  if (kind === 'end' || kind === ',') return ''
  next()
  return kind === 'word' ? text : fail(`found '${text}', expected: identifier`)
}

/** What stands between parentheses, sorted; nothing is the empty text. */
function parseSet(next: () => Token, ahead: () => Token, fail: (why: string) => never): string[] {
  const open = next()
  if (open.kind !== '(') fail(`found '${open.text}' expected: '('`)
  const first = ahead()
  if (first.kind === ')') {
    next()
    return ['']
  }
  if (first.kind !== 'word' && first.kind !== ',') fail(`found '${first.text}', expected: ',', ')' or identifier`)
  const values = new Set<string>()
  for (;;) {
    const { kind, text } = next()
    if (kind === 'word') {
      values.add(text)
      const then = ahead()
      if (then.kind === ')') break
      if (then.kind !== ',') fail(`found '${then.text}', expected: ',' or ')'`)
    } else if (kind === ',') {
      if (values.size === 0) values.add('')
      const then = ahead().kind
      if (then === ')') {
        values.add('')
        break
      }
      if (then === ',') {
        next()
        values.add('')
      }
    } else fail(`found '${text}', expected: ',', or identifier`)
  }
  next()
  return [...values].sort()
}

const alphanumericEnds =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

/** Of a label key: `name` or `prefix/name` (kubernetes/apimachinery:pkg/util/validation, IsQualifiedName). */
function qualifiedNameErrors(key: string): string[] {
  const examples =
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  const parts = key.split('/')
  const errors: string[] = []
  if (parts.length > 2) {
    return [
      `a valid label key ${alphanumericEnds} ${examples} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const [prefix, name] = parts.length === 2 ? (parts as [string, string]) : [undefined, key]
  if (prefix === '') errors.push('prefix part must be non-empty')
  else if (
    prefix !== undefined &&
    (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(prefix) || prefix.length > 253)
  ) {
    errors.push(
      "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    )
  }
  if (name === '') errors.push('name part must be non-empty')
  else if (name.length > 63) errors.push('name part must be no more than 63 bytes')
  if (!/^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/.test(name)) errors.push(`name part ${alphanumericEnds} ${examples}`)
  return errors
}

function labelValueErrors(value: string): string[] {
  const errors: string[] = []
  if (value.length > 63) errors.push('must be no more than 63 bytes')
  if (!/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value)) {
    errors.push(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    )
  }
  return errors
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
