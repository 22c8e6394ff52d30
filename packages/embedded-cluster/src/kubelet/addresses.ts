/**
 * Pod addresses, as the VPC network plugin takes them from the node's subnet: out of the /24 around the node while
 * there are any, then out of a secondary range. An address is given again only after all others.
 */
export class AddressPool {
  readonly #taken = new Set<string>()
  readonly #next = new Map<string, number>()
  #overflow = 0

  /** The address of a node or of anything else that pods must not get. */
  reserve(address: string): void {
    this.#taken.add(address)
  }

  take(nodeAddress: string): string {
    const prefix = nodeAddress.slice(0, nodeAddress.lastIndexOf('.'))
    let next = this.#next.get(prefix) ?? 0
    // Upwards from .64: instances get the low addresses of a subnet.
    for (let tried = 0; tried < 191; tried++, next++) {
      const address = `${prefix}.${64 + (next % 191)}`
      if (this.#taken.has(address)) continue
      this.#next.set(prefix, next + 1)
      this.#taken.add(address)
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
    this.#taken.delete(address)
  }
}
