import type { Ms } from '@plimsoll/model'
import { isFields, listOf, type Fields, type StoredObject } from '../../object.ts'
import { ageOf } from '../human-duration.ts'

export interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  /** 0 always shown, 1 in wide output only. */
  readonly priority: number
}

export type Cell = string | number | boolean | null

/** How one kind is shown in rows (kubernetes/kubernetes:pkg/printers/internalversion/printers.go). */
export interface Printer {
  readonly columns: readonly Column[]
  cells(object: StoredObject, now: Ms): readonly Cell[]
  /** Marks rows of objects that are done. */
  rowConditions?(object: StoredObject): readonly Fields[] | undefined
}

/**
 * Columns from their names: `*` before the name means wide output only, `:type` after it a type other than string,
 * `:type:format` a format too.
 */
export function columns(...names: readonly string[]): readonly Column[] {
  return names.map((text) => {
    const [name = '', type = 'string', format] = text.replace(/^\*/, '').split(':')
    return {
      name,
      type,
      format: format ?? (name === 'Name' && !text.startsWith('*') ? 'name' : ''),
      description: '',
      priority: text.startsWith('*') ? 1 : 0,
    }
  })
}

export const none = '<none>'

export function at(object: unknown, ...path: readonly string[]): unknown {
  let value = object
  for (const field of path) value = isFields(value) ? value[field] : undefined
  return value
}

/** A scalar as text; anything else as JSON. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined ? '' : JSON.stringify(value)
}

/** The text at a path; `otherwise` when it is absent or empty. */
export function textAt(object: unknown, path: readonly string[], otherwise = ''): string {
  const value = at(object, ...path)
  return value === undefined || value === null || value === '' ? otherwise : scalarText(value)
}

export function numberAt(object: unknown, ...path: readonly string[]): number {
  const value = at(object, ...path)
  return typeof value === 'number' ? value : 0
}

export function ageCell(object: StoredObject, now: Ms): string {
  return ageOf(object.metadata.creationTimestamp, now)
}

/** Names and images of the containers of a pod template. */
export function containerCells(podSpec: unknown): readonly [names: string, images: string] {
  const containers = listOf(at(podSpec, 'containers'))
  return [containers.map((c) => textAt(c, ['name'])).join(','), containers.map((c) => textAt(c, ['image'])).join(',')]
}

/** A LabelSelector, or a plain map of labels, as text (metav1.FormatLabelSelector). */
export function selectorCell(selector: unknown): string {
  if (!isFields(selector)) return none
  const whole = 'matchLabels' in selector || 'matchExpressions' in selector
  const labels = whole ? selector['matchLabels'] : selector
  const terms = isFields(labels)
    ? Object.entries(labels)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${scalarText(value)}`)
    : []
  for (const expression of whole ? listOf(selector['matchExpressions']) : []) {
    const key = textAt(expression, ['key'])
    const values = `(${listOf(expression['values']).map(String).toSorted().join(',')})`
    switch (expression['operator']) {
      case 'In':
        terms.push(`${key} in ${values}`)
        break
      case 'NotIn':
        terms.push(`${key} notin ${values}`)
        break
      case 'Exists':
        terms.push(key)
        break
      default:
        terms.push(`!${key}`)
    }
  }
  return terms.length === 0 ? none : terms.join(',')
}

export function conditionOf(object: StoredObject, type: string): Fields | undefined {
  return listOf(object.status?.['conditions']).find((condition) => condition['type'] === type)
}
