// The oracle of the allocator: every way to give devices to claims is written down whole, then judged by the rules as the
// API documents them. Slow, and nothing in it is shared with the allocator, but for quantities.

import {
  parseQuantity,
  type Device,
  type DeviceAttribute,
  type DeviceRequestAllocationResult,
  type DeviceToleration,
  type Node,
  type ResourceSlice,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'

type Claim = ResourceV1ResourceClaim

export interface Published {
  readonly slice: ResourceSlice
  readonly device: Device
}

interface Wanted {
  readonly name: string
  readonly parent: string
  readonly selectors: readonly string[]
  readonly all: boolean
  readonly count: number
  readonly admin: boolean
  readonly tolerations: readonly DeviceToleration[]
  readonly capacity: { readonly [name: string]: string | number }
}

export interface Choice {
  readonly claim: number
  readonly request: string
  readonly device: Published
}

export interface NaiveWorld {
  readonly node: Node
  readonly slices: readonly ResourceSlice[]
  /** All that there are; those with an allocation hold their devices. */
  readonly claims: readonly Claim[]
  /** What each selector that may occur means. */
  readonly meaning: { readonly [expression: string]: (device: Device) => boolean }
}

/** Whether the claims can be had together on the node. */
export function naivelyPossible(wanted: readonly Claim[], world: NaiveWorld): boolean {
  return ways(wanted, world).some((choices) => isValid(choices, wanted, world))
}

function ways(wanted: readonly Claim[], world: NaiveWorld): Choice[][] {
  const devices = reachable(world)
  let all: Choice[][] = [[]]
  for (const [claim, { spec }] of wanted.entries()) {
    for (const request of spec.devices?.requests ?? []) {
      const options = wishes(request).flatMap((wish) =>
        subsets(wish, devices, world).map((chosen) => chosen.map((device) => ({ claim, request: wish.name, device }))),
      )
      all = all.flatMap((before) => options.map((option) => [...before, ...option]))
    }
  }
  return all
}

function wishes(request: NonNullable<NonNullable<Claim['spec']['devices']>['requests']>[number]): Wanted[] {
  const one = (of: NonNullable<typeof request.exactly>, name: string): Wanted => ({
    name,
    parent: request.name,
    selectors: (of.selectors ?? []).map((selector) => selector.cel!.expression),
    all: of.allocationMode === 'All',
    count: of.count ?? 1,
    admin: of.adminAccess === true,
    tolerations: of.tolerations ?? [],
    capacity: of.capacity?.requests ?? {},
  })
  if (request.exactly !== undefined) return [one(request.exactly, request.name)]
  return (request.firstAvailable ?? []).map((sub) => one(sub, `${request.name}/${sub.name}`))
}

/** Sets of devices, with repetition only of shared ones. */
function subsets(wish: Wanted, devices: readonly Published[], world: NaiveWorld): Published[][] {
  const fitting = devices.filter(({ device }) => wish.selectors.every((text) => world.meaning[text]!(device)))
  if (wish.all) {
    // Upstream does not count those that have nothing left to give.
    const able = fitting.filter((device) => hasCapacity([{ claim: 0, request: wish.name, device }], () => wish, world))
    return able.length === 0 ? [] : [able]
  }
  let sets: { readonly from: number; readonly chosen: Published[] }[] = [{ from: 0, chosen: [] }]
  for (let i = 0; i < wish.count; i++) {
    sets = sets.flatMap(({ from, chosen }) =>
      fitting.slice(from).map((published, k) => ({
        from: from + k + (published.device.allowMultipleAllocations === true ? 0 : 1),
        chosen: [...chosen, published],
      })),
    )
  }
  return sets.map(({ chosen }) => chosen)
}

export function reachable({ node, slices }: NaiveWorld): Published[] {
  return slices.flatMap((slice) => {
    const { pool, driver, nodeName, allNodes, devices = [] } = slice.spec
    const peers = slices.filter((other) => other.spec.driver === driver && other.spec.pool.name === pool.name)
    const current = peers.filter((other) => other.spec.pool.generation === pool.generation)
    if (peers.some((other) => other.spec.pool.generation > pool.generation)) return []
    if (current.length !== pool.resourceSliceCount) return []
    if (nodeName !== node.metadata.name && allNodes !== true) return []
    return devices.map((device) => ({ slice, device }))
  })
}

export function isValid(choices: readonly Choice[], wanted: readonly Claim[], world: NaiveWorld): boolean {
  const wish = ({ claim, request }: Choice): Wanted =>
    wanted[claim]!.spec.devices!.requests!.flatMap(wishes).find(({ name }) => name === request)!
  for (let claim = 0; claim < wanted.length; claim++) {
    const own = choices.filter((choice) => choice.claim === claim)
    if (own.length > 32) return false
    for (const { matchAttribute, distinctAttribute, requests = [] } of wanted[claim]!.spec.devices?.constraints ?? []) {
      const concerned = own.filter((choice) => {
        return requests.length === 0 || requests.includes(choice.request) || requests.includes(wish(choice).parent)
      })
      const values = concerned.map(({ device }) => attributeText(device, (matchAttribute ?? distinctAttribute)!))
      if (values.includes(undefined)) return false
      const different = new Set(values).size
      if (matchAttribute !== undefined ? different > 1 : different < values.length) return false
    }
  }
  return (
    choices.every((choice) => tolerated(choice.device.device, wish(choice).tolerations)) &&
    areFree(choices, wish, world) &&
    hasCapacity(choices, wish, world) &&
    hasCounters(choices, world)
  )
}

function attributeText({ slice, device }: Published, fullName: string): string | undefined {
  const [domain, name] = fullName.split('/') as [string, string]
  const attributes: { readonly [key: string]: DeviceAttribute } = device.attributes ?? {}
  const value = attributes[fullName] ?? (domain === slice.spec.driver ? attributes[name] : undefined)
  return value === undefined ? undefined : JSON.stringify(value)
}

function tolerated(device: Device, tolerations: readonly DeviceToleration[]): boolean {
  return (device.taints ?? []).every(
    ({ key, effect }) => effect === 'None' || tolerations.some((toleration) => toleration.key === key),
  )
}

function idOf({ slice, device }: Published): string {
  return `${slice.spec.driver} ${slice.spec.pool.name} ${device.name}`
}

function held({ claims }: NaiveWorld): DeviceRequestAllocationResult[] {
  return claims
    .flatMap((claim) => claim.status?.allocation?.devices?.results ?? [])
    .filter((result) => result.adminAccess !== true)
}

function resultId(result: DeviceRequestAllocationResult): string {
  return `${result.driver} ${result.pool} ${result.device}`
}

/** Whole devices go to one claim, once; an administrator's claim minds only itself, and what else the search took. */
function areFree(choices: readonly Choice[], wish: (choice: Choice) => Wanted, world: NaiveWorld): boolean {
  const taken = new Set(
    held(world)
      .filter((result) => result.shareID === undefined)
      .map(resultId),
  )
  const seen: Choice[] = []
  for (const choice of choices) {
    if (choice.device.device.allowMultipleAllocations === true) continue
    const id = idOf(choice.device)
    const { admin } = wish(choice)
    const rivals = seen.filter((other) => idOf(other.device) === id && (!admin || other.claim === choice.claim))
    if (rivals.length > 0 || (!admin && taken.has(id))) return false
    seen.push(choice)
  }
  return true
}

function amount(text: string | number): number {
  return Number(parseQuantity(text)!.nano) / 1e9
}

function hasCapacity(choices: readonly Choice[], wish: (choice: Choice) => Wanted, world: NaiveWorld): boolean {
  const used = new Map<string, number>()
  const use = (id: string, name: string, value: number): number => {
    const total = (used.get(`${id} ${name}`) ?? 0) + value
    used.set(`${id} ${name}`, total)
    return total
  }
  for (const result of held(world)) {
    for (const [name, value] of Object.entries(result.consumedCapacity ?? {}))
      use(resultId(result), name, amount(value))
  }
  for (const choice of choices) {
    const { device } = choice.device
    const { capacity } = wish(choice)
    if (Object.keys(capacity).some((name) => device.capacity?.[name] === undefined)) return false
    for (const [name, { value, requestPolicy }] of Object.entries(device.capacity ?? {})) {
      const takes = amount(capacity[name] ?? requestPolicy?.default ?? value)
      const total = device.allowMultipleAllocations === true ? use(idOf(choice.device), name, takes) : takes
      if (total > amount(value)) return false
    }
  }
  return true
}

/** Each device in use draws once, except where an administrator's claim looks in beside another. */
function hasCounters(choices: readonly Choice[], world: NaiveWorld): boolean {
  const holding = new Set(held(world).map(resultId))
  const used = new Map<string, number>()
  const draw = ({ slice, device }: Published): void => {
    for (const { counterSet, counters } of device.consumesCounters ?? []) {
      for (const [name, { value }] of Object.entries(counters)) {
        const key = `${slice.spec.pool.name} ${counterSet} ${name}`
        used.set(key, (used.get(key) ?? 0) + amount(value))
      }
    }
  }
  for (const slice of world.slices) {
    for (const device of slice.spec.devices ?? []) if (holding.has(idOf({ slice, device }))) draw({ slice, device })
  }
  const drawn = new Set(holding)
  for (const { device } of choices) {
    const shared = device.device.allowMultipleAllocations === true
    if (shared && drawn.has(idOf(device))) continue
    drawn.add(idOf(device))
    draw(device)
  }
  return world.slices.every((slice) =>
    (slice.spec.sharedCounters ?? []).every(({ name: set, counters }) =>
      Object.entries(counters).every(
        ([name, { value }]) => (used.get(`${slice.spec.pool.name} ${set} ${name}`) ?? 0) <= amount(value),
      ),
    ),
  )
}
