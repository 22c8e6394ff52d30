// What the keys have chosen, and what each key does to it.
import { groupings, type Grouping } from '../cluster/node-groups.ts'
import type { NodeSort } from '../cluster/node-sort.ts'

export interface ViewState {
  /** From 0. */
  readonly page: number
  /** Those that `s` goes through, the chosen one first. */
  readonly sorts: readonly NodeSort[]
  readonly grouping: Grouping
  readonly filter: string
  /** The filter's text is being written. */
  readonly filtering: boolean
  readonly keysShown: boolean
}

export type Key =
  /** One character. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'previous' | 'next' | 'escape' | 'enter' | 'erase' | 'eraseAll' | 'interrupt' }

/** The flag's order comes first, and is not there twice. */
export function initialState(sort: NodeSort): ViewState {
  const others: NodeSort[] = [
    { kind: 'creation', descending: true },
    { kind: 'name' },
    { kind: 'cpu' },
    { kind: 'price' },
  ]
  const sorts = [sort, ...others.filter((other) => other.kind !== sort.kind)]
  return { page: 0, sorts, grouping: 'none', filter: '', filtering: false, keysShown: false }
}

/** @param pages how many there are; the page shown may have been moved back to the last one */
export function afterKey(state: ViewState, key: Key, pages: number): ViewState | 'quit' {
  if (key.kind === 'interrupt') return 'quit'
  const page = Math.min(state.page, Math.max(0, pages - 1))
  if (state.filtering) return whileFiltering(state, key)
  if (state.keysShown) return { ...state, keysShown: false }
  switch (key.kind) {
    case 'escape':
      return 'quit'
    case 'previous':
      return { ...state, page: Math.max(0, page - 1) }
    case 'next':
      return { ...state, page: Math.max(0, Math.min(pages - 1, page + 1)) }
    case 'enter':
    case 'erase':
    case 'eraseAll':
      return state
    case 'text':
      return afterLetter(state, key.text, pages)
  }
}

function afterLetter(state: ViewState, letter: string, pages: number): ViewState | 'quit' {
  switch (letter) {
    case 'q':
      return 'quit'
    case 'h':
      return afterKey(state, { kind: 'previous' }, pages)
    case 'l':
      return afterKey(state, { kind: 'next' }, pages)
    case 's':
      return { ...state, page: 0, sorts: [...state.sorts.slice(1), state.sorts[0]!] }
    case 'g':
      return {
        ...state,
        page: 0,
        grouping: groupings[(groupings.indexOf(state.grouping) + 1) % groupings.length]!,
      }
    case '/':
      return { ...state, filtering: true }
    case '?':
      return { ...state, keysShown: true }
    default:
      return state
  }
}

function whileFiltering(state: ViewState, key: Key): ViewState {
  switch (key.kind) {
    case 'text':
      return { ...state, page: 0, filter: state.filter + key.text }
    case 'erase':
      return { ...state, page: 0, filter: state.filter.slice(0, -1) }
    case 'eraseAll':
      return { ...state, page: 0, filter: '' }
    case 'escape':
      return { ...state, page: 0, filter: '', filtering: false }
    case 'enter':
      return { ...state, filtering: false }
    case 'previous':
    case 'next':
    case 'interrupt':
      return state
  }
}
