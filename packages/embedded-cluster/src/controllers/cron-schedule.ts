// Cron expressions as Kubernetes takes them (robfig/cron:parser.go, ParseStandard; spec.go, constantdelay.go).
import { ms, own, parseGoDuration, type Ms } from '@plimsoll/model'

/** `@every` counts from the run before; the others name minutes of a zone's clock. */
export type CronSchedule = { readonly kind: 'every'; readonly delay: Ms } | FieldSchedule

interface FieldSchedule {
  readonly kind: 'fields'
  readonly clock: LocalClock
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly days: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  readonly weekdays: ReadonlySet<number>
  /** Both day fields were given: either suffices. */
  readonly eitherDay: boolean
}

const macros: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** undefined when the text is not a schedule, or nobody knows the zone. UTC when none is given. */
export function parseCron(text: string, timeZone?: string): CronSchedule | undefined {
  const every = /^@every\s+(\S+)$/.exec(text.trim())?.[1]
  if (every !== undefined) {
    const delay = parseGoDuration(every)
    return delay === undefined || delay < 0
      ? undefined
      : { kind: 'every', delay: ms(Math.max(1000, delay - (delay % 1000))) }
  }
  const clock = localClock(timeZone)
  if (clock === undefined) return undefined
  const fields = (own(macros, text.trim()) ?? text).trim().split(/\s+/)
  if (fields.length !== 5) return undefined
  const minutes = parseField(fields[0]!, 0, 59)
  const hours = parseField(fields[1]!, 0, 23)
  const days = parseField(fields[2]!, 1, 31)
  const months = parseField(fields[3]!, 1, 12, monthNames, 1)
  const weekdays = parseField(fields[4]!, 0, 6, dayNames, 0)
  if (minutes === undefined || hours === undefined || days === undefined) return undefined
  if (months === undefined || weekdays === undefined) return undefined
  // A star counts as none only without a step.
  const open = (field: string): boolean => field.split(',').some((part) => /^[*?](\/1)?$/.test(part))
  return {
    kind: 'fields',
    clock,
    minutes,
    hours,
    days,
    months,
    weekdays,
    eitherDay: !open(fields[2]!) && !open(fields[4]!),
  }
}

function parseField(
  field: string,
  least: number,
  most: number,
  names: readonly string[] = [],
  base = 0,
): Set<number> | undefined {
  const values = new Set<number>()
  const valueOf = (text: string): number => {
    const named = names.indexOf(text.toLowerCase())
    return named >= 0 ? named + base : /^\d+$/.test(text) ? Number(text) : NaN
  }
  for (const part of field.split(',')) {
    const [range = '', stepText] = part.split('/')
    const step = stepText === undefined ? 1 : Number(stepText)
    const [from = '', to] = range.split('-')
    const open = range === '*' || range === '?'
    const first = open ? least : valueOf(from)
    const last = open ? most : to !== undefined ? valueOf(to) : stepText === undefined ? first : most
    if (!(step >= 1) || !(first >= least) || !(last <= most) || first > last) return undefined
    for (let value = first; value <= last; value += step) values.add(value)
  }
  return values
}

/** The first time after `after` that the schedule names; undefined when there is none within five years. */
export function nextRun(schedule: CronSchedule, after: Ms): Ms | undefined {
  if (schedule.kind === 'every') return ms(after - (after % 1000) + schedule.delay)
  const { clock } = schedule
  const lastYear = clock.read(after).year + 5
  // Real minutes go by while the clock's hands may jump: an hour that is left out runs nothing, one that comes twice twice.
  for (let at = (Math.floor(after / minuteMs) + 1) * minuteMs; ;) {
    const hands = clock.read(at)
    if (hands.year > lastYear) return undefined
    if (!schedule.months.has(hands.month) || !dayMatches(schedule, hands)) at = nextMidnight(clock, at, hands)
    else if (!schedule.hours.has(hands.hour)) at += (60 - hands.minute) * minuteMs
    else if (!schedule.minutes.has(hands.minute)) at += minuteMs
    else return ms(at)
  }
}

function dayMatches(schedule: FieldSchedule, hands: Hands): boolean {
  const day = schedule.days.has(hands.day)
  const weekday = schedule.weekdays.has(hands.weekday)
  return schedule.eitherDay ? day || weekday : day && weekday
}

/** The beginning of the next day, or, where the clock is set back before midnight, a moment before it. */
function nextMidnight(clock: LocalClock, at: number, hands: Hands): number {
  const there = at + ((24 - hands.hour) * 60 - hands.minute) * minuteMs
  const { hour, minute, day } = clock.read(there)
  // The clock was set ahead on the way.
  const back = there - (hour * 60 + minute) * minuteMs
  return hour > 0 && hour < 3 && clock.read(back).day === day ? back : there
}

const minuteMs = 60_000

interface Hands {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  /** From 0, Sunday. */
  readonly weekday: number
  readonly hour: number
  readonly minute: number
}

interface LocalClock {
  /** What the zone's clocks show at an instant. */
  read(at: number): Hands
}

const utcClock: LocalClock = {
  read: (at) => {
    const date = new Date(at)
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      weekday: date.getUTCDay(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
    }
  },
}

/** How far the zone's clocks are ahead of UTC at an instant, in minutes; undefined for a zone that nobody knows. */
export function zoneOffset(timeZone: string, at: number): number | undefined {
  const format = formatOf(timeZone)
  if (format === undefined) return undefined
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts
  return (Date.UTC(year, month - 1, day, hour, minute) - Math.floor(at / minuteMs) * minuteMs) / minuteMs
}

function localClock(timeZone: string | undefined): LocalClock | undefined {
  if (timeZone === undefined || timeZone === 'UTC' || timeZone === 'Etc/UTC') return utcClock
  if (formatOf(timeZone) === undefined) return undefined
  return { read: (at) => utcClock.read(at + zoneOffset(timeZone, at)! * minuteMs) }
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>()

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(timeZone)) formats.set(timeZone, newFormat(timeZone))
  return formats.get(timeZone)
}

function newFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const digits = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-US', { ...digits, hourCycle: 'h23', timeZone })
  } catch {
    return undefined
  }
}
