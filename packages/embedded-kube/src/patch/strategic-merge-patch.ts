// Strategic merge patch (kubernetes/apimachinery:pkg/util/strategicpatch/patch.go, mergeMap, mergeSlice).
import { own, setOwn } from '@plimsoll/model'
import { badRequest, failure } from '../errors.ts'
import { equal, isFields, type Fields } from '../object.ts'
import { goText } from '../wire/go-text.ts'
import { resolveSchema, type Schema } from '../schema-table.ts'

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'

/** Merges the patch as the schema says: lists by their merge keys, directives obeyed. The target is not changed. */
export function strategicMergePatch(target: Fields, patch: Fields, schema: Schema): Fields {
  return mergeFields(target, patch, schema)
}

function mergeFields(target: Fields, patch: Fields, schema: Schema): Fields {
  const directive = patch['$patch']
  if (directive === 'delete') return {}
  if (directive === 'replace') return withoutDirectives(patch)
  if (directive !== undefined && directive !== 'merge') {
    throw refused(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`)
  }
  const merged: Record<string, unknown> = { ...target }
  const retained = patch['$retainKeys']
  if (Array.isArray(retained)) {
    const kept = Object.keys(patch).filter((field) => !field.startsWith('$') && patch[field] !== null)
    if (kept.some((field) => !retained.includes(field))) throw badRequest('invalid patch format of retainKeys')
    for (const field of Object.keys(merged)) if (!retained.includes(field)) delete merged[field]
  }
  for (const field of patchedFields(patch)) {
    const value = own(patch, field)
    if (value === null) {
      delete merged[field]
      continue
    }
    const declared = own(schema.properties, field) ?? schema.additionalProperties ?? {}
    const result = mergeValue(own(merged, field), value, declared, {
      order: listDirective(patch, orderPrefix + field),
      deletions: listDirective(patch, deletePrefix + field) ?? [],
    })
    if (result === undefined) delete merged[field]
    else setOwn(merged, field, result)
  }
  return merged
}

/** The fields that the patch is about, be it only through a directive. */
function patchedFields(patch: Fields): Set<string> {
  const fields = new Set<string>()
  for (const name of Object.keys(patch)) {
    if (name === '$patch' || name === '$retainKeys') continue
    if (name.startsWith(orderPrefix)) fields.add(name.slice(orderPrefix.length))
    else if (name.startsWith(deletePrefix)) fields.add(name.slice(deletePrefix.length))
    else fields.add(name)
  }
  return fields
}

function listDirective(patch: Fields, name: string): readonly unknown[] | undefined {
  const list = own(patch, name)
  return Array.isArray(list) ? list : undefined
}

interface ListDirectives {
  readonly order: readonly unknown[] | undefined
  readonly deletions: readonly unknown[]
}

function mergeValue(current: unknown, value: unknown, declared: Schema, directives: ListDirectives): unknown {
  const strategies = declared['x-kubernetes-patch-strategy']?.split(',') ?? []
  if (isFields(value)) {
    if (value['$patch'] === 'delete') return undefined
    if (strategies.includes('replace')) return withoutDirectives(value)
    return mergeFields(isFields(current) ? current : {}, value, resolveSchema(declared))
  }
  const isList = Array.isArray(value) || (value === undefined && Array.isArray(current))
  if (!isList) return value === undefined ? current : value
  const list = (value ?? []) as readonly unknown[]
  if (!strategies.includes('merge')) return list.map(withoutDirectivesDeep)
  const present = Array.isArray(current) ? (current as readonly unknown[]) : []
  const key = declared['x-kubernetes-patch-merge-key']
  return key === undefined
    ? mergePrimitives(present, list, directives)
    : mergeObjects(present, list, key, resolveSchema(declared.items ?? {}), directives)
}

function mergePrimitives(current: readonly unknown[], patch: readonly unknown[], o: ListDirectives): unknown[] {
  const kept = current.filter((item) => !o.deletions.some((gone) => equal(gone, item)))
  const merged = [...kept]
  for (const item of patch) if (!merged.some((present) => equal(present, item))) merged.push(item)
  checkOrder(patch, o.order, (item) => item)
  return ordered(merged, o.order ?? patch, current, (item) => item)
}

function mergeObjects(
  current: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  itemSchema: Schema,
  o: ListDirectives,
): unknown[] {
  const items = patch.filter(isFields)
  if (items.some((item) => item['$patch'] === 'replace')) {
    return items.filter((item) => item['$patch'] !== 'replace').map(withoutDirectivesDeep)
  }
  let merged = current.filter(isFields)
  for (const item of items) {
    const id = item[key]
    if (id === undefined) {
      throw refused(`map: ${goText(item)} does not contain declared merge key: ${key}`)
    }
    const at = merged.findIndex((present) => equal(present[key], id))
    const directive = item['$patch']
    if (directive !== undefined && directive !== 'delete' && directive !== 'merge') {
      throw refused(`unknown patch type: ${goText(directive)} in map: ${goText(item)}`)
    }
    if (directive === 'delete') merged = merged.filter((present) => !equal(present[key], id))
    else if (at < 0) merged.push(mergeFields({}, item, itemSchema))
    else merged[at] = mergeFields(merged[at]!, item, itemSchema)
  }
  const idOf = (item: unknown): unknown => (isFields(item) ? item[key] : undefined)
  const sent = items.filter((item) => item['$patch'] !== 'delete')
  checkOrder(sent, o.order, idOf)
  return ordered(merged, (o.order ?? sent).map(idOf), current, idOf)
}

/** The items that a patch sends come in the order that it asks for. @throws {KubeError} */
function checkOrder(
  patch: readonly unknown[],
  order: readonly unknown[] | undefined,
  idOf: (item: unknown) => unknown,
): void {
  if (order === undefined) return
  let at = 0
  for (const item of patch) {
    while (at < order.length && !equal(idOf(order[at]), idOf(item))) at++
    if (at < order.length) continue
    throw refused(
      `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
    )
  }
}

/** A failure that upstream has no better code for. */
function refused(message: string): Error {
  return failure('internal', message, undefined, { reason: '' })
}

/**
 * What the order names, in that order; the others keep their place among those that were there before
 * (normalizeElementOrder, mergeSortedSlice).
 */
function ordered<T>(
  merged: readonly T[],
  order: readonly unknown[],
  before: readonly T[],
  idOf: (item: T) => unknown,
): T[] {
  const indexIn = (list: readonly unknown[], item: T): number => list.findIndex((id) => equal(id, idOf(item)))
  const server = before.map(idOf)
  const named = merged.filter((item) => indexIn(order, item) >= 0).sort((a, b) => indexIn(order, a) - indexIn(order, b))
  const others = merged.filter((item) => indexIn(order, item) < 0)
  const result: T[] = []
  let left = 0
  let right = 0
  while (left < others.length && right < named.length) {
    const a = indexIn(server, others[left]!)
    const b = indexIn(server, named[right]!)
    result.push(a >= 0 && b >= 0 && a < b ? others[left++]! : named[right++]!)
  }
  return [...result, ...others.slice(left), ...named.slice(right)]
}

function withoutDirectives(fields: Fields): Fields {
  return withoutDirectivesDeep(fields) as Fields
}

/** A value that replaces: its nulls and directives mean nothing more. */
function withoutDirectivesDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectivesDeep)
  if (!isFields(value)) return value
  const kept = Object.entries(value).filter(
    ([name, field]) =>
      field !== null &&
      name !== '$patch' &&
      name !== '$retainKeys' &&
      !name.startsWith(orderPrefix) &&
      !name.startsWith(deletePrefix),
  )
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutDirectivesDeep(field)]))
}
