// Addresses and networks (kubernetes/apiserver:pkg/cel/library/{ip,cidr}.go; Go's net/netip).
import { containing, one, pass } from './cost.ts'
import { overload, type Overload } from './overload.ts'
import { CelError, failed, type OpaqueValue } from './values.ts'

class Address implements OpaqueValue {
  readonly typeName = 'net.IP'
  readonly bits: 32 | 128
  readonly value: bigint
  constructor(bits: 32 | 128, value: bigint) {
    this.bits = bits
    this.value = value
  }
  get size(): number {
    return this.bits / 8
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof Address && other.bits === this.bits && other.value === this.value
  }
  toString(): string {
    return this.bits === 32 ? fourText(this.value) : sixText(this.value)
  }
}

class Network implements OpaqueValue {
  readonly typeName = 'net.CIDR'
  readonly address: Address
  readonly prefix: number
  constructor(address: Address, prefix: number) {
    this.address = address
    this.prefix = prefix
  }
  get size(): number {
    return Math.ceil(this.prefix / 8)
  }
  equals(other: OpaqueValue): boolean {
    return other instanceof Network && other.prefix === this.prefix && other.address.equals(this.address)
  }
  contains(address: Address): boolean {
    return address.bits === this.address.bits && this.#head(address) === this.#head(this.address)
  }
  masked(): Network {
    const rest = BigInt(this.address.bits - this.prefix)
    return new Network(new Address(this.address.bits, (this.address.value >> rest) << rest), this.prefix)
  }
  #head(address: Address): bigint {
    return address.value >> BigInt(this.address.bits - this.prefix)
  }
}

function fourText(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

/** The longest run of two or more zero groups is left out, the first of equals (RFC 5952). */
function sixText(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${fourText(value & 0xffffffffn)}`
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))
  let [from, length] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) [from, length] = [i, end - i]
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  return from < 0 ? hex(groups) : `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`
}

class ParseProblem {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

function parsed(text: string): Address | ParseProblem {
  const separator = /[.:%]/.exec(text)?.[0]
  if (separator === '%') return new ParseProblem('missing IPv6 address')
  if (separator === '.') {
    const four = parseFour(text)
    return typeof four === 'bigint' ? new Address(32, four) : four
  }
  return separator === ':' ? parseSix(text) : new ParseProblem('unable to parse IP')
}

function parseFour(text: string): bigint | ParseProblem {
  const fields = text.split('.')
  let value = 0n
  for (const [i, field] of fields.entries()) {
    if (/[^0-9]/.test(field)) {
      const at = fields.slice(0, i).join('.').length + (i > 0 ? 1 : 0) + field.search(/[^0-9]/)
      return new ParseProblem(`unexpected character (at ${JSON.stringify(text.slice(at))})`)
    }
    if (field === '') return new ParseProblem('IPv4 field must have at least one digit')
    if (field.length > 1 && field.startsWith('0')) return new ParseProblem('IPv4 field has octet with leading zero')
    if (Number(field) > 255) return new ParseProblem('IPv4 field has value >255')
    if (i === 4) return new ParseProblem('IPv4 address too long')
    value = value * 256n + BigInt(field)
  }
  return fields.length < 4 ? new ParseProblem('IPv4 address too short') : value
}

function parseSix(text: string): Address | ParseProblem {
  const [plain = ''] = text.split('%')
  const halves = plain.split('::')
  if (halves.length > 2) return new ParseProblem('multiple :: in address')
  const groups: number[][] = []
  for (const [h, half] of halves.entries()) {
    const found: number[] = []
    const fields = half === '' ? [] : half.split(':')
    for (const [i, field] of fields.entries()) {
      const last = h === halves.length - 1 && i === fields.length - 1
      if (last && field.includes('.')) {
        const four = parseFour(field)
        if (typeof four !== 'bigint') return four
        found.push(Number(four >> 16n), Number(four & 0xffffn))
        continue
      }
      if (field === '') return new ParseProblem('each colon-separated field must have at least one digit')
      if (!/^[0-9a-fA-F]+$/.test(field)) return new ParseProblem('unexpected character, want colon')
      if (field.length > 4) return new ParseProblem('each group must have 4 or less digits')
      found.push(Number.parseInt(field, 16))
    }
    groups.push(found)
  }
  const [head = [], tail] = groups
  const count = head.length + (tail?.length ?? 0)
  if (tail === undefined && count < 8) return new ParseProblem('address string too short')
  if (tail !== undefined && count === 8) return new ParseProblem('the :: must expand to at least one field of zeros')
  if (count > 8) return new ParseProblem('trailing garbage after address')
  const all = [...head, ...Array.from({ length: 8 - count }, () => 0), ...(tail ?? [])]
  return new Address(
    128,
    all.reduce((value, group) => (value << 16n) | BigInt(group), 0n),
  )
}

const isFourInSix = (address: Address): boolean => address.bits === 128 && address.value >> 32n === 0xffffn

/** @throws {CelError} for zones and IPv4 addresses in IPv6 clothes too */
function parseAddress(text: string): Address {
  const address = parsed(text)
  const name = JSON.stringify(text)
  if (address instanceof ParseProblem) {
    return failed(`IP Address ${name} parse error during conversion from string: ParseAddr(${name}): ${address.why}`)
  }
  if (text.includes('%')) failed(`IP address ${name} with zone value is not allowed`)
  if (isFourInSix(address)) failed(`IPv4-mapped IPv6 address ${name} is not allowed`)
  return address
}

/** @throws {CelError} */
function parseNetwork(text: string): Network {
  const slash = text.lastIndexOf('/')
  const name = JSON.stringify(text)
  const bad = (why: string): never => {
    const twice = 'network address parse error during conversion from string: '
    return failed(`${twice}${twice}netip.ParsePrefix(${name}): ${why}`)
  }
  if (slash < 0) return bad("no '/'")
  const head = text.slice(0, slash)
  const address = parsed(head)
  if (address instanceof ParseProblem) return bad(`ParseAddr(${JSON.stringify(head)}): ${address.why}`)
  if (head.includes('%')) return bad('IPv6 zones cannot be present in a prefix')
  const bits = text.slice(slash + 1)
  if (!/^(?:0|[1-9]\d*)$/.test(bits)) return bad(`bad bits after slash: ${JSON.stringify(bits)}`)
  if (Number(bits) > address.bits) return bad('prefix length out of range')
  if (isFourInSix(address))
    failed(`network address parse error during conversion from string: IPv4-mapped IPv6 address ${name} is not allowed`)
  return new Network(address, Number(bits))
}

function succeeds(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text)
      return true
    } catch (error) {
      if (error instanceof CelError) return false
      throw error
    }
  }
}

const within = (address: Address, network: string): boolean => parseNetwork(network).contains(address)
const isLoopback = (a: Address): boolean => (a.bits === 32 ? within(a, '127.0.0.0/8') : a.value === 1n)
const isLinkLocalMulticast = (a: Address): boolean =>
  a.bits === 32 ? within(a, '224.0.0.0/24') : ((a.value >> 112n) & 0xff0fn) === 0xff02n
const isLinkLocalUnicast = (a: Address): boolean => within(a, a.bits === 32 ? '169.254.0.0/16' : 'fe80::/10')
const isMulticast = (a: Address): boolean => within(a, a.bits === 32 ? '224.0.0.0/4' : 'ff00::/8')
const isGlobalUnicast = (a: Address): boolean =>
  a.value !== 0n &&
  !(a.bits === 32 && a.value === 0xffffffffn) &&
  !isLoopback(a) &&
  !isMulticast(a) &&
  !isLinkLocalUnicast(a)

const holdsNetwork = (outer: Network, inner: Network): boolean =>
  outer.prefix <= inner.prefix && outer.contains(inner.address)

export const networkLibrary: readonly Overload[] = [
  overload('ip(string): net.IP', parseAddress, pass(0)),
  overload('net.CIDR::ip(): net.IP', (network: Network) => network.address, one),
  overload('isIP(string): bool', succeeds(parseAddress), pass(0)),
  overload('ip.isCanonical(string): bool', (text: string) => parseAddress(text).toString() === text, pass(0, 2)),
  overload('net.IP::family(): int', (address: Address) => (address.bits === 32 ? 4n : 6n)),
  overload('net.IP::isUnspecified(): bool', (address: Address) => address.value === 0n),
  overload('net.IP::isLoopback(): bool', isLoopback),
  overload('net.IP::isLinkLocalMulticast(): bool', isLinkLocalMulticast),
  overload('net.IP::isLinkLocalUnicast(): bool', isLinkLocalUnicast),
  overload('net.IP::isGlobalUnicast(): bool', isGlobalUnicast),
  overload('string(net.IP): string', String),
  overload('cidr(string): net.CIDR', parseNetwork, pass(0)),
  overload('isCIDR(string): bool', succeeds(parseNetwork), pass(0)),
  overload(
    'net.CIDR::containsIP(string): bool',
    (network: Network, text: string) => network.contains(parseAddress(text)),
    containing('address', true),
  ),
  overload(
    'net.CIDR::containsIP(net.IP): bool',
    (network: Network, address: Address) => network.contains(address),
    containing('address', false),
  ),
  overload(
    'net.CIDR::containsCIDR(string): bool',
    (network: Network, text: string) => holdsNetwork(network, parseNetwork(text)),
    containing('network', true),
  ),
  overload('net.CIDR::containsCIDR(net.CIDR): bool', holdsNetwork, containing('network', false)),
  overload('net.CIDR::prefixLength(): int', (network: Network) => BigInt(network.prefix)),
  overload('net.CIDR::masked(): net.CIDR', (network: Network) => network.masked()),
  overload('string(net.CIDR): string', (network: Network) => `${network.address.toString()}/${network.prefix}`),
]
