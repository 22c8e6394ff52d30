import { Document, nameOfValue } from './document.ts'
import { parseFloat64 } from './struct.ts'
import { quote } from './string-literal.ts'

export type JsonObjectEntries =
  { readonly entries: ReadonlyMap<string, string>; readonly error?: never } | { readonly error: string }

/**
 * The members of the object in `text`, each value written anew as Go's json.Marshal writes what json.Unmarshal made of it
 * as an `interface{}`: compact, keys sorted, the last of equal keys, numbers as the shortest float64. `null` has no
 * members. Sorted by key; with Go's text where it fails. Never throws.
 *
 * Mirrors kubernetes-sigs/cluster-proportional-autoscaler:cmd/cluster-proportional-autoscaler/options/options.go,
 * configMapData.Set.
 */
export function goJsonObjectEntries(text: string | Uint8Array): JsonObjectEntries {
  const document = Document.of(text)
  if ('error' in document) return document
  const token = document.next()
  if (token.kind === 'null') return { entries: new Map() }
  if (token.kind !== '{') {
    return { error: `json: cannot unmarshal ${nameOfValue(token)} into Go value of type map[string]interface {}` }
  }
  const entries = new Map<string, string>()
  let problem: string | undefined
  while (!document.ends('}')) {
    const key = document.string(document.next())
    const { text: value, error } = rewrite(document)
    entries.set(key, value)
    problem ??= error
  }
  return problem === undefined ? { entries: new Map(byKey(entries)) } : { error: problem }
}

/** An object or array that has begun and not ended. `key` is that of the member whose value comes next. */
type Open =
  | { readonly kind: 'object'; readonly members: Map<string, string>; key: string | undefined }
  | { readonly kind: 'array'; readonly elements: string[] }

/** The next value as Go would write it. No recursion: Go allows a document ten thousand levels. */
function rewrite(document: Document): { readonly text: string; readonly error: string | undefined } {
  const open: Open[] = []
  let error: string | undefined
  for (;;) {
    const token = document.next()
    const inner = open.at(-1)
    let text: string
    switch (token.kind) {
      case '{':
        open.push({ kind: 'object', members: new Map(), key: undefined })
        continue
      case '[':
        open.push({ kind: 'array', elements: [] })
        continue
      case '}':
      case ']':
        text = close(open.pop()!)
        break
      case 'string':
        if (inner?.kind === 'object' && inner.key === undefined) {
          inner.key = document.string(token)
          continue
        }
        text = quote(document.string(token))
        break
      case 'number': {
        const number = parseFloat64(document.literal(token))
        error ??= number === undefined ? outOfRange(document.literal(token)) : undefined
        text = numberText(number ?? 0)
        break
      }
      case 'bool':
      case 'null':
        text = document.literal(token)
    }
    const around = open.at(-1)
    if (around === undefined) return { text, error }
    if (around.kind === 'array') {
      around.elements.push(text)
    } else {
      around.members.set(around.key!, text)
      around.key = undefined
    }
  }
}

function close(ended: Open): string {
  if (ended.kind === 'array') return `[${ended.elements.join(',')}]`
  return `{${byKey(ended.members)
    .map(([key, value]) => `${quote(key)}:${value}`)
    .join(',')}}`
}

function outOfRange(literal: string): string {
  return `json: cannot unmarshal number ${literal} into Go value of type float64`
}

/** Go writes numbers as JavaScript does, but for the sign of zero, which it keeps. */
function numberText(number: number): string {
  return Object.is(number, -0) ? '-0' : String(number)
}

function byKey(members: ReadonlyMap<string, string>): [string, string][] {
  return [...members].toSorted(([a], [b]) => compareBytes(a, b))
}

/** The order of the strings' UTF-8, which is that of code points, not of JavaScript's UTF-16. */
function compareBytes(a: string, b: string): number {
  let at = 0
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  // Should they part in the middle of a surrogate pair, the halves there are in the same order as the characters.
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}
