// The count of a DaemonSet's templates, which clusters of long ago told pods by
// (kubernetes/kubernetes:pkg/registry/apps/daemonset/strategy.go, PrepareForCreate and PrepareForUpdate).
import { equal, withMeta, type StoredObject } from '../object.ts'

const annotation = 'deprecated.daemonset.template.generation'

/** Counts from 1, or from what the object came with, and one more for each change of the template. */
export function withTemplateGeneration(set: StoredObject, old: StoredObject | undefined): StoredObject {
  const before = (old ?? set).metadata.annotations?.[annotation] ?? ''
  const known = /^\d+$/.test(before) ? Number(before) : 0
  const changed = old !== undefined && !equal(set.spec?.['template'], old.spec?.['template'])
  const value = String(changed ? known + 1 : Math.max(known, old === undefined ? 1 : known))
  if (set.metadata.annotations?.[annotation] === value) return set
  return withMeta(set, { annotations: { ...set.metadata.annotations, [annotation]: value } })
}
