import { CodecError, decodeBase64, parseBoolean, parseNumber, parseTimestamp } from './scalar.ts'
import type { ListShape, MapShape, Member, Shape, StructShape } from './shape.ts'

/** The form's keys, split at the dots. */
interface Node {
  value: string | undefined
  readonly children: Map<string, Node>
}

export type QueryDialect = 'ec2' | 'aws'

/** The input of an operation out of a form: `Filter.1.Value.2=x` or `Filters.member.1.Values.member.2=x`. @throws {CodecError} */
export function decodeQuery(shape: Shape, form: URLSearchParams, dialect: QueryDialect): object {
  const root: Node = { value: undefined, children: new Map() }
  for (const [key, value] of form) plant(root, key, value)
  return (shape.kind === 'struct' ? decodeStruct(shape, root, '', dialect) : undefined) ?? {}
}

function plant(root: Node, key: string, value: string): void {
  let node = root
  for (const part of key.split('.')) {
    let child = node.children.get(part)
    if (child === undefined) node.children.set(part, (child = { value: undefined, children: new Map() }))
    node = child
  }
  node.value = value
}

function decode(shape: Shape, node: Node, path: string, dialect: QueryDialect): unknown {
  switch (shape.kind) {
    case 'struct':
      return decodeStruct(shape, node, path, dialect)
    case 'list':
      return decodeList(shape, node, path, dialect)
    case 'map':
      return decodeMap(shape, node, path, dialect)
    case 'unit':
    case 'document':
      return undefined
    case 'string':
      return node.value
    case 'number':
      return node.value === undefined ? undefined : parseNumber(node.value, path)
    case 'bigNumber':
      return node.value
    case 'boolean':
      return node.value === undefined ? undefined : parseBoolean(node.value, path)
    case 'blob':
      return node.value === undefined ? undefined : decodeBase64(node.value, path)
    case 'timestamp':
      return node.value === undefined ? undefined : parseTimestamp(node.value, path)
  }
}

function decodeStruct(shape: StructShape, node: Node, path: string, dialect: QueryDialect): object {
  const output: { [member: string]: unknown } = {}
  for (const member of shape.members()) {
    const name = nameOf(member, dialect)
    const child = node.children.get(name)
    const value = child === undefined ? undefined : decode(member.shape, child, join(path, name), dialect)
    if (value !== undefined) output[member.name] = value
    else if (member.isRequired && !vanishes(member.shape)) throw new CodecError('missing', join(path, name))
  }
  return output
}

/** Empty structures and lists leave nothing on the query wire: their absence cannot be held against the client. */
function vanishes(shape: Shape): boolean {
  return shape.kind === 'struct'
}

function nameOf(member: Member, dialect: QueryDialect): string {
  return dialect === 'ec2' ? member.ec2Name : member.xmlName
}

function decodeList(shape: ListShape, node: Node, path: string, dialect: QueryDialect): unknown[] {
  const flattened = dialect === 'ec2' || shape.flattened
  const holder = flattened ? node : node.children.get(shape.itemName)
  const prefix = flattened ? path : join(path, shape.itemName)
  return numbered(holder).map(([key, child]) => decode(shape.item(), child, join(prefix, key), dialect))
}

function decodeMap(shape: MapShape, node: Node, path: string, dialect: QueryDialect): { [key: string]: unknown } {
  const holder = shape.flattened ? node : node.children.get('entry')
  const prefix = shape.flattened ? path : join(path, 'entry')
  const entries = numbered(holder).map(([key, child]): [string, unknown] => {
    const valueNode = child.children.get(shape.valueName)
    const at = join(prefix, key)
    return [
      child.children.get(shape.keyName)?.value ?? '',
      valueNode === undefined ? undefined : decode(shape.value(), valueNode, join(at, shape.valueName), dialect),
    ]
  })
  return Object.fromEntries(entries)
}

function numbered(node: Node | undefined): [string, Node][] {
  return [...(node?.children ?? [])].filter(([key]) => /^\d+$/.test(key)).toSorted(([a], [b]) => Number(a) - Number(b))
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
