import type { NodeRow } from './cluster-view.ts'

/**
 * `text` finds nodes by a part of their name; `key=text` by a label whose key is `key`, or ends in `/key`, and whose
 * value contains the text. Upper and lower case are alike. Empty finds all.
 */
export function filterRows(rows: readonly NodeRow[], filter: string): readonly NodeRow[] {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return rows
  const equals = wanted.indexOf('=')
  if (equals < 0) return rows.filter(({ facts }) => facts.name.toLowerCase().includes(wanted))
  const key = wanted.slice(0, equals)
  const value = wanted.slice(equals + 1)
  return rows.filter(({ facts }) =>
    Object.entries(facts.labels).some(([label, text]) => {
      const name = label.toLowerCase()
      return (name === key || name.endsWith(`/${key}`)) && text.toLowerCase().includes(value)
    }),
  )
}
