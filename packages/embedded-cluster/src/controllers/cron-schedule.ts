// Cron expressions as Kubernetes takes them (robfig/cron:parser.go, ParseStandard; spec.go, Next). Times are UTC.
import { ms, type Ms } from '@plimsoll/model'

export interface CronSchedule {
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

/** undefined when the text is not a schedule. */
export function parseCron(text: string): CronSchedule | undefined {
  const fields = (macros[text.trim()] ?? text).trim().split(/\s+/)
  if (fields.length !== 5) return undefined
  const minutes = parseField(fields[0]!, 0, 59)
  const hours = parseField(fields[1]!, 0, 23)
  const days = parseField(fields[2]!, 1, 31)
  const months = parseField(fields[3]!, 1, 12, monthNames, 1)
  const weekdays = parseField(fields[4]!, 0, 7, dayNames, 0)
  if (minutes === undefined || hours === undefined || days === undefined) return undefined
  if (months === undefined || weekdays === undefined) return undefined
  if (weekdays.has(7)) weekdays.add(0)
  const open = (field: string): boolean => field.startsWith('*') || field.startsWith('?')
  return { minutes, hours, days, months, weekdays, eitherDay: !open(fields[2]!) && !open(fields[4]!) }
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
  const at = new Date(Math.floor(after / 60_000) * 60_000 + 60_000)
  const limit = at.getUTCFullYear() + 5
  while (at.getUTCFullYear() <= limit) {
    if (!schedule.months.has(at.getUTCMonth() + 1)) at.setTime(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1))
    else if (!dayMatches(schedule, at)) at.setTime(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1))
    else if (!schedule.hours.has(at.getUTCHours())) at.setUTCHours(at.getUTCHours() + 1, 0)
    else if (!schedule.minutes.has(at.getUTCMinutes())) at.setUTCMinutes(at.getUTCMinutes() + 1)
    else return ms(at.getTime())
  }
  return undefined
}

function dayMatches(schedule: CronSchedule, at: Date): boolean {
  const day = schedule.days.has(at.getUTCDate())
  const weekday = schedule.weekdays.has(at.getUTCDay())
  return schedule.eitherDay ? day || weekday : day && weekday
}
