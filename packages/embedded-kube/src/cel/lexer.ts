import { CelSyntaxError, type Issue } from './syntax.ts'

export type TokenKind = 'identifier' | 'quoted' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly at: number
  /** As written. */
  readonly text: string
  readonly value?: string | bigint | number | Uint8Array
}

const symbols = '== != <= >= && || < > + - * / % ! ? : . , ( ) [ ] { }'.split(' ')
const space = /(?:[\s\f]+|\/\/[^\n]*)+/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y
const quoted = /`([A-Za-z0-9_.\-/ ]+)`/y
const double = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y
const integer = /(?:0x[0-9a-fA-F]+|\d+)([uU]?)/y
const stringStart = /([rR]?[bB]?|[bB][rR])("""|'''|"|')/y

export function tokens(text: string): readonly Token[] {
  const found: Token[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  const push = (kind: TokenKind, length: number, value?: Token['value']): void => {
    found.push({ kind, at, text: text.slice(at, at + length), ...(value === undefined ? {} : { value }) })
    at += length
  }
  while (at < text.length) {
    const blank = match(space)
    if (blank !== null) {
      at += blank[0].length
      continue
    }
    const opening = match(stringStart)
    if (opening !== null) {
      at = stringToken(text, at, opening, found)
      continue
    }
    const name = match(word)
    if (name !== null) {
      push('identifier', name[0].length)
      continue
    }
    const escaped = match(quoted)
    if (escaped !== null) {
      push('quoted', escaped[0].length, escaped[1])
      continue
    }
    const real = match(double)
    if (real !== null) {
      push('double', real[0].length, Number(real[0]))
      continue
    }
    const whole = match(integer)
    if (whole !== null) {
      const unsigned = whole[1] !== ''
      push(unsigned ? 'uint' : 'int', whole[0].length, BigInt(unsigned ? whole[0].slice(0, -1) : whole[0]))
      continue
    }
    const symbol = symbols.find((s) => text.startsWith(s, at))
    if (symbol === undefined)
      fail(text, {
        at,
        message: `Syntax error: token recognition error at: '${text.slice(at, '=&|'.includes(text[at]!) ? at + 2 : at + 1)}'`,
      })
    push('symbol', symbol!.length)
  }
  found.push({ kind: 'end', at: text.length, text: '<EOF>' })
  return found
}

function fail(text: string, issue: Issue): never {
  throw new CelSyntaxError(text, [issue])
}

const encoder = new TextEncoder()

function stringToken(text: string, at: number, opening: RegExpExecArray, found: Token[]): number {
  const prefix = opening[1]!.toLowerCase()
  const quote = opening[2]!
  const raw = prefix.includes('r')
  const bytes = prefix.includes('b')
  let end = at + opening[0].length
  for (;;) {
    if (end >= text.length || (quote.length === 1 && text[end] === '\n')) {
      fail(text, { at, message: `Syntax error: token recognition error at: '${text.slice(at, end)}'` })
    }
    if (text.startsWith(quote, end)) break
    end += !raw && text[end] === '\\' ? 2 : 1
  }
  const body = text.slice(at + opening[0].length, end)
  end += quote.length
  const whole = text.slice(at, end)
  if (bytes) {
    const value = raw ? encoder.encode(body) : unescapedBytes(body)
    if (value === undefined) fail(text, { at, message: `invalid bytes literal: ${whole}` })
    found.push({ kind: 'bytes', at, text: whole, value: value! })
  } else {
    const value = raw ? body : unescaped(body)
    if (value === undefined) fail(text, { at, message: `Syntax error: token recognition error at: '${whole}'` })
    found.push({ kind: 'string', at, text: whole, value: value! })
  }
  return end
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '`': '`',
  '?': '?',
}
const escape = /\\(?:([abfnrtv\\"'`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)/g

function unescaped(body: string): string | undefined {
  let bad = false
  const text = body.replace(escape, (all, plain, x, u, long, octal) => {
    if (plain !== undefined) return escapes[plain as string]!
    const code =
      octal === undefined ? Number.parseInt((x ?? u ?? long) as string, 16) : Number.parseInt(octal as string, 8)
    if (all === '\\' || !(code <= 0x10ffff) || (code >= 0xd800 && code < 0xe000)) {
      bad = true
      return ''
    }
    return String.fromCodePoint(code)
  })
  return bad ? undefined : text
}

/** In bytes an escape by number is one byte. */
function unescapedBytes(body: string): Uint8Array | undefined {
  const parts: number[] = []
  let last = 0
  for (const found of body.matchAll(escape)) {
    parts.push(...encoder.encode(body.slice(last, found.index)))
    const [all, plain, x, u, long, octal] = found
    if (plain !== undefined) parts.push(escapes[plain]!.charCodeAt(0))
    else if (x !== undefined) parts.push(Number.parseInt(x, 16))
    else if (octal !== undefined) parts.push(Number.parseInt(octal, 8))
    else if (u === undefined && long === undefined) return undefined
    else return undefined
    last = found.index + all.length
  }
  parts.push(...encoder.encode(body.slice(last)))
  return Uint8Array.from(parts)
}
