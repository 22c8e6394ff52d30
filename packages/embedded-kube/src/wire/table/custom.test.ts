import { ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import type { StoredObject } from '../../object.ts'
import { customPrinter } from './custom.ts'

const object: StoredObject = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'a', uid: '', resourceVersion: '1', creationTimestamp: '2024-01-01T00:00:00Z' },
  spec: { text: 'x', whole: 3, part: 2.5, yes: true, list: ['b', 'a'], map: { z: 1, a: '<' }, none: null, bad: 'soon' },
  status: {
    conditions: [
      { type: 'Other', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
}

function cellOf(type: string, jsonPath: string): unknown {
  const printer = customPrinter({
    definition: 'widgets.example.com',
    schema: undefined,
    columns: [{ name: 'C', type, jsonPath }],
    selectableFields: [],
    statusSubresource: false,
    scale: undefined,
    preserveUnknownFields: false,
    conversion: undefined,
  })
  return printer.cells(object, ms(Date.parse('2024-01-01T00:05:00Z')))[1]
}

describe('columns of custom resources', () => {
  it.each([
    { type: 'string', path: '.spec.text', cell: 'x' },
    { type: 'string', path: '.spec.whole', cell: '3' },
    { type: 'string', path: '.spec.list', cell: '["b","a"]' },
    { type: 'string', path: '.spec.list[*]', cell: 'b' },
    { type: 'string', path: '.spec.map', cell: '{"a":"\\u003c","z":1}' },
    { type: 'string', path: '.spec.missing', cell: null },
    { type: 'string', path: '.spec.none', cell: null },
    { type: 'string', path: '.status.conditions[?(@.type=="Ready")].status', cell: 'True' },
    { type: 'integer', path: '.spec.whole', cell: 3 },
    { type: 'integer', path: '.spec.part', cell: 2 },
    { type: 'integer', path: '.spec.text', cell: null },
    { type: 'number', path: '.spec.part', cell: 2.5 },
    { type: 'boolean', path: '.spec.yes', cell: true },
    { type: 'boolean', path: '.spec.text', cell: null },
    { type: 'date', path: '.metadata.creationTimestamp', cell: '5m' },
    { type: 'date', path: '.spec.bad', cell: '<invalid>' },
    { type: 'date', path: '.spec.whole', cell: null },
  ])('$type $path: $cell', ({ type, path, cell }) => {
    expect(cellOf(type, path)).toBe(cell)
  })
})
