import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkedCustomObject } from '../src/crd/custom-object.ts'
import type { CustomVersion } from '../src/crd/custom-version.ts'
import { definitionErrors, definitionUpdateErrors } from '../src/crd/definition-validation.ts'
import { definitionDefaults } from '../src/crd/definition.ts'
import { ruleFindings, ruleValidator } from '../src/crd/rule-validator.ts'
import type { FieldError } from '../src/errors.ts'
import { listOf, type Fields, type StoredObject } from '../src/object.ts'

// What Kubernetes' own packages answer (tools/custom-resources records it): expressions and what they cost, values and
// what becomes of them, definitions, and Karpenter's rules.

interface Row {
  readonly id?: string
  readonly rule?: string
  readonly messageExpression?: string
  readonly schema?: Fields
  readonly object?: StoredObject
  readonly new?: StoredObject
  readonly old?: StoredObject
  readonly definition?: StoredObject
  readonly oldDefinition?: StoredObject
  /** Of the written object, its schema after it. */
  readonly errors?: readonly string[]
  readonly definitionErrors?: readonly string[]
  readonly stored?: StoredObject
  readonly cost?: number
}

function rows(name: string): readonly Row[] {
  const text = readFileSync(new URL(`custom-resources/${name}.jsonl`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

const versions = new WeakMap<Fields, CustomVersion>()

/** One per schema: its rules are compiled once. */
function versionOf(schema: Fields): CustomVersion {
  let version = versions.get(schema)
  if (version === undefined) versions.set(schema, (version = newVersion(schema)))
  return version
}

function newVersion(schema: Fields): CustomVersion {
  return {
    definition: 'things.example.com',
    schema,
    columns: [],
    selectableFields: [],
    statusSubresource: false,
    scale: undefined,
    preserveUnknownFields: false,
    conversion: undefined,
  }
}

function thing(schema: Fields): StoredObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com', uid: '', resourceVersion: '', creationTimestamp: '' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  }
}

/** In one order: upstream's follows that of Go's maps. */
function texts(errors: readonly FieldError[]): readonly string[] {
  return errors.map(({ field, message }) => `${field}: ${message}`).toSorted()
}

function problemsOf(definition: StoredObject, old?: StoredObject): readonly string[] {
  const filled = definitionDefaults(definition)
  const before = old === undefined ? [] : definitionUpdateErrors(filled, definitionDefaults(old))
  return texts([...definitionErrors(filled), ...before])
}

function writtenTo(schema: Fields, row: Row): { readonly errors: readonly string[]; readonly stored: StoredObject } {
  const { errors, object } = checkedCustomObject(versionOf(schema), row.new!, row.old, false)
  return { errors: texts(errors), stored: object }
}

describe('expressions', () => {
  const [world, ...cases] = rows('expressions')
  const properties = world!.schema!['properties'] as Fields
  it.each(cases)('$rule $messageExpression', ({ rule, messageExpression, errors = [], cost, ...row }) => {
    const own = { rule, ...(messageExpression === undefined ? {} : { messageExpression }) }
    const spec = { ...(properties['spec'] as Fields), 'x-kubernetes-validations': [own] }
    const schema = { ...world!.schema, properties: { spec } }
    expect(problemsOf(thing(schema))).toEqual((row.definition ?? []) as unknown)
    expect(writtenTo(schema, { new: world!.object! }).errors).toEqual(errors)
    if (cost === undefined) return
    expect(ruleFindings(ruleValidator(schema)!, world!.object, undefined).cost).toBe(cost)
  })
})

describe('values', () => {
  it.each(rows('values'))('$id', (row) => {
    const written = writtenTo(row.schema!, row)
    expect(written.errors).toEqual((row.errors ?? []).toSorted())
    expect(written.stored).toEqual(row.stored ?? row.new)
  })
})

describe('definitions', () => {
  it.each(rows('definitions'))('$id', ({ definition, oldDefinition, definitionErrors: wanted }) => {
    expect(problemsOf(definition!, oldDefinition)).toEqual((wanted ?? []).toSorted())
  })
})

describe("Karpenter's resources", () => {
  const all = rows('karpenter')
  /** Rows that bring a definition are followed by objects of it. */
  const written = all
    .map((row, i) => ({ row, definition: all.slice(0, i + 1).findLast((other) => other.definition !== undefined)! }))
    .filter(({ row }) => row.new !== undefined)

  it.each(all.filter((row) => row.definition !== undefined))('$id', (row) => {
    expect(problemsOf(row.definition!)).toEqual(row.definitionErrors)
  })

  it.each(written.map(({ row, definition }) => ({ id: row.id, row, definition })))('$id', ({ row, definition }) => {
    const [version] = listOf(definition.definition!.spec?.['versions'])
    const schema = (version!['schema'] as Fields)['openAPIV3Schema'] as Fields
    expect(writtenTo(schema, row).errors).toEqual((row.errors ?? []).toSorted())
  })
})

describe('what a write may cost', () => {
  const many = (rule: string, list: readonly string[]): readonly string[] =>
    writtenTo(
      {
        type: 'object',
        properties: {
          spec: { type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': [{ rule }] },
        },
      },
      { new: { ...thing({}), spec: list as unknown as Fields } },
    ).errors

  it('a rule that would not end is cut off', () => {
    const list = Array.from({ length: 3000 }, (_, i) => `x${i}`)
    expect(many('self.all(a, self.all(b, a != b || a == b))', list)).toEqual([
      `spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.all(b, a != b || a == b))`,
    ])
  })

  it('lists that loops gather grow in place', () => {
    const list = Array.from({ length: 50_000 }, () => 'x')
    expect(many('self.map(x, x).size() == 50000', list)).toEqual([])
  })

  it('no regular expression backtracks', () => {
    expect(many("self[0].matches('^(a+)+$')", [`${'a'.repeat(5000)}b`])).toEqual([
      "spec: Invalid value: failed rule: self[0].matches('^(a+)+$')",
    ])
  })
})
