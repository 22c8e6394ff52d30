/**
 * Both lists as one without repetition: those in `wanted` in its order, the others in their place among those that
 * were there before (as strategic merge patch and server-side apply order merged lists).
 */
export function placeAmong(present: readonly string[], wanted: readonly string[]): string[] {
  const position = new Map(present.map((id, i) => [id, i]))
  const asked = new Set(wanted)
  const others = present.filter((id) => !asked.has(id))
  const result: string[] = []
  let left = 0
  let right = 0
  while (left < others.length && right < wanted.length) {
    const at = position.get(wanted[right]!)
    result.push(at !== undefined && position.get(others[left]!)! < at ? others[left++]! : wanted[right++]!)
  }
  return [...result, ...others.slice(left), ...wanted.slice(right)]
}
