import { ms, timestamp } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { nextRun, parseCron } from './cron-schedule.ts'

describe('a schedule', () => {
  it.each([
    { text: '* * * * *', after: '2024-03-10T09:00:30Z', next: '2024-03-10T09:01:00Z' },
    { text: '*/15 * * * *', after: '2024-03-10T09:45:00Z', next: '2024-03-10T10:00:00Z' },
    { text: '0 3 * * *', after: '2024-03-10T09:00:00Z', next: '2024-03-11T03:00:00Z' },
    { text: '30 8 * * mon-fri', after: '2024-03-08T08:30:00Z', next: '2024-03-11T08:30:00Z' },
    { text: '0 0 29 2 *', after: '2024-03-10T00:00:00Z', next: '2028-02-29T00:00:00Z' },
    { text: '0 0 13 * 5', after: '2024-03-10T00:00:00Z', next: '2024-03-13T00:00:00Z' },
    { text: '0 12 1 jan,jul ?', after: '2024-03-10T00:00:00Z', next: '2024-07-01T12:00:00Z' },
    { text: '0 0 */10 * 5', after: '2024-03-10T00:00:00Z', next: '2024-03-11T00:00:00Z' },
    { text: '@every 1h30m', after: '2024-03-10T09:00:00Z', next: '2024-03-10T10:30:00Z' },
    { text: '5-10/5 0 1 1 *', after: '2024-01-01T00:05:00Z', next: '2024-01-01T00:10:00Z' },
    { text: '@hourly', after: '2024-12-31T23:59:59Z', next: '2025-01-01T00:00:00Z' },
    { text: '0 0 31 2 *', after: '2024-01-01T00:00:00Z', next: undefined },
  ])('$text after $after: $next', ({ text, after, next }) => {
    const at = nextRun(parseCron(text)!, ms(Date.parse(after)))
    expect(at === undefined ? undefined : timestamp(at)).toBe(next)
  })

  it.each([
    { zone: 'Asia/Seoul', text: '0 9 * * *', after: '2024-03-10T00:00:00Z', next: '2024-03-11T00:00:00Z' },
    { zone: 'Asia/Kolkata', text: '0 0 1 * *', after: '2024-03-10T00:00:00Z', next: '2024-03-31T18:30:00Z' },
    // The hour from 2 to 3 is left out on March 10.
    { zone: 'America/New_York', text: '30 2 * * *', after: '2024-03-10T05:00:00Z', next: '2024-03-11T06:30:00Z' },
    { zone: 'America/New_York', text: '0 0 11 3 *', after: '2024-03-10T05:00:00Z', next: '2024-03-11T04:00:00Z' },
    // The hour from 1 to 2 comes twice on November 3.
    { zone: 'America/New_York', text: '30 1 * * *', after: '2024-11-03T05:30:00Z', next: '2024-11-03T06:30:00Z' },
    // Clocks are set ahead at midnight: the day begins at 1.
    { zone: 'America/Havana', text: '30 * 10 3 *', after: '2024-03-09T20:00:00Z', next: '2024-03-10T05:30:00Z' },
    { zone: 'Mars/Olympus', text: '* * * * *', after: '2024-03-10T00:00:00Z', next: 'no such zone' },
  ])('$text in $zone after $after: $next', ({ zone, text, after, next }) => {
    const schedule = parseCron(text, zone)
    const at = schedule === undefined ? undefined : nextRun(schedule, ms(Date.parse(after)))
    expect(schedule === undefined ? 'no such zone' : timestamp(at!)).toBe(next)
  })

  it.each([
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '*/0 * * * *',
    '5-1 * * * *',
    'x * * * *',
    '@often',
    '0 0 * * 7',
    '@every soon',
  ])('is not: "%s"', (text) => {
    expect(parseCron(text)).toBeUndefined()
  })
})
