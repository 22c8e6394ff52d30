// Sets of fields as managedFields write them (kubernetes-sigs/structured-merge-diff:fieldpath/{set,serialize}.go).
import { setOwn } from '@plimsoll/model'
import { isFields, type Fields } from '../object.ts'

/** The fields at and below one place. Never changed once made. */
export interface FieldSet {
  /** Whether the place itself is in the set. */
  readonly self: boolean
  /** By path element: `f:<field>`, `k:<keys as JSON>`, `v:<value as JSON>`, `i:<index>`. */
  readonly children: ReadonlyMap<string, FieldSet>
  /** Tells sets apart cheaply: equal ids are equal sets, though not the other way round. */
  readonly id: number
}

const noChildren: ReadonlyMap<string, FieldSet> = new Map()
export const emptySet: FieldSet = { self: false, children: noChildren, id: 0 }
export const leaf: FieldSet = { self: true, children: noChildren, id: 1 }

/** Sets made before, by what is in them: the objects of one template have one set, and one FieldsV1, among them. */
const known = new Map<string, FieldSet>()
const knownMax = 20_000
let made = 1

export function fieldSet(self: boolean, children: ReadonlyMap<string, FieldSet>): FieldSet {
  if (children.size === 0) return self ? leaf : emptySet
  let content = self ? '.' : ''
  for (const [element, child] of children) content += `\n${element} ${child.id}`
  let set = known.get(content)
  if (set === undefined) {
    set = { self, children, id: ++made }
    if (known.size >= knownMax) known.clear()
    known.set(content, set)
  }
  return set
}

export function isEmpty(set: FieldSet): boolean {
  return !set.self && set.children.size === 0
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a
  if (isEmpty(a)) return b
  const children = new Map(a.children)
  for (const [element, child] of b.children) {
    const present = children.get(element)
    children.set(element, present === undefined ? child : union(present, child))
  }
  return fieldSet(a.self || b.self, children)
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a
  const children = new Map<string, FieldSet>()
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    const rest = other === undefined ? child : difference(child, other)
    if (!isEmpty(rest)) children.set(element, rest)
  }
  return fieldSet(a.self && !b.self, children)
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>()
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    const both = other === undefined ? emptySet : intersection(child, other)
    if (!isEmpty(both)) children.set(element, both)
  }
  return fieldSet(a.self && b.self, children)
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  if (a.self !== b.self || a.children.size !== b.children.size) return false
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    if (other === undefined || !sameSet(child, other)) return false
  }
  return true
}

const serialised = new WeakMap<FieldSet, Fields>()

/** FieldsV1. */
export function toFieldsV1(set: FieldSet): Fields {
  let fields = serialised.get(set)
  if (fields === undefined) {
    const built: Record<string, Fields> = {}
    for (const element of [...set.children.keys()].sort()) {
      const child = set.children.get(element)!
      const below = toFieldsV1(child)
      setOwn(built, element, child.self && child.children.size > 0 ? { '.': {}, ...below } : below)
    }
    fields = built
    serialised.set(set, fields)
  }
  return fields
}

export function fromFieldsV1(fields: unknown): FieldSet {
  const children = new Map<string, FieldSet>()
  for (const [element, below] of Object.entries(isFields(fields) ? fields : {})) {
    if (element === '.') continue
    const set = fromFieldsV1(below)
    // An element without anything below it is itself what is meant.
    const self = set.children.size === 0 || (isFields(below) && '.' in below)
    children.set(element, fieldSet(self, set.children))
  }
  return fieldSet(false, children)
}

/** Each place in the set as text: `.spec.containers[name="app"].image`. */
export function pathTexts(set: FieldSet): string[] {
  const texts: string[] = []
  const walk = (node: FieldSet, path: string): void => {
    if (node.self) texts.push(path)
    for (const [element, child] of node.children) walk(child, path + elementText(element))
  }
  walk(set, '')
  return texts.sort()
}

export function elementText(element: string): string {
  const rest = element.slice(2)
  switch (element.charAt(0)) {
    case 'k': {
      const keys = Object.entries(JSON.parse(rest) as Fields)
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
    }
    case 'v':
      return `[=${rest}]`
    case 'i':
      return `[${rest}]`
    default:
      return `.${rest}`
  }
}
