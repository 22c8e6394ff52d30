import { ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { ageOf, humanDuration } from './human-duration.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

describe('humanDuration', () => {
  it.each([
    [-2 * second, '<invalid>'],
    [-1.5 * second, '0s'],
    [0, '0s'],
    [999, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [2 * minute + 5 * second, '2m5s'],
    [9 * minute + 59 * second, '9m59s'],
    [10 * minute + 1 * second, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + minute, '3h1m'],
    [8 * hour + minute, '8h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [2 * day + hour, '2d1h'],
    [8 * day + hour, '8d'],
    [729 * day, '729d'],
    [730 * day, '2y'],
    [731 * day, '2y1d'],
    [8 * 365 * day, '8y'],
  ])('%i ms is %s', (duration, text) => {
    expect(humanDuration(duration)).toBe(text)
  })
})

describe('ageOf', () => {
  it('measures from the timestamp to now', () => {
    expect(ageOf('2026-01-01T00:00:00Z', ms(Date.parse('2026-01-01T00:03:30Z')))).toBe('3m30s')
  })
  it.each([undefined, null, '', 'never'])('%s has no age', (timestamp) => {
    expect(ageOf(timestamp, ms(0))).toBe('<unknown>')
  })
})
