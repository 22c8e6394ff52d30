/**
 * How deep objects and lists of a body may lie in each other. Upstream's decoders end at 10,000; what walks over an
 * object here does so on the stack, and the deepest thing in real use, a schema, is some tens deep.
 */
export const nestingMax = 500

export class NestingError extends Error {
  override readonly name = 'NestingError'
  constructor() {
    super('exceeded max depth')
  }
}

/** JSON.parse, for texts of strangers. @throws {SyntaxError | NestingError} */
export function parseJsonText(text: string): unknown {
  checkNesting(text)
  return JSON.parse(text) as unknown
}

const [quote, backslash, openList, closeList, openObject, closeObject] = codes('"\\[]{}')
const [dash, question, colon, space, tab] = codes('-?: \t')

function codes(characters: string): readonly number[] {
  return Array.from(characters, (character) => character.charCodeAt(0))
}

function checkNesting(text: string): void {
  // Too short to be deep.
  if (text.length < 2 * nestingMax) return
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      for (i++; i < text.length && text.charCodeAt(i) !== quote; i++) if (text.charCodeAt(i) === backslash) i++
    } else if (code === openObject || code === openList) {
      if (++depth > nestingMax) throw new NestingError()
    } else if (code === closeObject || code === closeList) depth--
  }
}

/**
 * The same for YAML, before it is read: readers need time with the square of the depth. What is in quotes counts as
 * well, so the bound is wider. @throws {NestingError}
 */
export function checkYamlNesting(text: string): void {
  let depth = 0
  /** Lists that begin in each other on one line: `- - - x`. */
  let dashes = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === openObject || code === openList) depth++
    else if (code === closeObject || code === closeList) depth--
    if (code === dash || code === question || code === colon) dashes++
    else if (code !== space && code !== tab) dashes = 0
    if (depth > 4 * nestingMax || dashes > nestingMax * 4) throw new NestingError()
  }
}

/** Whether a value is deeper than a body may be. */
export function isTooDeep(value: unknown, levels: number = nestingMax): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const field of Object.values(value)) if (isTooDeep(field, levels - 1)) return true
  return false
}
