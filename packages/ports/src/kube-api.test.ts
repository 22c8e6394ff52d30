import { describe, expect, it } from 'vitest'
import { ignoreNotFound, isKubeFailure, KubeError } from './kube-api.ts'

describe('KubeError', () => {
  const conflict = new KubeError('conflict', { message: 'changed', reason: 'Conflict', code: 409 })

  it('says what the server said, and keeps the cause', () => {
    const cause = new Error('below')
    const error = new KubeError('unavailable', {}, cause)
    expect([conflict.message, conflict.name, error.message, error.cause]).toEqual([
      'changed',
      'KubeError',
      'unavailable',
      cause,
    ])
  })

  it.each([
    { error: conflict, kinds: ['conflict'] as const, is: true },
    { error: conflict, kinds: ['gone', 'conflict'] as const, is: true },
    { error: conflict, kinds: ['gone'] as const, is: false },
    { error: new Error('conflict'), kinds: ['conflict'] as const, is: false },
    { error: undefined, kinds: ['conflict'] as const, is: false },
  ])('$error is one of $kinds: $is', ({ error, kinds, is }) => {
    expect(isKubeFailure(error, ...kinds)).toBe(is)
  })

  it('passes what is gone already, and nothing else', async () => {
    await Promise.reject(new KubeError('notFound', {})).catch(ignoreNotFound)
    await expect(Promise.reject(conflict).catch(ignoreNotFound)).rejects.toBe(conflict)
  })
})
