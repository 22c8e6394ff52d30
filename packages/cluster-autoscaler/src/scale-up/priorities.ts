import { parse } from 'yaml'

export interface Priorities {
  readonly list: readonly { readonly priority: number; readonly patterns: readonly RegExp[] }[]
}

/** The value of the priority expander's ConfigMap: a YAML map of whole numbers to lists of unanchored patterns. */
export function parsePriorities(text: string): Priorities | { readonly error: string } {
  let content: unknown
  try {
    content = parse(text, { mapAsMap: true })
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
  if (content === null || content === undefined) return { error: 'priority configuration in the configmap is empty' }
  if (!(content instanceof Map)) return { error: 'expected a map of priorities to lists of patterns' }
  const list: { priority: number; patterns: RegExp[] }[] = []
  for (const [key, value] of content as Map<unknown, unknown>) {
    const priority = Number(key)
    if (!Number.isInteger(priority)) return { error: `${String(key)} is no whole number` }
    if (!Array.isArray(value)) return { error: `priority ${priority}: expected a list of patterns` }
    const patterns: RegExp[] = []
    for (const source of value as unknown[]) {
      try {
        patterns.push(new RegExp(String(source)))
      } catch {
        return { error: `priority ${priority}: invalid regular expression ${JSON.stringify(source)}` }
      }
    }
    list.push({ priority, patterns })
  }
  return { list }
}
