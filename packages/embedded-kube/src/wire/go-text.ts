import { isFields } from '../object.ts'

/** A decoded JSON value as fmt prints it with %v. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (!isFields(value)) return String(value as string | number | boolean)
  const names = Object.keys(value).sort()
  return `map[${names.map((name) => `${name}:${goText(value[name])}`).join(' ')}]`
}
