import type { Ms } from '@plimsoll/model'
import type { LogRecord, LogSeverity } from '@plimsoll/ports'
import { objectName } from './fact-value.ts'

const letters: Record<LogSeverity, string> = { info: 'I', warning: 'W', error: 'E', fatal: 'F' }

/**
 * A record as klog prints it, in UTC and with thread 1: `I1123 21:42:18.000000       1 loop.go:274] text`
 * (kubernetes/klog:internal/buffer/buffer.go, FormatHeader). With facts it is klog's structured form: the message
 * quoted, then ` key="value"` each (internal/serialize/keyvalues.go). A source that names no line stands at line 1: those who
 * parse such headers demand one.
 */
export function klogText(record: LogRecord, now: Ms): string {
  const iso = new Date(now).toISOString()
  const header = `${letters[record.severity]}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 23)}000       1`
  const source = callerText(record.source)
  const facts = Object.entries(record.facts)
  if (facts.length === 0) return `${header} ${source}] ${record.message}`
  // klog's ErrorS puts the error first.
  if (record.severity === 'error') facts.sort(([a], [b]) => Number(b === 'err') - Number(a === 'err'))
  const text = facts.map(([key, value]) => ` ${key}=${valueText(value)}`).join('')
  return `${header} ${source}] ${quote(record.message)}${text}`
}

/** `file:line`; line 1 where the source names none. */
export function callerText(source: string): string {
  return /:\d+$/.test(source) ? source : `${source}:1`
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return '<nil>'
  if (typeof value === 'string') return stringText(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Error) return stringText(value.message)
  const name = objectName(value)
  return name === undefined ? JSON.stringify(value) : quote(name)
}

/** Several lines are indented below the key, so that they can be read. */
function stringText(text: string): string {
  if (!text.includes('\n')) return quote(text)
  return `<\n\t${text.replace(/\n$/, '').replaceAll('\n', '\n\t')}\n >`
}

/** As Go's strconv.Quote. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/\\\\|\\u00([01][0-9a-f])|\x7f/g, (match, hex: string | undefined) => {
    if (match === '\\\\') return match
    if (hex === undefined) return '\\x7f'
    return hex === '07' ? '\\a' : hex === '0b' ? '\\v' : `\\x${hex}`
  })
}
