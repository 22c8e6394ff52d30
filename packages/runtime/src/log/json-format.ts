import type { Ms } from '@plimsoll/model'
import type { LogRecord } from '@plimsoll/ports'
import { objectName } from './fact-value.ts'
import { callerText } from './klog-format.ts'

/**
 * A record as `--logging-format=json` prints it: ts (milliseconds), caller, msg, v (absent for errors), then the facts
 * (kubernetes/component-base:logs/json/json.go).
 */
export function jsonText(record: LogRecord, now: Ms): string {
  const line: { [key: string]: unknown } = { ts: now, caller: callerText(record.source), msg: record.message }
  if (record.severity === 'info') line['v'] = record.verbosity
  for (const [key, value] of Object.entries(record.facts)) line[key] = jsonValue(value)
  return JSON.stringify(line)
}

function jsonValue(value: unknown): unknown {
  if (value instanceof Error) return value.message
  if (typeof value === 'bigint') return String(value)
  const name = objectName(value)
  if (name === undefined) return value === undefined ? null : value
  const slash = name.indexOf('/')
  return slash === -1 ? { name } : { name: name.slice(slash + 1), namespace: name.slice(0, slash) }
}
