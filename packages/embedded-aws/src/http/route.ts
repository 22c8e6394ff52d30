import { matchPath } from '../codec/rest.ts'
import { services, type OperationModel, type ServiceFacts, type ServiceModel } from './service-model.ts'

export interface SignedScope {
  readonly accessKey: string
  /** May be empty: aws-sdk-go-v2 signs so with a custom endpoint resolver. */
  readonly region: string
  readonly service: string
}

export interface HttpRequest {
  readonly method: string
  /** Still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: string
  readonly isEncrypted: boolean
}

/** What the signature says about the request: from the header, or from a pre-signed query. */
export function signedScope(request: HttpRequest): SignedScope | undefined {
  const header = /Credential=([^/]+)\/(\d{8})\/([^/]*)\/([^/]*)\/aws4_request/.exec(text(request.headers.authorization))
  if (header !== null) return { accessKey: header[1]!, region: header[3]!, service: header[4]! }
  const query = /^([^/]+)\/(\d{8})\/([^/]*)\/([^/]*)\/aws4_request$/.exec(request.query.get('X-Amz-Credential') ?? '')
  return query === null ? undefined : { accessKey: query[1]!, region: query[3]!, service: query[4]! }
}

/** The service that a request is for; a name that we do not serve is given as text. */
export function identifyService(
  request: HttpRequest,
  scope: SignedScope | undefined,
  form: URLSearchParams,
): ServiceFacts | string | undefined {
  if (scope !== undefined) return services.find((service) => service.name === scope.service) ?? scope.service
  const target = text(request.headers['x-amz-target']).split('.')[0]
  const version = form.get('Version')
  const host = text(request.headers.host).split(':')[0]!.split('.')
  return (
    services.find((service) => target !== '' && service.target === target) ??
    services.find((service) => service.version === version) ??
    services.find((service) => host.length > 2 && host[0] === service.name) ??
    (/^\/clusters(\/|$)/.test(request.path) ? services.find((service) => service.name === 'eks') : undefined)
  )
}

export interface RoutedOperation {
  readonly operation: OperationModel
  /** REST labels. */
  readonly labels: { readonly [label: string]: string }
}

/** The operation named by the form, the target header, or verb and path; undefined when the service has none such. */
export function routeOperation(
  model: ServiceModel,
  request: HttpRequest,
  form: URLSearchParams,
): RoutedOperation | undefined {
  if (model.protocol === 'restJson1') return routeRest(model, request)
  const name =
    model.protocol === 'awsJson1_1'
      ? text(request.headers['x-amz-target']).split('.')[1]
      : (form.get('Action') ?? undefined)
  const operation = model.operations.get(name ?? '')
  return operation === undefined ? undefined : { operation, labels: {} }
}

function routeRest(model: ServiceModel, request: HttpRequest): RoutedOperation | undefined {
  let best: RoutedOperation | undefined
  for (const operation of model.operations.values()) {
    if (operation.http?.[0] !== request.method) continue
    const labels = matchPath(operation.http[1], request.path)
    // Of several the most literal one: the one with the fewest labels.
    if (labels !== undefined && (best === undefined || count(labels) < count(best.labels))) best = { operation, labels }
  }
  return best
}

function count(labels: object): number {
  return Object.keys(labels).length
}

/** What the client asked for, for the message of a refusal. */
export function askedFor(request: HttpRequest, form: URLSearchParams): string {
  return form.get('Action') ?? (text(request.headers['x-amz-target']) || `${request.method} ${request.path}`)
}

function text(header: string | string[] | undefined): string {
  return Array.isArray(header) ? (header[0] ?? '') : (header ?? '')
}
