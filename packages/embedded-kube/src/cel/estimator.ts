// What an expression can cost at worst, by how big its variables can be (google/cel-go:checker/cost.go).
import type { Checked } from './checker.ts'
import { baseCosts, either, fixed, plus, times, unknownSize, type Range, type Sized } from './cost.ts'
import type { Call, Expression, Fold } from './syntax.ts'
import { textSize } from './values.ts'

/** How big what stands at a path from a variable can be: fields by name, else @items, @keys, @values. */
export type SizeAt = (path: readonly string[]) => Range | undefined

export function estimateCost(checked: Checked, sizeAt: SizeAt): Range {
  return new Estimator(checked, sizeAt).cost(checked.expression)
}

interface EntrySize {
  readonly of: 'list' | 'map'
  readonly key: Range
  readonly value: Range
}

interface Local {
  readonly path: readonly string[] | undefined
  readonly size: Range | undefined
  readonly entry: EntrySize | undefined
}

const scalars = ['bool', 'double', 'duration', 'int', 'timestamp', 'uint']

class Estimator {
  readonly #checked: Checked
  readonly #sizeAt: SizeAt
  readonly #paths = new Map<Expression, readonly string[]>()
  readonly #sizes = new Map<Expression, Range>()
  readonly #entries = new Map<Expression, EntrySize>()
  readonly #locals = new Map<string, Local[]>()

  constructor(checked: Checked, sizeAt: SizeAt) {
    this.#checked = checked
    this.#sizeAt = sizeAt
  }

  cost(expression: Expression): Range {
    switch (expression.kind) {
      case 'literal':
      case 'struct':
        return fixed(0)
      case 'identifier': {
        const path = this.#local(expression.name)?.path
        this.#paths.set(expression, this.#local(expression.name) === undefined ? [expression.name] : (path ?? []))
        return fixed(1)
      }
      case 'select': {
        const name = this.#checked.names.get(expression)
        if (name !== undefined) {
          this.#paths.set(expression, [name])
          return fixed(1)
        }
        const cost = this.cost(expression.operand)
        if (expression.test) return cost
        this.#paths.set(expression, [...this.#path(expression.operand), expression.field])
        const kind = this.#checked.types.get(expression.operand)?.kind
        return kind === 'map' || kind === 'struct' || kind === 'parameter' || expression.optional
          ? plus(cost, fixed(1))
          : cost
      }
      case 'call':
        return this.#call(expression)
      case 'list': {
        let cost = fixed(baseCosts.list)
        let size: Range | undefined
        for (const { value } of expression.elements) {
          cost = plus(cost, this.cost(value))
          size = size === undefined ? this.#known(value) : either(size, this.#known(value))
        }
        this.#entries.set(expression, { of: 'list', key: fixed(1), value: size ?? fixed(0) })
        return cost
      }
      case 'map': {
        let cost = fixed(baseCosts.map)
        let [key, value]: (Range | undefined)[] = []
        for (const entry of expression.entries) {
          cost = plus(plus(cost, this.cost(entry.key)), this.cost(entry.value))
          key = key === undefined ? this.#known(entry.key) : either(key, this.#known(entry.key))
          value = value === undefined ? this.#known(entry.value) : either(value, this.#known(entry.value))
        }
        this.#entries.set(expression, { of: 'map', key: key ?? fixed(0), value: value ?? fixed(0) })
        return cost
      }
      case 'fold':
        return this.#fold(expression)
    }
  }

  #call(call: Call): Range {
    const resolved = this.#checked.calls.get(call)
    if (resolved === undefined) return fixed(0)
    const { name, args, overloads } = resolved
    const costs = args.map((argument) => this.cost(argument))
    const sum = costs.reduce(plus, fixed(0))
    if (name === 'dyn') {
      this.#copy(call, args[0]!)
      return plus(sum, fixed(1))
    }
    if (name === '_&&_' || name === '_||_') return { min: costs[0]!.min, max: sum.max }
    if (name === '_?_:_') {
      this.#sizes.set(call, either(this.#known(args[1]!), this.#known(args[2]!)))
      this.#joinEntries(call, args[1]!, args[2]!)
      return plus(costs[0]!, either(costs[1]!, costs[2]!))
    }
    if (name === '_[_]') {
      const entry = this.#entry(args[0]!)
      const isList = this.#checked.types.get(args[0]!)?.kind === 'list'
      this.#paths.set(call, [...this.#path(args[0]!), isList ? '@items' : '@values'])
      const size = entry?.value ?? this.#size(call)
      if (size !== undefined) this.#sizes.set(call, size)
      return plus(sum, fixed(1))
    }
    const sized = args.map((argument) => this.#sized(argument))
    let cost: Range | undefined
    let size: Range | undefined
    for (const overload of overloads) {
      const estimate = overload.cost.estimate(sized)
      cost = cost === undefined ? estimate.cost : either(cost, estimate.cost)
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : either(size, estimate.size)
    }
    if (name === '_+_') this.#joinEntries(call, args[0]!, args[1]!)
    size ??= this.#size(call)
    if (size !== undefined) this.#sizes.set(call, size)
    return plus(sum, cost ?? fixed(0))
  }

  #fold(fold: Fold): Range {
    const { range, initial, condition } = fold
    let cost = plus(this.cost(range), this.cost(initial))
    const gathered: Local = { path: this.#path(initial), size: this.#size(initial), entry: this.#entry(initial) }
    if (condition.kind === 'literal' && condition.value === false) {
      cost = plus(
        cost,
        this.#within([[fold.accumulator, gathered]], () => this.cost(fold.result)),
      )
      this.#copy(fold, fold.result)
      return cost
    }
    const loop = this.#loopVariables(fold)
    const each = this.#within([[fold.accumulator, gathered], ...loop], () =>
      plus(this.cost(condition), this.cost(fold.step)),
    )
    cost = plus(
      cost,
      this.#within([[fold.accumulator, gathered]], () => this.cost(fold.result)),
    )
    const count = this.#known(range)
    if (initial.kind === 'literal') this.#sizes.set(fold, this.#known(initial))
    else {
      this.#sizes.set(fold, count)
      const entry = this.#entry(fold.step)
      if (entry !== undefined) this.#entries.set(fold, entry)
    }
    return plus(cost, times(count, each))
  }

  #loopVariables(fold: Fold): readonly (readonly [string, Local])[] {
    const entry = this.#entry(fold.range)
    const isList = (entry?.of ?? this.#checked.types.get(fold.range)?.kind) === 'list'
    const path = this.#path(fold.range)
    const key: Local = { path: [...path, isList ? '@indices' : '@keys'], size: entry?.key, entry: undefined }
    const value: Local = { path: [...path, isList ? '@items' : '@values'], size: entry?.value, entry: undefined }
    if (fold.second === undefined) return [[fold.first, isList ? value : key]]
    return [
      [fold.first, key],
      [fold.second, value],
    ]
  }

  #within(locals: readonly (readonly [string, Local])[], run: () => Range): Range {
    for (const [name, local] of locals) {
      const stack = this.#locals.get(name)
      if (stack === undefined) this.#locals.set(name, [local])
      else stack.push(local)
    }
    const result = run()
    for (const [name] of locals) this.#locals.get(name)!.pop()
    return result
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1)
  }

  #path(expression: Expression): readonly string[] {
    const local = expression.kind === 'identifier' ? this.#local(expression.name) : undefined
    return local?.path ?? this.#paths.get(expression) ?? []
  }

  #sized(expression: Expression): Sized {
    const type = this.#checked.types.get(expression)!
    return {
      type,
      size: this.#size(expression),
      element: () => {
        const element = type.parameters[0]
        if (element === undefined) return undefined
        const path = this.#path(expression)
        return {
          type: element,
          size: path.length === 0 ? undefined : this.#sizeAt([...path, '@items']),
          element: () => undefined,
          literal: undefined,
        }
      },
      literal: expression.kind === 'literal' && typeof expression.value === 'bigint' ? expression.value : undefined,
    }
  }

  #known(expression: Expression): Range {
    return this.#size(expression) ?? unknownSize
  }

  #size(expression: Expression): Range | undefined {
    const known = this.#sizes.get(expression)
    if (known !== undefined) return known
    if (expression.kind === 'list') return fixed(expression.elements.length)
    if (expression.kind === 'map') return fixed(expression.entries.length)
    if (expression.kind === 'literal') {
      const { value } = expression
      if (typeof value === 'string') return fixed(textSize(value))
      return fixed(value instanceof Uint8Array ? value.length : 1)
    }
    const path = this.#path(expression)
    const found = path.length === 0 ? undefined : this.#sizeAt(path)
    if (found !== undefined) {
      this.#sizes.set(expression, found)
      return found
    }
    let type = this.#checked.types.get(expression)
    if (type?.kind === 'optional') type = type.parameters[0]
    if (type !== undefined && scalars.includes(type.kind)) return fixed(1)
    return expression.kind === 'identifier' ? this.#local(expression.name)?.size : undefined
  }

  #entry(expression: Expression): EntrySize | undefined {
    const known = this.#entries.get(expression)
    if (known !== undefined) return known
    return expression.kind === 'identifier' ? this.#local(expression.name)?.entry : undefined
  }

  #joinEntries(call: Expression, a: Expression, b: Expression): void {
    const [left, right] = [this.#entry(a), this.#entry(b)]
    if (left === undefined || right === undefined) return
    this.#entries.set(call, {
      of: left.of,
      key: either(left.key, right.key),
      value: either(left.value, right.value),
    })
  }

  #copy(to: Expression, from: Expression): void {
    const size = this.#size(from)
    if (size !== undefined) this.#sizes.set(to, size)
    const entry = this.#entry(from)
    if (entry !== undefined) this.#entries.set(to, entry)
  }
}
