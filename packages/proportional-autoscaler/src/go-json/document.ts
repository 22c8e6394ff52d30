import { scan, type Token } from './syntax.ts'
import { ascii, unquote } from './string-literal.ts'

/** A document whose syntax is right, read token by token. */
export class Document {
  private readonly bytes: Uint8Array
  private readonly tokens: readonly Token[]
  private at = 0

  private constructor(bytes: Uint8Array, tokens: readonly Token[]) {
    this.bytes = bytes
    this.tokens = tokens
  }

  /** Go's text for what is wrong with the syntax, if it is. */
  static of(text: string | Uint8Array): Document | { readonly error: string } {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
    const scanned = scan(bytes)
    return scanned.error === undefined ? new Document(bytes, scanned.tokens) : { error: scanned.error }
  }

  next(): Token {
    return this.tokens[this.at++]!
  }

  /** Moves past the next token if it is the bracket. */
  ends(bracket: '}' | ']'): boolean {
    if (this.tokens[this.at]!.kind !== bracket) return false
    this.at++
    return true
  }

  /** The token as it stands in the document: a number, true, false, null. */
  literal(token: Token): string {
    return ascii(this.bytes, token.start, token.end)
  }

  string(token: Token): string {
    return unquote(this.bytes, token.start + 1, token.end - 1)
  }

  /** Moves past the next value. */
  skip(): void {
    this.leave(this.next())
  }

  /** Moves past the rest of the value that began with `token`. */
  leave(token: Token): void {
    let depth = depthOf(token)
    while (depth > 0) depth += depthOf(this.next())
  }
}

function depthOf({ kind }: Token): number {
  if (kind === '{' || kind === '[') return 1
  return kind === '}' || kind === ']' ? -1 : 0
}

/** How Go's messages call the value that begins with this token. */
export function nameOfValue({ kind }: Token): string {
  if (kind === '{') return 'object'
  return kind === '[' ? 'array' : kind
}
