// JSON.parse keeps the last of two equal keys in silence; strict decoding must tell.

const token = /[{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+/g

interface Level {
  /** Keys seen; undefined in a list. */
  readonly keys: Set<string> | undefined
  readonly path: string
  index: number
  key: string
}

/** The paths at which a key of a well-formed JSON text comes twice. */
export function duplicateFields(json: string): readonly string[] {
  const found: string[] = []
  const levels: Level[] = []
  let expectsKey = false
  for (const [text] of json.matchAll(token)) {
    const level = levels.at(-1)
    switch (text) {
      case '{':
      case '[':
        levels.push({ keys: text === '{' ? new Set() : undefined, path: pathAt(level), index: 0, key: '' })
        expectsKey = text === '{'
        break
      case '}':
      case ']':
        levels.pop()
        expectsKey = false
        break
      case ',':
        if (level !== undefined) level.index++
        expectsKey = level?.keys !== undefined
        break
      case ':':
        expectsKey = false
        break
      default: {
        if (!expectsKey || level?.keys === undefined) break
        level.key = JSON.parse(text) as string
        if (level.keys.has(level.key)) found.push(pathAt(level))
        level.keys.add(level.key)
      }
    }
  }
  return found
}

function pathAt(level: Level | undefined): string {
  if (level === undefined) return ''
  if (level.keys === undefined) return `${level.path}[${level.index}]`
  return level.path === '' ? level.key : `${level.path}.${level.key}`
}
