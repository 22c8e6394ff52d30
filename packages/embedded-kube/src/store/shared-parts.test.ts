import { expect, it } from 'vitest'
import type { StoredObject } from '../object.ts'
import { SharedParts } from './shared-parts.ts'

const object = (spec: string): StoredObject =>
  ({ metadata: { name: 'a', labels: { app: 'x' } }, spec: JSON.parse(spec) as object }) as unknown as StoredObject

it('equal parts of objects become one, under every name', () => {
  const parts = new SharedParts()
  const [a, b] = [parts.of(object('{"__proto__":{"x":1},"c":[1]}')), parts.of(object('{"c":[1],"d":2}'))]
  expect(JSON.stringify(a.spec)).toBe('{"__proto__":{"x":1},"c":[1]}')
  expect(b.spec).toEqual({ c: [1], d: 2 })
  expect(b.spec!['c']).toBe(a.spec!['c'])
  expect(b.metadata.labels).toBe(a.metadata.labels)
})
