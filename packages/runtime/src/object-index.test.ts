import type { KubeObject } from '@plimsoll/model'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ObjectIndex } from './object-index.ts'

interface Thing extends KubeObject {
  readonly colours: readonly string[]
}

const thing = (name: string, colours: readonly string[]): Thing => ({
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  colours,
})

describe('ObjectIndex', () => {
  it('answers as a plain map would, and what it handed out stays as it was', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const step = fc.oneof(
      fc.record({
        do: fc.constant('put' as const),
        name: names,
        colours: fc.uniqueArray(fc.constantFrom('r', 'g', 'b')),
      }),
      fc.record({ do: fc.constant('remove' as const), name: names }),
      fc.record({ do: fc.constant('read' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const index = new ObjectIndex<Thing>({ colour: (t) => t.colours })
        const oracle = new Map<string, Thing>()
        const handedOut: { readonly list: readonly Thing[]; readonly copy: readonly Thing[] }[] = []
        const expected = (): Thing[] => [...oracle.keys()].sort().map((key) => oracle.get(key)!)
        const read = (): void => {
          const items = index.items()
          expect(items).toEqual(expected())
          handedOut.push({ list: items, copy: [...items] })
          for (const colour of ['r', 'g', 'b']) {
            const found = index.byIndex('colour', colour)
            expect(found).toEqual(expected().filter((t) => t.colours.includes(colour)))
            handedOut.push({ list: found, copy: [...found] })
          }
        }
        for (const action of steps) {
          if (action.do === 'read') {
            read()
            continue
          }
          const before = oracle.get(action.name)
          const object = action.do === 'put' ? thing(action.name, action.colours) : undefined
          const answered = object === undefined ? index.remove(action.name) : index.put(object)
          expect(answered).toBe(before)
          if (object === undefined) oracle.delete(action.name)
          else oracle.set(action.name, object)
        }
        read()
        expect(index.size).toBe(oracle.size)
        for (const { list, copy } of handedOut) expect(list).toEqual(copy)
      }),
    )
  })

  it('hands out the same list until something changes', () => {
    const index = new ObjectIndex<Thing>({})
    index.put(thing('a', []))
    const items = index.items()
    expect(index.items()).toBe(items)
    index.put(thing('a', ['r']))
    expect(index.items()).not.toBe(items)
  })
})
