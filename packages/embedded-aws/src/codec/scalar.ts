import type { TimestampFormat } from './shape.ts'

/** A request that does not fit its schema; the protocol decides how that is told. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly problem: 'missing' | 'malformed'
  /** The parameter as the wire names it. */
  readonly parameter: string
  readonly value: string | undefined

  constructor(problem: 'missing' | 'malformed', parameter: string, value?: string) {
    super(`${parameter} is ${problem}`)
    this.problem = problem
    this.parameter = parameter
    this.value = value
  }
}

export function parseNumber(text: string, parameter: string): number {
  if (/^(NaN|-?Infinity)$/.test(text) || /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text)
  throw new CodecError('malformed', parameter, text)
}

export function parseBoolean(text: string, parameter: string): boolean {
  switch (text.toLowerCase()) {
    case 'true':
      return true
    case 'false':
      return false
    default:
      throw new CodecError('malformed', parameter, text)
  }
}

export function parseTimestamp(value: string | number, parameter: string): Date {
  const isEpoch = typeof value === 'number' || /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)
  const date = isEpoch ? new Date(Math.round(Number(value) * 1000)) : new Date(value)
  if (Number.isNaN(date.getTime())) throw new CodecError('malformed', parameter, String(value))
  return date
}

export function formatTimestamp(date: Date, format: TimestampFormat): string {
  switch (format) {
    case 'date-time':
      return date.toISOString()
    case 'http-date':
      return date.toUTCString()
    case 'epoch':
      return String(date.getTime() / 1000)
  }
}

export function decodeBase64(text: string, parameter: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    throw new CodecError('malformed', parameter, text)
  }
}

/** Of bytes, or of a text's UTF-8. */
export function encodeBase64(value: unknown): string {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : (value as Uint8Array)
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
