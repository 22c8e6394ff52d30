// Rules of x-kubernetes-validations, compiled once per version and checked on every write
// (kubernetes/apiextensions-apiserver:pkg/apiserver/schema/cel/validation.go).
import { own } from '@plimsoll/model'
import { CelProgramError, CelSyntaxError, kubernetesEnvironment, type Program } from '../cel/index.ts'
import { optionalType } from '../cel/type.ts'
import { CelError, Optional, type Value } from '../cel/values.ts'
import type { FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields } from '../object.ts'
import { celSchema, celValue, escapedName, rulesIn, type CelSchema } from './cel-schema.ts'
import { childPath, fieldError, keyPath } from './field-path.ts'
import { validFieldPath } from './schema-path.ts'

/** Of one call, and of all calls of one write. */
const callCostMax = 1_000_000
const writeCostMax = 10_000_000
const messageBytesMax = 5 * 1024

interface CompiledRule {
  readonly program: Program | undefined
  /** Why the rule does not compile. */
  readonly problem: string | undefined
  readonly messageProgram: Program | undefined
  readonly usesOldSelf: boolean
  readonly optionalOldSelf: boolean
  readonly message: string
  readonly reason: string | undefined
  /** Below the schema's own path. */
  readonly fieldPath: string
  /** What messages call it: its message, else its text. */
  readonly shown: string
}

/** A schema with rules in it or below it. */
export interface RuleValidator {
  readonly schema: CelSchema | undefined
  readonly typeName: string
  readonly rules: readonly CompiledRule[]
  readonly properties: ReadonlyMap<string, RuleValidator>
  readonly items: RuleValidator | undefined
  readonly others: RuleValidator | undefined
  readonly allOf: readonly RuleValidator[]
  /** Keys by which elements are found again in the old list; undefined where they cannot be. */
  readonly listKeys: readonly string[] | undefined
}

/** Compiles the rules of a schema and of all below it; undefined when there are none. */
export function ruleValidator(schema: Fields): RuleValidator | undefined {
  return carriesRules(schema) ? build(schema, schema, celSchema(schema, true)) : undefined
}

function carriesRules(schema: Fields): boolean {
  if (rulesIn(schema).length > 0) return true
  const { items, additionalProperties, properties } = schema
  return [items, additionalProperties, ...Object.values(fieldsOf(properties)), ...listOf(schema['allOf'])].some(
    (inner) => isFields(inner) && carriesRules(inner),
  )
}

/** `spine` says what the values are, `rules` may be a part of its allOf. */
function build(rules: Fields, spine: Fields, schema: CelSchema | undefined): RuleValidator | undefined {
  if (!carriesRules(rules)) return undefined
  const compiled = schema === undefined ? [] : rulesIn(rules).map((rule) => compileRule(rule, schema, spine))
  const properties = new Map<string, RuleValidator>()
  for (const [name, raw] of Object.entries(fieldsOf(rules['properties']))) {
    const property = own(fieldsOf(spine['properties']), name)
    if (!isFields(raw) || !isFields(property)) continue
    const escaped = escapedName(name)
    const inner =
      escaped === undefined
        ? celSchema(property, property['x-kubernetes-embedded-resource'] === true)
        : schema?.fields.get(escaped)?.schema
    const validator = inner === undefined ? undefined : build(raw, property, inner)
    if (validator !== undefined) properties.set(name, validator)
  }
  const below = (field: string): RuleValidator | undefined => {
    const [inner, innerSpine] = [rules[field], spine[field]]
    return isFields(inner) && isFields(innerSpine) ? build(inner, innerSpine, schema?.element) : undefined
  }
  const keys = spine['x-kubernetes-list-map-keys']
  return {
    schema,
    typeName: textOf(spine['type']),
    rules: compiled,
    properties,
    items: below('items'),
    others: below('additionalProperties'),
    allOf: listOf(rules['allOf']).flatMap((part) => build(part, spine, schema) ?? []),
    listKeys:
      spine['x-kubernetes-list-type'] === 'map' && Array.isArray(keys) ? (keys as readonly string[]) : undefined,
  }
}

function compileRule(rule: Fields, schema: CelSchema, spine: Fields): CompiledRule {
  const place = validFieldPath(textOf(rule['fieldPath']), spine)
  const text = textOf(rule['rule'])
  const compiled = text.trim() === '' ? undefined : compiledRule(rule, schema)
  const program = typeof compiled === 'string' ? undefined : compiled
  const messageProgram = textOf(rule['messageExpression']) === '' ? undefined : compiledMessage(rule, schema)
  const message = textOf(rule['message']).trim()
  const shown = message === '' ? text.trim() : message
  return {
    program,
    problem: typeof compiled === 'string' ? compiled : undefined,
    messageProgram: typeof messageProgram === 'string' ? undefined : messageProgram,
    usesOldSelf: program?.uses.has('oldSelf') === true,
    optionalOldSelf: rule['optionalOldSelf'] === true,
    message: message === '' ? `failed rule: ${shown}` : message,
    reason: typeof rule['reason'] === 'string' ? rule['reason'] : undefined,
    fieldPath: 'path' in place ? place.path : '',
    shown,
  }
}

/** The program of a rule, or why there is none. */
export function compiledRule(rule: Fields, schema: CelSchema): Program | string {
  const program = attempt(textOf(rule['rule']), rule, schema, '')
  return typeof program === 'string' || program.type.kind === 'bool'
    ? program
    : 'cel expression must evaluate to a bool'
}

/** The program of a messageExpression, or why there is none. */
export function compiledMessage(rule: Fields, schema: CelSchema): Program | string {
  const program = attempt(textOf(rule['messageExpression']), rule, schema, 'messageExpression ')
  if (typeof program === 'string' || program.type.kind === 'string') return program
  return 'messageExpression must evaluate to a string'
}

function attempt(text: string, rule: Fields, schema: CelSchema, what: string): Program | string {
  const oldSelf = rule['optionalOldSelf'] === true ? optionalType(schema.type) : schema.type
  try {
    return kubernetesEnvironment().compile(text, { self: schema.type, oldSelf })
  } catch (error) {
    if (error instanceof CelSyntaxError) return `${what}compilation failed: ${error.message}`
    if (error instanceof CelProgramError) {
      return `${what === '' ? 'program ' : what}instantiation failed: ${error.message}`
    }
    throw error
  }
}

class RuleCheck {
  readonly errors: FieldError[] = []
  readonly warnings: string[] = []
  #budget = writeCostMax
  /** What was spent. */
  get cost(): number {
    return writeCostMax - this.#budget
  }

  /** Returns false when nothing more may be run. */
  check(validator: RuleValidator, path: string, value: unknown, old: unknown, unchanged: boolean): boolean {
    if (value === null || value === undefined) return true
    if (!this.#own(validator, path, value, old, unchanged)) return false
    for (const part of validator.allOf) if (!this.check(part, path, value, old, unchanged)) return false
    if (Array.isArray(value)) return this.#elements(validator, path, value, old, unchanged)
    return isFields(value) ? this.#fields(validator, path, value, old, unchanged) : true
  }

  #elements(
    validator: RuleValidator,
    path: string,
    value: readonly unknown[],
    old: unknown,
    unchanged: boolean,
  ): boolean {
    const { items, listKeys } = validator
    if (items === undefined) return true
    for (const [i, item] of value.entries()) {
      const before = listKeys === undefined ? undefined : sameElement(old, item, listKeys)
      const same = before === undefined ? unchanged : equal(before, item)
      if (!this.check(items, `${path}[${i}]`, item, before, same)) return false
    }
    return true
  }

  #fields(validator: RuleValidator, path: string, value: Fields, old: unknown, unchanged: boolean): boolean {
    const before = fieldsOf(old)
    for (const name of Object.keys(value).toSorted()) {
      const inner = validator.properties.get(name) ?? validator.others
      if (inner === undefined) continue
      const at = validator.others === undefined ? childPath(path, name) : keyPath(path, name)
      const was = own(before, name)
      const same = was === undefined ? unchanged : equal(was, value[name])
      if (!this.check(inner, at, value[name], was, same)) return false
    }
    return true
  }

  #own(validator: RuleValidator, path: string, value: unknown, old: unknown, unchanged: boolean): boolean {
    const { rules, schema, typeName } = validator
    if (rules.length === 0 || schema === undefined) return true
    const isContainer = typeName === 'object' || typeName === 'array'
    let self: Value
    let oldSelf: Value | undefined
    try {
      self = celValue(value, schema)
      oldSelf = old === undefined || old === null ? undefined : celValue(old, schema)
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      this.#say(path, typeName, error.message)
      return true
    }
    if (this.#budget <= 0) return this.#exhausted(path, typeName)
    for (const rule of rules) {
      if (rule.problem !== undefined) {
        this.#say(path, typeName, `rule compile error: ${rule.problem}`)
        continue
      }
      if (rule.program === undefined) continue
      if (rule.usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue
      const variables = { self, oldSelf: rule.optionalOldSelf ? new Optional(oldSelf) : oldSelf }
      const outcome = rule.program.run(variables, callCostMax)
      if (outcome.cost > this.#budget) return this.#exhausted(path, typeName)
      this.#budget -= outcome.cost
      if ('error' in outcome) {
        const { message } = outcome.error
        if (message.startsWith('no such overload')) {
          this.#say(
            path,
            typeName,
            `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${rule.shown}`,
          )
        } else if (message.startsWith('operation cancelled: actual cost limit exceeded')) {
          const why = 'no further validation rules will be run due to call cost exceeds limit for rule'
          this.#say(path, typeName, `'${message}': ${why}: ${rule.shown}`)
          return false
        } else this.#say(path, typeName, `${message} evaluating rule: ${rule.shown}`)
        continue
      }
      if (outcome.value === true) continue
      const detail = this.#message(rule, variables)
      const error = failure(
        rule.fieldPath === '' ? path : childPath(path, rule.fieldPath),
        isContainer ? undefined : value,
        detail,
        rule.reason,
      )
      if (!rule.usesOldSelf && unchanged) this.warnings.push(`${error.field}: ${error.message}`)
      else this.errors.push(error)
    }
    return true
  }

  /** What messageExpression makes, when it makes something fit; else the message. */
  #message(rule: CompiledRule, variables: Readonly<Record<string, Value | undefined>>): string {
    if (rule.messageProgram === undefined) return rule.message
    const outcome = rule.messageProgram.run(variables, callCostMax)
    this.#budget -= Math.min(outcome.cost, this.#budget)
    if (!('value' in outcome) || typeof outcome.value !== 'string') return rule.message
    const text = outcome.value.trim()
    const unfit = text === '' || text.includes('\n') || new TextEncoder().encode(text).length > messageBytesMax
    return unfit ? rule.message : text
  }

  #say(path: string, typeName: string, detail: string): void {
    this.errors.push(fieldError('FieldValueInvalid', path, typeName, detail))
  }

  #exhausted(path: string, typeName: string): false {
    this.#say(
      path,
      typeName,
      'validation failed due to running out of cost budget, no further validation rules will be run',
    )
    return false
  }
}

function sameElement(old: unknown, item: unknown, keys: readonly string[]): unknown {
  if (!Array.isArray(old) || !isFields(item)) return undefined
  return old.find((other: unknown) => isFields(other) && keys.every((key) => equal(own(other, key), own(item, key))))
}

function failure(path: string, value: unknown, detail: string, reason: string | undefined): FieldError {
  if (reason === 'FieldValueForbidden') return { reason, field: path, message: `Forbidden: ${detail}` }
  if (reason === 'FieldValueRequired') return { reason, field: path, message: `Required value: ${detail}` }
  if (reason === 'FieldValueDuplicate') return fieldError(reason, path, value, '')
  return fieldError('FieldValueInvalid', path, value, detail)
}

export interface RuleFindings {
  readonly errors: readonly FieldError[]
  /** Failures on what did not change. */
  readonly warnings: readonly string[]
  readonly cost: number
}

/** Checks a value against rules; `old` as it was before, when there was a before. */
export function ruleFindings(validator: RuleValidator, value: unknown, old: unknown, path = ''): RuleFindings {
  const check = new RuleCheck()
  check.check(validator, path, value, old, old !== undefined && equal(old, value))
  return { errors: check.errors, warnings: check.warnings, cost: check.cost }
}
