import type { DeviceAttribute } from '@plimsoll/model'
import type { CompiledConstraint, CompiledRequest } from './compiled-claim.ts'
import type { PoolDevice } from './pool-device.ts'

/** One constraint of a claim while devices are looked for. */
export class AttributeConstraint {
  readonly #rule: CompiledConstraint
  readonly #values: DeviceAttribute[] = []

  constructor(rule: CompiledConstraint) {
    this.#rule = rule
  }

  /** Whether the device may join those taken; if so, it has. */
  add(request: CompiledRequest, device: PoolDevice): boolean {
    if (!concerns(this.#rule, request)) return true
    const value = device.attribute(this.#rule.attribute)
    if (value === undefined) return false
    const first = this.#values[0]
    const accepted =
      this.#rule.kind === 'match'
        ? first === undefined || sameAttribute(first, value)
        : !this.#values.some((other) => sameAttribute(other, value))
    if (accepted) this.#values.push(value)
    return accepted
  }

  /** Takes back the last that was added. */
  remove(request: CompiledRequest): void {
    if (concerns(this.#rule, request)) this.#values.pop()
  }
}

/** A rule names requests, or alternatives of them, or none and means all. */
export function concerns(rule: CompiledConstraint, request: CompiledRequest): boolean {
  return rule.requests.size === 0 || rule.requests.has(request.parent) || rule.requests.has(request.name)
}

export function sameAttribute(a: DeviceAttribute, b: DeviceAttribute): boolean {
  if (a.string !== undefined) return a.string === b.string
  if (a.int !== undefined) return a.int === b.int
  if (a.bool !== undefined) return a.bool === b.bool
  // Versions are written in their shortest form, so equal versions are equal texts.
  return a.version !== undefined && a.version === b.version
}
