// JSON patches as upstream applies them (evanphx/json-patch v4), which lets more pass than RFC 6902 does: what is not
// there may be replaced, and copied as null.
import { own, setOwn } from '@plimsoll/model'
import { badRequest, failure } from '../errors.ts'
import { equal, isFields } from '../object.ts'
import { isTooDeep } from '../wire/nesting.ts'

const rejected = 'the server rejected our request due to an error in our request'

function refused(): Error {
  return failure('invalid', rejected, {})
}

/**
 * Copies along the paths it changes.
 * @throws {KubeError} badRequest for what is no list of operations; invalid when a path is missing or a test fails
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw notDecoded(patch, '[]handlers.jsonPatchOp')
  const operations = patch as readonly unknown[]
  for (const operation of operations) if (!isFields(operation)) throw notDecoded(operation, 'handlers.jsonPatchOp')
  if (operations.length > operationsMax) {
    throw entityTooLarge(`The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`)
  }
  const copied = { bytes: 0 }
  let result = document
  for (const operation of operations) result = applyOperation(result, operation, copied)
  // Copies and additions into each other may have made it deeper than any body is.
  if (isTooDeep(result)) throw refused()
  return result
}

const operationsMax = 10_000
/** What copies may add to a document, which would else double with each (kubernetes/apiserver:pkg/server/config.go). */
const copiedBytesMax = 3 * 1024 * 1024

function entityTooLarge(message: string): Error {
  return failure('tooLarge', `Request entity too large: ${message}`, {})
}

function notDecoded(value: unknown, goType: string): Error {
  return badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goType}`)
}

/** The kind of a JSON value, as Go's decoder calls it. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value
}

function applyOperation(document: unknown, operation: unknown, copied: { bytes: number }): unknown {
  if (!isFields(operation)) throw refused()
  const { op, value = null } = operation
  const path = pointer(operation['path'])
  switch (op) {
    case 'add':
    case 'replace':
    case 'remove':
      return change(document, path, value, op)
    case 'test':
      if (!equal(read(document, path) ?? null, value)) throw refused()
      return document
    case 'copy': {
      const source = read(document, pointer(operation['from'])) ?? null
      copied.bytes += JSON.stringify(source).length
      if (copied.bytes > copiedBytesMax) {
        throw entityTooLarge(
          `Unable to complete the copy, the accumulated size increase of copy is ${copied.bytes}, exceeding the limit ${copiedBytesMax}`,
        )
      }
      return change(document, path, source, 'add')
    }
    case 'move': {
      const from = pointer(operation['from'])
      const moved = read(document, from)
      if (moved === undefined) throw refused()
      return change(change(document, from, null, 'remove'), path, moved, 'add')
    }
    default:
      throw refused()
  }
}

function pointer(text: unknown): readonly string[] {
  if (typeof text !== 'string') throw refused()
  const parts = text.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What stands at a path; undefined when only its last step is missing. @throws {KubeError} invalid */
function read(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const part of path) {
    if (Array.isArray(value)) value = (value as readonly unknown[])[indexIn(value, part, value.length - 1)]
    else if (isFields(value)) value = own(value, part)
    else throw refused()
  }
  return value
}

/** From the end when negative. */
function indexIn(list: readonly unknown[], part: string, most: number): number {
  const index = Number(part)
  const counted = index < 0 ? index + list.length : index
  if (part === '' || !Number.isInteger(index) || counted < 0 || counted > most) throw refused()
  return counted
}

type Effect = 'add' | 'replace' | 'remove'

function change(target: unknown, path: readonly string[], value: unknown, effect: Effect): unknown {
  const [part, ...rest] = path
  if (part === undefined) throw refused()
  if (Array.isArray(target)) {
    const copy = [...(target as readonly unknown[])]
    if (rest.length > 0) {
      const index = indexIn(copy, part, copy.length - 1)
      copy[index] = change(copy[index], rest, value, effect)
    } else if (effect === 'add') copy.splice(part === '-' ? copy.length : indexIn(copy, part, copy.length), 0, value)
    else {
      const index = indexIn(copy, part, copy.length - 1)
      if (effect === 'remove') copy.splice(index, 1)
      else copy[index] = value
    }
    return copy
  }
  if (!isFields(target)) throw refused()
  const copy: Record<string, unknown> = { ...target }
  if (rest.length > 0) {
    const inner = own(copy, part)
    if (inner === undefined) throw refused()
    setOwn(copy, part, change(inner, rest, value, effect))
  } else if (effect === 'remove') {
    if (own(copy, part) === undefined) throw refused()
    delete copy[part]
  } else setOwn(copy, part, value)
  return copy
}
