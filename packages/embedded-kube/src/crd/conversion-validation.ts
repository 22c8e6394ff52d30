// How a definition has its objects converted (kubernetes/apiserver:pkg/util/webhook/validation.go,
// kubernetes/apiextensions-apiserver:pkg/apis/apiextensions/validation/validation.go).
import { parseUrl } from '../cel/url.ts'
import { forbiddenField, required, unsupported, type FieldError } from '../errors.ts'
import { nameProblems } from '../kinds/names.ts'
import { fieldsOf, isFields, textOf, type Fields } from '../object.ts'
import { fieldError } from './field-path.ts'

const path = 'spec.conversion'

function invalid(at: string, value: unknown, why: string): FieldError {
  return fieldError('FieldValueInvalid', at, value, why)
}

export function conversionErrors(conversion: Fields): FieldError[] {
  const errors: FieldError[] = []
  const strategy = textOf(conversion['strategy'])
  if (strategy === '') errors.push(required(`${path}.strategy`))
  else if (strategy !== 'None' && strategy !== 'Webhook') {
    errors.push(unsupported(`${path}.strategy`, strategy, ['None', 'Webhook']))
  }
  const webhook = fieldsOf(conversion['webhook'])
  const client = webhook['clientConfig']
  const reviews = Array.isArray(webhook['conversionReviewVersions'])
    ? (webhook['conversionReviewVersions'] as readonly string[])
    : []
  if (strategy === 'Webhook') {
    if (isFields(client)) errors.push(...clientErrors(client))
    else errors.push(required(`${path}.webhookClientConfig`, 'required when strategy is set to Webhook'))
    return [...errors, ...reviewErrors(reviews)]
  }
  const why = 'should not be set when strategy is not set to Webhook'
  if (client !== undefined) errors.push(forbiddenField(`${path}.webhookClientConfig`, why))
  if (reviews.length > 0) errors.push(forbiddenField(`${path}.conversionReviewVersions`, why))
  return errors
}

function clientErrors(client: Fields): FieldError[] {
  const at = `${path}.webhookClientConfig`
  const { url, service } = client
  if ((url === undefined) === (service === undefined)) {
    return [required(at, 'exactly one of url or service is required')]
  }
  return url === undefined ? serviceErrors(fieldsOf(service), `${at}.service`) : urlErrors(textOf(url), `${at}.url`)
}

function urlErrors(text: string, at: string): FieldError[] {
  const form = '; desired format: https://host[/path]'
  const url = parseUrl(text)
  const errors: FieldError[] = []
  if (url.scheme !== 'https') {
    errors.push(invalid(at, url.scheme, `'https' is the only allowed URL scheme${form}`))
  }
  if (url.host === '') errors.push(invalid(at, '', `host must be specified${form}`))
  const user = /^[^/]*\/\/([^/?#]*)@/.exec(text)?.[1]
  if (user !== undefined) errors.push(invalid(at, user, 'user information is not permitted in the URL'))
  const fragment = /#(.+)$/.exec(text)?.[1]
  if (fragment !== undefined) errors.push(invalid(at, fragment, 'fragments are not permitted in the URL'))
  if (url.query !== '') errors.push(invalid(at, url.query, 'query parameters are not permitted in the URL'))
  return errors
}

function serviceErrors(service: Fields, at: string): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['name', 'namespace']) if (textOf(service[field]) === '') errors.push(required(`${at}.${field}`))
  const { port } = service
  if (typeof port === 'number' && (port < 1 || port > 65_535)) {
    errors.push(invalid(`${at}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'))
  }
  const text = textOf(service['path'])
  if (text === '' || text === '/') return errors
  if (!text.startsWith('/')) errors.push(invalid(`${at}.path`, text, "must start with a '/'"))
  const segments = text.slice(1).replace(/\/$/, '').split('/')
  segments.forEach((segment, i) => {
    if (segment === '') errors.push(invalid(`${at}.path`, text, `segment[${i}] may not be empty`))
    else {
      for (const why of nameProblems(segment, 'subdomain')) {
        errors.push(invalid(`${at}.path`, text, `segment[${i}]: ${why}`))
      }
    }
  })
  return errors
}

function reviewErrors(versions: readonly string[]): FieldError[] {
  const at = `${path}.conversionReviewVersions`
  if (versions.length === 0) return [required(at)]
  const errors: FieldError[] = []
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${at}[${i}]`, version, 'duplicate version'))
    else for (const why of nameProblems(version, 'label1035')) errors.push(invalid(`${at}[${i}]`, version, why))
  })
  if (!versions.includes('v1') && !versions.includes('v1beta1')) {
    errors.push(invalid(at, versions, 'must include at least one of v1, v1beta1'))
  }
  return errors
}
