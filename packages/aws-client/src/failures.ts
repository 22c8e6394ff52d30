import { AwsError, awsFailureOf } from '@plimsoll/ports'

/** What the SDK puts on its errors, as far as we read it. */
interface SdkError {
  readonly name?: string
  readonly message?: string
  /** The code on the wire of the query protocols, where `name` is the shape's: `NoSuchEntity`, not `NoSuchEntityException`. */
  readonly Code?: string
  /** Of errors below HTTP: `ECONNREFUSED`. */
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

/** The code as the service sent it, which is what upstream's Go code compares; of an error below HTTP its system code. */
export function awsErrorCode(error: unknown): string {
  const { Code, code, name } = (error ?? {}) as SdkError
  return Code ?? code ?? name ?? 'Unknown'
}

/** The port's error for anything that the SDK throws. */
export function awsErrorOf(error: unknown, what: string): AwsError {
  if (error instanceof AwsError) return error
  const { name, message, $metadata } = (error ?? {}) as SdkError
  const code = awsErrorCode(error)
  const httpStatus = $metadata?.httpStatusCode ?? 0
  const requestId = $metadata?.requestId
  const rest = { code, httpStatus, ...(requestId === undefined ? {} : { requestId }) }
  // The credentials' own errors come without a code of a service.
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return new AwsError({ ...rest, failure: 'forbidden', message: `${what}: no AWS credentials: ${message}` }, error)
  const said = message === undefined || message === '' ? code : message
  const text = httpStatus === 0 ? `${what}: no answer: ${said}` : said
  return new AwsError({ ...rest, failure: awsFailureOf(code, httpStatus), message: text }, error)
}
