// The templates that a StatefulSet or DaemonSet had, as ControllerRevisions that kubectl can show and go back to
// (kubernetes/kubernetes:pkg/controller/history/controller_history.go; statefulset/stateful_set_utils.go, getPatch).
import {
  controllerOf,
  ControllerRevisions,
  labelSelectorMatches,
  type ControllerRevision,
  type DaemonSet,
  type Draft,
  type OwnerReference,
  type PodTemplateSpec,
  type ResourceType,
  type StatefulSet,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { onChange, type Caches } from '../caches.ts'
import { keyOfObject } from '../machinery/reference.ts'
import { safeDigits } from './deployment-plan.ts'
import { controllerReference } from './pod-control.ts'

type Owner = StatefulSet | DaemonSet

/** Carries the hash that a revision's name ends in. */
export const revisionHashLabel = 'controller.kubernetes.io/hash'
/** On a pod: which revision it was made from. */
export const podRevisionLabel = 'controller-revision-hash'

const texts = new WeakMap<PodTemplateSpec, string>()

/** The patch that brings a set back to this template, letter for letter as Go writes it: keys sorted, no spaces. */
export function revisionText(template: PodTemplateSpec): string {
  let text = texts.get(template)
  if (text === undefined) {
    text = goJson({ spec: { template: { ...template, $patch: 'replace' } } })
    texts.set(template, text)
  }
  return text
}

const dataTexts = new WeakMap<ControllerRevision, string>()

function textOf(revision: ControllerRevision): string {
  let text = dataTexts.get(revision)
  if (text === undefined) {
    text = goJson(revision.data)
    dataTexts.set(revision, text)
  }
  return text
}

function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`
  if (typeof value === 'string') return goString(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, field]) => `${goString(key)}:${goJson(field)}`).join(',')}}`
}

/** Go writes what HTML might take for markup as escapes. */
function goString(text: string): string {
  const escapes = /[<>&\u2028\u2029]/g
  return JSON.stringify(text).replace(escapes, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** FNV-1 of the text and the collision count, its digits in letters that spell no words (HashControllerRevision). */
export function revisionHash(text: string, collisions: number): string {
  let h = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`${text}${collisions}`)) h = Math.imul(h, 0x01000193) ^ byte
  return safeDigits(h >>> 0)
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as unknown as { readonly spec: { readonly template: PodTemplateSpec } }
  const { $patch: _, ...template } = data.spec.template as PodTemplateSpec & { readonly $patch?: string }
  return template
}

/** The revisions of the sets of one kind. */
export class ControllerHistory<T extends Owner> {
  readonly #kube: KubeApi
  readonly #caches: Caches
  readonly #type: ResourceType<T>

  /** `enqueue` is called with the key of a set whose revisions changed. */
  constructor(o: {
    readonly kube: KubeApi
    readonly caches: Caches
    readonly type: ResourceType<T>
    readonly enqueue: (key: string) => void
  }) {
    this.#kube = o.kube
    this.#caches = o.caches
    this.#type = o.type
    onChange(o.caches.controllerRevisions, (now, was) => {
      const owner = controllerOf(now ?? was!)
      if (owner?.kind === o.type.kind) o.enqueue(`${(now ?? was!).metadata.namespace}/${owner.name}`)
    })
  }

  /** Oldest first. Those that the set selects and nobody controls are taken in. */
  async revisionsOf(owner: T): Promise<readonly ControllerRevision[]> {
    const { uid, namespace } = owner.metadata
    const { controllerRevisions } = this.#caches
    for (const revision of controllerRevisions.byIndex('orphan', namespace)) {
      if (revision.metadata.deletionTimestamp !== undefined) continue
      if (!labelSelectorMatches(owner.spec.selector, revision.metadata.labels)) continue
      const owners = [...(revision.metadata.ownerReferences ?? []), controllerReference(this.#type, owner)]
      await this.#setOwners(revision, owners)
    }
    return inOrder(controllerRevisions.byIndex('controller', uid))
  }

  async #setOwners(revision: ControllerRevision, owners: readonly OwnerReference[]): Promise<void> {
    const body = { metadata: { uid: revision.metadata.uid, ownerReferences: owners as never } }
    await this.#kube.patch(ControllerRevisions, revision.metadata, { type: 'merge', body }).catch((error: unknown) => {
      if (!isKubeFailure(error, 'notFound', 'conflict')) throw error
    })
  }

  /** Those that hold the set's template as it is. */
  matching(owner: T, revisions: readonly ControllerRevision[]): readonly ControllerRevision[] {
    const text = revisionText(owner.spec.template)
    return revisions.filter((revision) => textOf(revision) === text)
  }

  /** A template that comes back becomes the newest again. */
  async renumber(revision: ControllerRevision, to: number): Promise<ControllerRevision> {
    if (revision.revision === to) return revision
    return this.#kube.replace(ControllerRevisions, { ...revision, revision: to })
  }

  /**
   * Makes a revision of the set's template; `undefined` when the name is taken by another template, and the set has to
   * count a collision.
   */
  async create(
    owner: T,
    o: { readonly hash: string; readonly hashLabel: string; readonly revision: number },
  ): Promise<ControllerRevision | undefined> {
    const { metadata, spec } = owner
    const text = revisionText(spec.template)
    const draft: Draft<ControllerRevision> = {
      metadata: {
        name: `${metadata.name.slice(0, 223)}-${o.hash}`,
        namespace: metadata.namespace,
        labels: { ...spec.template.metadata?.labels, [o.hashLabel]: o.hash },
        ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
        ownerReferences: [controllerReference(this.#type, owner)],
      },
      data: JSON.parse(text) as never,
      revision: o.revision,
    }
    try {
      return await this.#kube.create(ControllerRevisions, draft)
    } catch (error) {
      if (!isKubeFailure(error, 'alreadyExists')) throw error
      const there = await this.#kube.get(ControllerRevisions, draft.metadata as { name: string; namespace: string })
      return textOf(there) === text ? there : undefined
    }
  }

  async remove(revision: ControllerRevision): Promise<void> {
    await this.#kube.remove(ControllerRevisions, revision.metadata).catch(ignoreNotFound)
  }
}

function inOrder(revisions: readonly ControllerRevision[]): ControllerRevision[] {
  return revisions.toSorted((a, b) => {
    if (a.revision !== b.revision) return a.revision - b.revision
    const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
    return left < right ? -1 : left > right ? 1 : keyOfObject(a) < keyOfObject(b) ? -1 : 1
  })
}
