// What Kubernetes adds: quantities, versions, URLs and named formats (kubernetes/apiserver:pkg/cel/library).
import { parseQuantity } from '@plimsoll/model'
import { one, pass, validating } from './cost.ts'
import { overload, type Overload } from './overload.ts'
import { textFormat, textFormatNames, type TextFormat } from './text-format.ts'
import { parseUrl, queryOf, requestUrlProblem, type UrlParts } from './url.ts'
import { CelList, CelMap, failed, keyName, Optional, type OpaqueValue, type Value } from './values.ts'

const nano = 1_000_000_000n
const int64Max = (1n << 63n) - 1n

class CelQuantity implements OpaqueValue {
  readonly typeName = 'kubernetes.Quantity'
  readonly nano: bigint
  constructor(value: bigint) {
    this.nano = value
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof CelQuantity && other.nano === this.nano
  }
  get whole(): bigint | undefined {
    return this.nano % nano === 0n && this.nano / nano <= int64Max ? this.nano / nano : undefined
  }
}

function quantityOf(text: string): CelQuantity {
  const parsed = parseQuantity(text)
  if (parsed !== undefined) return new CelQuantity(parsed.nano)
  const wrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
  return failed(/^[+-]?(?:\d+\.?\d*|\.\d+)./.test(text) ? "unable to parse quantity's suffix" : wrong)
}

function ordered<T extends OpaqueValue>(type: string, compare: (a: T, b: T) => bigint): Overload[] {
  return [
    overload(`${type}::isGreaterThan(${type}): bool`, (a: T, b: T) => compare(a, b) > 0n),
    overload(`${type}::isLessThan(${type}): bool`, (a: T, b: T) => compare(a, b) < 0n),
    overload(`${type}::compareTo(${type}): int`, compare),
  ]
}

const sign = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n)

function quantities(): Overload[] {
  const type = 'kubernetes.Quantity'
  return [
    overload(`quantity(string): ${type}`, quantityOf, pass(0)),
    overload('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined, pass(0)),
    // Upstream declares it as no method.
    overload(`sign(${type}): int`, (quantity: CelQuantity) => sign(quantity.nano)),
    ...ordered<CelQuantity>(type, (a, b) => sign(a.nano - b.nano)),
    overload(`${type}::asApproximateFloat(): double`, (quantity: CelQuantity) => Number(quantity.nano) / Number(nano)),
    overload(`${type}::asInteger(): int`, (quantity: CelQuantity) => {
      return quantity.whole ?? failed('cannot convert value to integer')
    }),
    overload(`${type}::isInteger(): bool`, (quantity: CelQuantity) => quantity.whole !== undefined),
    overload(`${type}::add(${type}): ${type}`, (a: CelQuantity, b: CelQuantity) => new CelQuantity(a.nano + b.nano)),
    overload(`${type}::add(int): ${type}`, (a: CelQuantity, b: bigint) => new CelQuantity(a.nano + b * nano)),
    overload(`${type}::sub(${type}): ${type}`, (a: CelQuantity, b: CelQuantity) => new CelQuantity(a.nano - b.nano)),
    overload(`${type}::sub(int): ${type}`, (a: CelQuantity, b: bigint) => new CelQuantity(a.nano - b * nano)),
  ]
}

class CelVersion implements OpaqueValue {
  readonly typeName = 'kubernetes.Semver'
  readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint]
  readonly prerelease: readonly string[]
  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    this.numbers = numbers
    this.prerelease = prerelease
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof CelVersion && compareVersions(this, other) === 0n
  }
}

const versionShape =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

function parseVersion(text: string, normalize = false): CelVersion | undefined {
  const match = versionShape.exec(normalize ? normalized(text) : text)
  if (match === null) return undefined
  const [, major, minor, patch, prerelease] = match
  return new CelVersion([BigInt(major!), BigInt(minor!), BigInt(patch!)], prerelease?.split('.') ?? [])
}

/** ` v1.02` is 1.2.0 (blang/semver:semver.go, ParseTolerant). */
function normalized(text: string): string {
  const [, numbers = '', rest = ''] = /^\s*v?([\d.]*)(.*?)\s*$/s.exec(text) ?? []
  const found = numbers.split('.').map((number) => number.replace(/^0+(?=\d)/, ''))
  while (found.length < 3 && rest === '') found.push('0')
  return found.join('.') + rest
}

function compareVersions(a: CelVersion, b: CelVersion): bigint {
  for (const i of [0, 1, 2] as const) if (a.numbers[i] !== b.numbers[i]) return sign(a.numbers[i] - b.numbers[i])
  // What has a prerelease comes before what has none.
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return sign(BigInt(b.prerelease.length) - BigInt(a.prerelease.length))
  }
  for (let i = 0; i < a.prerelease.length || i < b.prerelease.length; i++) {
    const compared = comparePrerelease(a.prerelease[i], b.prerelease[i])
    if (compared !== 0n) return compared
  }
  return 0n
}

function comparePrerelease(a: string | undefined, b: string | undefined): bigint {
  if (a === undefined || b === undefined) return a === b ? 0n : a === undefined ? -1n : 1n
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (left && right) return sign(BigInt(a) - BigInt(b))
  if (left !== right) return left ? -1n : 1n
  return a === b ? 0n : a < b ? -1n : 1n
}

function versions(): Overload[] {
  const type = 'kubernetes.Semver'
  const parse = (text: string, normalize?: boolean): CelVersion =>
    parseVersion(text, normalize) ?? failed(versionProblem(text))
  const is = (text: string, normalize?: boolean): boolean => parseVersion(text, normalize) !== undefined
  return [
    overload(`semver(string): ${type}`, parse, pass(0)),
    overload(`semver(string, bool): ${type}`, parse, pass(0)),
    overload('isSemver(string): bool', is, pass(0)),
    overload('isSemver(string, bool): bool', is, pass(0)),
    ...ordered(type, compareVersions),
    ...(['major', 'minor', 'patch'] as const).map((part, i) =>
      overload(`${type}::${part}(): int`, (version: CelVersion) => version.numbers[i]!),
    ),
  ]
}

function versionProblem(text: string): string {
  return text === '' ? 'Version string empty' : 'No Major.Minor.Patch elements found'
}

class CelUrl implements OpaqueValue {
  readonly typeName = 'kubernetes.URL'
  readonly text: string
  readonly parts: UrlParts
  constructor(text: string, parts: UrlParts) {
    this.text = text
    this.parts = parts
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof CelUrl && other.text === this.text
  }
}

function urlOf(text: string): CelUrl {
  const problem = requestUrlProblem(text)
  if (problem !== undefined) failed(`URL parse error during conversion from string: ${problem}`)
  return new CelUrl(text, parseUrl(text))
}

function query({ parts }: CelUrl): CelMap {
  const entries = [...queryOf(parts.query)].map(([key, values]) => {
    return [keyName(key)!, [key, new CelList(values)]] as const
  })
  return new CelMap(new Map<string, readonly [Value, Value]>(entries))
}

function urls(): Overload[] {
  const type = 'kubernetes.URL'
  const part = (name: string, read: (parts: UrlParts) => string): Overload =>
    overload(`${type}::${name}(): string`, (url: CelUrl) => read(url.parts))
  return [
    overload(`url(string): ${type}`, urlOf, pass(0, 1, 'same size')),
    overload('isURL(string): bool', (text: string) => requestUrlProblem(text) === undefined),
    part('getScheme', (parts) => parts.scheme),
    part('getHost', (parts) => parts.host),
    part('getHostname', (parts) => parts.hostname),
    part('getPort', (parts) => parts.port),
    part('getEscapedPath', (parts) => parts.escapedPath),
    overload(`${type}::getQuery(): map(string, list(string))`, query),
  ]
}

class CelFormat implements OpaqueValue {
  readonly typeName = 'kubernetes.NamedFormat'
  readonly format: TextFormat
  constructor(format: TextFormat) {
    this.format = format
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof CelFormat && other.format.name === this.format.name
  }
}

const regexLengthMax = 128

function formats(): Overload[] {
  const type = 'kubernetes.NamedFormat'
  const named = (name: string): CelFormat => new CelFormat(textFormat(name)!)
  return [
    overload(`format.named(string): optional(${type})`, (name: string) => {
      return new Optional(textFormat(name) === undefined ? undefined : named(name))
    }),
    ...textFormatNames.map((name) => overload(`format.${name}(): ${type}`, () => named(name), one)),
    overload(
      `${type}::validate(string): optional(list(string))`,
      ({ format }: CelFormat, text: string) => {
        const problems = format.problems(text)
        return new Optional(problems.length === 0 ? undefined : new CelList(problems))
      },
      validating((format) => (format as CelFormat).format.regexLength, regexLengthMax),
    ),
  ]
}

export const kubernetesLibrary: readonly Overload[] = [...quantities(), ...versions(), ...urls(), ...formats()]

export const kubernetesTypes: readonly string[] = [
  'kubernetes.Quantity',
  'kubernetes.Semver',
  'kubernetes.URL',
  'kubernetes.NamedFormat',
  'net.IP',
  'net.CIDR',
]
