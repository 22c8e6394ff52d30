import { formatQuantity, parseQuantity } from '@plimsoll/model'
import { badRequest } from '../errors.ts'
import { isFields } from '../object.ts'
import { schemaNamed, type Schema } from '../schema-table.ts'

const quantityName = 'io.k8s.apimachinery.pkg.api.resource.Quantity'

type Rewrite = (value: unknown) => unknown

const rewrites = new Map<string, Rewrite | undefined>()
const canonicalTexts = new Map<string, string>()

/**
 * The object with every quantity in its canonical text (`1000m` becomes `1`, the number 2 becomes `"2"`), as Go's
 * decoding leaves it; the same object when all of them already are.
 * @throws {KubeError} badRequest for text that is no quantity
 */
export function canonicalQuantities<T>(object: T, schemaName: string): T {
  return (rewriteNamed(schemaName)?.(object) ?? object) as T
}

function rewriteNamed(name: string): Rewrite | undefined {
  if (name === quantityName) return canonical
  if (rewrites.has(name)) return rewrites.get(name)
  // While a recursive type is being compiled it stands for "no quantities": none of the recursive ones has any.
  rewrites.set(name, undefined)
  const schema = schemaNamed(name)
  const rewrite = schema === undefined ? undefined : rewriteOf(schema)
  rewrites.set(name, rewrite)
  return rewrite
}

function rewriteOf(schema: Schema): Rewrite | undefined {
  if (schema.$ref !== undefined) return rewriteNamed(schema.$ref)
  if (schema.items !== undefined) {
    const item = rewriteOf(schema.items)
    return item && ((value) => (Array.isArray(value) ? rewriteList(value, item) : value))
  }
  if (schema.additionalProperties !== undefined) {
    const each = rewriteOf(schema.additionalProperties)
    return each && ((value) => (isFields(value) ? rewriteFields(value, Object.keys(value), () => each) : value))
  }
  const fields = new Map<string, Rewrite>()
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const rewrite = rewriteOf(property)
    if (rewrite !== undefined) fields.set(name, rewrite)
  }
  if (fields.size === 0) return undefined
  const names = [...fields.keys()]
  return (value) => (isFields(value) ? rewriteFields(value, names, (name) => fields.get(name)!) : value)
}

function rewriteList(list: readonly unknown[], rewrite: Rewrite): readonly unknown[] {
  const next = list.map(rewrite)
  return next.every((item, i) => item === list[i]) ? list : next
}

function rewriteFields(
  value: { readonly [name: string]: unknown },
  names: readonly string[],
  rewriteFor: (name: string) => Rewrite,
): unknown {
  let copy: Record<string, unknown> | undefined
  for (const name of names) {
    const before = value[name]
    if (before === undefined) continue
    const after = rewriteFor(name)(before)
    if (after === before) continue
    copy ??= { ...value }
    copy[name] = after
  }
  return copy ?? value
}

function canonical(value: unknown): unknown {
  if (value === null) return value
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') throw notAQuantity()
  const known = canonicalTexts.get(text)
  if (known !== undefined) return known
  const quantity = parseQuantity(text)
  if (quantity === undefined) throw notAQuantity()
  const formatted = formatQuantity(quantity)
  if (canonicalTexts.size > 10_000) canonicalTexts.clear()
  canonicalTexts.set(text, formatted)
  return formatted
}

function notAQuantity(): Error {
  return badRequest("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
}
