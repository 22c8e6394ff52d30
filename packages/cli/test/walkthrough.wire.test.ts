// Chapters of the workshop with a real kubectl and helm and, where one is installed, a real aws CLI, faster than anybody types.
import { describe, expect, it } from 'vitest'
import { runWalkthrough } from '../src/walkthrough/run.ts'

describe('plimsoll walkthrough', () => {
  it.each(['ca', 'cpa'] as const)(
    '%s ends green',
    async (chapter) => {
      let text = ''
      const code = await runWalkthrough({ chapter, speed: 30, seed: '1', write: (part) => (text += part) })
      expect(text).not.toMatch(/^FAIL/m)
      expect(text).toMatch(/^\d+ passed, 0 failed$/m)
      expect(code).toBe(0)
    },
    180_000,
  )
})
