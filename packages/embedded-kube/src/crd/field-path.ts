// Where in an object something is wrong, and the value there, as upstream prints them
// (kubernetes/apimachinery:pkg/util/validation/field/{path,errors}.go).
import type { FieldError } from '../errors.ts'

export function childPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

export function keyPath(path: string, key: string): string {
  return `${path}[${key}]`
}

const labels: Readonly<Partial<Record<FieldError['reason'], string>>> = {
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
}

/** An error with the value that is wrong; undefined leaves it out. */
export function fieldError(reason: FieldError['reason'], path: string, value: unknown, detail: string): FieldError {
  const parts = [labels[reason] ?? '', value === undefined ? '' : goText(value), detail].filter((part) => part !== '')
  return { reason, field: path === '' ? '<nil>' : path, message: parts.join(': ') }
}

/** Texts quoted, numbers and booleans bare, all else as Go's JSON: keys in order, angles and ampersands escaped. */
function goText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return goJson(value)
}

/** Maps in the order of their keys; records that say so keep their own. */
export function goJson(value: unknown): string {
  const ordered = typeof value === 'object' && value !== null && 'toJSON' in value
  const text = JSON.stringify(value, (_, inner: unknown) =>
    !ordered && typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
  const escaped = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' }
  return (text ?? 'null').replaceAll(/[<>&\u2028\u2029]/g, (character) => escaped[character as keyof typeof escaped])
}
