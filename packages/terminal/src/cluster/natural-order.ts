const chunks = /\d+|\D+/g

/** Compares texts as people number things: `node-9` comes before `node-10`. */
export function naturalOrder(a: string, b: string): number {
  if (a === b) return 0
  const left = a.match(chunks) ?? []
  const right = b.match(chunks) ?? []
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const l = left[i]!
    const r = right[i]!
    if (l === r) continue
    if (isDigit(l) && isDigit(r)) {
      const digits = l.replace(/^0+(?=\d)/, '')
      const others = r.replace(/^0+(?=\d)/, '')
      // Of any length: no number holds an account id of twenty digits.
      if (digits.length !== others.length) return digits.length - others.length
      if (digits !== others) return digits < others ? -1 : 1
      continue
    }
    return l < r ? -1 : 1
  }
  return left.length - right.length || (a < b ? -1 : 1)
}

function isDigit(text: string): boolean {
  return text >= '0' && text < ':'
}
