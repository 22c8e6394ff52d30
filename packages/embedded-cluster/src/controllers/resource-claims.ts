// Makes the resource claims that pods ask for by template, and gives back the devices of claims that nobody uses
// (kubernetes/kubernetes:pkg/controller/resourceclaim/controller.go).
import {
  controllerOf,
  keyText,
  Pods,
  ResourceClaims,
  type Json,
  type Pod,
  type PodResourceClaimStatus,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { ignoreNotFound, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { podReference, splitKey } from '../machinery/reference.ts'
import { isPodFinished } from '../pods.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

/** Which of the pod's entries the claim was made for. */
const entryAnnotation = 'resource.kubernetes.io/pod-claim-name'
/** Keeps an allocated claim until its devices are given back. */
const finalizer = 'resource.kubernetes.io/delete-protection'

type Claim = ResourceV1ResourceClaim

export class ResourceClaimController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #pods: Reconciler<string>
  readonly #claims: Reconciler<string>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('resource-claim-controller')
    this.#events = recorderFor(context, this.#kube, 'resource_claim')
    this.#pods = syncing(context, 'resource-claim-pods', (key) => this.#syncPod(key))
    this.#claims = syncing(context, 'resource-claims', (key) => this.#syncClaim(key))
    const { caches } = context
    onChange(caches.pods, (now, was) => {
      const pod = now ?? was!
      if (pod.spec.resourceClaims === undefined) return
      if (now !== undefined && !isPodFinished(now)) this.#pods.add(keyText(now.metadata))
      else for (const key of claimKeysOf(pod)) this.#claims.add(key)
    })
    onChange(caches.resourceClaims, (now) => {
      if (now !== undefined) this.#claims.add(keyText(now.metadata))
    })
    onChange(caches.resourceClaimTemplates, (now) => {
      if (now === undefined) return
      for (const pod of caches.pods.byIndex('namespace', now.metadata.namespace)) {
        const asks = pod.spec.resourceClaims?.some((one) => one.resourceClaimTemplateName === now.metadata.name)
        if (asks === true) this.#pods.add(keyText(pod.metadata))
      }
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods.run(signal), this.#claims.run(signal)])
  }

  async #syncPod(key: string): Promise<void> {
    const pod = this.#context.caches.pods.get(splitKey(key))
    if (pod === undefined || isPodFinished(pod) || pod.metadata.deletionTimestamp !== undefined) return
    const known = pod.status?.resourceClaimStatuses ?? []
    const statuses: PodResourceClaimStatus[] = [...known]
    for (const { name, resourceClaimTemplateName } of pod.spec.resourceClaims ?? []) {
      if (resourceClaimTemplateName === undefined || known.some((status) => status.name === name)) continue
      const resourceClaimName = await this.#claimFor(pod, name, resourceClaimTemplateName)
      if (resourceClaimName === undefined) return
      statuses.push({ name, resourceClaimName })
    }
    if (statuses.length === known.length) return
    const body = { status: { resourceClaimStatuses: statuses as unknown as Json } }
    await this.#kube
      .patch(Pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
      .catch(ignoreNotFound)
  }

  /** The name of the claim that was made for the entry, now or before; undefined when it cannot be made. */
  async #claimFor(pod: Pod, entry: string, templateName: string): Promise<string | undefined> {
    const { namespace, name, uid } = pod.metadata
    const { caches } = this.#context
    const made = caches.resourceClaims
      .byIndex('controller', uid)
      .find(({ metadata }) => metadata.annotations?.[entryAnnotation] === entry)
    if (made !== undefined) return made.metadata.name
    const template = caches.resourceClaimTemplates.get({ namespace, name: templateName })
    if (template === undefined) {
      const why = `resourceclaimtemplate.resource.k8s.io ${JSON.stringify(templateName)} not found`
      const message = `PodResourceClaim ${entry}: resource claim template ${JSON.stringify(templateName)}: ${why}`
      this.#events.event(podReference(pod), 'Warning', 'FailedResourceClaimCreation', message)
      return undefined
    }
    const { labels, annotations } = template.spec.metadata ?? {}
    const created = await this.#kube.create(ResourceClaims, {
      metadata: {
        generateName: `${name}-${entry}-`,
        namespace,
        ...(labels === undefined ? {} : { labels }),
        annotations: { ...annotations, [entryAnnotation]: entry },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }],
      },
      spec: template.spec.spec,
    })
    return created.metadata.name
  }

  async #syncClaim(key: string): Promise<void> {
    const { caches } = this.#context
    let claim = caches.resourceClaims.get(splitKey(key))
    if (claim === undefined) return
    const { namespace } = claim.metadata
    const reservedFor = claim.status?.reservedFor ?? []
    const users = reservedFor.filter(({ name, uid, resource }) => {
      if (resource !== 'pods') return true
      const pod = caches.pods.get({ namespace, name })
      if (pod === undefined || pod.metadata.uid !== uid || isPodFinished(pod)) return false
      // A pod that never got its node and is being deleted will never use it.
      return (pod.spec.nodeName ?? '') !== '' || pod.metadata.deletionTimestamp === undefined
    })
    const free = users.length === 0
    // The scheduler allocates and reserves in one write: what is allocated and reserved for nobody was used before.
    if (users.length < reservedFor.length || (free && claim.status?.allocation !== undefined)) {
      const { allocation, devices, reservedFor: _, ...rest } = claim.status ?? {}
      const status = free ? rest : { ...rest, allocation, devices, reservedFor: users }
      claim = await this.#kube.replace(ResourceClaims, { ...claim, status }, { subresource: 'status' })
      if (free) claim = await this.#unprotect(claim)
    } else if (claim.metadata.deletionTimestamp !== undefined && claim.status?.allocation === undefined) {
      claim = await this.#unprotect(claim)
    }
    const owner = controllerOf(claim)
    if (free && owner?.kind === 'Pod' && claim.metadata.deletionTimestamp === undefined) {
      const pod = caches.pods.get({ namespace, name: owner.name })
      if (pod !== undefined && pod.metadata.uid === owner.uid && isPodFinished(pod)) {
        await this.#kube.remove(ResourceClaims, claim.metadata).catch(ignoreNotFound)
        return
      }
    }
  }

  async #unprotect(claim: Claim): Promise<Claim> {
    if (claim.metadata.finalizers?.includes(finalizer) !== true) return claim
    const finalizers = claim.metadata.finalizers.filter((text) => text !== finalizer)
    return await this.#kube.replace(ResourceClaims, { ...claim, metadata: { ...claim.metadata, finalizers } })
  }
}

function claimKeysOf(pod: Pod): string[] {
  const { namespace } = pod.metadata
  return (pod.spec.resourceClaims ?? []).flatMap((entry) => {
    const made = pod.status?.resourceClaimStatuses?.find(({ name }) => name === entry.name)
    const name = entry.resourceClaimName ?? made?.resourceClaimName
    return name === undefined ? [] : [keyText({ namespace, name })]
  })
}
