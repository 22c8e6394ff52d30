import fc from 'fast-check'
import { ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { fieldsIn } from '../apply/typed-value.ts'
import { sameSet } from '../apply/field-set.ts'
import { applyOver } from '../apply/server-side-apply.ts'
import type { Fields, ObjectInput } from '../object.ts'
import { isFields } from '../object.ts'
import { schemaNamed } from '../schema-table.ts'
import { jsonPatch } from './json-patch.ts'
import { strategicMergePatch } from './strategic-merge-patch.ts'

const podSpec = schemaNamed('io.k8s.api.core.v1.PodSpec')!
const configMap = schemaNamed('io.k8s.api.core.v1.ConfigMap')!

const name = fc.constantFrom('a', 'b', 'c', 'd')
const containers = fc.uniqueArray(
  fc.record({ name, image: fc.constantFrom('x', 'y'), args: fc.array(name, { maxLength: 2 }) }),
  { selector: (container) => container.name, maxLength: 4 },
)
const anySpec = fc.record({
  containers,
  nodeSelector: fc.dictionary(name, name, { maxKeys: 3 }),
  hostname: name,
})
type Spec = typeof anySpec extends fc.Arbitrary<infer T> ? T : never

/** What kubectl would send: what changed, what is gone, and the order that is wanted. */
function strategicDifference(before: Spec, after: Spec): Fields {
  const gone = before.containers.filter((old) => !after.containers.some((now) => now.name === old.name))
  const lost = Object.keys(before.nodeSelector).filter((key) => !(key in after.nodeSelector))
  return {
    containers: [...after.containers, ...gone.map((old) => ({ name: old.name, $patch: 'delete' }))],
    '$setElementOrder/containers': after.containers.map((container) => ({ name: container.name })),
    nodeSelector: { ...after.nodeSelector, ...Object.fromEntries(lost.map((key) => [key, null])) },
    hostname: after.hostname,
  }
}

describe('patches', () => {
  it('a strategic difference leads from one to the other', () => {
    fc.assert(
      fc.property(anySpec, anySpec, (before, after) => {
        expect(strategicMergePatch(before, strategicDifference(before, after), podSpec)).toEqual(after)
      }),
    )
  })

  it('a JSON patch leaves what it is applied to as it was', () => {
    const document = { a: { b: [1, { c: 2 }] } }
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'copy', 'move'),
      path: fc.constantFrom('/a', '/a/b', '/a/b/0', '/a/b/1/c', '/a/b/-', '/x'),
      from: fc.constantFrom('/a', '/a/b', '/a/b/1'),
      value: fc.jsonValue(),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 4 }), (operations) => {
        const copy = structuredClone(document)
        try {
          jsonPatch(document, operations)
        } catch {
          // Refused as a whole.
        }
        expect(document).toEqual(copy)
      }),
    )
  })
})

describe('applies', () => {
  const data = fc.dictionary(name, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 4 })
  const applied = (values: Fields): ObjectInput => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: values })
  const apply = (live: Fields, entries: Parameters<typeof applyOver>[0]['entries'], by: string, values: Fields) =>
    applyOver({
      live,
      entries,
      zero: { metadata: {} },
      applied: applied(values),
      id: { manager: by, operation: 'Apply', apiVersion: 'v1', subresource: '' },
      force: true,
      schema: configMap,
      now: ms(0),
    })

  it('give the manager what it applied, and nothing more when repeated', () => {
    fc.assert(
      fc.property(data, data, data, (first, other, second) => {
        let { object, managers } = apply({ metadata: {} }, undefined, 'one', first)
        for (const [by, values] of [
          ['two', other],
          ['one', second],
        ] as const) {
          ;({ object, managers } = apply(object as Fields, managers, by, values))
        }
        const found = isFields(object['data']) ? object['data'] : {}
        for (const [key, value] of Object.entries(second)) expect(found[key]).toBe(value)
        // What nobody applies any more is gone.
        for (const key of Object.keys(found)) expect(key in second || key in other).toBe(true)
        const again = apply(object as Fields, managers, 'one', second)
        expect(again.object).toEqual(object)
        expect(again.managers).toEqual(managers)
        const own = managers.find((manager) => manager.manager === 'one')
        const wanted = fieldsIn({ data: second }, configMap)
        expect(sameSet(own?.fields ?? wanted, wanted)).toBe(true)
      }),
    )
  })
})
