// ConfigMaps and Secrets (kubernetes/kubernetes:pkg/apis/core/validation/validation.go).
import { own } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, tooLong, type FieldError } from '../errors.ts'
import { equal, fieldsOf, textOf, type StoredObject } from '../object.ts'
import { configKeyErrors } from './formats.ts'

const bytesMax = 1024 * 1024

/** Bytes of base64 text. */
function sizeOf(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4)
}

export function configMapErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const binary = fieldsOf(object['binaryData'])
  let size = 0
  for (const [key, value] of Object.entries(fieldsOf(object['data']))) {
    errors.push(...configKeyErrors(key, `data[${key}]`))
    if (own(binary, key) !== undefined) {
      errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'))
    }
    size += textOf(value).length
  }
  for (const [key, value] of Object.entries(binary)) {
    errors.push(...configKeyErrors(key, `binaryData[${key}]`))
    size += sizeOf(textOf(value))
  }
  if (size > bytesMax) errors.push(tooLong('', bytesMax))
  return errors
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
}

export function secretErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const data = fieldsOf(object['data'])
  const type = textOf(object['type'])
  let size = 0
  for (const [key, value] of Object.entries(data)) {
    errors.push(...configKeyErrors(key, `data[${key}]`))
    size += sizeOf(textOf(value))
  }
  if (size > bytesMax) errors.push(tooLong('data', bytesMax))
  for (const key of own(requiredKeys, type) ?? []) {
    if (data[key] === undefined) errors.push(required(`data[${key}]`))
  }
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    errors.push(required('data[username]'), required('data[password]'))
  }
  const account = 'kubernetes.io/service-account.name'
  if (type === 'kubernetes.io/service-account-token' && (object.metadata.annotations?.[account] ?? '') === '') {
    errors.push(required(`metadata.annotations[${account}]`))
  }
  return errors
}

export function secretUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  if (object['type'] !== old['type']) errors.push(invalidValue('type', object['type'], 'field is immutable'))
  return [...errors, ...immutableDataErrors(object, old)]
}

export function immutableDataErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  if (old['immutable'] !== true) return []
  const errors: FieldError[] = []
  const why = 'field is immutable when `immutable` is set'
  if (object['immutable'] !== true) errors.push(forbiddenField('immutable', why))
  for (const field of ['data', 'binaryData']) {
    if (!equal(object[field], old[field])) errors.push(forbiddenField(field, why))
  }
  return errors
}
