// YAML as Go programs read it (sigs.k8s.io/yaml, over go-yaml 2): 1.1's words for booleans and octal numbers, but no
// dates and no numbers to base 60.
import { parseDocument, stringify, type Document, type LineCounter, type ParseOptions } from 'yaml'

type Tags = Extract<NonNullable<NonNullable<Parameters<typeof parseDocument>[1]>['customTags']>, Function>
const customTags: Tags = (tags) =>
  tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'))

/** One document; what is wrong stands in its `errors`. Keys that come twice are let through, for the caller to tell of. */
export function parseYamlText(text: string, lineCounter?: LineCounter): Document.Parsed {
  const options: ParseOptions = { uniqueKeys: false, ...(lineCounter === undefined ? {} : { lineCounter }) }
  return parseDocument(text, { ...options, version: '1.1', customTags })
}

/** Quotes what a reader of either version would take for something else than text. */
export function yamlText(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0 })
}
