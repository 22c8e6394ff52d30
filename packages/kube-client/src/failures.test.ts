import { describe, expect, it } from 'vitest'
import { errorOfStatus, transportText } from './failures.ts'

const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure' } as const

describe('the error of a Status', () => {
  it.each([
    { reason: 'AlreadyExists', code: 409, failure: 'alreadyExists' },
    { reason: 'SomethingNew', code: 409, failure: 'conflict' },
    { reason: 'constructor', code: 409, failure: 'conflict' },
    { reason: '__proto__', code: 799, failure: 'internal' },
  ])('$reason, $code: $failure', ({ reason, code, failure }) => {
    expect(errorOfStatus({ ...status, reason, code }).failure).toBe(failure)
  })
})

it('a code that is not known is told in its own words', () => {
  expect(transportText(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))).toBe('connection refused')
  expect(transportText(Object.assign(new Error('no'), { code: 'toString' }))).toBe('no')
})
