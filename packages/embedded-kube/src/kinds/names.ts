// The forms of names, labels and annotations (kubernetes/apimachinery:pkg/util/validation/validation.go).
import type { ObjectMeta } from '@plimsoll/model'
import type { Random } from '@plimsoll/ports'
import { invalidValue, tooLong, type FieldError } from '../errors.ts'

const label1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

const subdomainWhy =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const labelWhy =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const label1035Why =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const qualifiedWhy =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const valueWhy =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const annotationBytesMax = 256 * 1024

export type NameForm = 'subdomain' | 'label' | 'label1035' | 'path'

export function nameErrors(name: string, form: NameForm, field: string): FieldError[] {
  return nameProblems(name, form).map((why) => invalidValue(field, name, why))
}

/** Why a text is no name of a form; several at once. */
export function nameProblems(name: string, form: NameForm): string[] {
  const long = (most: number): string[] => (name.length > most ? [`must be no more than ${most} characters`] : [])
  switch (form) {
    case 'subdomain':
      return [...long(253), ...(subdomain.test(name) ? [] : [subdomainWhy])]
    case 'label':
      return [...long(63), ...(label1123.test(name) ? [] : [labelWhy])]
    case 'label1035':
      return [...long(63), ...(label1035.test(name) ? [] : [label1035Why])]
    case 'path':
      if (name === '.' || name === '..') return [`may not be '${name}'`]
      return ['/', '%'].filter((mark) => name.includes(mark)).map((mark) => `may not contain '${mark}'`)
  }
}

/** Why a text is no qualified name (`prefix/name`); several at once. */
export function qualifiedNameProblems(text: string): string[] {
  const parts = text.split('/')
  if (parts.length > 2) {
    const example = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    return [`a valid label key ${qualifiedWhy.slice('name part '.length)}${example}`]
  }
  const problems: string[] = []
  const [prefix, name = ''] = parts.length === 2 ? parts : [undefined, text]
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined) problems.push(...nameProblems(prefix, 'subdomain').map((why) => `prefix part ${why}`))
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes')
  if (!qualifiedName.test(name)) problems.push(qualifiedWhy)
  return problems
}

export function labelValueProblems(text: string): string[] {
  return [...(text.length > 63 ? ['must be no more than 63 bytes'] : []), ...(labelValue.test(text) ? [] : [valueWhy])]
}

/** Texts seen to be fine: the same few come with every pod. */
const goodKeys = new Set<string>()
const goodValues = new Set<string>()
const rememberedMax = 20_000

export function labelErrors(labels: ObjectMeta['labels'], field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const key in labels) {
    keyError(key, field, errors)
    const value = labels[key]
    if (value === undefined || goodValues.has(value)) continue
    const problems = labelValueProblems(String(value))
    if (problems.length > 0) errors.push(...problems.map((why) => invalidValue(field, value, why)))
    else if (goodValues.size < rememberedMax) goodValues.add(value)
  }
  return errors
}

function keyError(key: string, field: string, errors: FieldError[]): void {
  if (goodKeys.has(key)) return
  const problems = qualifiedNameProblems(key)
  if (problems.length > 0) errors.push(...problems.map((why) => invalidValue(field, key, why)))
  else if (goodKeys.size < rememberedMax) goodKeys.add(key)
}

export function annotationErrors(annotations: ObjectMeta['annotations'], field: string): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const key in annotations) {
    keyError(key.toLowerCase(), field, errors)
    size += key.length + String(annotations[key] ?? '').length
  }
  if (size > annotationBytesMax) errors.push(tooLong(field, annotationBytesMax))
  return errors
}

/** Labels, annotations, finalizers and owners; the name has its own form by kind. */
export function metadataErrors(meta: ObjectMeta, previous: ObjectMeta | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (meta.labels !== previous?.labels) errors.push(...labelErrors(meta.labels, 'metadata.labels'))
  if (meta.annotations !== previous?.annotations) {
    errors.push(...annotationErrors(meta.annotations, 'metadata.annotations'))
  }
  if (meta.finalizers !== previous?.finalizers) {
    for (const finalizer of meta.finalizers ?? []) keyError(finalizer, 'metadata.finalizers', errors)
  }
  if (meta.ownerReferences !== previous?.ownerReferences) errors.push(...ownerErrors(meta.ownerReferences ?? []))
  return errors
}

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** Kinds of their own making may name finalizers as they like; the built-in ones may not. */
export function finalizerErrors(meta: ObjectMeta, previous: ObjectMeta | undefined): FieldError[] {
  if (meta.finalizers === previous?.finalizers) return []
  const why = 'name is neither a standard finalizer name nor is it fully qualified'
  return (meta.finalizers ?? []).flatMap((finalizer, i) =>
    finalizer.includes('/') || standardFinalizers.has(finalizer)
      ? []
      : [invalidValue(`metadata.finalizers[${i}]`, finalizer, why)],
  )
}

function ownerErrors(owners: NonNullable<ObjectMeta['ownerReferences']>): FieldError[] {
  const errors: FieldError[] = []
  for (const owner of owners) {
    const empty = (name: string, value: string | undefined, what: string): void => {
      if (value === undefined || value === '') {
        errors.push(invalidValue(`metadata.ownerReferences.${name}`, value ?? '', `${what}must not be empty`))
      }
    }
    empty('apiVersion', owner.apiVersion, 'version ')
    empty('kind', owner.kind, '')
    empty('name', owner.name, '')
    empty('uid', owner.uid, '')
  }
  for (const owner of owners) {
    const version = owner.apiVersion ?? ''
    if (version.split('/').length > 2) {
      errors.push(invalidValue('metadata.ownerReferences.apiVersion', version, 'version must not be empty'))
    }
    if (owner.kind === 'Event' && version === 'v1') {
      errors.push(invalidValue('metadata.ownerReferences', owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
  }
  const controllers = owners.filter((owner) => owner.controller === true)
  if (controllers.length > 1) {
    const [first, second] = controllers
    errors.push(
      invalidValue(
        'metadata.ownerReferences',
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${first!.kind}/${first!.name} and ${second!.kind}/${second!.name}`,
      ),
    )
  }
  return errors
}

const nameLetters = 'bcdfghjklmnpqrstvwxz2456789'

/** kubernetes/apiserver:pkg/storage/names/generate.go */
export function generateName(base: string, random: Random): string {
  let name = base.slice(0, 58)
  for (let i = 0; i < 5; i++) name += nameLetters[random.below(nameLetters.length)]
  return name
}
