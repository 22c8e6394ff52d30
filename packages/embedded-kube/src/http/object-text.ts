import type { StoredObject } from '../object.ts'

/** Two generations of this many bytes are kept at most: a list of everything is no reason to hold everything twice. */
const generationBytes = 256 * 2 ** 20

let young = new WeakMap<object, Buffer>()
let old = new WeakMap<object, Buffer>()
let youngBytes = 0

/** The object as JSON: one text per version, shared by the answers and watches that carry it while it is in use. */
export function objectText(object: StoredObject): Buffer {
  const known = young.get(object)
  if (known !== undefined) return known
  const text = old.get(object) ?? Buffer.from(JSON.stringify(object))
  if (youngBytes >= generationBytes) {
    old = young
    young = new WeakMap()
    youngBytes = 0
  }
  young.set(object, text)
  youngBytes += text.length
  return text
}

const typeFields = /^\{"(?:apiVersion":"[^"]*","kind|kind":"[^"]*","apiVersion)":"[^"]*",/

/**
 * The object as an item of a list of a built-in kind, which tells its type once for all: the same text without its
 * first two fields, and without the brace before them.
 */
export function itemText(object: StoredObject): Buffer {
  const text = objectText(object)
  const head = typeFields.exec(text.toString('latin1', 0, 256))
  if (head !== null) return text.subarray(head[0].length)
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object
  return Buffer.from(JSON.stringify(rest)).subarray(1)
}
