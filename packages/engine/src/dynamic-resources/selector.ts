// CEL selectors of devices (kubernetes/dynamic-resource-allocation:cel/compile.go).

import { Environment, EvaluationError, ParseError, TypeError as CelTypeError, type ASTNode } from '@marcbachmann/cel-js'
import { serialize } from '@marcbachmann/cel-js/serialize'
import { parseQuantity, type Device, type DeviceAttribute } from '@plimsoll/model'
import { CelQuantity, parseSemver, registerKubernetesLibrary, sameValue } from './cel-library.ts'

/** A selector could not be evaluated on a device, or does not compile. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

/** The variable `device`. */
export interface DeviceFacts {
  readonly driver: string
  readonly allowMultipleAllocations: boolean
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, unknown>>
  readonly capacity: ReadonlyMap<string, ReadonlyMap<string, CelQuantity>>
}

/** A compiled expression. */
export interface Selector {
  readonly expression: string
  /** Why it does not compile. */
  readonly error: string | undefined
  /** @throws {SelectorError} when the device lacks what is asked for, or the types do not fit */
  matches(facts: DeviceFacts): boolean
}

let environment: Environment | undefined

function deviceEnvironment(): Environment {
  if (environment !== undefined) return environment
  const env = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
  registerKubernetesLibrary(env)
  env.registerFunction('_in_(dyn, dyn): bool', isIn)
  env.registerVariable({
    name: 'device',
    schema: {
      driver: 'string',
      allowMultipleAllocations: 'bool',
      attributes: 'map<string, map<string, dyn>>',
      capacity: 'map<string, map<string, kubernetes.Quantity>>',
    },
  })
  environment = env
  return env
}

function isIn(value: unknown, container: unknown): boolean {
  if (container instanceof Map) return container.has(value)
  if (Array.isArray(container)) return container.some((item) => sameValue(item, value))
  if (typeof container === 'object' && container !== null) return Object.hasOwn(container, String(value))
  throw new EvaluationError('no such overload')
}

const compiled = new Map<string, Selector>()
const remembered = 1000

/** Compiles each text once. Never throws: an expression in error says so. */
export function compileSelector(expression: string): Selector {
  let selector = compiled.get(expression)
  if (selector === undefined) {
    selector = compile(expression)
    if (compiled.size >= remembered) compiled.clear()
    compiled.set(expression, selector)
  }
  return selector
}

function compile(expression: string): Selector {
  const env = deviceEnvironment()
  try {
    const text = rewritten(env.parse(expression).ast)
    const checked = env.check(text)
    if (!checked.valid) return broken(expression, `compilation failed: ${reasonOf(checked.error)}`)
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      return broken(expression, `must evaluate to bool or the unknown type, not ${checked.type}`)
    }
    const program = env.parse(text)
    return { expression, error: undefined, matches: (facts) => evaluate(program, facts) }
  } catch (error) {
    return broken(expression, `compilation failed: ${reasonOf(error)}`)
  }
}

function broken(expression: string, error: string): Selector {
  return {
    expression,
    error,
    matches: () => {
      throw new SelectorError(error)
    },
  }
}

function evaluate(program: (context: { readonly device: DeviceFacts }) => unknown, facts: DeviceFacts): boolean {
  let result: unknown
  try {
    result = program({ device: facts })
  } catch (error) {
    throw new SelectorError(reasonOf(error))
  }
  if (typeof result !== 'boolean') throw new SelectorError('CEL result could not be converted to bool')
  return result
}

/** cel-go begins its reasons with a small letter. */
function reasonOf(error: unknown): string {
  const known = error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError
  const text = known ? (error.summary ?? error.message) : error instanceof Error ? error.message : String(error)
  return text.charAt(0).toLowerCase() + text.slice(1)
}

interface Tree {
  readonly op: string
  readonly args: unknown
}

/**
 * `in` and `has` asked in our own way. A device has every domain, be it empty, so that asking for an attribute under an
 * unknown domain says `no such key` of the attribute; only `in` tells. And the evaluator's `has` takes plain paths only.
 */
function rewritten(ast: ASTNode): string {
  return serialize(asked(ast) as unknown as ASTNode)
}

function asked(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asked)
  if (!isTree(node)) return node
  const args = asked(node.args)
  if (node.op === 'in') return { op: 'call', args: ['_in_', args] }
  if (node.op === 'call') {
    const [name, parameters] = args as [string, readonly Tree[]]
    const field = parameters[0]
    if (name === 'has' && parameters.length === 1 && field?.op === '.') {
      const [operand, key] = field.args as [Tree, string]
      return { op: 'call', args: ['_in_', [{ op: 'value', args: key }, operand]] }
    }
  }
  return { op: node.op, args }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

const nothing = new Map<string, never>()

/**
 * What CEL sees of a device. Names without a domain are in the driver's.
 * @throws {SelectorError} for attributes that are not of a known kind
 */
export function deviceFacts(driver: string, device: Device): DeviceFacts {
  const attributes = domains<unknown>()
  for (const [name, attribute] of Object.entries(device.attributes ?? {})) {
    put(attributes, name, driver, attributeValue(name, attribute))
  }
  const capacity = domains<CelQuantity>()
  for (const [name, { value }] of Object.entries(device.capacity ?? {})) {
    put(capacity, name, driver, new CelQuantity(parseQuantity(value)?.nano ?? 0n))
  }
  return { driver, allowMultipleAllocations: device.allowMultipleAllocations === true, attributes, capacity }
}

/** A map in which every domain is found. */
function domains<T>(): Map<string, Map<string, T>> {
  const map = new Map<string, Map<string, T>>()
  map.get = (domain) => Map.prototype.get.call(map, domain) ?? nothing
  return map
}

function put<T>(map: Map<string, Map<string, T>>, name: string, driver: string, value: T): void {
  const slash = name.indexOf('/')
  const domain = slash < 0 ? driver : name.slice(0, slash)
  let inner = map.has(domain) ? map.get(domain) : undefined
  if (inner === undefined) map.set(domain, (inner = new Map()))
  inner.set(name.slice(slash + 1), value)
}

function attributeValue(name: string, attribute: DeviceAttribute): unknown {
  if (attribute.int !== undefined) return BigInt(attribute.int)
  if (attribute.bool !== undefined) return attribute.bool
  if (attribute.string !== undefined) return attribute.string
  if (attribute.version === undefined) throw new SelectorError(`attribute ${name}: unsupported attribute value`)
  const version = parseSemver(attribute.version)
  if (version === undefined) {
    throw new SelectorError(`attribute ${name}: parse semantic version: ${attribute.version} is not one`)
  }
  return version
}
