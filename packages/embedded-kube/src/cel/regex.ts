// Regular expressions as Go has them. JavaScript's own backtrack: a pattern and a text from a stranger could hold up the
// whole server. RE2 works in time linear in the text, and reads the very syntax that CRDs are written in.
import { RE2JS } from 're2js'

export interface Regex {
  /** Whether it matches anywhere. */
  test(text: string): boolean
  /** What it matches first; undefined when nothing. */
  first(text: string): string | undefined
  /** What it matches, one after another, at most `limit`. */
  all(text: string, limit: number): readonly string[]
}

export class RegexError extends Error {
  override readonly name = 'RegexError'
}

const compiled = new Map<string, Regex>()
const remembered = 1000

/** Compiles a pattern once. @throws {RegexError} in Go's words when it is none */
export function regexOf(pattern: string): Regex {
  let regex = compiled.get(pattern)
  if (regex === undefined) {
    regex = compile(pattern)
    if (compiled.size >= remembered) compiled.clear()
    compiled.set(pattern, regex)
  }
  return regex
}

function compile(pattern: string): Regex {
  let program: RE2JS
  try {
    program = RE2JS.compile(pattern)
  } catch (error) {
    throw new RegexError(
      `error parsing regexp: ${error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error)}`,
    )
  }
  return {
    test: (text) => program.matcher(text).find(),
    first: (text) => {
      const matcher = program.matcher(text)
      return matcher.find() ? (matcher.group() ?? '') : undefined
    },
    all: (text, limit) => {
      const found: string[] = []
      const matcher = program.matcher(text)
      while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '')
      return found
    },
  }
}
