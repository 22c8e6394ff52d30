// Which names of a definition nobody else has, and whether it is served
// (kubernetes/apiextensions-apiserver:pkg/controller/{status,establish}, pkg/registry/customresourcedefinition/strategy.go).
// Upstream's controllers come to it a moment later; here the commit that defines a resource serves it.
import { timestamp, type Ms } from '@plimsoll/model'
import { equal, fieldsOf, listOf, textOf, type Fields, type StoredObject } from '../object.ts'

/** The definition with its status as of its own names and those of `others`; itself when nothing changes. */
export function withAcceptedNames(definition: StoredObject, others: readonly StoredObject[], now: Ms): StoredObject {
  const spec = fieldsOf(definition.spec)
  const status = fieldsOf(definition.status)
  const wanted = fieldsOf(spec['names'])
  const held = fieldsOf(status['acceptedNames'])
  const taken = takenNames(others.filter((other) => other.spec?.['group'] === spec['group']))
  const accepted: Record<string, unknown> = { ...held }
  let conflict: { readonly reason: string; readonly message: string } | undefined
  const settle = (field: string, among: ReadonlySet<string>, reason: string): void => {
    const name = textOf(wanted[field])
    if (name === textOf(held[field]) || !among.has(name)) accepted[field] = name
    else conflict = { reason, message: `${JSON.stringify(name)} is already in use` }
  }
  settle('plural', taken.resources, 'PluralConflict')
  settle('singular', taken.resources, 'SingularConflict')
  const short = textsOf(wanted['shortNames'])
  const used = short.filter((name) => !textsOf(held['shortNames']).includes(name) && taken.resources.has(name))
  if (used.length === 0) accepted['shortNames'] = short.length === 0 ? undefined : short
  else {
    const texts = [...new Set(used)].map((name) => `${JSON.stringify(name)} is already in use`)
    conflict = { reason: 'ShortNamesConflict', message: texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]` }
  }
  settle('kind', taken.kinds, 'KindConflict')
  settle('listKind', taken.kinds, 'ListKindConflict')
  accepted['categories'] = wanted['categories']
  const conditions = conditionsOf(listOf(status['conditions']), conflict, now)
  const next = { ...status, conditions, acceptedNames: withoutAbsent(accepted) }
  return equal(status, next) ? definition : { ...definition, status: next }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : []
}

function withoutAbsent(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function takenNames(others: readonly StoredObject[]): {
  readonly resources: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
} {
  const names = others.map((other) => fieldsOf(other.status?.['acceptedNames']))
  const all = (...fields: readonly string[]): Set<string> =>
    new Set(names.flatMap((name) => fields.map((field) => textOf(name[field])).filter((text) => text !== '')))
  const resources = all('plural', 'singular')
  for (const name of names) for (const short of textsOf(name['shortNames'])) resources.add(short)
  return { resources, kinds: all('kind', 'listKind') }
}

interface Conflict {
  readonly reason: string
  readonly message: string
}

function conditionsOf(present: readonly Fields[], conflict: Conflict | undefined, now: Ms): readonly Fields[] {
  const condition = (type: string, status: string, reason: string, message: string): Fields => {
    const was = present.find((other) => other['type'] === type)
    const since = was?.['status'] === status ? was['lastTransitionTime'] : timestamp(now)
    return { type, status, lastTransitionTime: since, reason, message }
  }
  const names =
    conflict === undefined
      ? condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found')
      : condition('NamesAccepted', 'False', conflict.reason, conflict.message)
  const was = present.find((other) => other['type'] === 'Established')
  let established = was
  // What was served once stays served.
  if (was?.['status'] !== 'True') {
    established =
      conflict === undefined
        ? condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted')
        : condition('Established', 'False', 'NotAccepted', 'not all names are accepted')
  }
  return [names, established!, ...present.filter((c) => c['type'] !== 'NamesAccepted' && c['type'] !== 'Established')]
}
