import { describe, expect, it } from 'vitest'
import { parseJsonPath } from './json-path.ts'

const object = {
  spec: {
    'a.b': 1,
    list: [
      { n: 'x', v: 1 },
      { n: 'y', v: 2 },
    ],
    map: { p: 1, q: 2 },
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Live', status: 'False' },
    ],
  },
}

describe('parseJsonPath', () => {
  it.each([
    ['.spec.list[0].n', ['x']],
    ['.spec.list[-1].n', ['y']],
    ['.spec.list[*].v', [1, 2]],
    ['.spec.map.*', [1, 2]],
    ['.spec["a.b"]', [1]],
    [".spec['a.b']", [1]],
    ['.spec.a\\.b', [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Live')].status", ['False']],
    ['.spec.list[?(@.v>1)].n', ['y']],
    ['.spec.list[?(@.n)].v', [1, 2]],
    ['{.spec.list[0].v}', [1]],
    ['$.spec.list[0].v', [1]],
    ['.spec.nothing.here', []],
    ['.status.conditions[?(@.type=="None")].status', []],
  ])('%s', (path, found) => {
    expect(parseJsonPath(path)?.(object)).toEqual(found)
  })
  it.each(['spec', '.spec[', '.a[?(@.x==]'])('%s is malformed', (path) => {
    expect(parseJsonPath(path)).toBeUndefined()
  })
})
