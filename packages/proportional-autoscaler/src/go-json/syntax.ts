/**
 * The syntax of a JSON document as Go's encoding/json (v1) sees it, byte by byte, with its words for what is wrong.
 * Go looks through the whole document before it decodes any of it, so a syntax error anywhere comes before all others.
 */

/** A bracket, a string (in an object keys and values take turns), or a literal. Commas and colons are left out. */
export interface Token {
  readonly kind: '{' | '}' | '[' | ']' | 'string' | 'number' | 'bool' | 'null'
  /** The token's own bytes are those from `start` up to, not including, `end`. */
  readonly start: number
  readonly end: number
}

export type Scanned = { readonly tokens: readonly Token[]; readonly error?: never } | { readonly error: string }

/** Go's encoding/json gives up here lest its stack overflow. */
const depthMax = 10_000

export function scan(bytes: Uint8Array): Scanned {
  const scanner = new Scanner(bytes)
  return scanner.document() ? { tokens: scanner.tokens } : { error: scanner.error }
}

const blank = 0x20
const [tab, newline, carriageReturn] = [0x09, 0x0a, 0x0d]

/** Methods that can meet an error return false once they have written it down. */
class Scanner {
  readonly tokens: Token[] = []
  error = ''
  private readonly bytes: Uint8Array
  private readonly open: ('{' | '[')[] = []
  private at = 0

  constructor(bytes: Uint8Array) {
    // Go feeds itself one blank at the end of the input, to see whether a number ends there. What does not want a blank
    // complains of it by name (`-`, `tru`); what takes it (a string, the gap between tokens) then runs out of input.
    this.bytes = new Uint8Array(bytes.length + 1)
    this.bytes.set(bytes)
    this.bytes[bytes.length] = blank
  }

  document(): boolean {
    if (!this.value()) return false
    while (this.open.length > 0) {
      if (!(this.open.at(-1) === '{' ? this.afterMember() : this.afterElement())) return false
    }
    this.skipBlanks()
    return this.at >= this.bytes.length || this.complain('after top-level value')
  }

  /** A whole scalar, or the beginning of an object or array as far as its first scalar. */
  private value(): boolean {
    for (;;) {
      this.skipBlanks()
      const first = this.here()
      if (first === '[') {
        if (!this.begin('[')) return false
        if (this.endsAtOnce(']')) return true
      } else if (first === '{') {
        if (!this.begin('{')) return false
        if (this.endsAtOnce('}')) return true
        if (!this.key()) return false
      } else {
        return this.scalar(first)
      }
    }
  }

  private scalar(first: string): boolean {
    if (first === '"') return this.string()
    if (first === '-' || isDigit(first)) return this.number()
    if (first === 't') return this.word('true', 'bool')
    if (first === 'f') return this.word('false', 'bool')
    if (first === 'n') return this.word('null', 'null')
    return this.complain('looking for beginning of value')
  }

  private afterMember(): boolean {
    this.skipBlanks()
    if (this.here() === '}') return this.finish('}')
    if (this.here() !== ',') return this.complain('after object key:value pair')
    this.at++
    return this.key() && this.value()
  }

  private afterElement(): boolean {
    this.skipBlanks()
    if (this.here() === ']') return this.finish(']')
    if (this.here() !== ',') return this.complain('after array element')
    this.at++
    return this.value()
  }

  private begin(bracket: '{' | '['): boolean {
    this.open.push(bracket)
    if (this.open.length > depthMax) return this.complain('exceeded max depth')
    this.token(bracket, this.at++)
    return true
  }

  private endsAtOnce(bracket: '}' | ']'): boolean {
    this.skipBlanks()
    return this.here() === bracket && this.finish(bracket)
  }

  private finish(bracket: '}' | ']'): true {
    this.open.pop()
    this.token(bracket, this.at++)
    return true
  }

  /** A key and the colon behind it. */
  private key(): boolean {
    this.skipBlanks()
    if (this.here() !== '"') return this.complain('looking for beginning of object key string')
    if (!this.string()) return false
    this.skipBlanks()
    if (this.here() !== ':') return this.complain('after object key')
    this.at++
    return true
  }

  private string(): boolean {
    const start = this.at++
    for (;;) {
      const byte = this.here()
      if (byte === '"') break
      if (byte < ' ') return this.complain('in string literal') // also at the end of the input, which is ''
      this.at++
      if (byte === '\\' && !this.escape()) return false
    }
    this.at++
    this.token('string', start)
    return true
  }

  /** What follows a backslash. */
  private escape(): boolean {
    const code = this.here()
    if (code === '' || !'bfnrt\\/"u'.includes(code)) return this.complain('in string escape code')
    this.at++
    if (code !== 'u') return true
    for (let digits = 0; digits < 4; digits++) {
      if (!/^[0-9a-fA-F]$/.test(this.here())) return this.complain('in \\u hexadecimal character escape')
      this.at++
    }
    return true
  }

  private number(): boolean {
    const start = this.at
    if (this.here() === '-') this.at++
    if (this.here() === '0') this.at++
    else if (!this.digits()) return this.complain('in numeric literal')
    if (this.here() === '.') {
      this.at++
      if (!this.digits()) return this.complain('after decimal point in numeric literal')
    }
    if (this.here() === 'e' || this.here() === 'E') {
      this.at++
      if (this.here() === '+' || this.here() === '-') this.at++
      if (!this.digits()) return this.complain('in exponent of numeric literal')
    }
    this.token('number', start)
    return true
  }

  /** Moves past digits; false if there are none. */
  private digits(): boolean {
    const start = this.at
    while (isDigit(this.here())) this.at++
    return this.at > start
  }

  private word(word: string, kind: 'bool' | 'null'): boolean {
    const start = this.at
    for (const letter of word) {
      if (this.here() !== letter) return this.complain(`in literal ${word} (expecting '${letter}')`)
      this.at++
    }
    this.token(kind, start)
    return true
  }

  private token(kind: Token['kind'], start: number): void {
    this.tokens.push({ kind, start, end: this.at })
  }

  private skipBlanks(): void {
    for (;;) {
      const byte = this.bytes[this.at]
      if (byte !== blank && byte !== tab && byte !== newline && byte !== carriageReturn) return
      this.at++
    }
  }

  /** The byte here as the character of that number, '' at the end of the input. */
  private here(): string {
    const byte = this.bytes[this.at]
    return byte === undefined ? '' : String.fromCharCode(byte)
  }

  private complain(context: string): false {
    const byte = this.bytes[this.at]
    this.error = byte === undefined ? 'unexpected end of JSON input' : `invalid character ${quoted(byte)} ${context}`
    return false
  }
}

function isDigit(byte: string): boolean {
  return byte >= '0' && byte <= '9'
}

/** Go's escapes from the bell on, 0x07 to 0x0d. */
const controls = ['\\a', '\\b', '\\t', '\\n', '\\v', '\\f', '\\r']
const bell = 0x07

/** Go quotes a byte as the character of that number: of an é it shows the first byte, as 'Ã'. */
function quoted(byte: number): string {
  if (byte === 0x27) return "'\\''"
  if (byte === 0x5c) return "'\\\\'"
  if (byte < blank || byte === 0x7f) return `'${controls[byte - bell] ?? `\\x${hex(byte, 2)}`}'`
  // Not printable to Go: the upper control characters, the no-break space, the soft hyphen.
  if ((byte > 0x7f && byte <= 0xa0) || byte === 0xad) return `'\\u${hex(byte, 4)}'`
  return `'${String.fromCharCode(byte)}'`
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, '0')
}
