import { describe, expect, it } from 'vitest'
import { sortText } from '../cluster/node-sort.ts'
import { afterKey, initialState, type Key, type ViewState } from './view-state.ts'

const start = initialState({ kind: 'creation', descending: true })
const letters = (text: string): Key[] => Array.from(text, (each) => ({ kind: 'text', text: each }) as const)

function press(keys: readonly Key[], pages = 3): ViewState | 'quit' {
  let state: ViewState = start
  for (const key of keys) {
    const next = afterKey(state, key, pages)
    if (next === 'quit') return next
    state = next
  }
  return state
}

describe('keys', () => {
  it.each<{ keys: Key[]; state: Partial<ViewState> | 'quit' }>([
    { keys: letters('q'), state: 'quit' },
    { keys: [{ kind: 'escape' }], state: 'quit' },
    { keys: [{ kind: 'interrupt' }], state: 'quit' },
    { keys: [{ kind: 'next' }], state: { page: 1 } },
    { keys: letters('ll'), state: { page: 2 } },
    { keys: letters('lllll'), state: { page: 2 } },
    { keys: letters('llh'), state: { page: 1 } },
    { keys: [{ kind: 'previous' }], state: { page: 0 } },
    { keys: letters('g'), state: { grouping: 'node group' } },
    { keys: letters('ggg'), state: { grouping: 'zone' } },
    { keys: letters('gggg'), state: { grouping: 'none' } },
    { keys: letters('lg'), state: { page: 0 } },
    { keys: letters('/'), state: { filtering: true } },
    { keys: [...letters('/qs'), { kind: 'enter' }], state: { filtering: false, filter: 'qs' } },
    { keys: [...letters('/ab'), { kind: 'erase' }], state: { filtering: true, filter: 'a' } },
    { keys: [...letters('/ab'), { kind: 'eraseAll' }], state: { filtering: true, filter: '' } },
    { keys: [...letters('/ab'), { kind: 'escape' }], state: { filtering: false, filter: '' } },
    { keys: [...letters('/ab'), { kind: 'interrupt' }], state: 'quit' },
    { keys: letters('?'), state: { keysShown: true } },
    { keys: letters('?q'), state: { keysShown: false } },
    { keys: letters('xyz'), state: { page: 0 } },
  ])('$keys', ({ keys, state }) => {
    // Wrapped, for a text is no object to match.
    expect({ after: press(keys) }).toMatchObject({ after: state })
  })

  it('s goes through the orders and comes back', () => {
    const orders = [0, 1, 2, 3, 4].map((times) => {
      const after = press(letters('s'.repeat(times)))
      return after === 'quit' ? after : sortText(after.sorts[0]!)
    })
    expect(orders).toEqual(['creation', 'name', 'cpu usage', 'price', 'creation'])
  })

  it("the flag's order is one more", () => {
    const { sorts } = initialState({ kind: 'label', label: 'zone', descending: false })
    expect(sorts.map(sortText)).toEqual(['zone', 'creation', 'name', 'cpu usage', 'price'])
  })

  it('a page that fell off the end counts as the last one', () => {
    expect(afterKey({ ...start, page: 9 }, { kind: 'previous' }, 3)).toMatchObject({ page: 1 })
  })
})
