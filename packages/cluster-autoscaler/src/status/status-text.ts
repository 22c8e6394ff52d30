// The status ConfigMap's YAML as Go writes it: keys in alphabetical order, ambiguous strings in double quotes.

export type StatusValue = string | number | null | StatusRecord | readonly StatusRecord[]
export interface StatusRecord {
  readonly [key: string]: StatusValue | undefined
}

export function statusYaml(record: StatusRecord): string {
  return `${recordLines(record).join('\n')}\n`
}

function recordLines(record: StatusRecord): string[] {
  const lines: string[] = []
  for (const key of Object.keys(record).sort()) {
    const value = record[key]
    if (value === undefined) continue
    if (value === null || typeof value !== 'object') lines.push(`${key}: ${scalar(value)}`)
    else if (isList(value)) {
      lines.push(value.length === 0 ? `${key}: []` : `${key}:`)
      for (const item of value) lines.push(...recordLines(item).map((line, i) => `${i === 0 ? '- ' : '  '}${line}`))
    } else {
      const inner = recordLines(value)
      if (inner.length === 0) lines.push(`${key}: {}`)
      else lines.push(`${key}:`, ...inner.map((line) => `  ${line}`))
    }
  }
  return lines
}

function isList(value: StatusRecord | readonly StatusRecord[]): value is readonly StatusRecord[] {
  return Array.isArray(value)
}

const timestampShape = /^\d{4}-\d\d?-\d\d?([Tt ]\d\d?:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d?(:\d\d)?)?)?$/
const otherTypes =
  /^(|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|y|Y|n|N|[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+|0x[0-9a-fA-F]+|0o?[0-7]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/

function scalar(value: string | number | null): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return String(value)
  if (timestampShape.test(value) || otherTypes.test(value) || /\p{Cc}/u.test(value)) return JSON.stringify(value)
  const plain = !/^[-?:](\s|$)|^[,[\]{}#&*!|>'"%@`\s]|:(\s|$)|\s#|\s$/.test(value)
  return plain ? value : `'${value.replaceAll("'", "''")}'`
}
