// What a claim's status says of its devices (kubernetes/dynamic-resource-allocation:structured/internal/experimental,
// allocator_experimental.go, Allocate and createNodeSelector).

import {
  formatQuantity,
  parseQuantity,
  type AllocationResult,
  type Device,
  type DeviceAllocationConfiguration,
  type DeviceRequestAllocationResult,
  type NodeSelector,
  type NodeSelectorRequirement,
} from '@plimsoll/model'
import type { AllocatedDevice } from './allocator.ts'
import type { Amounts } from './capacity.ts'
import type { CompiledClaim } from './compiled-claim.ts'

/** Of one claim. `newShareId` names the parts that are had of shared devices. */
export function allocationResult(
  claim: CompiledClaim,
  devices: readonly AllocatedDevice[],
  nodeName: string,
  newShareId: () => string,
): AllocationResult {
  const results = devices.map((device) => deviceResult(device, newShareId))
  const config = configurations(claim, devices)
  const nodeSelector = availability(devices, nodeName)
  return {
    devices: { results, ...(config.length === 0 ? {} : { config }) },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
  }
}

function deviceResult(
  { request, device, consumed }: AllocatedDevice,
  newShareId: () => string,
): DeviceRequestAllocationResult {
  const { bindingConditions, bindingFailureConditions } = device.device
  const { tolerations } = request
  return {
    request: request.name,
    driver: device.driver,
    pool: device.pool,
    device: device.name,
    ...(request.adminAccess ? { adminAccess: true } : {}),
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(bindingConditions === undefined ? {} : { bindingConditions }),
    ...(bindingFailureConditions === undefined ? {} : { bindingFailureConditions }),
    ...(device.shared ? { shareID: newShareId() } : {}),
    ...(consumed === undefined || consumed.size === 0 ? {} : { consumedCapacity: quantities(device.device, consumed) }),
  }
}

/** In the form of the capacity that they are a part of. */
function quantities(device: Device, amounts: Amounts): { readonly [name: string]: string } {
  const texts: Record<string, string> = {}
  for (const [name, nano] of amounts) {
    const { format } = parseQuantity(device.capacity![name]!.value) ?? { format: 'DecimalSI' }
    texts[name] = formatQuantity({ nano, format })
  }
  return texts
}

/** Of the classes first, each once with the requests that use it; then of the claim, where it concerns what was chosen. */
function configurations(claim: CompiledClaim, devices: readonly AllocatedDevice[]): DeviceAllocationConfiguration[] {
  const chosen = claim.requests.map(
    ({ alternatives }) =>
      alternatives.find((one) => devices.some(({ request }) => request === one)) ?? alternatives[0]!,
  )
  const config: DeviceAllocationConfiguration[] = []
  for (const deviceClass of new Set(chosen.map((request) => request.deviceClass))) {
    const requests = chosen.filter((request) => request.deviceClass === deviceClass).map((request) => request.name)
    for (const one of deviceClass.spec.config ?? []) config.push({ source: 'FromClass', requests, ...one })
  }
  for (const one of claim.claim.spec.devices?.config ?? []) {
    const { requests = [] } = one
    const concerned = chosen.filter(({ name, parent }) => requests.includes(parent) || requests.includes(name))
    const times = requests.length === 0 ? 1 : concerned.length
    for (let i = 0; i < times; i++) config.push({ source: 'FromClaim', ...one })
  }
  return config
}

/** Where the devices can be reached from; undefined when from everywhere. */
function availability(devices: readonly AllocatedDevice[], nodeName: string): NodeSelector | undefined {
  const matchFields: NodeSelectorRequirement[] = []
  const matchExpressions: NodeSelectorRequirement[] = []
  for (const { device } of devices) {
    const { slice, device: published } = device
    const where = slice.spec.perDeviceNodeSelection === true ? published : slice.spec
    if (where.nodeName !== undefined || published.bindsToNode === true) return namedNode(nodeName)
    // The API admits one term only.
    const term = where.nodeSelector?.nodeSelectorTerms[0]
    if (term === undefined) continue
    addNew(matchFields, term.matchFields)
    addNew(matchExpressions, term.matchExpressions)
  }
  if (matchFields.length + matchExpressions.length === 0) return undefined
  return {
    nodeSelectorTerms: [
      {
        ...(matchFields.length === 0 ? {} : { matchFields }),
        ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
      },
    ],
  }
}

function namedNode(name: string): NodeSelector {
  return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] }
}

function addNew(to: NodeSelectorRequirement[], from: readonly NodeSelectorRequirement[] | undefined): void {
  for (const requirement of from ?? []) {
    const text = JSON.stringify(requirement)
    if (!to.some((known) => JSON.stringify(known) === text)) to.push(requirement)
  }
}
