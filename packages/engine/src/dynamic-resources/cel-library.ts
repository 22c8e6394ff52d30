// What Kubernetes adds to CEL where devices are selected (kubernetes/apiserver:pkg/cel/library: quantity.go, semver.go,
// lists.go, regex.go; cel-go ext strings and sets). Left out: url, ip, cidr, format and the authorizer, which say
// nothing of devices; an expression that calls them does not compile.

import { EvaluationError, type Environment } from '@marcbachmann/cel-js'
import { parseQuantity } from '@plimsoll/model'

/** A quantity as CEL sees it, in nanos. */
export class CelQuantity {
  readonly nano: bigint
  constructor(nano: bigint) {
    this.nano = nano
  }
}

/** A semantic version as CEL sees it. */
export class CelSemver {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly prerelease: readonly string[]
  constructor(major: bigint, minor: bigint, patch: bigint, prerelease: readonly string[]) {
    this.major = major
    this.minor = minor
    this.patch = patch
    this.prerelease = prerelease
  }
}

const versionShape =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

/** A version of semver 2.0.0; undefined when it is malformed. */
export function parseSemver(text: string): CelSemver | undefined {
  const match = versionShape.exec(text)
  if (match === null) return undefined
  const [, major, minor, patch, prerelease] = match
  return new CelSemver(BigInt(major!), BigInt(minor!), BigInt(patch!), prerelease?.split('.') ?? [])
}

/** As kube's `semver(text, true)`: `v1.02` is 1.2.0 (blang/semver:semver.go, ParseTolerant). */
function normalSemver(text: string): string {
  const [, version = '', rest = ''] = /^\s*v?([\d.]*)(.*?)\s*$/s.exec(text) ?? []
  const parts = version.split('.').map((part) => part.replace(/^0+(?=\d)/, ''))
  while (parts.length < 3 && rest === '') parts.push('0')
  return parts.join('.') + rest
}

function compareSemver(a: CelSemver, b: CelSemver): -1 | 0 | 1 {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1
  }
  // A version with a prerelease comes before the one without.
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return a.prerelease.length === b.prerelease.length ? 0 : a.prerelease.length === 0 ? 1 : -1
  }
  for (let i = 0; i < Math.max(a.prerelease.length, b.prerelease.length); i++) {
    const compared = comparePrerelease(a.prerelease[i], b.prerelease[i])
    if (compared !== 0) return compared
  }
  return 0
}

function comparePrerelease(a: string | undefined, b: string | undefined): -1 | 0 | 1 {
  if (a === b) return 0
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1
  const numbers = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (numbers[0] && numbers[1]) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1
  return a < b ? -1 : 1
}

function fail(message: string): never {
  throw new EvaluationError(message)
}

const nano = 1_000_000_000n
const int64Max = (1n << 63n) - 1n

function registerQuantities(env: Environment): void {
  const type = 'kubernetes.Quantity'
  const parsed = (text: string): CelQuantity => {
    const quantity = parseQuantity(text)
    if (quantity === undefined) {
      fail(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': " +
          'unable to parse quantity',
      )
    }
    return new CelQuantity(quantity.nano)
  }
  const whole = (q: CelQuantity): boolean => q.nano % nano === 0n && q.nano / nano <= int64Max
  env.registerType(type, { ctor: CelQuantity, fields: {} })
  env.registerFunction(`quantity(string): ${type}`, parsed)
  env.registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
  env.registerFunction(`${type}.sign(): int`, (q: CelQuantity) => (q.nano > 0n ? 1n : q.nano < 0n ? -1n : 0n))
  env.registerFunction(`${type}.isInteger(): bool`, whole)
  env.registerFunction(`${type}.asInteger(): int`, (q: CelQuantity) =>
    whole(q) ? q.nano / nano : fail('cannot convert value to integer'),
  )
  env.registerFunction(`${type}.asApproximateFloat(): double`, (q: CelQuantity) => Number(q.nano) / Number(nano))
  const order = (a: CelQuantity, b: CelQuantity): bigint => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n)
  registerOrder(env, type, order)
  const operations: readonly [name: string, apply: (a: bigint, b: bigint) => bigint][] = [
    ['add', (a, b) => a + b],
    ['sub', (a, b) => a - b],
  ]
  for (const [name, apply] of operations) {
    env.registerFunction(
      `${type}.${name}(${type}): ${type}`,
      (a: CelQuantity, b: CelQuantity) => new CelQuantity(apply(a.nano, b.nano)),
    )
    env.registerFunction(
      `${type}.${name}(int): ${type}`,
      (a: CelQuantity, b: bigint) => new CelQuantity(apply(a.nano, b * nano)),
    )
  }
}

function registerSemver(env: Environment): void {
  const type = 'kubernetes.Semver'
  const parsed = (text: string): CelSemver => parseSemver(text) ?? fail(`invalid semantic version: ${text}`)
  env.registerType(type, { ctor: CelSemver, fields: {} })
  env.registerFunction(`semver(string): ${type}`, parsed)
  env.registerFunction(`semver(string, bool): ${type}`, (text: string, normalize: boolean) =>
    parsed(normalize ? normalSemver(text) : text),
  )
  env.registerFunction('isSemver(string): bool', (text: string) => parseSemver(text) !== undefined)
  env.registerFunction('isSemver(string, bool): bool', (text: string, normalize: boolean) => {
    return parseSemver(normalize ? normalSemver(text) : text) !== undefined
  })
  for (const part of ['major', 'minor', 'patch'] as const) {
    env.registerFunction(`${type}.${part}(): int`, (version: CelSemver) => version[part])
  }
  registerOrder(env, type, (a: CelSemver, b: CelSemver) => BigInt(compareSemver(a, b)))
}

function registerOrder<T>(env: Environment, type: string, order: (a: T, b: T) => bigint): void {
  env.registerFunction(`${type}.compareTo(${type}): int`, order)
  env.registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: T, b: T) => order(a, b) > 0n)
  env.registerFunction(`${type}.isLessThan(${type}): bool`, (a: T, b: T) => order(a, b) < 0n)
  env.registerOperator(`${type} == ${type}`, (a: T, b: T) => order(a, b) === 0n)
}

function registerTexts(env: Environment): void {
  const first = (text: string, pattern: string): string => new RegExp(pattern, 'u').exec(text)?.[0] ?? ''
  const all = (text: string, pattern: string): string[] =>
    [...text.matchAll(new RegExp(pattern, 'gu'))].map((m) => m[0])
  env.registerFunction('string.find(string): string', first)
  env.registerFunction('string.findAll(string): list<string>', all)
  env.registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) =>
    limit < 0n ? all(text, pattern) : all(text, pattern).slice(0, Number(limit)),
  )
  env.registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
    const characters = Array.from(text)
    if (at < 0n || at > BigInt(characters.length)) fail(`index out of range: ${at}`)
    return characters[Number(at)] ?? ''
  })
  env.registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.split(from).join(to),
  )
  env.registerFunction(
    'string.replace(string, string, int): string',
    (text: string, from: string, to: string, limit: bigint) => replaceSome(text, from, to, Number(limit)),
  )
  env.registerFunction('string.reverse(): string', (text: string) => Array.from(text).reverse().join(''))
}

function replaceSome(text: string, from: string, to: string, limit: number): string {
  const parts = text.split(from)
  if (limit < 0 || limit >= parts.length - 1) return parts.join(to)
  return [...parts.slice(0, limit), parts.slice(limit).join(from)].join(to)
}

type Ordered = bigint | number | string | boolean

function registerLists(env: Environment): void {
  const extreme = (list: readonly Ordered[], name: string, better: (a: Ordered, b: Ordered) => boolean): Ordered => {
    if (list.length === 0) fail(`${name} called on empty list`)
    let best = list[0]!
    for (const value of list) if (better(value, best)) best = value
    return best
  }
  env.registerFunction('list.isSorted(): bool', (list: readonly Ordered[]) =>
    list.every((value, i) => i === 0 || list[i - 1]! <= value),
  )
  env.registerFunction('list.sum(): dyn', (list: readonly (bigint & number)[]) => {
    let total: bigint | number = typeof list[0] === 'number' ? 0 : 0n
    for (const value of list) total = (total as bigint) + (value as bigint)
    return total
  })
  env.registerFunction('list.min(): dyn', (list: readonly Ordered[]) => extreme(list, 'min', (a, b) => a < b))
  env.registerFunction('list.max(): dyn', (list: readonly Ordered[]) => extreme(list, 'max', (a, b) => a > b))
  env.registerFunction('list.indexOf(dyn): int', (list: readonly unknown[], value: unknown) =>
    BigInt(list.findIndex((item) => sameValue(item, value))),
  )
  env.registerFunction('list.lastIndexOf(dyn): int', (list: readonly unknown[], value: unknown) =>
    BigInt(list.findLastIndex((item) => sameValue(item, value))),
  )
  const has = (list: readonly unknown[], value: unknown): boolean => list.some((item) => sameValue(item, value))
  const contains = (a: readonly unknown[], b: readonly unknown[]): boolean => b.every((value) => has(a, value))
  env.registerType('kubernetes.Sets', { ctor: Sets, fields: {} })
  env.registerConstant('sets', 'kubernetes.Sets', new Sets())
  type Pair = (_: Sets, a: readonly unknown[], b: readonly unknown[]) => boolean
  const pair = (name: string, handler: Pair): void => {
    env.registerFunction(`kubernetes.Sets.${name}(list, list): bool`, handler)
  }
  pair('contains', (_, a, b) => contains(a, b))
  pair('equivalent', (_, a, b) => contains(a, b) && contains(b, a))
  pair('intersects', (_, a, b) => b.some((value) => has(a, value)))
}

/** The namespace `sets`. */
class Sets {}

/** CEL's equality of the values that devices and literals have. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof CelQuantity && b instanceof CelQuantity) return a.nano === b.nano
  if (a instanceof CelSemver && b instanceof CelSemver) return compareSemver(a, b) === 0
  if (typeof a === 'bigint' && typeof b === 'number') return Number(a) === b
  if (typeof a === 'number' && typeof b === 'bigint') return a === Number(b)
  return a === b
}

export function registerKubernetesLibrary(env: Environment): void {
  registerQuantities(env)
  registerSemver(env)
  registerTexts(env)
  registerLists(env)
}
