import { usdPerHour } from '@plimsoll/model'
import type { NodePrices } from '../src/cluster/node-prices.ts'

const perHour: { readonly [instanceType: string]: number } = {
  'm6a.xlarge': 0.1728,
  'c6g.large': 0.068,
  't3.medium': 0.0416,
}

/** Spot costs half, and is an estimate; a Fargate vCPU 4 cents and a gigabyte one; Auto Mode a cent more. */
export const testPrices: NodePrices = {
  pricePerHour(machine) {
    if (machine.kind === 'fargate')
      return { usdPerHour: usdPerHour(machine.vcpu * 0.04 + machine.gigabytes * 0.01), estimated: false }
    const list = perHour[machine.instanceType]
    if (list === undefined) return undefined
    const spot = machine.purchase === 'spot'
    return { usdPerHour: usdPerHour((spot ? list / 2 : list) + (machine.autoMode ? 0.01 : 0)), estimated: spot }
  },
}
