export interface Priorities {
  readonly list: readonly { readonly priority: number; readonly patterns: readonly RegExp[] }[]
}

/**
 * The value of the priority expander's ConfigMap: whole numbers, each with a list of patterns. This is the small part
 * of YAML that such maps are written in: block lists, flow lists, quoted or plain text, comments.
 */
export function parsePriorities(text: string): Priorities | { readonly error: string } {
  const list: { priority: number; patterns: RegExp[] }[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const at = `line ${i + 1}`
    const content = withoutComment(line)
    if (content.trim() === '') continue
    const head = /^\s*["']?([+-]?\d+)["']?\s*:\s*(.*)$/.exec(content)
    const item = /^\s*-\s+(.*)$/.exec(content)
    if (head !== null) {
      const entry = { priority: Number(head[1]), patterns: [] as RegExp[] }
      list.push(entry)
      const flow = /^\[(.*)\]$/.exec(head[2]!.trim())
      if (flow === null && head[2]!.trim() !== '') return { error: `${at}: expected a list, found ${head[2]!.trim()}` }
      const items = flow === null || flow[1]!.trim() === '' ? [] : flow[1]!.split(',')
      for (const pattern of items) {
        const error = addPattern(entry.patterns, pattern)
        if (error !== undefined) return { error: `${at}: ${error}` }
      }
    } else if (item !== null) {
      const entry = list.at(-1)
      if (entry === undefined) return { error: `${at}: a pattern before any priority` }
      const error = addPattern(entry.patterns, item[1]!)
      if (error !== undefined) return { error: `${at}: ${error}` }
    } else return { error: `${at}: expected a priority or a pattern, found ${content.trim()}` }
  }
  return list.length === 0 ? { error: 'priority configuration in the configmap is empty' } : { list }
}

function addPattern(patterns: RegExp[], text: string): string | undefined {
  const quoted = /^'(.*)'$|^"(.*)"$/.exec(text.trim())
  const source = quoted === null ? text.trim() : (quoted[1] ?? quoted[2]!)
  try {
    patterns.push(new RegExp(source))
    return undefined
  } catch {
    return `invalid regular expression ${JSON.stringify(source)}`
  }
}

function withoutComment(line: string): string {
  return /^\s*#/.test(line) ? '' : line.replace(/\s+#.*$/, '')
}
