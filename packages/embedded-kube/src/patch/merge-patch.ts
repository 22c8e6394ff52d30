import { own, setOwn } from '@plimsoll/model'
import { isFields } from '../object.ts'

/** RFC 7386. Shares what the patch leaves alone; the target is not changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const merged: Record<string, unknown> = { ...(isFields(target) ? target : {}) }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else if (value !== undefined) setOwn(merged, name, mergePatch(own(merged, name), value))
  }
  return merged
}
