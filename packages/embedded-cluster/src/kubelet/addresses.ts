const first = 64
const perSubnet = 191

/**
 * Pod addresses, as the VPC network plugin takes them from the node's subnet: out of the /24 around the node while
 * there are any, then out of a secondary range. An address is given again only after all others.
 */
export class AddressPool {
  readonly #taken = new Set<string>()
  readonly #subnets = new Map<string, { next: number; left: number }>()
  #overflow = 0

  /** The address of a node or of anything else that pods must not get. */
  reserve(address: string): void {
    if (this.#taken.has(address)) return
    this.#taken.add(address)
    const subnet = this.#subnetOf(address)
    if (isPodAddress(address)) subnet.left--
  }

  take(nodeAddress: string): string {
    const subnet = this.#subnetOf(nodeAddress)
    const prefix = prefixOf(nodeAddress)
    while (subnet.left > 0) {
      // Upwards from .64: instances get the low addresses of a subnet.
      const address = `${prefix}.${first + (subnet.next++ % perSubnet)}`
      if (this.#taken.has(address)) continue
      this.#taken.add(address)
      subnet.left--
      return address
    }
    for (;;) {
      const n = this.#overflow++ % (1 << 22)
      const address = `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`
      if (this.#taken.has(address)) continue
      this.#taken.add(address)
      return address
    }
  }

  free(address: string): void {
    if (!this.#taken.delete(address)) return
    const subnet = this.#subnets.get(prefixOf(address))
    if (subnet !== undefined && isPodAddress(address)) subnet.left++
  }

  #subnetOf(address: string): { next: number; left: number } {
    const prefix = prefixOf(address)
    let subnet = this.#subnets.get(prefix)
    if (subnet === undefined) this.#subnets.set(prefix, (subnet = { next: 0, left: perSubnet }))
    return subnet
  }
}

function prefixOf(address: string): string {
  return address.slice(0, address.lastIndexOf('.'))
}

function isPodAddress(address: string): boolean {
  const last = Number(address.slice(address.lastIndexOf('.') + 1))
  return last >= first && last < first + perSubnet
}
