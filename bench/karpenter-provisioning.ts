// Upstream's scheduling benchmark: pods of five kinds, or with wishes, onto new nodes of 400 instance types.
//
// Timed from ready pod objects to the plan: pools, topologies and the pods' classes are compiled within. Upstream times
// only its Solve, with all of that made before; its own figure on such machines is about 1,000 pods a second.
import { provision, type ProvisioningPool, type ProvisioningResult } from '@plimsoll/engine'
import { intersects, Requirements, type Pod } from '@plimsoll/model'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import { diversePods, fakeInstanceTypes, fakeLabels, preferencePods } from './karpenter-workloads.ts'

const smallMax = 200
const instanceTypes = fakeInstanceTypes(400)

// In a namespace of its own, every round has pods whose words nobody saw before: no class is left from the last one.
let rounds = 0

function measure(make: (namespace: string) => Pod[], preferences: 'Respect' | 'Ignore'): BenchResult {
  const pods = make(`bench-${rounds++}`)
  const pool: ProvisioningPool = {
    name: 'default',
    requirements: Requirements.none,
    limits: { cpu: '10000000', memory: '10000000Gi' },
    instanceTypes,
  }
  const begun = performance.now()
  const result = provision({ pods, pools: [pool], preferences, registry: fakeLabels })
  const elapsed = performance.now() - begun
  return {
    figures: {
      elapsed,
      podsPerSecond: pods.length / (elapsed / 1000),
      nodes: result.claims.length,
      usdPerHour: result.claims.reduce((sum, claim) => sum + cheapest(claim), 0),
      unplaced: result.unplaced.length,
    },
    answer: JSON.stringify(
      result.claims.map(({ pods, instanceTypes, requirements }) => [
        pods.map((pod) => pod.metadata.name),
        instanceTypes.map((type) => type.name),
        requirements.text(),
      ]),
    ),
  }
}

/** The least that a node of the claim costs. */
function cheapest({ instanceTypes, requirements }: ProvisioningResult['claims'][number]): number {
  let least = Infinity
  for (const type of instanceTypes) {
    for (const offering of type.offerings) {
      if (!offering.available || offering.price >= least) continue
      if (intersects(requirements, offering.requirements) === undefined) least = offering.price
    }
  }
  return least
}

const diverse = [1, 50, 100, 500, 1000, 2000, 5000, 10_000, 20_000].map((count): BenchCase => ({
  name: `karpenter: ${count.toLocaleString('en-US')} diverse pods`,
  run: async (size: BenchSize) => measure((namespace) => diversePods(sizeOf(count, size), namespace), 'Respect'),
}))

const wishes = (['Respect', 'Ignore'] as const).map((policy): BenchCase => ({
  name: `karpenter: 4,000 preference pods, ${policy}`,
  run: async (size: BenchSize) => measure((namespace) => preferencePods(sizeOf(4000, size), namespace), policy),
}))

function sizeOf(count: number, size: BenchSize): number {
  return size === 'full' ? count : Math.min(count, smallMax)
}

export const karpenterProvisioning: readonly BenchCase[] = [...diverse, ...wishes]
