import type { AttributeBinding } from '@plimsoll/model'
import { deviceId } from './pool-device.ts'

/**
 * Which devices of one instance type will have the same value of an attribute, though nobody knows it yet: those bound to
 * each other, directly or through others (kubernetes-sigs/karpenter:pkg/scheduling/dynamicresources/attributebindings.go).
 */
export class AttributeBindings {
  static readonly none: AttributeBindings = new AttributeBindings([])

  /** By attribute, by device: a device that stands for the group. */
  readonly #groups = new Map<string, Map<string, string>>()

  constructor(bindings: readonly AttributeBinding[]) {
    for (const { attribute, devices } of bindings) {
      if (devices.length < 2) continue
      let groups = this.#groups.get(attribute)
      if (groups === undefined) this.#groups.set(attribute, (groups = new Map()))
      const ids = devices.map(({ driver, pool, device }) => deviceId(driver, pool, device))
      for (const id of ids) if (!groups.has(id)) groups.set(id, id)
      const joined = new Set(ids.map((id) => groups.get(id)!))
      for (const [id, group] of groups) if (joined.has(group)) groups.set(id, ids[0]!)
    }
  }

  /** A name for the group that the device belongs to; undefined when it is bound to none. */
  groupOf(attribute: string, id: string): string | undefined {
    return this.#groups.get(attribute)?.get(id)
  }
}
