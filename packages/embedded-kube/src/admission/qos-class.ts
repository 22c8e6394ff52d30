import { parseQuantity } from '@plimsoll/model'
import { fieldsOf, listOf, type Fields } from '../object.ts'

const counted = ['cpu', 'memory']

/** kubernetes/kubernetes:pkg/apis/core/v1/helper/qos/qos.go, ComputePodQOS. */
export function qosClass(spec: Fields): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const totals = { requests: new Map<string, bigint>(), limits: new Map<string, bigint>() }
  let guaranteed = true
  for (const field of ['containers', 'initContainers']) {
    for (const container of listOf(spec[field])) {
      const resources = fieldsOf(container['resources'])
      for (const kind of ['requests', 'limits'] as const) {
        const list = fieldsOf(resources[kind])
        for (const name of counted) {
          const nano = parseQuantity((list[name] ?? '0') as string)?.nano ?? 0n
          if (nano > 0n) totals[kind].set(name, (totals[kind].get(name) ?? 0n) + nano)
          else if (kind === 'limits') guaranteed = false
        }
      }
    }
  }
  if (totals.requests.size === 0 && totals.limits.size === 0) return 'BestEffort'
  const equalTotals =
    totals.requests.size === totals.limits.size &&
    [...totals.requests].every(([name, total]) => totals.limits.get(name) === total)
  return guaranteed && equalTotals ? 'Guaranteed' : 'Burstable'
}
