import type { StoredObject } from '../object.ts'

const texts = new WeakMap<object, Buffer>()

/** The object as JSON: one text per version, shared by every answer and watch that carries it. */
export function objectText(object: StoredObject): Buffer {
  let text = texts.get(object)
  if (text === undefined) texts.set(object, (text = Buffer.from(JSON.stringify(object))))
  return text
}
