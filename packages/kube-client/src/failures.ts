import { own, type Status } from '@plimsoll/model'
import { KubeError, type KubeFailureKind } from '@plimsoll/ports'

const byReason: { readonly [reason: string]: KubeFailureKind } = {
  NotFound: 'notFound',
  AlreadyExists: 'alreadyExists',
  Conflict: 'conflict',
  Expired: 'gone',
  Gone: 'gone',
  Invalid: 'invalid',
  BadRequest: 'badRequest',
  Forbidden: 'forbidden',
  Unauthorized: 'unauthorized',
  MethodNotAllowed: 'methodNotAllowed',
  NotAcceptable: 'notAcceptable',
  UnsupportedMediaType: 'unsupportedMediaType',
  RequestEntityTooLarge: 'tooLarge',
  TooManyRequests: 'tooManyRequests',
  Timeout: 'timeout',
  ServerTimeout: 'timeout',
  InternalError: 'internal',
  ServiceUnavailable: 'unavailable',
}

const byCode: { readonly [code: number]: KubeFailureKind } = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  405: 'methodNotAllowed',
  406: 'notAcceptable',
  409: 'conflict',
  410: 'gone',
  413: 'tooLarge',
  415: 'unsupportedMediaType',
  422: 'invalid',
  429: 'tooManyRequests',
  // From a load balancer in front of the server, as a rule.
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
}

/** The error that a Status stands for: its reason decides, or its code when it names none that is known. */
export function errorOfStatus(status: Status): KubeError {
  return new KubeError(own(byReason, status.reason ?? '') ?? byCode[status.code ?? 500] ?? 'internal', status)
}

/** The error of an answer that is not a success; `what` says which request it answers. */
export function errorOfAnswer(code: number, body: string, what: string): KubeError {
  try {
    const status = JSON.parse(body) as Status
    if (status !== null && status.kind === 'Status') return errorOfStatus({ ...status, code: status.code ?? code })
  } catch {
    // Not JSON: a proxy or a server that is not Kubernetes speaks.
  }
  const said = body.trim().split('\n')[0]!.slice(0, 200)
  const message = `${what}: the server answered ${code}${said === '' ? '' : `: ${said}`}`
  return errorOfStatus({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, code })
}

/** No answer, or none that can be understood. */
export function unavailable(message: string, cause?: unknown): KubeError {
  const status = {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'ServiceUnavailable',
    code: 503,
  }
  return new KubeError('unavailable', status, cause)
}

const said: { readonly [code: string]: string } = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection lost',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: the authority is unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: the authority is unknown',
  CERT_HAS_EXPIRED: 'its certificate has expired',
}

/** What went wrong below HTTP, in a few words. */
export function transportText(error: unknown): string {
  for (
    let e = error;
    e instanceof Error;
    e = e instanceof AggregateError && e.cause === undefined ? e.errors[0] : e.cause
  ) {
    const code = (e as { code?: unknown }).code
    const words = typeof code === 'string' ? own(said, code) : undefined
    if (words !== undefined) return words
  }
  return error instanceof Error ? error.message.split('\n')[0]! : String(error)
}

/** Whether the connection broke before an answer, so that a read may be sent again. */
export function isReset(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET'
}
