import type {
  DeviceClass,
  DeviceConstraint,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceV1ResourceClaim,
} from '@plimsoll/model'
import type { CapacityRequests } from './capacity.ts'
import { compileSelector, type Selector } from './selector.ts'

/** The most devices that one claim may have (resource.k8s.io/v1: AllocationResultsMaxSize). */
export const claimDevicesMax = 32

/** An alternative of a request, or the request itself where it has none. */
export interface CompiledRequest {
  /** As results name it: `request` or `request/alternative`. */
  readonly name: string
  readonly parent: string
  /** Of the class, then of the request. */
  readonly selectors: readonly { readonly selector: Selector; readonly where: string }[]
  /** Equal numbers, equal selectors: a device remembers by it. */
  readonly selectorsId: number
  readonly all: boolean
  /** How many devices; 0 where all that match are asked for. */
  readonly count: number
  readonly adminAccess: boolean
  readonly tolerations: readonly DeviceToleration[]
  readonly capacity: CapacityRequests | undefined
  readonly deviceClass: DeviceClass
}

export interface CompiledClaim {
  readonly claim: ResourceV1ResourceClaim
  /** `namespace/name`. */
  readonly key: string
  readonly requests: readonly {
    readonly name: string
    /** In order of preference; one where the request says `exactly`. */
    readonly alternatives: readonly CompiledRequest[]
    readonly hasAlternatives: boolean
  }[]
  readonly constraints: readonly CompiledConstraint[]
  /** Equal numbers, equal wishes, as long as the classes stay as they are. */
  readonly shape: number
  /** Whether some request is for all devices. */
  readonly asksForAll: boolean
}

export interface CompiledConstraint {
  readonly kind: 'match' | 'distinct'
  /** Full name. */
  readonly attribute: string
  /** Requests (`request` or `request/alternative`) that it holds for; empty means all. */
  readonly requests: ReadonlySet<string>
}

/** Why a claim cannot be allocated on any node. `failed` where it is in error, and not only in want of something. */
export interface ClaimProblem {
  readonly problem: string
  readonly failed: boolean
}

/** Resolves classes and compiles selectors (kubernetes/kubernetes: DynamicResources.PreFilter, validateDeviceRequest). */
export function compileClaim(
  claim: ResourceV1ResourceClaim,
  classNamed: (name: string) => DeviceClass | undefined,
): CompiledClaim | ClaimProblem {
  const key = `${claim.metadata.namespace}/${claim.metadata.name}`
  const { requests = [], constraints = [] } = claim.spec.devices ?? {}
  const compiled = []
  for (const { name, exactly, firstAvailable = [] } of requests) {
    const wanted = exactly !== undefined ? [{ ...exactly, name: '' }] : firstAvailable
    if (wanted.length === 0) return waiting(`resource claim ${key}, request ${name}: unknown request type`)
    const alternatives: CompiledRequest[] = []
    for (const one of wanted) {
      const fullName = one.name === '' ? name : `${name}/${one.name}`
      if (one.deviceClassName === '') return failed(`request ${fullName}: unsupported request type`)
      const deviceClass = classNamed(one.deviceClassName)
      if (deviceClass === undefined) {
        return waiting(`request ${fullName}: device class ${one.deviceClassName} does not exist`)
      }
      const request = compileRequest(one, deviceClass, { key, fullName, parent: name })
      if ('problem' in request) return request
      alternatives.push(request)
    }
    compiled.push({ name, alternatives, hasAlternatives: exactly === undefined })
  }
  const compiledConstraints: CompiledConstraint[] = []
  for (const [index, constraint] of constraints.entries()) {
    const one = compileConstraint(constraint)
    if (one === undefined) {
      return failed(`claim ${key}, constraint #${index}: empty constraint (unsupported constraint type?)`)
    }
    compiledConstraints.push(one)
  }
  return {
    claim,
    key,
    requests: compiled,
    constraints: compiledConstraints,
    shape: shapes.idOf(JSON.stringify(claim.spec.devices ?? {})),
    asksForAll: compiled.some(({ alternatives }) => alternatives.some((request) => request.all)),
  }
}

function compileRequest(
  request: Omit<ExactDeviceRequest, 'adminAccess'> & {
    readonly name: string
    readonly adminAccess?: boolean | undefined
  },
  deviceClass: DeviceClass,
  names: { readonly key: string; readonly fullName: string; readonly parent: string },
): CompiledRequest | ClaimProblem {
  const { key, fullName, parent } = names
  const own = request.name === '' ? parent : request.name
  const selectors: { selector: Selector; where: string }[] = []
  for (const [index, { cel }] of (deviceClass.spec.selectors ?? []).entries()) {
    const where = `class ${deviceClass.metadata.name}: selector #${index}`
    if (cel === undefined) return failed(`${where}: CEL expression empty (unsupported selector type?)`)
    selectors.push({ selector: compileSelector(cel.expression), where })
  }
  for (const [index, { cel }] of (request.selectors ?? []).entries()) {
    if (cel === undefined) {
      const reason = 'CEL expression empty (unsupported selector type?)'
      return failed(`claim ${key}, request ${own}, selector #${index}: ${reason}`)
    }
    selectors.push({ selector: compileSelector(cel.expression), where: `claim ${key}: selector #${index}` })
  }
  const mode = request.allocationMode ?? 'ExactCount'
  if (mode !== 'ExactCount' && mode !== 'All') {
    return failed(`claim ${key}, request ${own}: unsupported count mode ${mode}`)
  }
  return {
    name: fullName,
    parent,
    selectors,
    selectorsId: selectorLists.idOf(JSON.stringify(selectors.map(({ selector }) => selector.expression))),
    all: mode === 'All',
    count: mode === 'All' ? 0 : (request.count ?? 1),
    adminAccess: request.adminAccess === true,
    tolerations: request.tolerations ?? [],
    capacity: request.capacity?.requests,
    deviceClass,
  }
}

function compileConstraint(constraint: DeviceConstraint): CompiledConstraint | undefined {
  const { matchAttribute, distinctAttribute } = constraint
  const requests = new Set(constraint.requests)
  if (matchAttribute !== undefined) return { kind: 'match', attribute: matchAttribute, requests }
  if (distinctAttribute !== undefined) return { kind: 'distinct', attribute: distinctAttribute, requests }
  return undefined
}

function waiting(problem: string): ClaimProblem {
  return { problem, failed: false }
}

function failed(problem: string): ClaimProblem {
  return { problem, failed: true }
}

/** Numbers for texts. They are never given twice, so that a forgotten text only costs what is remembered by its number. */
class Numbers {
  readonly #ids = new Map<string, number>()
  #given = 0

  idOf(text: string): number {
    let id = this.#ids.get(text)
    if (id === undefined) {
      if (this.#ids.size >= remembered) this.#ids.clear()
      this.#ids.set(text, (id = this.#given++))
    }
    return id
  }
}

const remembered = 10_000
const selectorLists = new Numbers()
const shapes = new Numbers()

/** Of claims that are wanted together. */
export function shapeOf(claims: readonly CompiledClaim[]): number {
  return claims.length === 1 ? claims[0]!.shape : shapes.idOf(claims.map((claim) => claim.shape).join(','))
}
