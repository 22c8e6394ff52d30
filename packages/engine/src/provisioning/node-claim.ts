// What of a planned claim is written to the API: labels, annotations, requirements and requests of its NodeClaim.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/nodeclaimtemplate.go (ToNodeClaim).
import {
  any,
  compatible,
  coreLabels,
  formatQuantity,
  labelKeys,
  parseQuantity,
  requirement,
  withMinValues,
  type DrawBelow,
  type LabelRegistry,
  type Labels,
  type RequirementEntry,
  type ResourceList,
} from '@plimsoll/model'
import type { PlannedClaim } from './input.ts'
import { simulatedKeys } from './pool.ts'
import { capacityTypeOf } from './reservations.ts'

export interface NodeClaimParts {
  readonly labels: Labels
  readonly annotations: Labels
  readonly requirements: readonly RequirementEntry[]
  readonly requests: ResourceList
}

/** `random` chooses values for labels of the user's own that a pool leaves open. */
export function nodeClaimParts(
  claim: PlannedClaim,
  random: DrawBelow,
  registry: LabelRegistry = coreLabels,
): NodeClaimParts {
  const { pool, instanceTypes } = claim
  const named = requirement(
    labelKeys.instanceType,
    'In',
    instanceTypes.map((type) => type.name),
  )
  const minValues = claim.requirements.get(labelKeys.instanceType).minValues
  let requirements = claim.requirements.and([withMinValues(named, minValues)])
  const capacityTypes = new Set<string>()
  for (const { offerings } of instanceTypes) {
    for (const offering of offerings) {
      if (!offering.available) continue
      if (compatible(requirements, offering.requirements, registry.wellKnown) !== undefined) continue
      capacityTypes.add(capacityTypeOf(offering))
    }
  }
  if (capacityTypes.size > 0) {
    requirements = requirements.and([requirement(labelKeys.capacityType, 'In', [...capacityTypes])])
  }
  const labels: { [key: string]: string } = { ...pool.labels, [labelKeys.nodePool]: pool.name }
  if (pool.nodeClass !== undefined) labels[pool.nodeClass.label] = pool.nodeClass.name
  for (const one of requirements) {
    const { key } = one
    if (registry.wellKnown.has(key) || registry.restricted.has(key) || simulatedKeys.includes(key)) continue
    const value = any(one, random)
    if (value !== '') labels[key] = value
  }
  const annotations: { [key: string]: string } = {
    'karpenter.sh/nodeclaim-min-values-relaxed': String(claim.minValuesRelaxed),
  }
  if (instanceTypes.some((type) => type.offerings.some((one) => one.priceOverlayApplied === true))) {
    annotations['karpenter.sh/price-overlay-applied'] = 'true'
  }
  if (instanceTypes.some((type) => type.capacityOverlayApplied === true)) {
    annotations['karpenter.sh/capacity-overlay-applied'] = 'true'
  }
  if (claim.deviceDrivers.length > 0) {
    annotations['karpenter.sh/requested-dra-drivers'] = claim.deviceDrivers.join(',')
  }
  return {
    labels,
    annotations,
    requirements: requirements.without(...simulatedKeys, labelKeys.hostname).entries(),
    requests: Object.fromEntries([...claim.requests].map(([name, amount]) => [name, quantityText(name, amount)])),
  }
}

/** CPU in cores, bytes in powers of two. */
function quantityText(name: string, amount: number): string {
  const inBytes = name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')
  const { nano } = parseQuantity(name === 'cpu' ? `${amount}m` : String(amount))!
  return formatQuantity({ nano, format: inBytes ? 'BinarySI' : 'DecimalSI' })
}
