// Forms of text and numbers that many fields share (kubernetes/apimachinery:pkg/util/validation/validation.go).
import { invalidValue, required, type FieldError } from '../errors.ts'

const configKey = /^[-._a-zA-Z0-9]+$/
const headerName = /^[-A-Za-z0-9]+$/
const ipv4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/
const ipv6 = /^[0-9a-fA-F:]+(:(\d+\.){3}\d+)?$/

export function isIp(text: string): boolean {
  if (ipv4.test(text)) return true
  if (!ipv6.test(text) || !text.includes(':') || text.includes(':::')) return false
  const groups = text.split(':')
  const short = text.split('::').length
  return short <= 2 && (short === 2 ? groups.length <= 9 : groups.length === 8) && groups.every((g) => g.length <= 4)
}

const ipWhy = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'

export function ipErrors(value: string, field: string): FieldError[] {
  return isIp(value) ? [] : [invalidValue(field, value, ipWhy)]
}

export function configKeyErrors(key: string, field: string): FieldError[] {
  const errors: FieldError[] = []
  const say = (why: string): number => errors.push(invalidValue(field, key, why))
  if (key.length > 253) say('must be no more than 253 characters')
  if (!configKey.test(key)) {
    say(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    )
  }
  if (key === '.') say("must not be '.'")
  else if (key === '..') say("must not be '..'")
  else if (key.startsWith('..')) say("must not start with '..'")
  return errors
}

export function headerNameErrors(name: string, field: string): FieldError[] {
  if (headerName.test(name)) return []
  return [
    invalidValue(
      field,
      name,
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    ),
  ]
}

export function portNameErrors(name: string, field: string): FieldError[] {
  const errors: FieldError[] = []
  const say = (why: string): number => errors.push(invalidValue(field, name, why))
  if (name.length > 15) say('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(name)) say('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(name)) say('must contain at least one letter (a-z)')
  if (name.includes('--')) say('must not contain consecutive hyphens')
  if (name.startsWith('-') || name.endsWith('-')) say('must not begin or end with a hyphen')
  return errors
}

export function portErrors(value: unknown, field: string): FieldError[] {
  const fine = typeof value === 'number' && value >= 1 && value <= 65535
  return fine ? [] : [invalidValue(field, value ?? 0, 'must be between 1 and 65535, inclusive')]
}

export function portOrNameErrors(value: unknown, field: string): FieldError[] {
  return typeof value === 'string' ? portNameErrors(value, field) : portErrors(value, field)
}

/** At least 0. */
export function notNegativeErrors(value: unknown, field: string): FieldError[] {
  const wrong = typeof value === 'number' && value < 0
  return wrong ? [invalidValue(field, value, 'must be greater than or equal to 0')] : []
}

/** Greater than zero. */
export function positiveErrors(value: unknown, field: string): FieldError[] {
  const fine = typeof value === 'number' && value > 0
  return fine ? [] : [invalidValue(field, value ?? 0, 'must be greater than zero')]
}

export function idErrors(value: unknown, field: string): FieldError[] {
  if (typeof value !== 'number' || (value >= 0 && value <= 2_147_483_647)) return []
  return [invalidValue(field, value, 'must be between 0 and 2147483647, inclusive')]
}

export function fileModeErrors(value: unknown, field: string): FieldError[] {
  if (typeof value !== 'number' || (value >= 0 && value <= 0o777)) return []
  return [invalidValue(field, value, 'must be a number between 0 and 0777 (octal), both inclusive')]
}

/** Required where it is empty. */
export function requiredErrors(value: unknown, field: string, why = ''): FieldError[] {
  return (value ?? '') === '' ? [required(field, why)] : []
}

export function noBackstepErrors(path: string, field: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : []
}

/** A path below wherever it is used. */
export function descendingPathErrors(path: string, field: string): FieldError[] {
  const absolute = path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []
  return [...absolute, ...noBackstepErrors(path, field)]
}

export function ownPathErrors(path: string, field: string): FieldError[] {
  const errors = descendingPathErrors(path, field)
  if (path.startsWith('..') && !path.startsWith('../')) {
    errors.push(invalidValue(field, path, "must not start with '..'"))
  }
  return errors
}
