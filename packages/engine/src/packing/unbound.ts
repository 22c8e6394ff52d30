import type { Pod } from '@plimsoll/model'
import { declareAlike } from '../pod-class.ts'

const copies = new WeakMap<Pod, Pod>()

/** The pod as if it were pending; the same copy each time. */
export function unbound(pod: Pod): Pod {
  if (pod.spec.nodeName === undefined) return pod
  let copy = copies.get(pod)
  if (copy === undefined) {
    const { nodeName: _, ...spec } = pod.spec
    copy = { ...pod, spec }
    declareAlike(copy, pod)
    copies.set(pod, copy)
  }
  return copy
}
