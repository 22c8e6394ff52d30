import type { AwsError } from '@plimsoll/ports'
import { encodeJson } from '../codec/json.ts'
import { encodeRest } from '../codec/rest.ts'
import type { Shape } from '../codec/shape.ts'
import { element, encodeXmlMembers, escapeXml } from '../codec/xml.ts'
import type { Protocol, ServiceFacts } from './service-model.ts'

export interface HttpResponse {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

const contentTypes: { readonly [protocol in Protocol]: string } = {
  ec2Query: 'text/xml;charset=UTF-8',
  awsQuery: 'text/xml',
  awsJson1_1: 'application/x-amz-json-1.1',
  restJson1: 'application/json',
}

/** A success, wrapped as the service's protocol has it. */
export function success(
  service: ServiceFacts,
  operation: { readonly name: string; readonly output: Shape; readonly status?: number },
  output: object,
  requestId: string,
): HttpResponse {
  const { name, output: shape } = operation
  const headers = { 'content-type': contentTypes[service.protocol], 'x-amzn-requestid': requestId }
  const root = `${name}Response xmlns="${service.xmlNamespace}"`
  switch (service.protocol) {
    case 'ec2Query': {
      const members = shape.kind === 'unit' ? element('return', 'true') : encodeXmlMembers(shape, output)
      return {
        status: 200,
        headers,
        body: xml(`<${root}>${element('requestId', requestId)}${members}</${name}Response>`),
      }
    }
    case 'awsQuery': {
      const result = shape.kind === 'unit' ? '' : element(`${name}Result`, encodeXmlMembers(shape, output))
      const metadata = element('ResponseMetadata', element('RequestId', requestId))
      return { status: 200, headers, body: xml(`<${root}>${result}${metadata}</${name}Response>`) }
    }
    case 'awsJson1_1':
      return { status: 200, headers, body: JSON.stringify(encodeJson(shape, output, 'rpc')) }
    case 'restJson1': {
      const rest = encodeRest(shape, output)
      return {
        status: operation.status ?? 200,
        headers: { ...headers, ...rest.headers },
        body: JSON.stringify(rest.body),
      }
    }
  }
}

/** A refusal in the protocol's envelope. */
export function refusal(service: ServiceFacts, error: AwsError, requestId: string): HttpResponse {
  const headers = { 'content-type': contentTypes[service.protocol], 'x-amzn-requestid': requestId }
  const status = error.httpStatus
  const code = element('Code', escapeXml(error.code))
  const message = element('Message', escapeXml(error.message))
  switch (service.protocol) {
    case 'ec2Query': {
      const errors = element('Errors', element('Error', code + message))
      return { status, headers, body: xml(element('Response', errors + element('RequestID', requestId))) }
    }
    case 'awsQuery': {
      const type = element('Type', status >= 500 ? 'Receiver' : 'Sender')
      const inner = element('Error', type + code + message) + element('RequestId', requestId)
      return { status, headers, body: xml(`<ErrorResponse xmlns="${service.xmlNamespace}">${inner}</ErrorResponse>`) }
    }
    case 'awsJson1_1':
      return { status, headers, body: JSON.stringify({ __type: error.code, message: error.message }) }
    case 'restJson1':
      return {
        status,
        headers: { ...headers, 'x-amzn-errortype': error.code },
        body: JSON.stringify({ message: error.message }),
      }
  }
}

function xml(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}`
}
