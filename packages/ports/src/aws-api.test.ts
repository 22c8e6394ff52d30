import { describe, expect, it } from 'vitest'
import { awsFailureOf } from './aws-api.ts'

describe('awsFailureOf', () => {
  it.each([
    ['Throttling', 400, 'throttled'],
    ['ThrottlingException', 429, 'throttled'],
    ['RequestLimitExceeded', 503, 'throttled'],
    ['InvalidInstanceID.NotFound', 400, 'notFound'],
    ['NoSuchEntity', 404, 'notFound'],
    ['ResourceNotFoundException', 404, 'notFound'],
    ['ParameterNotFound', 400, 'notFound'],
    ['InsufficientInstanceCapacity', 500, 'capacity'],
    ['UnfulfillableCapacity', 500, 'capacity'],
    ['VcpuLimitExceeded', 400, 'capacity'],
    ['MaxSpotInstanceCountExceeded', 400, 'capacity'],
    ['UnauthorizedOperation', 403, 'forbidden'],
    ['AccessDenied', 403, 'forbidden'],
    ['InvalidClientTokenId', 403, 'forbidden'],
    ['ValidationError', 400, 'invalid'],
    ['InvalidParameterValue', 400, 'invalid'],
    ['MissingParameter', 400, 'invalid'],
    ['InternalError', 500, 'unavailable'],
    ['Unavailable', 503, 'unavailable'],
    ['ECONNREFUSED', 0, 'unavailable'],
    ['DryRunOperation', 412, 'other'],
    ['ScalingActivityInProgress', 400, 'other'],
    ['ResourceContention', 409, 'other'],
  ])('%s with %s is %s', (code, status, failure) => {
    expect(awsFailureOf(code, status)).toBe(failure)
  })
})
