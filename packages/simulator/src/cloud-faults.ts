// Faults that stand on the cluster's fault board, as faults of the embedded cloud.
import { assert } from '@plimsoll/model'
import { faultText, type Fault } from '@plimsoll/embedded-cluster'
import type { CapacityPool, Faults } from '@plimsoll/embedded-aws'

/** Called with all that the cloud is to suffer; what was there before and is no longer named ends. */
export function applyCloudFaults(faults: Faults): (wanted: readonly Fault[]) => void {
  const ends = new Map<string, () => void>()
  return (wanted) => {
    const texts = new Set(wanted.map(faultText))
    for (const [text, end] of ends) {
      if (texts.has(text)) continue
      ends.delete(text)
      end()
    }
    for (const fault of wanted) {
      const text = faultText(fault)
      if (!ends.has(text)) ends.set(text, begin(faults, fault))
    }
  }
}

/** Returns what ends it. */
function begin(faults: Faults, { name, parameters }: Fault): () => void {
  if (name === 'insufficient-capacity') {
    const { type, zone, lifecycle } = parameters
    const pool: CapacityPool = {
      ...(type === undefined ? {} : { instanceType: type }),
      ...(zone === undefined ? {} : { zone }),
      ...(lifecycle === undefined ? {} : { lifecycle: lifecycle as 'on-demand' | 'spot' }),
    }
    faults.setCapacity(pool, Number(parameters['left'] ?? 0))
    return () => faults.setCapacity(pool, undefined)
  }
  if (name === 'vcpu-limit') {
    faults.setVcpuLimit(Number(parameters['max'] ?? 0))
    return () => faults.setVcpuLimit(undefined)
  }
  assert(name === 'throttling', 'there is no other fault of the cloud')
  const { service, operation, rate } = parameters
  return faults.add({
    ...(service === undefined ? {} : { service }),
    ...(operation === undefined ? {} : { operation }),
    throttled: true,
    ...(rate === undefined ? {} : { rate: Number(rate) }),
  })
}
