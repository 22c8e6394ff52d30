// Runs a checked expression, counting what it costs (google/cel-go:interpreter).
import type { Checked, ResolvedCall } from './checker.ts'
import { baseCosts } from './cost.ts'
import type { Overload } from './overload.ts'
import { regexOf } from './regex.ts'
import { elementAt, valueAt, valueIn } from './standard-library.ts'
import type { Call, Expression, Fold, ListLiteral, MapLiteral, Select } from './syntax.ts'
import type { CelType } from './type.ts'
import {
  CelError,
  CelList,
  CelMap,
  CostExceeded,
  Duration,
  failed,
  isObject,
  isOpaque,
  keyName,
  noOverload,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts'

/** One run: variables by their slot, and what was spent so far. */
interface Frame {
  /** What a loop gathers may be an error that a later element makes good. */
  readonly slots: (Value | CelError)[]
  cost: number
  readonly limit: number
}

type Step = (frame: Frame) => Value

export type Outcome = ({ readonly value: Value } | { readonly error: CelError | CostExceeded }) & {
  readonly cost: number
}

/** `variables` in the order in which `run` is given their values. */
export function planned(
  checked: Checked,
  variables: readonly string[],
): (values: readonly (Value | undefined)[], limit: number) => Outcome {
  const planner = new Planner(checked)
  const step = planner.plan(checked.expression, new Map(variables.map((name, slot) => [name, slot])))
  return (values, limit) => {
    const frame: Frame = { slots: values.map((value, i) => value ?? missing(variables[i]!)), cost: 0, limit }
    try {
      return { value: step(frame), cost: frame.cost }
    } catch (error) {
      if (error instanceof CelError || error instanceof CostExceeded) return { error, cost: frame.cost }
      // An expression may be as deep as the stack is.
      if (error instanceof RangeError)
        return { error: new CelError('expression is nested too deeply'), cost: frame.cost }
      throw error
    }
  }
}

function missing(name: string): CelError {
  return new CelError(`no such attribute(s): ${name}`)
}

function spend(frame: Frame, cost: number): void {
  frame.cost += cost
  if (frame.cost > frame.limit) throw new CostExceeded('operation cancelled: actual cost limit exceeded')
}

type Slots = ReadonlyMap<string, number>

class GrowingList extends CelList {
  readonly #grown: Value[]
  constructor() {
    const items: Value[] = []
    super(items)
    this.#grown = items
  }
  push(value: Value): void {
    this.#grown.push(value)
  }
}

class Planner {
  readonly #checked: Checked

  constructor(checked: Checked) {
    this.#checked = checked
  }

  plan(expression: Expression, slots: Slots): Step {
    const name = this.#checked.names.get(expression)
    if (name !== undefined) {
      const value = new TypeValue(name)
      return () => value
    }
    switch (expression.kind) {
      case 'literal': {
        const value: Value = expression.type === 'uint' ? new Uint(expression.value as bigint) : expression.value
        return () => value
      }
      case 'identifier':
        return planIdentifier(slots.get(expression.name)!)
      case 'select':
        return this.#select(expression, slots)
      case 'call':
        return this.#call(expression, slots)
      case 'list':
        return this.#list(expression, slots)
      case 'map':
        return this.#map(expression, slots)
      case 'fold':
        return this.#fold(expression, slots)
      case 'struct':
        return noOverload
    }
  }

  #select({ operand, field, test, optional }: Select, slots: Slots): Step {
    const from = this.plan(operand, slots)
    if (test) {
      return (frame) => {
        const value = from(frame)
        const present = value instanceof Optional ? value.value : value
        return present !== undefined && valueIn(present, field) !== undefined
      }
    }
    const cost = this.#isPath(operand) ? 1 : 2
    return (frame) => {
      const value = from(frame)
      if (!optional && !(value instanceof Optional)) {
        spend(frame, cost)
        return valueAt(value, field)
      }
      const inner = value instanceof Optional ? value.value : value
      const found = inner === undefined ? undefined : valueIn(inner, field)
      spend(frame, found === undefined ? cost - 1 : cost)
      return new Optional(found)
    }
  }

  /** Whether it is a variable or leads from something by names and indices: one price for the lot, one for each step. */
  #isPath(expression: Expression): boolean {
    if (expression.kind === 'identifier' || expression.kind === 'select') {
      return !this.#checked.names.has(expression) && !(expression.kind === 'select' && expression.test)
    }
    return expression.kind === 'call' && ['_[_]', '_[?_]', '_?_:_'].includes(expression.name)
  }

  /** What stands in a branch or an index pays only for its steps. */
  #inPath(expression: Expression, step: Step): Step {
    const conditional = expression.kind === 'call' && expression.name === '_?_:_'
    if (!this.#isPath(expression) || conditional) return step
    return (frame) => {
      frame.cost--
      return step(frame)
    }
  }

  #call(call: Call, slots: Slots): Step {
    const resolved = this.#checked.calls.get(call)
    if (resolved === undefined) return noOverload
    const args = resolved.args.map((argument) => this.plan(argument, slots))
    switch (resolved.name) {
      case '_&&_':
        return planLogic(args[0]!, args[1]!, false)
      case '_||_':
        return planLogic(args[0]!, args[1]!, true)
      case '_?_:_': {
        const [then, otherwise] = [1, 2].map((i) => this.#inPath(resolved.args[i]!, args[i]!))
        return (frame) => {
          const condition = args[0]!(frame)
          if (typeof condition !== 'boolean') return noOverload()
          return condition ? then!(frame) : otherwise!(frame)
        }
      }
      case '@not_strictly_false':
        return (frame) => notStrictlyFalse(args[0]!, frame)
      case '_[_]':
      case '_[?_]': {
        const at = this.#inPath(resolved.args[1]!, args[1]!)
        const cost = this.#isPath(resolved.args[0]!) ? 1 : 2
        const optional = resolved.name === '_[?_]'
        return (frame) => {
          const container = args[0]!(frame)
          const index = at(frame)
          if (!optional && !(container instanceof Optional)) {
            spend(frame, cost)
            return elementAt(container, index)
          }
          const found = optionalAt(container instanceof Optional ? container : new Optional(container), index)
          spend(frame, found.value === undefined ? cost - 1 : cost)
          return found
        }
      }
      case 'orValue':
      case 'or':
        return (frame) => {
          const first = args[0]!(frame)
          if (!(first instanceof Optional)) return noOverload()
          if (first.value === undefined) return args[1]!(frame)
          return resolved.name === 'or' ? first : first.value
        }
      default:
        return this.#function(resolved, args, slots)
    }
  }

  #function(resolved: ResolvedCall, args: readonly Step[], slots: Slots): Step {
    const { overloads } = resolved
    const grows = this.#growing(resolved, slots)
    if (grows !== undefined) return grows
    const types = resolved.args.map((argument) => this.#checked.types.get(argument))
    const open = types.some((type) => type === undefined || type.kind === 'dyn' || type.kind === 'optional')
    const [only] = overloads
    if (isConversion(resolved.name) && overloads.length === 1 && this.#isConstant(resolved.args[0]!)) {
      const known = invoke(only!, args, { slots: [], cost: 0, limit: Infinity })
      return () => known
    }
    if (resolved.name === '@in' && resolved.args[1]?.kind === 'list' && this.#isConstant(resolved.args[1])) {
      const [value, list] = args
      return (frame) => only!.call(value!(frame), list!(frame))
    }
    if (only?.literalCheck === 'regex' && resolved.args[1]?.kind === 'literal') regexOf(String(resolved.args[1].value))
    if (overloads.length === 1 && !open) return (frame) => invoke(only!, args, frame)
    return (frame) => {
      const values = args.map((argument) => argument(frame))
      const found = overloads.find((overload) => overload.args.every((type, i) => accepts(type, values[i]!)))
      if (found === undefined) return noOverload()
      const result = found.call(...values)
      spend(frame, found.cost.actual(values, result))
      return result
    }
  }

  /** `gathered + [x]` in a loop: nobody else sees the list, so it grows in place. */
  #growing({ name, args }: ResolvedCall, slots: Slots): Step | undefined {
    const [left, right] = args
    if (name !== '_+_' || left?.kind !== 'identifier' || left.name !== '@result' || right?.kind !== 'list')
      return undefined
    const gathered = planIdentifier(slots.get(left.name)!)
    const element = this.plan(right.elements[0]!.value, slots)
    const constant = right.elements[0]!.value.kind === 'literal'
    return (frame) => {
      const list = gathered(frame) as GrowingList
      list.push(element(frame))
      spend(frame, constant ? 1 : baseCosts.list + 1)
      return list
    }
  }

  /** What is written out is made once and costs nothing. */
  #isConstant(expression: Expression): boolean {
    if (expression.kind === 'literal') return true
    if (expression.kind === 'list') {
      return expression.elements.every(({ value, optional }) => !optional && this.#isConstant(value))
    }
    if (expression.kind === 'map') {
      return expression.entries.every((entry) => {
        return !entry.optional && this.#isConstant(entry.key) && this.#isConstant(entry.value)
      })
    }
    const resolved = expression.kind === 'call' ? this.#checked.calls.get(expression) : undefined
    if (resolved === undefined || !isConversion(resolved.name) || resolved.overloads.length !== 1) return false
    return this.#isConstant(resolved.args[0]!)
  }

  #list(list: ListLiteral, slots: Slots): Step {
    const elements = list.elements.map(({ value, optional }) => ({ plan: this.plan(value, slots), optional }))
    const build = (frame: Frame): CelList => {
      const items: Value[] = []
      for (const { plan, optional } of elements) {
        const value = plan(frame)
        if (!optional) items.push(value)
        else if (value instanceof Optional && value.value !== undefined) items.push(value.value)
      }
      return new CelList(items)
    }
    if (this.#isConstant(list)) {
      let known: CelList | undefined
      return (frame) => (known ??= build(frame))
    }
    return (frame) => {
      const built = build(frame)
      spend(frame, baseCosts.list)
      return built
    }
  }

  #map(map: MapLiteral, slots: Slots): Step {
    const planned = map.entries.map((entry) => ({
      key: this.plan(entry.key, slots),
      value: this.plan(entry.value, slots),
      optional: entry.optional,
    }))
    const constant = this.#isConstant(map)
    return (frame) => {
      const entries = new Map<string, readonly [Value, Value]>()
      for (const entry of planned) {
        const key = entry.key(frame)
        const name = keyName(key)
        if (name === undefined) return failed('unsupported key type')
        let value: Value | undefined = entry.value(frame)
        if (entry.optional && value instanceof Optional) value = value.value
        if (value === undefined) continue
        entries.set(name, [key, value])
      }
      if (!constant) spend(frame, baseCosts.map)
      return new CelMap(entries)
    }
  }

  #fold(fold: Fold, slots: Slots): Step {
    const range = this.plan(fold.range, slots)
    const initial = emptied(fold.initial) ?? this.plan(fold.initial, slots)
    const free = Math.max(-1, ...slots.values()) + 1
    const gathered = free
    const withGathered = new Map(slots).set(fold.accumulator, gathered)
    const inner = new Map(withGathered).set(fold.first, free + 1)
    if (fold.second !== undefined) inner.set(fold.second, free + 2)
    const condition = this.plan(fold.condition, inner)
    const step = this.plan(fold.step, inner)
    const result = this.plan(fold.result, withGathered)
    const bindsOnly = fold.condition.kind === 'literal' && fold.condition.value === false
    return (frame) => {
      const { slots: place } = frame
      const items = bindsOnly ? [] : pairsOf(range(frame), fold.second !== undefined)
      place[gathered] = initial(frame)
      for (const [first, second] of items) {
        place[free + 1] = first
        if (second !== undefined) place[free + 2] = second
        if (condition(frame) !== true) break
        try {
          place[gathered] = step(frame)
        } catch (error) {
          if (!(error instanceof CelError)) throw error
          place[gathered] = error
        }
      }
      return result(frame)
    }
  }
}

function planIdentifier(slot: number): Step {
  return (frame) => {
    spend(frame, 1)
    const value = frame.slots[slot]
    if (value instanceof CelError) throw value
    return value as Value
  }
}

function invoke(overload: Overload, args: readonly Step[], frame: Frame): Value {
  const values: Value[] = []
  for (const argument of args) values.push(argument(frame))
  const result = overload.call(...values)
  spend(frame, overload.cost.actual(values, result))
  return result
}

/** An error on one side is no matter when the other side decides. */
function planLogic(left: Step, right: Step, decisive: boolean): Step {
  const decide = (step: Step, frame: Frame): boolean | CelError => {
    try {
      const value = step(frame)
      return typeof value === 'boolean' ? value : new CelError('no such overload')
    } catch (error) {
      if (error instanceof CelError) return error
      throw error
    }
  }
  return (frame) => {
    const first = decide(left, frame)
    if (first === decisive) return decisive
    const second = decide(right, frame)
    if (second === decisive) return decisive
    if (first instanceof CelError) throw first
    if (second instanceof CelError) throw second
    return !decisive
  }
}

function notStrictlyFalse(step: Step, frame: Frame): boolean {
  let value: Value
  try {
    value = step(frame)
  } catch (error) {
    if (!(error instanceof CelError)) throw error
    value = true
  }
  spend(frame, 1)
  return value !== false
}

function optionalAt(container: Optional, index: Value): Optional {
  if (container.value === undefined) return container
  try {
    return new Optional(elementAt(container.value, index))
  } catch (error) {
    if (error instanceof CelError) return new Optional(undefined)
    throw error
  }
}

function pairsOf(range: Value, both: boolean): readonly (readonly [Value, Value | undefined])[] {
  if (range instanceof CelList) {
    return range.items.map((item, i) => (both ? [BigInt(i), item] : [item, undefined]))
  }
  if (range instanceof CelMap) return [...range.entries.values()].map(([key, value]) => [key, both ? value : undefined])
  if (typeof range === 'object' && range !== null && isObject(range)) {
    return range.fieldNames().map((name) => [name, both ? range.field(name)! : undefined])
  }
  return noOverload()
}

/** What a loop starts to gather in is its own: it grows. */
function emptied(initial: Expression): Step | undefined {
  if (initial.kind === 'list' && initial.elements.length === 0) return () => new GrowingList()
  if (initial.kind === 'map' && initial.entries.length === 0) return () => new CelMap(new Map())
  return undefined
}

function isConversion(name: string): boolean {
  return ['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint'].includes(name)
}

function accepts(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'parameter':
      return true
    case 'bool':
      return typeof value === 'boolean'
    case 'int':
      return typeof value === 'bigint'
    case 'double':
      return typeof value === 'number'
    case 'string':
      return typeof value === 'string'
    case 'null':
      return value === null
    case 'bytes':
      return value instanceof Uint8Array
    case 'uint':
      return value instanceof Uint
    case 'duration':
      return value instanceof Duration
    case 'timestamp':
      return value instanceof Timestamp
    case 'list':
      return (
        value instanceof CelList &&
        (value.items.length === 0 || value.items.every((item) => accepts(type.parameters[0]!, item)))
      )
    case 'map':
      return value instanceof CelMap || (typeof value === 'object' && value !== null && isObject(value))
    case 'optional':
      return value instanceof Optional
    case 'type':
      return value instanceof TypeValue
    case 'opaque':
      return typeof value === 'object' && value !== null && isOpaque(value) && value.typeName === type.name
    case 'struct':
    case 'error':
      return false
  }
}
