// The macros, written out as loops and conditions (google/cel-go:parser/macro.go, ext/comprehensions.go, cel/library.go).
import type { Call, Expression, Literal } from './syntax.ts'

/** Where a loop keeps what it gathers; no expression can name it. */
const accumulatorName = '@result'

type Fail = (at: number, message: string) => never

/** The call, or what the macro of its name stands for. */
export function expandMacro(call: Call, fail: Fail): Expression {
  const { name, target, args, at } = call
  if (target === undefined) return name === 'has' && args.length === 1 ? presence(args[0]!, at, fail) : call
  const macro = macros[`${name}/${args.length}`]
  return macro === undefined ? call : macro({ at, target, args, fail })
}

interface MacroCall {
  readonly at: number
  readonly target: Expression
  readonly args: readonly Expression[]
  readonly fail: Fail
}

function presence(argument: Expression, at: number, fail: Fail): Expression {
  if (argument.kind !== 'select') fail(argument.at, 'invalid argument to has() macro')
  return { ...(argument as Expression & { kind: 'select' }), at, test: true }
}

function literal(at: number, value: boolean | bigint): Literal {
  return { kind: 'literal', at, type: typeof value === 'boolean' ? 'bool' : 'int', value }
}
function callOf(at: number, name: string, ...args: Expression[]): Call {
  return { kind: 'call', at, name, target: undefined, args }
}
function gathered(at: number): Expression {
  return { kind: 'identifier', at, name: accumulatorName }
}

interface Loop {
  readonly initial: Expression
  readonly condition: Expression
  readonly step: Expression
  readonly result: Expression
}

function fold(call: MacroCall, variables: 1 | 2, loop: Loop): Expression {
  const names = call.args.slice(0, variables).map((argument) => variable(argument, call.fail))
  if (names[0] === names[1]) call.fail(call.args[1]!.at, `duplicate variable name: ${names[0]}`)
  return {
    kind: 'fold',
    at: call.at,
    range: call.target,
    first: names[0]!,
    second: names[1],
    accumulator: accumulatorName,
    ...loop,
  }
}

function variable(argument: Expression, fail: Fail): string {
  if (argument.kind !== 'identifier') fail(argument.at, 'argument must be a simple name')
  const { name } = argument as Expression & { kind: 'identifier' }
  if (name === '__result__') fail(argument.at, 'iteration variable overwrites accumulator variable')
  return name
}

function all(variables: 1 | 2): (call: MacroCall) => Expression {
  return (call) => {
    const { at } = call
    return fold(call, variables, {
      initial: literal(at, true),
      condition: callOf(at, '@not_strictly_false', gathered(at)),
      step: callOf(at, '_&&_', gathered(at), call.args[variables]!),
      result: gathered(at),
    })
  }
}

function exists(variables: 1 | 2): (call: MacroCall) => Expression {
  return (call) => {
    const { at } = call
    return fold(call, variables, {
      initial: literal(at, false),
      condition: callOf(at, '@not_strictly_false', callOf(at, '!_', gathered(at))),
      step: callOf(at, '_||_', gathered(at), call.args[variables]!),
      result: gathered(at),
    })
  }
}

function existsOne(variables: 1 | 2): (call: MacroCall) => Expression {
  return (call) => {
    const { at } = call
    return fold(call, variables, {
      initial: literal(at, 0n),
      condition: literal(at, true),
      step: callOf(at, '_?_:_', call.args[variables]!, callOf(at, '_+_', gathered(at), literal(at, 1n)), gathered(at)),
      result: callOf(at, '_==_', gathered(at), literal(at, 1n)),
    })
  }
}

/** Gathers one thing from each element, or from each that `filter` lets through. */
function gather(variables: 1 | 2, into: 'list' | 'map', adding: (call: MacroCall, value: Expression) => Expression) {
  return (call: MacroCall): Expression => {
    const { at, args } = call
    const filter = args.length === variables + 2 ? args[variables] : undefined
    const step = adding(call, args.at(-1)!)
    return fold(call, variables, {
      initial: into === 'list' ? { kind: 'list', at, elements: [] } : { kind: 'map', at, entries: [] },
      condition: literal(at, true),
      step: filter === undefined ? step : callOf(at, '_?_:_', filter, step, gathered(at)),
      result: gathered(at),
    })
  }
}

function append({ at }: MacroCall, value: Expression): Expression {
  return callOf(at, '_+_', gathered(at), { kind: 'list', at, elements: [{ value, optional: false }] })
}

function filter(call: MacroCall): Expression {
  const { at, args } = call
  return fold(call, 1, {
    initial: { kind: 'list', at, elements: [] },
    condition: literal(at, true),
    step: callOf(at, '_?_:_', args[1]!, append(call, args[0]!), gathered(at)),
    result: gathered(at),
  })
}

/** optMap and optFlatMap: the value under a name of its own where there is one. */
function optionalMap(call: MacroCall, wrap: (mapped: Expression) => Expression): Expression {
  const { at, target, args, fail } = call
  const name = variable(args[0]!, fail)
  const method = (on: Expression, method: string): Call => ({ kind: 'call', at, name: method, target: on, args: [] })
  const bound: Expression = {
    kind: 'fold',
    at,
    range: { kind: 'list', at, elements: [] },
    first: '#unused',
    second: undefined,
    accumulator: name,
    initial: method(target, 'value'),
    condition: literal(at, false),
    step: { kind: 'identifier', at, name },
    result: args[1]!,
  }
  const none = method({ kind: 'identifier', at, name: 'optional' }, 'none')
  return callOf(at, '_?_:_', method(target, 'hasValue'), wrap(bound), none)
}

const insert = gather(2, 'map', ({ at, args }, value) => callOf(at, 'cel.@mapInsert', gathered(at), args[0]!, value))
const insertEntry = gather(2, 'map', ({ at }, value) => callOf(at, 'cel.@mapInsert', gathered(at), value))

/** sortBy: the list under a name of its own, and the keys of its elements beside it. */
function sortBy(call: MacroCall): Expression {
  const { at } = call
  const input: Expression = { kind: 'identifier', at, name: '@__sortBy_input__' }
  const keys = gather(1, 'list', append)({ ...call, target: input })
  return {
    kind: 'fold',
    at,
    range: { kind: 'list', at, elements: [] },
    first: '#unused',
    second: undefined,
    accumulator: input.name,
    initial: call.target,
    condition: literal(at, false),
    step: input,
    result: { kind: 'call', at, name: '@sortByAssociatedKeys', target: input, args: [keys] },
  }
}

const macros: Readonly<Record<string, (call: MacroCall) => Expression>> = {
  'all/2': all(1),
  'all/3': all(2),
  'exists/2': exists(1),
  'exists/3': exists(2),
  'exists_one/2': existsOne(1),
  'existsOne/2': existsOne(1),
  'exists_one/3': existsOne(2),
  'existsOne/3': existsOne(2),
  'map/2': gather(1, 'list', append),
  'map/3': gather(1, 'list', append),
  'filter/2': filter,
  'sortBy/2': sortBy,
  'transformList/3': gather(2, 'list', append),
  'transformList/4': gather(2, 'list', append),
  'transformMap/3': insert,
  'transformMap/4': insert,
  'transformMapEntry/3': insertEntry,
  'transformMapEntry/4': insertEntry,
  'optMap/2': (call) =>
    optionalMap(call, (mapped) => ({
      kind: 'call',
      at: call.at,
      name: 'of',
      target: { kind: 'identifier', at: call.at, name: 'optional' },
      args: [mapped],
    })),
  'optFlatMap/2': (call) => optionalMap(call, (mapped) => mapped),
}
