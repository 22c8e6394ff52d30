import type { Ms } from '@plimsoll/model'
import type { CustomVersion } from '../../crd/custom-version.ts'
import { goJson } from '../../crd/field-path.ts'
import { ageOf } from '../human-duration.ts'
import { parseJsonPath } from './json-path.ts'
import { ageCell, columns, textAt, type Cell, type Column, type Printer } from './printer.ts'

/**
 * The printer of a custom resource: its name, then the columns that its definition gives, else its age
 * (kubernetes/apiextensions-apiserver:pkg/registry/customresource/tableconvertor).
 */
export function customPrinter(custom: CustomVersion): Printer {
  if (custom.columns.length === 0) {
    return { columns: columns('Name', 'Age'), cells: (object, now) => [object.metadata.name, ageCell(object, now)] }
  }
  const given = custom.columns.map((column) => {
    const path = textAt(column, ['jsonPath'])
    return {
      column: {
        name: textAt(column, ['name']),
        type: textAt(column, ['type'], 'string'),
        format: textAt(column, ['format']),
        description: textAt(column, ['description'], `Custom resource definition column (in JSONPath format): ${path}`),
        priority: Number(column['priority'] ?? 0),
      } satisfies Column,
      path: parseJsonPath(path),
    }
  })
  return {
    columns: [...columns('Name'), ...given.map(({ column }) => column)],
    cells: (object, now) => [
      object.metadata.name,
      ...given.map(({ column, path }) => cellOf(column.type, path?.(object) ?? [], now)),
    ],
  }
}

/** Of what the path finds only the first shows; a value of another type than the column's shows nothing. */
function cellOf(type: string, found: readonly unknown[], now: Ms): Cell {
  const [value] = found
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      if (typeof value !== 'string') return null
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, now)
    default:
      return typeof value === 'string' ? value : goJson(value)
  }
}
