import {
  Deployments,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
  type KubeObject,
  type ResourceType,
} from '@plimsoll/model'

/** A workload whose replicas follow the size of the cluster. */
export interface ScaleTarget {
  /** As given, in lower case: `deployment`. */
  readonly kind: string
  /** Empty when none was given: every request is refused then, as upstream's is. */
  readonly name: string
  readonly resource: ResourceType<KubeObject>
}

const kinds: { readonly [kind: string]: ResourceType<KubeObject> } = {
  deployment: Deployments,
  replicaset: ReplicaSets,
  replicationcontroller: ReplicationControllers,
  // Upstream's client knows them and its flag check does not let them through.
  statefulset: StatefulSets,
}

/** `rollouts.v1alpha1.argoproj.io`: what kubectl calls a fully specified resource, for anything with a scale subresource. */
const fullySpecified = /^([a-z0-9-]+)\.(v[a-z0-9]+)\.([a-z0-9-]+(?:\.[a-z0-9-]+)*)$/

export const targetFormatError =
  "Target format error. Please use 'deployment/*,replicationcontroller/*,replicaset/*' (not case sensitive, comma delimiter supported)."

/** Whether the flag may be set to this lower-cased text (upstream: options.go, isTargetFormatValid): prefixes only. */
export function isTargetFormatValid(text: string): boolean {
  return elements(text).every((element) => {
    const slash = element.indexOf('/')
    return slash >= 0 && resourceOf(element.slice(0, slash)) !== undefined
  })
}

/** The targets of a lower-cased text (upstream: k8sclient.go, getScaleTargets), or why there are none. */
export function parseTargets(
  text: string,
): { readonly targets: readonly ScaleTarget[] } | { readonly problem: string } {
  const targets: ScaleTarget[] = []
  for (const element of elements(text)) {
    const parts = element.split('/')
    const [kind = '', name = ''] = parts
    const resource = resourceOf(kind)
    if (parts.length !== 2 || resource === undefined) return { problem: `target format error: ${text}` }
    targets.push({ kind, name, resource })
  }
  return { targets }
}

function elements(text: string): string[] {
  return text.split(',').map((element) => element.trim())
}

function resourceOf(kind: string): ResourceType<KubeObject> | undefined {
  if (Object.hasOwn(kinds, kind)) return kinds[kind]
  const match = fullySpecified.exec(kind)
  if (match === null) return undefined
  const [, plural = '', version = '', group = ''] = match
  // The kind is not known and not needed: the scale subresource is a Scale, whatever it belongs to.
  return { group, version, plural, kind: plural, namespaced: true }
}
