import { badRequest, failure } from '../errors.ts'
import { equal, isFields } from '../object.ts'

const rejected = 'the server rejected our request due to an error in our request'

/**
 * RFC 6902. Copies along the paths it changes.
 * @throws {KubeError} badRequest for a malformed patch; invalid when a path is missing or a test fails
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is an array of operations')
  let result = document
  for (const operation of patch as readonly unknown[]) result = applyOperation(result, operation)
  return result
}

function applyOperation(document: unknown, operation: unknown): unknown {
  if (!isFields(operation)) throw badRequest('each operation of a JSON patch is an object')
  const { op, value } = operation
  const path = pointer(operation['path'])
  switch (op) {
    case 'add':
      return change(document, path, () => value, 'add')
    case 'replace':
      read(document, path)
      return change(document, path, () => value, 'replace')
    case 'remove':
      read(document, path)
      return change(document, path, () => undefined, 'remove')
    case 'test':
      if (!equal(readOptional(document, path) ?? null, value ?? null)) throw failure('invalid', rejected)
      return document
    case 'copy':
      return change(document, path, () => read(document, pointer(operation['from'])), 'add')
    case 'move': {
      const from = pointer(operation['from'])
      const moved = read(document, from)
      return change(
        change(document, from, () => undefined, 'remove'),
        path,
        () => moved,
        'add',
      )
    }
    default:
      throw badRequest(`Unexpected kind: ${String(op)}: a JSON patch takes add, remove, replace, move, copy, test`)
  }
}

function pointer(text: unknown): readonly string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/'))) {
    throw badRequest('the path of a JSON patch operation begins with a slash')
  }
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function readOptional(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const part of path) {
    if (Array.isArray(value)) value = (value as readonly unknown[])[Number(part)]
    else value = isFields(value) ? value[part] : undefined
  }
  return value
}

function read(document: unknown, path: readonly string[]): unknown {
  const value = readOptional(document, path)
  if (value === undefined) throw failure('invalid', rejected)
  return value
}

type Effect = 'add' | 'replace' | 'remove'

function change(target: unknown, path: readonly string[], value: () => unknown, effect: Effect): unknown {
  const [part, ...rest] = path
  if (part === undefined) return value()
  if (Array.isArray(target)) {
    const copy = [...(target as readonly unknown[])]
    const index = part === '-' ? copy.length : Number(part)
    const last = effect === 'add' && rest.length === 0 ? copy.length : copy.length - 1
    if (!Number.isInteger(index) || index < 0 || index > last) throw failure('invalid', rejected)
    if (rest.length > 0) copy[index] = change(copy[index], rest, value, effect)
    else if (effect === 'add') copy.splice(index, 0, value())
    else if (effect === 'remove') copy.splice(index, 1)
    else copy[index] = value()
    return copy
  }
  if (!isFields(target)) throw failure('invalid', rejected)
  const copy: Record<string, unknown> = { ...target }
  if (rest.length > 0) {
    if (copy[part] === undefined) throw failure('invalid', rejected)
    copy[part] = change(copy[part], rest, value, effect)
  } else if (effect === 'remove') delete copy[part]
  else copy[part] = value()
  return copy
}
