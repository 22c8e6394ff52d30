// Prices from the catalogue that the embedded cloud uses too: nobody is asked, so they are there at once and without
// credentials, and they are as old as the catalogue.
import { instanceTypes, onDemandPrice, spotPrice } from '@plimsoll/embedded-aws'
import { usdPerHour } from '@plimsoll/model'
import type { NodePrice, NodePrices, PricedMachine } from '@plimsoll/terminal'

/** us-east-1, Linux on x86, as AWS publishes them. */
const fargateUsdPerVcpu = 0.04048
const fargateUsdPerGigabyte = 0.004445

/** What EKS Auto Mode charges beside the instance: it varies by type around an eighth of the on-demand price. */
const autoModeShare = 0.12

export function cataloguePrices(): NodePrices {
  const known = new Map<string, NodePrice | undefined>()
  return {
    pricePerHour: (machine) => {
      if (machine.kind === 'fargate') return fargatePrice(machine)
      const region = machine.region ?? ''
      const key = `${machine.instanceType} ${machine.purchase} ${region} ${machine.autoMode}`
      if (!known.has(key)) known.set(key, instancePrice(machine, region))
      return known.get(key)
    },
  }
}

function instancePrice(machine: PricedMachine & { readonly kind: 'instance' }, region: string): NodePrice | undefined {
  const type = instanceTypes().get(machine.instanceType)
  if (type === undefined) return undefined
  const list = onDemandPrice(type, region)
  const price = machine.purchase === 'spot' ? spotPrice(type, region) : list
  if (price === undefined || list === undefined || !machine.autoMode) return price
  return { usdPerHour: usdPerHour(price.usdPerHour + list.usdPerHour * autoModeShare), estimated: true }
}

function fargatePrice({ vcpu, gigabytes, region }: PricedMachine & { readonly kind: 'fargate' }): NodePrice {
  return {
    usdPerHour: usdPerHour(vcpu * fargateUsdPerVcpu + gigabytes * fargateUsdPerGigabyte),
    estimated: region !== 'us-east-1',
  }
}
