// The types of CEL and what may stand for what (google/cel-go:checker/types.go, common/types/types.go).

export type CelTypeKind =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'int'
  | 'list'
  | 'map'
  | 'null'
  | 'optional'
  | 'opaque'
  | 'parameter'
  | 'string'
  | 'struct'
  | 'timestamp'
  | 'type'
  | 'uint'

export interface CelType {
  readonly kind: CelTypeKind
  /** As errors print it, without its parameters. */
  readonly name: string
  readonly parameters: readonly CelType[]
  /** Of a struct: its fields by the names that expressions use. */
  readonly fields?: ReadonlyMap<string, CelType> | undefined
}

function simple(kind: CelTypeKind, name: string = kind): CelType {
  return { kind, name, parameters: [] }
}

export const boolType: CelType = simple('bool')
export const bytesType: CelType = simple('bytes')
export const doubleType: CelType = simple('double')
export const durationType: CelType = simple('duration')
export const dynType: CelType = simple('dyn')
export const errorType: CelType = simple('error', '!error!')
export const intType: CelType = simple('int')
export const nullType: CelType = simple('null')
export const stringType: CelType = simple('string')
export const timestampType: CelType = simple('timestamp')
export const uintType: CelType = simple('uint')

export function listType(element: CelType): CelType {
  return { kind: 'list', name: 'list', parameters: [element] }
}
export function mapType(key: CelType, value: CelType): CelType {
  return { kind: 'map', name: 'map', parameters: [key, value] }
}
export function optionalType(value: CelType): CelType {
  return { kind: 'optional', name: 'optional_type', parameters: [value] }
}
export function typeType(of: CelType): CelType {
  return { kind: 'type', name: 'type', parameters: [of] }
}
export function parameterType(name: string): CelType {
  return simple('parameter', name)
}
/** A type of its own, as libraries bring them. */
export function opaqueType(name: string): CelType {
  return simple('opaque', name)
}
export function structType(name: string, fields: ReadonlyMap<string, CelType>): CelType {
  return { kind: 'struct', name, parameters: [], fields }
}

export function typeText(type: CelType): string {
  return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(typeText).join(', ')})`
}

export function sameType(a: CelType, b: CelType): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.name === b.name &&
      a.parameters.every((parameter, i) => sameType(parameter, b.parameters[i]!)))
  )
}

/** What stands for type parameters, by their names. */
export type Bindings = ReadonlyMap<string, CelType>

/** The type with its parameters replaced; those that nothing stands for become dyn when `free` says so. */
export function substitute(bindings: Bindings, type: CelType, free: 'kept' | 'dyn'): CelType {
  if (type.kind === 'parameter') {
    const bound = bindings.get(type.name)
    if (bound !== undefined) return substitute(bindings, bound, free)
    return free === 'dyn' ? dynType : type
  }
  if (type.parameters.length === 0) return type
  return { ...type, parameters: type.parameters.map((parameter) => substitute(bindings, parameter, free)) }
}

export function isDynOrError(type: CelType): boolean {
  return type.kind === 'dyn' || type.kind === 'error'
}

const nullable: readonly CelTypeKind[] = ['null', 'duration', 'timestamp', 'struct', 'opaque', 'optional']

/** The bindings under which `given` can stand where `wanted` is asked for (either way round); undefined when it cannot. */
export function assignable(
  bindings: Bindings,
  wanted: readonly CelType[],
  given: readonly CelType[],
): Bindings | undefined {
  if (wanted.length !== given.length) return undefined
  const draft = new Map(bindings)
  return wanted.every((type, i) => unify(draft, type, given[i]!)) ? draft : undefined
}

function unify(bindings: Map<string, CelType>, a: CelType, b: CelType): boolean {
  if (b.kind === 'parameter') {
    const settled = bind(bindings, b, a)
    if (settled !== undefined) return settled
  }
  if (a.kind === 'parameter') return bind(bindings, a, b) ?? false
  if (isDynOrError(a) || isDynOrError(b)) return true
  if (a.kind === 'null') return nullable.includes(b.kind)
  if (b.kind === 'null') return nullable.includes(a.kind)
  // Types as values are all of one type.
  if (a.kind === 'type' && b.kind === 'type') return true
  if (a.kind !== b.kind || a.name !== b.name || a.parameters.length !== b.parameters.length) return false
  return a.parameters.every((parameter, i) => unify(bindings, parameter, b.parameters[i]!))
}

function bind(bindings: Map<string, CelType>, parameter: CelType, type: CelType): boolean | undefined {
  if (type.kind === 'parameter' && type.name === parameter.name) return true
  const bound = bindings.get(parameter.name)
  if (bound !== undefined) {
    if (!unify(bindings, type, bound)) return false
    bindings.set(parameter.name, mostGeneral(type, bound))
    return true
  }
  if (mentions(bindings, type, parameter.name)) return undefined
  bindings.set(parameter.name, type)
  return true
}

function mentions(bindings: Bindings, type: CelType, parameter: string): boolean {
  if (type.kind === 'parameter') {
    if (type.name === parameter) return true
    const bound = bindings.get(type.name)
    return bound !== undefined && mentions(bindings, bound, parameter)
  }
  return type.parameters.some((inner) => mentions(bindings, inner, parameter))
}

/** Of two types that stand for each other the wider one. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isEqualOrLessSpecific(a, b) ? a : b
}

function isEqualOrLessSpecific(a: CelType, b: CelType): boolean {
  if (isDynOrError(a) || a.kind === 'parameter') return true
  if (isDynOrError(b) || b.kind === 'parameter') return false
  if (a.kind !== b.kind || a.parameters.length !== b.parameters.length) return false
  return a.parameters.every((parameter, i) => isEqualOrLessSpecific(parameter, b.parameters[i]!))
}
