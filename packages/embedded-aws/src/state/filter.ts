import { own } from '@plimsoll/model'
import { failure } from './failure.ts'
import type { Tag } from './tags.ts'

export interface Filter {
  readonly Name?: string | undefined
  readonly Values?: readonly string[] | undefined
}

/** The values that a filter's name looks at. Booleans and numbers compare as text. */
export type Accessors<T> = { readonly [name: string]: (item: T) => readonly (string | undefined)[] }

/** What carries tags, for `tag:<key>`, `tag-key` and `tag-value`. */
export interface Tagged {
  readonly Tags?: readonly Tag[] | undefined
}

/**
 * EC2's filters: all of them must match, any of a filter's values may; `*` and `?` are wildcards; case counts.
 * A filter without values matches nothing. @throws InvalidParameterValue when a name is unknown
 */
export function filtered<T extends object>(
  items: readonly T[],
  filters: readonly Filter[] | undefined,
  accessors: Accessors<T>,
): T[] {
  const tests = (filters ?? []).map((filter) => compile(filter, accessors))
  return items.filter((item) => tests.every((test) => test(item)))
}

function compile<T extends object>(filter: Filter, accessors: Accessors<T>): (item: T) => boolean {
  const name = filter.Name ?? ''
  const matches = compilePatterns(filter.Values ?? [])
  if (name.startsWith('tag:')) {
    const key = name.slice('tag:'.length)
    return (item) => tagsOf(item).some((tag) => tag.Key === key && matches(tag.Value ?? ''))
  }
  if (name === 'tag-key') return (item) => tagsOf(item).some((tag) => matches(tag.Key!))
  if (name === 'tag-value') return (item) => tagsOf(item).some((tag) => matches(tag.Value ?? ''))
  const access = own(accessors, name)
  if (access === undefined) throw failure('InvalidParameterValue', `The filter '${name}' is invalid`)
  return (item) => access(item).some((value) => value !== undefined && matches(value))
}

function tagsOf(item: Tagged): readonly Tag[] {
  return item.Tags ?? []
}

function compilePatterns(values: readonly string[]): (value: string) => boolean {
  if (values.length > 200)
    throw failure('FilterLimitExceeded', 'The maximum number of filter values specified on a single call is 200')
  const exact = new Set(values)
  const patterns = values.filter((value) => /[*?]/.test(value)).map(wildcard)
  return (value) => exact.has(value) || patterns.some((pattern) => pattern.test(value))
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .split('')
    .map((char) => (char === '*' ? '.*' : char === '?' ? '.' : char.replace(/[\\^$.|+()[\]{}]/, '\\$&')))
    .join('')
  return new RegExp(`^${source}$`, 's')
}
