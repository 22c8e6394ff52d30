// YAML as Go programs read it (sigs.k8s.io/yaml, over go-yaml 2): 1.1's words for booleans and octal numbers, but no
// dates and no numbers to base 60.
import { parseDocument, stringify, type LineCounter, type Node, type Tags } from 'yaml'
import { checkYamlNesting, isTooDeep, NestingError } from './nesting.ts'

const customTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'))

export class YamlError extends Error {
  override readonly name = 'YamlError'
}

export interface YamlText {
  readonly value: unknown
  /** The nodes, to look for what a value does not show: keys that come twice are let through. */
  readonly contents: Node | null
}

/** Reads one document. @throws {YamlError} */
export function parseYamlText(text: string, lineCounter?: LineCounter): YamlText {
  const lines = lineCounter === undefined ? {} : { lineCounter }
  try {
    checkYamlNesting(text)
    const document = parseDocument(text, {
      uniqueKeys: false,
      ...lines,
      version: '1.1',
      customTags,
      logLevel: 'error',
    })
    const [error] = document.errors
    if (error !== undefined) throw new YamlError(firstLine(error.message))
    const value = document.toJS({ maxAliasCount: 100 }) as unknown
    if (isTooDeep(value)) throw new NestingError()
    return { value, contents: document.contents }
  } catch (error) {
    if (error instanceof YamlError) throw error
    // Too deep for the stack, merge keys and aliases that lead nowhere, or to too much.
    const { message } = error instanceof RangeError ? new NestingError() : (error as Error)
    throw new YamlError(message, { cause: error })
  }
}

/** The place first, as go-yaml says it: `line 3: …`. */
function firstLine(message: string): string {
  const [, problem = message, line] = /^(.*?) at line (\d+)/.exec(message) ?? []
  return line === undefined ? problem : `line ${line}: ${problem}`
}

/** As sigs.k8s.io/yaml writes: keys in order. Quotes what a reader of either version would take for something else than text. */
export function yamlText(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, sortMapEntries: true, indentSeq: false })
}
