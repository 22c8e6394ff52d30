// ResourceQuotas: what an object costs is checked against and added to what is used in one step, so that quotas hold however
// many clients create at a time (kubernetes/apiserver:pkg/admission/plugin/resourcequota/controller.go, CheckRequest).
// What becomes free again is counted by the quota controller.
import {
  amountsText,
  countsTowards,
  exactAmounts,
  formatQuantity,
  isInScopes,
  quotaUsage,
  sumAmounts,
  unsaidForQuota,
  type ExactAmounts,
  type ExactQuantity,
  type Ms,
  type ResourceQuota,
} from '@plimsoll/model'
import { forbidden } from '../errors.ts'
import type { StoredObject } from '../object.ts'
import type { ResourceInfo } from '../resource-info.ts'
import type { Store } from '../store/store.ts'

export interface Charged {
  readonly object: StoredObject
  /** What is written over; undefined for a new object. */
  readonly old: StoredObject | undefined
  readonly subresource: string | undefined
  /** Checks, and charges nothing. */
  readonly dryRun: boolean
  readonly now: Ms
}

/** Charges the quotas of the object's namespace. @throws {KubeError} forbidden */
export function chargeQuotas(store: Store, info: ResourceInfo, charged: Charged): void {
  if (!info.namespaced) return
  const namespace = charged.object.metadata.namespace ?? ''
  const quotas = store.collection('', 'resourcequotas')
  if (quotas.sizeOf(namespace) === 0 || !isHandled(info, charged)) return
  const { object, old, now } = charged
  const type = { group: info.storage.group, plural: info.plural }
  const refuse = (why: string): never => {
    throw forbidden(info, object.metadata.name, why)
  }
  const usage = quotaUsage(type, object, now)
  const more = old === undefined ? usage : increase(usage, quotaUsage(type, old, now))
  const writes: (() => void)[] = []
  for (const stored of quotas.list({ namespace, matches: undefined, name: undefined, nodeName: undefined })) {
    const { metadata, spec, status } = stored as unknown as ResourceQuota
    const hard = exactAmounts(status?.hard)
    const names = [...hard.keys()].filter((name) => countsTowards(type, name))
    if (names.length === 0 || !isInScopes(spec, type, object)) continue
    const unsaid = unsaidForQuota(type, names, object)
    if (unsaid !== undefined) refuse(`failed quota: ${metadata.name}: ${unsaid}`)
    const used = exactAmounts(status?.used)
    if (names.some((name) => !used.has(name))) {
      refuse(`status unknown for quota: ${metadata.name}, resources: ${names.toSorted().join(',')}`)
    }
    // An object that came into the quota's scopes only now is new to it.
    const delta = old !== undefined && isInScopes(spec, type, old) ? more : usage
    const asked = new Map([...delta].filter(([name, { nano }]) => nano !== 0n && hard.has(name)))
    if (asked.size === 0) continue
    const sum = sumAmounts(used, asked, () => true)
    const exceeded = [...asked.keys()].filter((name) => sum.get(name)!.nano > hard.get(name)!.nano).sort()
    if (exceeded.length > 0 && charged.subresource !== 'status') {
      const text = (amounts: ExactAmounts): string =>
        exceeded.map((name) => `${name}=${formatQuantity(amounts.get(name)!)}`).join(',')
      refuse(`exceeded quota: ${metadata.name}, requested: ${text(asked)}, used: ${text(used)}, limited: ${text(hard)}`)
    }
    writes.push(() => {
      const next = { ...stored, status: { ...stored.status, used: amountsText(sum) } }
      store.put({ collection: quotas, namespace, name: metadata.name }, stored, next)
    })
  }
  if (!charged.dryRun) for (const write of writes) write()
}

/** Most objects cost something when they come; these also when they grow. */
function isHandled(info: ResourceInfo, { object, old, subresource }: Charged): boolean {
  if (old === undefined) return subresource === undefined
  if (info.group !== '') return false
  switch (info.plural) {
    case 'pods': {
      if (subresource === 'resize') return true
      const deadline = (pod: StoredObject): boolean => pod.spec?.['activeDeadlineSeconds'] !== undefined
      return subresource === undefined && deadline(object) !== deadline(old)
    }
    case 'services':
    case 'persistentvolumeclaims':
      return subresource === undefined
    default:
      return false
  }
}

/** What is asked beyond what was asked before, never less than nothing. */
function increase(now: ExactAmounts, before: ExactAmounts): ExactAmounts {
  const result = new Map<string, ExactQuantity>()
  for (const [name, { nano, format }] of now) {
    const more = nano - (before.get(name)?.nano ?? 0n)
    result.set(name, { nano: more > 0n ? more : 0n, format })
  }
  return result
}
