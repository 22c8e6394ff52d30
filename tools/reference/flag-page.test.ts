import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { flagPages } from './flag-page.ts'

describe('the reference of flags', () => {
  it.each(flagPages)('$file is what the table says', ({ file, text }) => {
    expect(readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')).toBe(text)
  })
})
