import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { duplicateFields } from './duplicate-fields.ts'

describe('duplicateFields', () => {
  it.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"replicas":1,"x":[{"n":1},{"n":1,"n":2}],"replicas":2}}', ['spec.x[1].n', 'spec.replicas']],
    ['{"a":{"b":1},"c":{"b":1}}', []],
    ['{"a":"a","b":["a","a"]}', []],
    ['{"\\u0061":1,"a":2}', ['a']],
    ['[]', []],
    ['{"a\\"b":1,"c":"{\\"d\\":1,\\"d\\":2}"}', []],
  ])('%s', (json, paths) => {
    expect(duplicateFields(json)).toEqual(paths)
  })

  it('finds none in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(duplicateFields(JSON.stringify(JSON.parse(json)))).toEqual([])
      }),
    )
  })
})
