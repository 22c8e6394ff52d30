import type { Taint } from '@plimsoll/model'

/** Which taints are meant: what is undefined may be anything. */
export interface TaintPattern {
  readonly key: string | undefined
  readonly value: string | undefined
  readonly effect: Taint['effect'] | undefined
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
const form = /^(?:([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)(?:=([-A-Za-z0-9_.]*))?)?(?::([A-Za-z]+))?$/

/** Reads `key`, `key:Effect`, `key=value:Effect` and `:Effect`; empty texts are passed over. */
export function parseTaintPatterns(
  texts: readonly string[],
): { readonly patterns: readonly TaintPattern[] } | { readonly problem: string } {
  const patterns: TaintPattern[] = []
  for (const text of texts.map((each) => each.trim()).filter((each) => each !== '')) {
    const match = form.exec(text)
    const [, key, value, effect] = match ?? []
    if (match === null || (effect !== undefined && !effects.includes(effect)))
      return {
        problem: `found ${JSON.stringify(text)}; accepted: key, key:Effect, key=value:Effect or :Effect, where Effect is ${effects.join(', ')}`,
      }
    patterns.push({ key, value, effect })
  }
  return { patterns }
}

export function matchesTaint({ key, value, effect }: TaintPattern, taint: Taint): boolean {
  return (
    (key === undefined || key === taint.key) &&
    (value === undefined || value === (taint.value ?? '')) &&
    (effect === undefined || effect === taint.effect)
  )
}
