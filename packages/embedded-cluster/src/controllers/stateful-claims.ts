// The volume claims of a stateful pod, and who is to take them along when it goes
// (kubernetes/kubernetes:pkg/controller/statefulset/stateful_set_utils.go). Pure.
import type { Draft, OwnerReference, PersistentVolumeClaim, Pod, PodSpec, StatefulSet, Volume } from '@plimsoll/model'
import { Pods, StatefulSets } from '@plimsoll/model'
import { replicasOf } from './deployment-plan.ts'
import { controllerReference } from './pod-control.ts'

export function ordinalOf(podName: string): number {
  const digits = /-(\d+)$/.exec(podName)?.[1]
  return digits === undefined ? -1 : Number(digits)
}

export function firstOrdinal(set: StatefulSet): number {
  return set.spec.ordinals?.start ?? 0
}

/** Whether the ordinal is one that the set wants. */
export function isWanted(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= firstOrdinal(set) && ordinal < firstOrdinal(set) + replicasOf(set)
}

/** The claims of the pod of that ordinal, in the order of their templates. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly Draft<PersistentVolumeClaim>[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    metadata: {
      name: `${template.metadata.name}-${set.metadata.name}-${ordinal}`,
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    spec: template.spec,
  }))
}

/** The pod's volumes: those of the claims, then the template's others. */
export function volumesOf(set: StatefulSet, spec: PodSpec | undefined, ordinal: number): readonly Volume[] | undefined {
  const templates = set.spec.volumeClaimTemplates ?? []
  if (templates.length === 0) return spec?.volumes
  const names = templates.map((template) => template.metadata.name)
  const claims = claimsOf(set, ordinal)
  return [
    ...names.map((name, i) => ({ name, persistentVolumeClaim: { claimName: claims[i]!.metadata.name! } })),
    ...(spec?.volumes ?? []).filter((volume) => !names.includes(volume.name)),
  ]
}

/** The owners that the claim should have, or undefined when it is to be left as it is. */
export function claimOwners(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Pod,
): readonly OwnerReference[] | undefined {
  const bySet = controllerReference(StatefulSets, set)
  const byPod = controllerReference(Pods, pod)
  const refs = claim.metadata.ownerReferences ?? []
  const isOurs = (ref: OwnerReference): boolean => refersTo(ref, bySet) || refersTo(ref, byPod)
  if (isStale(claim, set, pod)) return undefined
  const { whenScaled, whenDeleted } = retentionOf(set)
  const others = refs.filter((ref) => !isOurs(ref))
  const ours: OwnerReference[] = []
  if (!hasOtherController(claim, set, pod)) {
    const scaledDown = !isWanted(set, ordinalOf(pod.metadata.name))
    if (whenScaled === 'Delete' && scaledDown) ours.push(byPod)
    else if (whenDeleted === 'Delete') ours.push(bySet)
  }
  const before = refs.filter(isOurs)
  const same =
    before.length === ours.length && before.every((ref, i) => ref.uid === ours[i]!.uid && ref.controller === true)
  return same ? undefined : [...others, ...ours]
}

/** An owner of the same name but another life still has the claim. */
export function isStale(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const wanted = [controllerReference(StatefulSets, set), controllerReference(Pods, pod)]
  return (claim.metadata.ownerReferences ?? []).some((ref) =>
    wanted.some((owner) => refersTo(ref, owner) && ref.uid !== owner.uid),
  )
}

/** Somebody else manages the claim, so that the retention policy does not apply to it. */
export function hasOtherController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const { whenScaled, whenDeleted } = retentionOf(set)
  if (whenScaled !== 'Delete' && whenDeleted !== 'Delete') return false
  const wanted = [controllerReference(StatefulSets, set), controllerReference(Pods, pod)]
  return (claim.metadata.ownerReferences ?? []).some((ref) => {
    const mine = wanted.find((owner) => refersTo(ref, owner))
    return mine === undefined ? ref.controller === true : mine.uid !== ref.uid
  })
}

export function retentionOf(set: StatefulSet): { readonly whenScaled: string; readonly whenDeleted: string } {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy
  return { whenScaled: policy?.whenScaled ?? 'Retain', whenDeleted: policy?.whenDeleted ?? 'Retain' }
}

function refersTo(ref: OwnerReference, owner: OwnerReference): boolean {
  return ref.apiVersion === owner.apiVersion && ref.kind === owner.kind && ref.name === owner.name
}
