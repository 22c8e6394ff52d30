import { describe, expect, it } from 'vitest'
import { settle, type FlagValues } from './settings/flags.ts'
import { readSettings } from './view-settings.ts'

const read = (given: Partial<FlagValues>) => readSettings(settle(given, {}, {}))

describe('readSettings', () => {
  it('sums what is shown, and what orders and computed labels need', () => {
    const answer = read({
      resources: 'memory,,memory, pods',
      'extra-labels': 'team,eks-node-viewer/node-ephemeral-storage-usage',
      'node-sort': 'eks-node-viewer/node-nvidia.com/gpu-usage=dsc',
    })
    expect(answer).toMatchObject({
      settings: {
        resources: ['memory', 'pods'],
        summed: ['memory', 'pods', 'cpu', 'ephemeral-storage', 'nvidia.com/gpu'],
        extraLabels: ['team', 'eks-node-viewer/node-ephemeral-storage-usage'],
      },
    })
  })

  it('has no extra labels by default', () => {
    expect(read({})).toMatchObject({ settings: { extraLabels: [], resources: ['cpu'], prices: true } })
  })

  it.each([
    [{ resources: ' , ' }, /^-resources: name at least one/],
    [{ style: '#fff,#000' }, /^-style: three colours are expected, .*; there are 2$/],
    [{ style: '#fff,red,#000' }, /^-style: "red" is no colour/],
    [{ 'node-selector': 'a in (' }, /^-node-selector: /],
    [{ 'node-sort': '=asc' }, /^-node-sort: /],
  ])('%o is refused', (given, problem) => {
    const answer = read(given)
    expect('problems' in answer ? answer.problems : []).toEqual([expect.stringMatching(problem)])
  })

  it('says all that is wrong at once', () => {
    const answer = read({ resources: '', style: 'x' })
    expect('problems' in answer && answer.problems.length).toBe(2)
  })
})
