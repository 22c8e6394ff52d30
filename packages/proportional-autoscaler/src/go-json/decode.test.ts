import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeGoStruct, goJsonObjectEntries, ladderParams, linearParams, type GoStruct } from './decode.ts'

/** What tools/go-json wrote: Go's answers. */
interface Case {
  readonly kind: 'linear' | 'ladder' | 'names' | 'entries'
  /** The document; in base64 where it is no UTF-8. */
  readonly text?: string
  readonly base64?: string
  readonly error?: string
  /** Of a struct those that are not zero. */
  readonly values?: { readonly [key: string]: unknown }
  /** The first. */
  readonly unknownKey?: string
}

const { go, cases } = JSON.parse(readFileSync(new URL('go-json-cases.generated.json', import.meta.url), 'utf8')) as {
  readonly go: string
  readonly cases: readonly Case[]
}

/** Names that upstream's structs do not have: two that differ in case only, and one with a k. */
const namesParams = {
  package: 'main',
  name: 'namesParams',
  fields: [
    { go: 'Key', json: 'key', type: { kind: 'int' } },
    { go: 'KEY', json: 'KEY', type: { kind: 'int' } },
    { go: 'Task', json: 'task', type: { kind: 'int' } },
  ],
} as const satisfies GoStruct

type Answer = Pick<Case, 'error' | 'values' | 'unknownKey'>

function answer(kind: Case['kind'], text: string | Uint8Array): Answer {
  switch (kind) {
    case 'linear':
      return structAnswer(text, linearParams)
    case 'ladder':
      return structAnswer(text, ladderParams)
    case 'names':
      return structAnswer(text, namesParams)
    case 'entries': {
      const { entries, error } = goJsonObjectEntries(text) as { entries?: ReadonlyMap<string, string>; error?: string }
      return error === undefined ? { values: Object.fromEntries(entries!) } : { error }
    }
  }
}

function structAnswer(text: string | Uint8Array, struct: GoStruct): Answer {
  const decoded = decodeGoStruct(text, struct)
  if (decoded.error !== undefined) return { error: decoded.error }
  const values = Object.entries(decoded.values).filter(([, value]) => !isZero(value))
  const unknownKey = decoded.unknownKeys[0]
  return { values: Object.fromEntries(values), ...(unknownKey === undefined ? {} : { unknownKey }) }
}

function isZero(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : value === false || Object.is(value, 0)
}

describe('decoding', () => {
  it.each([
    { asked: 'linear', casesMin: 1000 },
    { asked: 'ladder', casesMin: 1000 },
    { asked: 'names', casesMin: 10 },
    { asked: 'entries', casesMin: 1000 },
  ])(`is ${go}’s, letter for letter: $asked`, ({ asked, casesMin }) => {
    const ofKind = cases.filter(({ kind }) => kind === asked)
    expect(ofKind.length).toBeGreaterThan(casesMin)
    for (const { kind, text, base64, ...expected } of ofKind) {
      const bytes = base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, 'base64'))
      const what = text ?? base64
      const wanted = expected.error === undefined ? { values: {}, ...expected } : expected
      expect({ what, ...answer(kind, bytes ?? text ?? '') }).toStrictEqual({ what, ...wanted })
    }
  })

  it('reports unknown keys in order, each once', () => {
    const decoded = decodeGoStruct('{"b":1,"min":2,"a":{"c":3},"b":4}', linearParams)
    expect(decoded).toMatchObject({ values: { min: 2 }, unknownKeys: ['b', 'a'] })
  })

  it('gives what JSON.stringify was given', () => {
    const int = fc.maxSafeInteger()
    const perReplica = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0) // JSON.stringify drops the sign of zero
    const linear = fc.record({
      coresPerReplica: perReplica,
      nodesPerReplica: perReplica,
      min: int,
      max: int,
      preventSinglePointFailure: fc.boolean(),
      includeUnschedulableNodes: fc.boolean(),
    })
    const steps = fc.array(fc.tuple(int, int))
    const ladder = fc.record({
      coresToReplicas: steps,
      nodesToReplicas: steps,
      includeUnschedulableNodes: fc.boolean(),
    })
    const indents = fc.constantFrom(0, 2, '\t')
    fc.assert(
      fc.property(linear, ladder, indents, (one, other, indent) => {
        const linearDecoded = decodeGoStruct(JSON.stringify(one, null, indent), linearParams)
        expect(linearDecoded).toEqual({ values: one, unknownKeys: [] })
        const ladderDecoded = decodeGoStruct(JSON.stringify(other, null, indent), ladderParams)
        expect(ladderDecoded).toEqual({ values: other, unknownKeys: [] })
      }),
    )
  })

  it('never throws, and takes for JSON what JavaScript does', () => {
    const bytes = fc.uint8Array({ maxLength: 40 })
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '-',
      '0',
      '1',
      '.',
      'e',
      '+',
      'null',
      'true',
      ' ',
    )
    const almost = fc.array(pieces, { maxLength: 12 }).map((all) => new TextEncoder().encode(all.join('')))
    fc.assert(
      fc.property(fc.oneof(bytes, almost, fc.string({ unit: 'binary' })), (text) => {
        for (const kind of ['linear', 'ladder', 'entries'] as const) {
          const { error } = answer(kind, text)
          const isSyntax = error !== undefined && !error.startsWith('json: cannot unmarshal ')
          expect(isSyntax).toBe(!isJson(text))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('writes each entry so that it means the same', () => {
    const documents = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue())
    fc.assert(
      fc.property(documents, (document) => {
        const text = JSON.stringify(document)
        const { entries } = goJsonObjectEntries(text) as { entries: ReadonlyMap<string, string> }
        const again = Object.fromEntries([...entries].map(([key, value]) => [key, JSON.parse(value) as unknown]))
        expect(again).toEqual(JSON.parse(text))
      }),
    )
  })
})

function isJson(text: string | Uint8Array): boolean {
  try {
    JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { ignoreBOM: true }).decode(text))
    return true
  } catch {
    return false
  }
}
