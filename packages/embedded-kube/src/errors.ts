// The failures of the API with their Status (kubernetes/apimachinery:pkg/api/errors/errors.go).
import type { StatusCause, StatusDetails } from '@plimsoll/model'
import { KubeError, type KubeFailureKind } from '@plimsoll/ports'
import type { ResourceRequest } from './authorization/authorizer.ts'

interface Named {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

const reasons: Record<KubeFailureKind, { readonly code: number; readonly reason: string }> = {
  badRequest: { code: 400, reason: 'BadRequest' },
  unauthorized: { code: 401, reason: 'Unauthorized' },
  forbidden: { code: 403, reason: 'Forbidden' },
  notFound: { code: 404, reason: 'NotFound' },
  methodNotAllowed: { code: 405, reason: 'MethodNotAllowed' },
  notAcceptable: { code: 406, reason: 'NotAcceptable' },
  alreadyExists: { code: 409, reason: 'AlreadyExists' },
  conflict: { code: 409, reason: 'Conflict' },
  gone: { code: 410, reason: 'Expired' },
  tooLarge: { code: 413, reason: 'RequestEntityTooLarge' },
  unsupportedMediaType: { code: 415, reason: 'UnsupportedMediaType' },
  invalid: { code: 422, reason: 'Invalid' },
  tooManyRequests: { code: 429, reason: 'TooManyRequests' },
  internal: { code: 500, reason: 'InternalError' },
  unavailable: { code: 503, reason: 'ServiceUnavailable' },
  timeout: { code: 504, reason: 'Timeout' },
}

/** A failure with its Status. `reason` and `code` are those of the failure unless given; an empty reason is left out. */
export function failure(
  kind: KubeFailureKind,
  message: string,
  details?: StatusDetails,
  other: { readonly reason?: string; readonly code?: number } = {},
): KubeError {
  const { code, reason } = reasons[kind]
  return new KubeError(kind, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(other.reason === '' ? {} : { reason: other.reason ?? reason }),
    ...(details === undefined ? {} : { details }),
    code: other.code ?? code,
  })
}

/** `deployments.apps`, or `pods` for the core group. */
function qualifiedResource(type: Named): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`
}

function detailsOf(type: Named, name: string, kind = type.plural): StatusDetails {
  return { name, ...(type.group === '' ? {} : { group: type.group }), kind }
}

export function notFound(type: Named, name: string): KubeError {
  return failure('notFound', `${qualifiedResource(type)} "${name}" not found`, detailsOf(type, name))
}

/** The path itself is unknown: no such group, version or resource. */
export function resourceNotFound(): KubeError {
  return failure('notFound', 'the server could not find the requested resource', {})
}

export function alreadyExists(type: Named, name: string): KubeError {
  return failure('alreadyExists', `${qualifiedResource(type)} "${name}" already exists`, detailsOf(type, name))
}

export function conflict(type: Named, name: string, why: string): KubeError {
  return failure(
    'conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(type)} "${name}": ${why}`,
    detailsOf(type, name),
  )
}

export const modifiedMeanwhile =
  'the object has been modified; please apply your changes to the latest version and try again'

export function forbidden(type: Named, name: string, why: string, causes?: readonly StatusCause[]): KubeError {
  const subject = name === '' ? qualifiedResource(type) : `${qualifiedResource(type)} "${name}"`
  return failure('forbidden', `${subject} is forbidden: ${why}`, {
    ...detailsOf(type, name),
    ...(causes === undefined ? {} : { causes }),
  })
}

export function badRequest(message: string): KubeError {
  return failure('badRequest', message)
}

export function internal(message: string): KubeError {
  return failure('internal', `Internal error occurred: ${message}`, { causes: [{ message }] })
}

export function methodNotAllowed(type: Named, verb: string): KubeError {
  return failure('methodNotAllowed', `${verb} is not supported on resources of kind "${qualifiedResource(type)}"`, {
    ...(type.group === '' ? {} : { group: type.group }),
    kind: type.plural,
  })
}

/** `metadata`: of the Status; a list may be continued with what it says. */
export function expired(message: string, metadata: { readonly continue?: string } = {}): KubeError {
  const { status } = failure('gone', message)
  return new KubeError('gone', { ...status, metadata })
}

/** A path is there, but not for this method. */
export function noSuchMethod(): KubeError {
  return failure('methodNotAllowed', 'the server does not allow this method on the requested resource', {})
}

export function resourceVersionTooLarge(asked: number, current: number): KubeError {
  return failure('timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}

/** One thing wrong with an object (kubernetes/apimachinery:pkg/util/validation/field/errors.go). */
export interface FieldError {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
  readonly field: string
  /** Without the field's path. */
  readonly message: string
}

export function required(field: string, why = ''): FieldError {
  return { reason: 'FieldValueRequired', field, message: why === '' ? 'Required value' : `Required value: ${why}` }
}

export function invalidValue(field: string, value: unknown, why: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${valueText(value)}: ${why}` }
}

export function unsupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((text) => JSON.stringify(text)).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${valueText(value)}: supported values: ${list}`,
  }
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${valueText(value)}` }
}

/** What an authorizer refused (kubernetes/apiserver:pkg/endpoints/handlers/responsewriters/errors.go, Forbidden). */
export function notAuthorized(user: { readonly name: string }, request: ResourceRequest, reason: string): KubeError {
  const { verb, group, resource, subresource, namespace, name = '' } = request
  const asked = subresource === undefined ? resource : `${resource}/${subresource}`
  const place =
    namespace === undefined || namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(namespace)}`
  const why = `User ${quote(user.name)} cannot ${verb} resource ${quote(asked)} in API group ${quote(group)} ${place}`
  return forbidden({ group, plural: resource, kind: '' }, name, reason === '' ? why : `${why}: ${reason}`)
}

export function pathNotAuthorized(
  user: { readonly name: string },
  verb: string,
  path: string,
  reason: string,
): KubeError {
  const why = `User ${quote(user.name)} cannot ${verb} path ${quote(path)}`
  return failure('forbidden', `forbidden: ${reason === '' ? why : `${why}: ${reason}`}`, {})
}

function quote(text: string): string {
  return JSON.stringify(text)
}

export function notFoundValue(field: string, value: unknown): FieldError {
  return notFoundText(field, valueText(value))
}

export function notFoundText(field: string, what: string): FieldError {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${what}` }
}

export function forbiddenField(field: string, why: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` }
}

export function tooLong(field: string, limit: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${limit} bytes` }
}

export function tooMany(field: string, found: number, limit: number): FieldError {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${found}: must have at most ${limit} items` }
}

function valueText(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

/** 422 with every cause; `type.kind` names the object, as upstream's details do. */
export function invalid(
  type: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): KubeError {
  // One that is found twice is told once, though it is two causes.
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))]
  const subject = type.group === '' ? type.kind : `${type.kind}.${type.group}`
  const message = `${subject} ${JSON.stringify(name)} is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`
  return failure('invalid', message, {
    ...(name === '' ? {} : { name }),
    ...(type.group === '' ? {} : { group: type.group }),
    ...(type.kind === '' ? {} : { kind: type.kind }),
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  })
}
