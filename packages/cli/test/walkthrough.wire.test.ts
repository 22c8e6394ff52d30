// Chapter 1 of the workshop with a real kubectl and, where one is installed, a real aws CLI, faster than anybody types.
import { describe, expect, it } from 'vitest'
import { runWalkthrough } from '../src/walkthrough/run.ts'

describe('plimsoll walkthrough ca', () => {
  it('ends green', async () => {
    let text = ''
    const code = await runWalkthrough({ speed: 30, seed: '1', write: (part) => (text += part) })
    expect(text).not.toMatch(/^FAIL/m)
    expect(text).toMatch(/^\d+ passed, 0 failed$/m)
    expect(code).toBe(0)
  }, 180_000)
})
