import { type Device, type DeviceAttribute, own, parseQuantity, type ResourceSlice } from '@plimsoll/model'
import { deviceFacts, type DeviceFacts } from './selector.ts'

/** So much of one counter of one set. */
export interface CounterUse {
  readonly set: string
  readonly counter: string
  /** In nanos. */
  readonly amount: bigint
}

/** A device that a slice publishes. Made once for each slice. */
export class PoolDevice {
  /** `driver/pool/device`. */
  readonly id: string
  readonly driver: string
  readonly pool: string
  readonly name: string
  readonly device: Device
  readonly slice: ResourceSlice
  /** Whether several claims may have a part of it. */
  readonly shared: boolean
  readonly consumes: readonly CounterUse[]
  /** Whether it matched, by list of selectors. */
  readonly matches: Map<number, boolean>
  #facts: DeviceFacts | undefined

  constructor(slice: ResourceSlice, device: Device) {
    const { driver, pool } = slice.spec
    this.id = deviceId(driver, pool.name, device.name)
    this.driver = driver
    this.pool = pool.name
    this.name = device.name
    this.device = device
    this.slice = slice
    this.shared = device.allowMultipleAllocations === true
    this.consumes = (device.consumesCounters ?? []).flatMap(({ counterSet, counters }) =>
      Object.entries(counters).map(([counter, { value }]) => ({ set: counterSet, counter, amount: nanos(value) })),
    )
    this.matches = new Map()
    this.#facts = undefined
  }

  /** @throws {SelectorError} when an attribute is not of a known kind */
  get facts(): DeviceFacts {
    return (this.#facts ??= deviceFacts(this.driver, this.device))
  }

  /** By full name; a name in the driver's own domain may be published without it. */
  attribute(fullName: string): DeviceAttribute | undefined {
    const { attributes } = this.device
    if (attributes === undefined) return undefined
    const found = own(attributes, fullName)
    if (found !== undefined) return found
    const slash = fullName.indexOf('/')
    if (slash < 0 || fullName.slice(0, slash) !== this.driver) return undefined
    return own(attributes, fullName.slice(slash + 1))
  }
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`
}

/** The value of a quantity in nanos; 0 when it is malformed. */
export function nanos(text: string | number): bigint {
  return parseQuantity(text)?.nano ?? 0n
}

const bySlice = new WeakMap<ResourceSlice, readonly PoolDevice[]>()

export function devicesOf(slice: ResourceSlice): readonly PoolDevice[] {
  let devices = bySlice.get(slice)
  if (devices === undefined) {
    devices = (slice.spec.devices ?? []).map((device) => new PoolDevice(slice, device))
    bySlice.set(slice, devices)
  }
  return devices
}
