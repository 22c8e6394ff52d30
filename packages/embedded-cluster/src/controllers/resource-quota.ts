// Counts what resource quotas limit (kubernetes/kubernetes:pkg/controller/resourcequota). New objects are charged by the API
// server as they are admitted; what is counted here is what became free, and what was there before the quota.
import {
  addExact,
  amountsText,
  countsTowards,
  exactAmounts,
  isInScopes,
  ms,
  own,
  quotaUsage,
  ResourceQuotas,
  type CustomResourceDefinition,
  type ExactAmounts,
  type ExactQuantity,
  type KubeObject,
  type Ms,
  type QuotaType,
  type ResourceQuota,
  type ResourceType,
} from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { Informer, type Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished } from '../pods.ts'
import { syncing, type Controller, type ControllerContext } from './controller.ts'

/** --resource-quota-sync-period: everything is counted again so often. */
const fullCountPeriod = ms(5 * 60_000)
/** Namespaces with so many objects are counted once a second at most. */
const manyObjects = 1000
const restBetweenCounts = ms(1000)

const nothing: ExactQuantity = { nano: 0n, format: 'DecimalSI' }
const pods: QuotaType = { group: '', plural: 'pods' }
const services: QuotaType = { group: '', plural: 'services' }
const claims: QuotaType = { group: '', plural: 'persistentvolumeclaims' }
/** Counted under their own names as well. */
const bare = ['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']
/** The versions in which the built-in groups are read. */
const versions: { readonly [group: string]: string } = {
  '': 'v1',
  apps: 'v1',
  autoscaling: 'v2',
  batch: 'v1',
  'coordination.k8s.io': 'v1',
  'discovery.k8s.io': 'v1',
  'networking.k8s.io': 'v1',
  policy: 'v1',
  'rbac.authorization.k8s.io': 'v1',
  'resource.k8s.io': 'v1',
  'storage.k8s.io': 'v1',
}
const definitionType: ResourceType<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

export class ResourceQuotaController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #loop: Reconciler<string>
  /** Of the kinds that some quota counts, beyond those that everybody has a copy of; undefined for kinds that there are not. */
  readonly #others = new Map<string, Promise<Informer<KubeObject> | undefined>>()
  readonly #countedLast = new Map<string, { readonly at: Ms; readonly objects: number }>()
  #signal: AbortSignal = AbortSignal.abort()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('resourcequota-controller')
    this.#loop = syncing(context, 'resourcequota', (key) => this.#sync(key))
    const { caches } = context
    onChange(caches.quotas, (now, was) => {
      const key = keyOfObject(now ?? was!)
      if (now === undefined) this.#countedLast.delete(key)
      else if (was === undefined || was.spec !== now.spec) this.#loop.add(key)
    })
    onChange(caches.pods, (now, was) => {
      if (was === undefined) return
      const resized = now !== undefined && now.spec.containers !== was.spec.containers
      if (now === undefined || isPodFinished(now) !== isPodFinished(was) || resized) this.#replenish(pods, was)
    })
    onChange(caches.services, (now, was) => {
      if (was !== undefined && was.spec !== now?.spec) this.#replenish(services, was)
    })
    onChange(caches.claims, (now, was) => {
      if (was !== undefined && was.spec !== now?.spec) this.#replenish(claims, was)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    return this.#loop.run(signal)
  }

  /** Something became free, or may have. */
  #replenish(type: QuotaType, object: KubeObject): void {
    for (const quota of this.#context.caches.quotas.byIndex('namespace', object.metadata.namespace ?? '')) {
      const names = Object.keys(quota.spec?.hard ?? {})
      if (!names.some((name) => countsTowards(type, name)) || !isInScopes(quota.spec, type, object)) continue
      const key = keyOfObject(quota)
      const last = this.#countedLast.get(key)
      const rested = last === undefined || last.objects < manyObjects
      if (rested) this.#loop.add(key)
      else this.#loop.queue.addAfter(key, ms(Math.max(0, last.at + restBetweenCounts - this.#context.clock.now())))
    }
  }

  async #sync(key: string): Promise<Ms | undefined> {
    const quota = this.#context.caches.quotas.get(splitKey(key))
    if (quota === undefined) return undefined
    const hard = exactAmounts(quota.spec?.hard)
    const used = await this.#count(quota, key, [...hard.keys()])
    // The quota may have been charged meanwhile: then the write is a conflict, and all is counted anew.
    const known = exactAmounts(quota.status?.used)
    const kept = new Map([...hard.keys()].map((name) => [name, used.get(name) ?? known.get(name)] as const))
    const next = new Map([...kept].filter((entry): entry is [string, ExactQuantity] => entry[1] !== undefined))
    if (!sameAmounts(hard, exactAmounts(quota.status?.hard)) || !sameAmounts(next, known)) {
      const status = { hard: amountsText(hard), used: amountsText(next) }
      try {
        await this.#kube.replace(ResourceQuotas, { ...quota, status }, { subresource: 'status' })
      } catch (error) {
        if (!isKubeFailure(error, 'notFound')) throw error
      }
    }
    return fullCountPeriod
  }

  async #count(quota: ResourceQuota, key: string, names: readonly string[]): Promise<ExactAmounts> {
    const { namespace } = quota.metadata
    const now = this.#context.clock.now()
    const used = new Map<string, ExactQuantity>()
    let objects = 0
    const count = (type: QuotaType, found: readonly KubeObject[]): void => {
      const wanted = names.filter((name) => countsTowards(type, name))
      if (wanted.length === 0) return
      for (const name of wanted) used.set(name, nothing)
      for (const object of found) {
        objects++
        if (!isInScopes(quota.spec, type, object)) continue
        for (const [name, quantity] of quotaUsage(type, object, now)) {
          const before = used.get(name)
          if (before !== undefined) used.set(name, addExact(before, quantity))
        }
      }
    }
    const { caches } = this.#context
    const others = await Promise.all(
      otherTypes(names).map(async (type) => ({ type, informer: await this.#informerOf(type) })),
    )
    for (const { type, informer } of others)
      if (informer !== undefined) count(type, informer.byIndex('namespace', namespace))
    count(pods, caches.pods.byIndex('namespace', namespace))
    count(services, caches.services.byIndex('namespace', namespace))
    count(
      claims,
      caches.claims.items().filter((claim) => claim.metadata.namespace === namespace),
    )
    this.#countedLast.set(key, { at: now, objects })
    return used
  }

  #informerOf(type: QuotaType): Promise<Informer<KubeObject> | undefined> {
    const id = `${type.group}/${type.plural}`
    let informer = this.#others.get(id)
    if (informer === undefined) this.#others.set(id, (informer = this.#startInformer(type)))
    return informer
  }

  async #startInformer(type: QuotaType): Promise<Informer<KubeObject> | undefined> {
    const version = own(versions, type.group) ?? (await this.#customVersion(type))
    if (version === undefined) {
      this.#others.delete(`${type.group}/${type.plural}`)
      return undefined
    }
    const informer = new Informer<KubeObject>(
      this.#kube,
      { ...type, version, kind: '', namespaced: true },
      {
        clock: this.#context.clock,
        log: this.#context.log,
        random: this.#context.random.split(`quota/${type.plural}`),
        indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ''] },
      },
    )
    await informer.start(this.#signal)
    informer.subscribe({ deleted: (object) => this.#replenish(type, object) })
    return informer
  }

  async #customVersion({ group, plural }: QuotaType): Promise<string | undefined> {
    const { items } = await this.#kube.list(definitionType)
    const definition = items.find(({ spec }) => spec.group === group && spec.names.plural === plural)
    return definition?.spec.versions.find((version) => version.served)?.name
  }
}

/** The kinds that are counted by number alone. */
function otherTypes(names: readonly string[]): QuotaType[] {
  const types = new Map<string, QuotaType>()
  for (const name of names) {
    const counted = bare.includes(name) ? `count/${name}` : name
    if (!counted.startsWith('count/')) continue
    const text = counted.slice('count/'.length)
    const dot = text.indexOf('.')
    const type = dot < 0 ? { group: '', plural: text } : { group: text.slice(dot + 1), plural: text.slice(0, dot) }
    if (type.group === '' && [pods, services, claims].some(({ plural }) => plural === type.plural)) continue
    types.set(text, type)
  }
  return [...types.values()]
}

function sameAmounts(a: ExactAmounts, b: ExactAmounts): boolean {
  return a.size === b.size && [...a].every(([name, quantity]) => b.get(name)?.nano === quantity.nano)
}
