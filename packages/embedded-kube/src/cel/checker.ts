// Which types an expression has, and which functions it calls (google/cel-go:checker/checker.go).
import type { Overload } from './overload.ts'
import { RegexError, regexOf } from './regex.ts'
import type { Call, Expression, Fold, Issue, Literal, Select } from './syntax.ts'
import { parseDuration, parseTimestamp } from './time.ts'
import {
  assignable,
  boolType,
  dynType,
  errorType,
  intType,
  isDynOrError,
  listType,
  mapType,
  mostGeneral,
  opaqueType,
  optionalType,
  parameterType,
  sameType,
  structType,
  substitute,
  typeText,
  typeType,
  type Bindings,
  type CelType,
} from './type.ts'

/** What an expression may name. */
export interface Declarations {
  readonly functions: ReadonlyMap<string, readonly Overload[]>
  readonly variables: ReadonlyMap<string, CelType>
  /** Types that are values, by the names that expressions use. */
  readonly typeNames: ReadonlyMap<string, string>
}

/** A call with its functions found: the receiver, if it is one, comes first among the arguments. */
export interface ResolvedCall {
  readonly name: string
  readonly args: readonly Expression[]
  readonly overloads: readonly Overload[]
}

export interface Checked {
  readonly expression: Expression
  readonly types: ReadonlyMap<Expression, CelType>
  readonly calls: ReadonlyMap<Call, ResolvedCall>
  /** Selections that are dotted names of types. */
  readonly names: ReadonlyMap<Expression, string>
  /** Variables that it mentions, the loops' own left out. */
  readonly uses: ReadonlySet<string>
  readonly issues: readonly Issue[]
}

export function check(expression: Expression, declarations: Declarations): Checked {
  return new Checker(expression, declarations).run()
}

const placeholder = structType('', new Map())

class Checker {
  readonly #expression: Expression
  readonly #declarations: Declarations
  readonly #types = new Map<Expression, CelType>()
  readonly #calls = new Map<Call, ResolvedCall>()
  readonly #names = new Map<Expression, string>()
  readonly #uses = new Set<string>()
  readonly #issues: Issue[] = []
  #scopes: readonly ReadonlyMap<string, CelType>[] = []
  #bindings: Bindings = new Map()
  #fresh = 0
  #mixed = false

  constructor(expression: Expression, declarations: Declarations) {
    this.#expression = expression
    this.#declarations = declarations
  }

  run(): Checked {
    this.#check(this.#expression)
    for (const [expression, type] of this.#types) this.#types.set(expression, substitute(this.#bindings, type, 'dyn'))
    for (const call of this.#calls.values()) this.#checkLiteral(call)
    return {
      expression: this.#expression,
      types: this.#types,
      calls: this.#calls,
      names: this.#names,
      uses: this.#uses,
      issues: this.#issues,
    }
  }

  #report(at: number, message: string): CelType {
    this.#issues.push({ at, message })
    return errorType
  }

  #check(expression: Expression): CelType {
    const type = this.#typeOf(expression)
    this.#types.set(expression, type)
    return type
  }

  #typeOf(expression: Expression): CelType {
    switch (expression.kind) {
      case 'literal':
        return literalType(expression)
      case 'identifier':
        return this.#identifier(expression.at, expression.name, expression)
      case 'select':
        return this.#select(expression)
      case 'call':
        return this.#call(expression)
      case 'list':
        return this.#list(expression)
      case 'map':
        return this.#map(expression)
      case 'struct':
        return this.#report(expression.at, `undeclared reference to '${expression.name}' (in container '')`)
      case 'fold':
        return this.#fold(expression)
    }
  }

  #find(name: string): CelType | undefined {
    for (const scope of this.#scopes) {
      const type = scope.get(name)
      if (type !== undefined) return type
    }
    const type = this.#declarations.variables.get(name)
    if (type !== undefined) this.#uses.add(name)
    return type
  }

  #identifier(at: number, name: string, expression: Expression): CelType {
    const type = this.#find(name)
    if (type !== undefined) return type
    const value = this.#declarations.typeNames.get(name)
    if (value === undefined) return this.#report(at, `undeclared reference to '${name}' (in container '')`)
    this.#names.set(expression, value)
    return typeType(opaqueType(value))
  }

  #select(expression: Select): CelType {
    const name = dottedName(expression)
    const value = name === undefined ? undefined : this.#declarations.typeNames.get(name)
    if (value !== undefined) {
      this.#names.set(expression, value)
      return typeType(opaqueType(value))
    }
    const type = this.#field(expression)
    return expression.test ? boolType : substitute(this.#bindings, type, 'kept')
  }

  #field({ at, operand, field, optional }: Select): CelType {
    const operandType = substitute(this.#bindings, this.#check(operand), 'kept')
    const isOptional = operandType.kind === 'optional'
    const target = isOptional ? operandType.parameters[0]! : operandType
    const type = this.#fieldType(at, target, field)
    return isOptional || optional ? optionalType(type) : type
  }

  #fieldType(at: number, target: CelType, field: string): CelType {
    if (target.kind === 'map') return target.parameters[1]!
    if (target.kind === 'struct') {
      return target.fields?.get(field) ?? this.#report(at, `undefined field '${field}'`)
    }
    if (target.kind === 'parameter') this.#assign([dynType], [target])
    else if (!isDynOrError(target)) {
      this.#report(at, `type '${typeText(target)}' does not support field selection`)
    }
    return dynType
  }

  #call(call: Call): CelType {
    const { name, target, args } = call
    // What is formatted is of any types.
    const mixed = this.#mixed
    this.#mixed = name === 'format'
    for (const argument of args) this.#check(argument)
    this.#mixed = mixed
    const { functions } = this.#declarations
    if (target !== undefined) {
      const prefix = dottedName(target)
      const dotted = prefix === undefined ? undefined : `${prefix}.${name}`
      const overloads = dotted === undefined ? undefined : functions.get(dotted)
      if (overloads !== undefined) return this.#resolve(call, dotted!, overloads, undefined, args)
      this.#check(target)
    }
    const overloads = functions.get(name)
    if (overloads === undefined) return this.#report(call.at, `undeclared reference to '${name}' (in container '')`)
    return this.#resolve(call, name, overloads, target, args)
  }

  #resolve(
    call: Call,
    name: string,
    overloads: readonly Overload[],
    target: Expression | undefined,
    given: readonly Expression[],
  ): CelType {
    const args = target === undefined ? given : [target, ...given]
    const argTypes = args.map((argument) => this.#types.get(argument)!)
    if (name === '_&&_' || name === '_||_') return this.#logic(call, name, overloads, args, argTypes)
    const fitting: Overload[] = []
    let result: CelType | undefined
    for (const overload of overloads) {
      if (overload.member !== (target !== undefined)) continue
      const fresh = new Map(overload.parameters.map((parameter) => [parameter, this.#newParameter()] as const))
      const wanted = overload.args.map((type) => substitute(fresh, type, 'kept'))
      if (!this.#assign(argTypes, wanted)) continue
      fitting.push(overload)
      const type = substitute(this.#bindings, substitute(fresh, overload.result, 'kept'), 'kept')
      if (result === undefined) result = type
      else if (result.kind !== 'dyn' && !sameType(result, type)) result = dynType
    }
    if (result === undefined) {
      const types = argTypes.map((type) => typeText(substitute(this.#bindings, type, 'dyn')))
      const shown = target === undefined ? `(${types.join(', ')})` : `${types[0]}.(${types.slice(1).join(', ')})`
      return this.#report(call.at, `found no matching overload for '${name}' applied to '${shown}'`)
    }
    this.#calls.set(call, { name, args, overloads: fitting })
    return result
  }

  #logic(
    call: Call,
    name: string,
    overloads: readonly Overload[],
    args: readonly Expression[],
    types: readonly CelType[],
  ): CelType {
    let sound = true
    args.forEach((argument, i) => {
      if (this.#assign([types[i]!], [boolType])) return
      sound = false
      this.#report(argument.at, `expected type 'bool' but found '${typeText(types[i]!)}'`)
    })
    if (!sound) return errorType
    this.#calls.set(call, { name, args, overloads })
    return boolType
  }

  #list(expression: Expression & { kind: 'list' }): CelType {
    let type: CelType | undefined
    for (const { value, optional } of expression.elements) {
      type = this.#join(value, type, this.#unwrapped(value, this.#check(value), optional))
    }
    return listType(type ?? this.#newParameter())
  }

  #map(expression: Expression & { kind: 'map' }): CelType {
    let key: CelType | undefined
    let value: CelType | undefined
    for (const entry of expression.entries) {
      key = this.#join(entry.key, key, this.#check(entry.key))
      value = this.#join(entry.value, value, this.#unwrapped(entry.value, this.#check(entry.value), entry.optional))
    }
    return mapType(key ?? this.#newParameter(), value ?? this.#newParameter())
  }

  #unwrapped(value: Expression, type: CelType, optional: boolean): CelType {
    if (!optional || type.kind === 'dyn') return type
    if (type.kind === 'optional') return type.parameters[0]!
    return this.#report(value.at, `expected type '${typeText(optionalType(type))}' but found '${typeText(type)}'`)
  }

  #join(value: Expression, previous: CelType | undefined, type: CelType): CelType {
    if (previous === undefined) return type
    if (this.#assign([previous], [type])) return mostGeneral(previous, type)
    if (this.#mixed) return dynType
    return this.#report(value.at, `expected type '${typeText(previous)}' but found '${typeText(type)}'`)
  }

  #fold(fold: Fold): CelType {
    const range = substitute(this.#bindings, this.#check(fold.range), 'kept')
    const gathered = this.#check(fold.initial)
    const outer = this.#scopes
    const withGathered = [new Map([[fold.accumulator, gathered]]), ...outer]
    const [first, second] = this.#loopTypes(fold, range)
    const variables = new Map([[fold.first, first]])
    if (fold.second !== undefined) variables.set(fold.second, second)
    this.#scopes = [variables, ...withGathered]
    this.#expect(fold.condition, boolType)
    this.#expect(fold.step, gathered)
    this.#scopes = withGathered
    const result = this.#check(fold.result)
    this.#scopes = outer
    return substitute(this.#bindings, result, 'kept')
  }

  #loopTypes(fold: Fold, range: CelType): readonly [CelType, CelType] {
    if (range.kind === 'list') {
      const element = range.parameters[0]!
      return fold.second === undefined ? [element, placeholder] : [intType, element]
    }
    if (range.kind === 'map') return [range.parameters[0]!, range.parameters[1]!]
    if (range.kind === 'dyn' || range.kind === 'error' || range.kind === 'parameter') {
      this.#assign([dynType], [range])
      return [dynType, dynType]
    }
    const text = `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`
    this.#report(fold.range.at, text)
    return [errorType, errorType]
  }

  #expect(expression: Expression, wanted: CelType): void {
    const type = this.#check(expression)
    if (this.#assign([wanted], [type])) return
    const shown = [wanted, type].map((t) => typeText(substitute(this.#bindings, t, 'kept')))
    this.#report(expression.at, `expected type '${shown[0]}' but found '${shown[1]}'`)
  }

  #assign(wanted: readonly CelType[], given: readonly CelType[]): boolean {
    const bindings = assignable(this.#bindings, wanted, given)
    if (bindings === undefined) return false
    this.#bindings = bindings
    return true
  }

  #newParameter(): CelType {
    return parameterType(`_var${this.#fresh++}`)
  }

  /** Regular expressions, durations and timestamps that are written out are read before anything runs. */
  #checkLiteral({ overloads, args }: ResolvedCall): void {
    const [overload] = overloads
    const check = overload?.literalCheck
    const argument = check === 'regex' ? args[1] : args[0]
    if (check === undefined || argument?.kind !== 'literal' || typeof argument.value !== 'string') return
    const text = argument.value
    // Those of find() are read as late as the program is made.
    if (check === 'regex' && overload!.name !== 'matches') return
    if (check === 'regex') {
      try {
        regexOf(text)
      } catch (error) {
        if (!(error instanceof RegexError)) throw error
        this.#report(argument.at, 'invalid matches argument')
      }
    } else if ((check === 'duration' ? parseDuration(text) : parseTimestamp(text)) === undefined) {
      this.#report(argument.at, `invalid ${check} argument`)
    }
  }
}

function literalType({ type }: Literal): CelType {
  return { kind: type, name: type, parameters: [] }
}

/** `a.b.c` of a chain of plain selections. */
function dottedName(expression: Expression): string | undefined {
  if (expression.kind === 'identifier') return expression.name
  if (expression.kind !== 'select' || expression.test || expression.optional) return undefined
  const prefix = dottedName(expression.operand)
  return prefix === undefined ? undefined : `${prefix}.${expression.field}`
}
