import { hours, ms, type Ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { amountAt, parseProfile } from './load-profile.ts'

const midnight = Date.parse('2026-01-02T00:00:00Z')

function at(text: string, afterMs: Ms, noise = 0): number {
  const profile = parseProfile(text)
  if ('problem' in profile) throw new Error(profile.problem)
  const moment = { now: ms(midnight + afterMs), since: ms(midnight), requestMilli: 1000, noise }
  return Math.round(amountAt(profile, moment))
}

describe('a load profile', () => {
  it.each([
    { text: '250m', after: hours(0), milli: 250 },
    { text: '60%', after: hours(0), milli: 600 },
    { text: 'ramp 1 3 10m', after: hours(0), milli: 1000 },
    { text: 'ramp 1 3 10m', after: ms(300_000), milli: 2000 },
    { text: 'ramp 1 3 10m', after: hours(9), milli: 3000 },
    { text: 'daily 1 3', after: hours(14), milli: 3000 },
    { text: 'daily 1 3', after: hours(2), milli: 1000 },
    { text: 'daily 1 3 20h', after: hours(14), milli: 2000 },
    { text: 'square 1 3 10m', after: ms(299_000), milli: 1000 },
    { text: 'square 1 3 10m', after: ms(301_000), milli: 3000 },
    { text: 'square 1 3 10m', after: ms(601_000), milli: 1000 },
    { text: '1 noise 10%', after: hours(0), noise: -1, milli: 900 },
    { text: '1 noise 200%', after: hours(0), noise: -1, milli: 0 },
  ])('$text is $milli thousandths after $after ms', ({ text, after, noise, milli }) => {
    expect(at(text, after, noise)).toBe(milli)
  })

  it.each(['', 'much', '-1', 'ramp 1 2', 'ramp 1 x 5m', 'daily 1', 'square 1 2 0s', '1 noise', '1 noise ten', '1 2'])(
    'refuses %j and says what it accepts',
    (text) => {
      expect(parseProfile(text)).toMatchObject({ problem: expect.stringContaining('accepted are') as string })
    },
  )
})
