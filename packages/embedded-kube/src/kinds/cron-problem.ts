// Why a text is no schedule, in the words of robfig/cron:parser.go.
import { parseGoDuration } from '@plimsoll/model'

interface Range {
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const ranges: readonly Range[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
]
const descriptors = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'])

/** undefined when the text is a schedule. */
export function cronProblem(text: string): string | undefined {
  if (text.startsWith('@')) {
    if (descriptors.has(text)) return undefined
    if (!text.startsWith('@every ')) return `unrecognized descriptor: ${text}`
    const delay = text.slice('@every '.length)
    return parseGoDuration(delay) === undefined
      ? `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(delay)}`
      : undefined
  }
  const fields = text.split(/\s+/).filter((field) => field !== '')
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`
  for (const [i, field] of fields.entries()) {
    for (const part of field.split(',').filter((p) => p !== '')) {
      const problem = rangeProblem(part, ranges[i]!)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

function rangeProblem(text: string, range: Range): string | undefined {
  const rangeAndStep = text.split('/')
  const [span = '', step] = rangeAndStep
  const ends = span.split('-')
  const single = ends.length === 1
  let start: number
  let end: number
  if (ends[0] === '*' || ends[0] === '?') {
    start = range.min
    end = range.max
  } else {
    const first = numberOf(ends[0]!, range.names)
    if (typeof first === 'string') return first
    start = first
    if (ends.length > 2) return `too many hyphens: ${text}`
    const last = single ? first : numberOf(ends[1]!, range.names)
    if (typeof last === 'string') return last
    end = last
  }
  if (rangeAndStep.length > 2) return `too many slashes: ${text}`
  let stride = 1
  if (step !== undefined) {
    const parsed = numberOf(step, undefined)
    if (typeof parsed === 'string') return parsed
    stride = parsed
    if (single) end = range.max
  }
  if (start < range.min) return `beginning of range (${start}) below minimum (${range.min}): ${text}`
  if (end > range.max) return `end of range (${end}) above maximum (${range.max}): ${text}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`
  return stride === 0 ? `step of range should be a positive number: ${text}` : undefined
}

/** The number, or why there is none. */
function numberOf(text: string, names: readonly string[] | undefined): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1
  if (named >= 0) return named + (names === months ? 1 : 0)
  if (/^[+-]?\d+$/.test(text)) {
    const value = Number(text)
    return value < 0 ? `negative number (${value}) not allowed: ${text}` : value
  }
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`
}
