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
  const why = nameProblem(name, form)
  return why === undefined ? [] : [invalidValue(field, name, why)]
}

/** Why a text has not the form of a name, or undefined. */
export function nameProblem(name: string, form: NameForm): string | undefined {
  switch (form) {
    case 'subdomain':
      if (name.length > 253) return 'must be no more than 253 characters'
      return subdomain.test(name) ? undefined : subdomainWhy
    case 'label':
      if (name.length > 63) return 'must be no more than 63 characters'
      return label1123.test(name) ? undefined : labelWhy
    case 'label1035':
      if (name.length > 63) return 'must be no more than 63 characters'
      return label1035.test(name) ? undefined : label1035Why
    case 'path':
      if (name === '.' || name === '..') return `may not be '${name}'`
      return /[/%]/.test(name) ? `may not contain '${name.includes('/') ? '/' : '%'}'` : undefined
  }
}

/** Why a text is no qualified name (`prefix/name`), or undefined. */
export function qualifiedNameProblem(text: string): string | undefined {
  const slash = text.indexOf('/')
  const prefix = slash < 0 ? undefined : text.slice(0, slash)
  const name = text.slice(slash + 1)
  if (prefix === '') return 'prefix part must be non-empty'
  if (prefix !== undefined && (prefix.length > 253 || !subdomain.test(prefix))) return `prefix part ${subdomainWhy}`
  if (name === '') return 'name part must be non-empty'
  if (name.length > 63) return 'name part must be no more than 63 characters'
  return qualifiedName.test(name) ? undefined : qualifiedWhy
}

export function labelValueProblem(text: string): string | undefined {
  if (text.length > 63) return 'must be no more than 63 characters'
  return labelValue.test(text) ? undefined : valueWhy
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
    const why = labelValueProblem(String(value))
    if (why !== undefined) errors.push(invalidValue(field, value, why))
    else if (goodValues.size < rememberedMax) goodValues.add(value)
  }
  return errors
}

function keyError(key: string, field: string, errors: FieldError[]): void {
  if (goodKeys.has(key)) return
  const why = qualifiedNameProblem(key)
  if (why !== undefined) errors.push(invalidValue(field, key, why))
  else if (goodKeys.size < rememberedMax) goodKeys.add(key)
}

/** Labels, annotations, finalizers and owners; the name has its own form by kind. */
export function metadataErrors(meta: ObjectMeta, previous: ObjectMeta | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (meta.labels !== previous?.labels) errors.push(...labelErrors(meta.labels, 'metadata.labels'))
  if (meta.annotations !== previous?.annotations) {
    let size = 0
    for (const key in meta.annotations) {
      keyError(key.toLowerCase(), 'metadata.annotations', errors)
      size += key.length + String(meta.annotations[key] ?? '').length
    }
    if (size > annotationBytesMax) errors.push(tooLong('metadata.annotations', annotationBytesMax))
  }
  if (meta.finalizers !== previous?.finalizers) {
    for (const finalizer of meta.finalizers ?? []) keyError(finalizer, 'metadata.finalizers', errors)
  }
  if (meta.ownerReferences !== previous?.ownerReferences) errors.push(...ownerErrors(meta.ownerReferences ?? []))
  return errors
}

function ownerErrors(owners: NonNullable<ObjectMeta['ownerReferences']>): FieldError[] {
  const errors: FieldError[] = []
  for (const owner of owners) {
    const empty = (name: string, value: string | undefined, what: string): void => {
      if (value === undefined || value === '') {
        errors.push(invalidValue(`metadata.ownerReferences.${name}`, value ?? '', `${what} must not be empty`))
      }
    }
    empty('apiVersion', owner.apiVersion, 'version')
    empty('kind', owner.kind, 'kind')
    empty('name', owner.name, 'name')
    empty('uid', owner.uid, 'uid')
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
