// Which files of a chart stay out of its package: the part of .helmignore's rules that our charts use. A pattern without
// a slash means the name at any depth, one with a slash the path from the chart's root, one that ends in a slash folders
// only. Negation, classes and escapes are refused rather than misunderstood.
import { strict as assert } from 'node:assert'

/** Of a path relative to the chart, with slashes. */
export type Ignores = (path: string, isFolder: boolean) => boolean

/** @throws {AssertionError} for a pattern that is not understood */
export function parseHelmIgnore(text: string): Ignores {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(rule)
  return (path, isFolder) => rules.some((ignores) => ignores(path, isFolder))
}

function rule(pattern: string): Ignores {
  assert(!/^!|\*\*|[[\]\\]/.test(pattern), `.helmignore: the pattern ${pattern} is not understood`)
  const foldersOnly = pattern.endsWith('/')
  const bare = foldersOnly ? pattern.slice(0, -1) : pattern
  const isPath = bare.includes('/')
  const expected = glob(bare.replace(/^\//, ''))
  return (path, isFolder) =>
    (isFolder || !foldersOnly) && expected.test(isPath ? path : path.slice(path.lastIndexOf('/') + 1))
}

function glob(pattern: string): RegExp {
  const parts = Array.from(pattern, (character) => {
    if (character === '*') return '[^/]*'
    if (character === '?') return '[^/]'
    return character.replace(/[.+^$(){}|]/, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`)
}
