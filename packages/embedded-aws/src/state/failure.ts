import { AwsError, awsFailureOf } from '@plimsoll/ports'

/** An answer in AWS's words: the wire code, the message and the HTTP status (EC2 and most services: 400). */
export function failure(code: string, message: string, httpStatus = 400): AwsError {
  return new AwsError({ failure: awsFailureOf(code, httpStatus), code, message, httpStatus })
}

/** The value, or EC2's complaint about the parameter that was not given. */
export function required<T>(value: T | undefined | null, parameter: string): T {
  if (value === undefined || value === null)
    throw failure('MissingParameter', `The request must contain the parameter ${parameter}`)
  return value
}

/** The value, or the query and JSON services' complaint about the member that was not given. */
export function requiredMember<T>(value: T | undefined | null, member: string): T {
  if (value === undefined || value === null)
    throw failure(
      'ValidationError',
      `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
    )
  return value
}
