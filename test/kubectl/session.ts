// A session at a shell, as text: commands, and below each what it printed.

export interface Entry {
  /** Lines above the command that explain it, without their `## `. */
  readonly comments: readonly string[]
  readonly command: string
}

/** What a command printed, by the version of the client that ran it. */
export type Printed = ReadonlyMap<string, string>

/**
 * The commands of a session. `$ ` begins one, `> ` goes on with it, `## ` explains the next; all other lines are what
 * was printed, and are left away.
 */
export function entriesOf(text: string): Entry[] {
  const entries: Entry[] = []
  let comments: string[] = []
  let command: string[] = []
  const close = (): void => {
    if (command.length > 0) entries.push({ comments, command: command.join('\n') })
    if (command.length > 0) comments = []
    command = []
  }
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) {
      close()
      command.push(line.slice(2))
    } else if (line.startsWith('> ') || line === '>') {
      command.push(line.slice(2))
    } else {
      close()
      if (line.startsWith('## ')) comments.push(line.slice(3))
    }
  }
  close()
  return entries
}

/** The session with what was printed; versions that printed the same stand together. */
export function rendered(entries: readonly Entry[], printed: readonly Printed[]): string {
  const blocks = entries.map(({ comments, command }, index) => {
    const byText = new Map<string, string[]>()
    for (const [version, text] of printed[index]!) byText.set(text, [...(byText.get(text) ?? []), version])
    const outputs =
      byText.size === 1
        ? [...byText.keys()]
        : [...byText].map(([text, versions]) => [`[${versions.join(' ')}]`, text].filter(Boolean).join('\n'))
    const explained = comments.length === 0 ? [] : [comments.map((line) => `## ${line}`).join('\n') + '\n']
    const typed = command
      .split('\n')
      .map((line, at) => (at === 0 ? `$ ${line}` : `> ${line}`.trimEnd()))
      .join('\n')
    return [...explained, typed, ...outputs.filter(Boolean)].join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

const masks: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g, '<time>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uid>'],
  [/\b[0-9a-f]{64}\b/g, '<hash>'],
  [/(resourceVersion"?: ?)"\d+"/g, '$1"<rv>"'],
  [/\b127\.0\.0\.1:\d+/g, '127.0.0.1:<port>'],
  [/\b192\.168\.\d+\.\d+\b/g, '<ip>'],
  [/\b10\.100\.\d+\.\d+\b/g, '<cluster ip>'],
  // What generateName appends.
  [/-[bcdfghjklmnpqrstvwxz2456789]{5}(?![A-Za-z0-9])/g, '-xxxxx'],
  [/\b[WIE]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /g, '<log> '],
  [/(Resource Version: +)\d+/g, '$1<rv>'],
  // How long a pull took, with what the machine was late by.
  [/ in \d+(\.\d+)?m?s \(\d+(\.\d+)?m?s including waiting\)/g, ' in <duration> (<duration> including waiting)'],
  // Ages, but not the milli-CPUs of `kubectl top`.
  [/(?<=^|[\s(])(\d+d)?(\d+h)?(\d{1,2}m(?!\s+\d+(%|Mi)))?(\d+s)?(?=$|[\s),\]])/g, '<age>'],
]

/** Without what differs from run to run; columns are three blanks apart however wide they are. */
export function masked(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const [, indent, rest] = /^(\s*)(.*)$/.exec(line)!
      return `${indent}${masks.reduce((at, [pattern, mask]) => replaced(at, pattern, mask), rest!).replace(/ {2,}/g, '   ')}`
    })
    .map((line) => line.replaceAll('\t', '   ').trimEnd())
    .join('\n')
    .trimEnd()
}

function replaced(text: string, pattern: RegExp, mask: string): string {
  // The pattern of ages also meets the empty text.
  return text.replace(pattern, (found, ...groups) => (found === '' ? '' : mask.replace('$1', () => String(groups[0]))))
}
