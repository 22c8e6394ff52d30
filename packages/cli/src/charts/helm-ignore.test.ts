import { describe, expect, it } from 'vitest'
import { parseHelmIgnore } from './helm-ignore.ts'

describe('.helmignore', () => {
  it.each([
    { pattern: '*.bak', path: 'values.bak', ignored: true },
    { pattern: '*.bak', path: 'templates/values.bak', ignored: true },
    { pattern: '*.bak', path: 'values.bak.yaml', ignored: false },
    { pattern: '*~', path: 'values.yaml~', ignored: true },
    { pattern: 'a?c', path: 'abc', ignored: true },
    { pattern: 'a?c', path: 'abbc', ignored: false },
    { pattern: 'a.c', path: 'abc', ignored: false },
    { pattern: '/ci', path: 'ci', ignored: true },
    { pattern: '/README.md', path: 'templates/README.md', ignored: false },
    { pattern: 'ci/*.yaml', path: 'ci/values.yaml', ignored: true },
    { pattern: 'ci/*.yaml', path: 'ci/more/values.yaml', ignored: false },
    { pattern: '.git/', path: '.git', ignored: false },
    { pattern: '# *', path: '# x', ignored: false },
    { pattern: '', path: 'x', ignored: false },
  ])('$pattern of the file $path: $ignored', ({ pattern, path, ignored }) => {
    expect(parseHelmIgnore(`\n${pattern}\n`)(path, false)).toBe(ignored)
  })

  it('takes a closing slash for a folder', () => {
    expect(parseHelmIgnore('.git/')('.git', true)).toBe(true)
    expect(parseHelmIgnore('.git/')('templates/.git', true)).toBe(true)
  })

  it.each(['!keep', '**/x', '[ab]', 'a\\*'])('refuses %s, which it does not understand', (pattern) => {
    expect(() => parseHelmIgnore(pattern)).toThrow(`the pattern ${pattern} is not understood`)
  })
})
