// The part of kubectl's JSONPath that printer columns use: .field, ['field'], [n], [*], .* and [?(@.field=="value")].

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly at: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown }

export type JsonPath = (value: unknown) => readonly unknown[]

/** Compiles `.status.conditions[?(@.type=="Ready")].status`; undefined when it is malformed. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps = parseSteps(text.replace(/^\{(.*)\}$/s, '$1').replace(/^\$/, ''))
  return steps === undefined ? undefined : (value) => follow(steps, value)
}

const stepShape =
  /\.?\[\?\(@((?:[^()"']|"[^"]*"|'[^']*')*?)(?:\s*(==|!=|<=|>=|<|>)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s)]+))?\)\]|\.?\[(-?\d+)\]|\.?\[\*\]|\.\*|\.?\[(?:'([^']*)'|"([^"]*)")\]|\.((?:\\.|[^.[\\])+)/gy

function parseSteps(text: string): Step[] | undefined {
  const steps: Step[] = []
  const shape = new RegExp(stepShape)
  let at = 0
  while (at < text.length) {
    shape.lastIndex = at
    const match = shape.exec(text)
    if (match === null) return undefined
    at = shape.lastIndex
    const [whole, inFilter, operator, literal, index, single, double, field] = match
    const name = single ?? double ?? field?.replace(/\\(.)/g, '$1')
    if (whole.includes('[?(')) {
      const path = parseSteps(inFilter!.trim())
      if (path === undefined) return undefined
      steps.push({ kind: 'filter', path, operator: operator ?? 'exists', value: literalOf(literal ?? '') })
    } else if (index !== undefined) steps.push({ kind: 'index', at: Number(index) })
    else if (name !== undefined) steps.push({ kind: 'field', name })
    else steps.push({ kind: 'all' })
  }
  return steps
}

function literalOf(text: string): unknown {
  if (/^'.*'$|^".*"$/s.test(text)) return text.slice(1, -1).replace(/\\(.)/g, '$1')
  if (text === 'true' || text === 'false') return text === 'true'
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text)
}

function follow(steps: readonly Step[], value: unknown): readonly unknown[] {
  let values: readonly unknown[] = [value]
  for (const step of steps) values = values.flatMap((found) => take(step, found))
  return values
}

function take(step: Step, value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const list = Array.isArray(value) ? (value as readonly unknown[]) : undefined
  switch (step.kind) {
    case 'field': {
      const found = Object.hasOwn(value, step.name) ? (value as Record<string, unknown>)[step.name] : undefined
      return found === undefined ? [] : [found]
    }
    case 'index': {
      const found = list?.at(step.at)
      return found === undefined ? [] : [found]
    }
    case 'all':
      return Object.values(value)
    case 'filter':
      return (list ?? []).filter((item) => holds(step.operator, follow(step.path, item), step.value))
  }
}

function holds(operator: string, found: readonly unknown[], value: unknown): boolean {
  const [first] = found
  if (operator === 'exists') return found.length > 0
  if (first === undefined) return false
  if (operator === '==') return first === value
  if (operator === '!=') return first !== value
  const [left, right] = [first as number, value as number]
  if (operator === '<') return left < right
  if (operator === '<=') return left <= right
  return operator === '>' ? left > right : left >= right
}
