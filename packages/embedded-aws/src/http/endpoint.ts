import { AwsError } from '@plimsoll/ports'
import { decodeJson } from '../codec/json.ts'
import { decodeQuery } from '../codec/query.ts'
import { decodeRest } from '../codec/rest.ts'
import { CodecError } from '../codec/scalar.ts'
import { unsupported, type EmbeddedAws } from '../embedded-aws.ts'
import { failure } from '../state/failure.ts'
import { refusal, success, type HttpResponse } from './envelope.ts'
import {
  askedFor,
  identifyService,
  routeOperation,
  signedScope,
  type HttpRequest,
  type RoutedOperation,
} from './route.ts'
import { serviceModel, services, type ServiceFacts } from './service-model.ts'

/** Answers one HTTP request; undefined when the connection is to break without an answer. */
export async function answer(aws: EmbeddedAws, request: HttpRequest): Promise<HttpResponse | undefined> {
  const requestId = aws.requestId()
  const isForm = String(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
  const form = isForm ? new URLSearchParams(request.body) : new URLSearchParams(request.query)
  const scope = signedScope(request)
  const service = identifyService(request, scope, form)
  if (service === undefined) return unknownService(request, form, 'this request names none', requestId)
  if (typeof service === 'string') return unknownService(request, form, `'${service}' is not one of them`, requestId)
  try {
    const model = await serviceModel(service)
    const routed = routeOperation(model, request, form)
    if (routed === undefined) throw unknownOperation(service, askedFor(request, form))
    const { operation } = routed
    const input = decodeInput(service, routed, request, form)
    const output = await aws.invoke(service.name, operation.name, input, {
      requestId,
      accessKey: scope?.accessKey ?? '',
    })
    const shape = operation.output()
    const status = operation.http?.[2]
    return success(
      service,
      { name: operation.name, output: shape, ...(status === undefined ? {} : { status }) },
      output,
      requestId,
    )
  } catch (error) {
    const told = error instanceof AwsError ? error : error instanceof CodecError ? badInput(service, error) : undefined
    if (told === undefined) {
      aws.cloud.log.error('An AWS operation failed', { request: askedFor(request, form), error })
      return refusal(service, failure('InternalError', 'An internal error has occurred', 500), requestId)
    }
    return told.httpStatus === 0 ? undefined : refusal(service, told, requestId)
  }
}

/** The input in the SDK's shape. @throws {CodecError} */
export function decodeInput(
  service: ServiceFacts,
  routed: RoutedOperation,
  request: HttpRequest,
  form: URLSearchParams,
): object {
  const shape = routed.operation.input()
  switch (service.protocol) {
    case 'ec2Query':
      return decodeQuery(shape, form, 'ec2')
    case 'awsQuery':
      return decodeQuery(shape, form, 'aws')
    case 'awsJson1_1':
      return (decodeJson(shape, parseBody(request.body), '', 'rpc') ?? {}) as object
    case 'restJson1':
      return decodeRest(shape, {
        labels: routed.labels,
        query: request.query,
        headers: request.headers,
        body: parseBody(request.body),
      })
  }
}

function parseBody(body: string): unknown {
  if (body === '') return {}
  try {
    return JSON.parse(body)
  } catch {
    throw failure('SerializationException', 'The request body is not valid JSON.')
  }
}

function badInput(service: ServiceFacts, error: CodecError): AwsError {
  const { parameter, problem, value } = error
  if (service.protocol === 'ec2Query')
    return problem === 'missing'
      ? failure('MissingParameter', `The request must contain the parameter ${parameter}`)
      : failure('InvalidParameterValue', `Value (${value}) for parameter ${parameter} is invalid.`)
  if (service.protocol === 'restJson1')
    return failure('InvalidParameterException', `${parameter} is ${problem === 'missing' ? 'required' : 'invalid'}.`)
  const camel = parameter.replace(/(^|\.)([A-Z])/g, (_, dot: string, letter: string) => dot + letter.toLowerCase())
  return problem === 'missing'
    ? failure(
        'ValidationError',
        `1 validation error detected: Value null at '${camel}' failed to satisfy constraint: Member must not be null`,
      )
    : failure(
        'ValidationError',
        `1 validation error detected: Value '${value}' at '${camel}' failed to satisfy constraint`,
      )
}

function unknownOperation(service: ServiceFacts, asked: string): AwsError {
  if (service.protocol === 'ec2Query')
    return failure('InvalidAction', `The action ${asked} is not valid for this web service.`)
  if (service.protocol === 'awsQuery')
    return failure('InvalidAction', `Could not find operation ${asked} for version ${service.version}`)
  return unsupported(service.name, asked)
}

/** In every protocol's words at once: the client may speak any of them. */
function unknownService(request: HttpRequest, form: URLSearchParams, why: string, requestId: string): HttpResponse {
  const names = services.map((service) => service.name).join(', ')
  const message = `The embedded AWS serves ${names}; ${why} (${askedFor(request, form)}).`
  const isForm = form.has('Action')
  if (isForm)
    return {
      ...refusal(services[1]!, failure('UnsupportedOperation', message), requestId),
      status: 400,
    }
  return {
    status: 404,
    headers: {
      'content-type': 'application/json',
      'x-amzn-requestid': requestId,
      'x-amzn-errortype': 'UnknownOperationException',
    },
    body: JSON.stringify({ __type: 'UnknownOperationException', message }),
  }
}
