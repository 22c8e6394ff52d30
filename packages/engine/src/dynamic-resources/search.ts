// The depth-first search for devices, claim after claim, request after request, device after device, the first way that
// works (kubernetes/dynamic-resource-allocation:structured/internal/experimental/allocator_experimental.go, allocateOne).
// What may be taken is the business of a Ground: of a node that exists, or of one that might.

import { claimDevicesMax, type CompiledClaim, type CompiledRequest } from './compiled-claim.ts'
import type { PoolDevice } from './pool-device.ts'

export interface Pick {
  readonly claim: number
  readonly request: CompiledRequest
  readonly device: PoolDevice
}

/** Where devices are looked for. */
export interface Ground {
  /** In the order in which they are tried. */
  readonly devices: readonly PoolDevice[]
  /** All that a request for all devices means. */
  allFor(request: CompiledRequest): readonly PoolDevice[]
  /** Takes the device for the request if it may be had; `every` when the request is for all devices. */
  take(pick: Pick, every: boolean): boolean
  /** Takes back what was taken last. */
  putBack(pick: Pick): void
}

export type SearchResult =
  | { readonly kind: 'found'; readonly picks: readonly Pick[] }
  | { readonly kind: 'none' }
  /** Every way gives some claim more devices than a claim may have. */
  | { readonly kind: 'tooMany' }
  /** Given up: the ways to try are too many. */
  | { readonly kind: 'exhausted' }

/** After so many tries a search is given up, as kube-scheduler gives up after ten seconds. */
const triesMax = 100_000

type Step = 'found' | 'none' | 'tooMany' | 'exhausted'

export function searchDevices(claims: readonly CompiledClaim[], ground: Ground): SearchResult {
  const search = new Search(claims, ground)
  const kind = search.claim(0)
  return kind === 'found' ? { kind, picks: search.picks } : { kind }
}

class Search {
  readonly picks: Pick[] = []
  readonly #claims: readonly CompiledClaim[]
  readonly #ground: Ground
  /** Where the picks of the current claim begin. */
  #claimStart = 0
  #tries = 0

  constructor(claims: readonly CompiledClaim[], ground: Ground) {
    this.#claims = claims
    this.#ground = ground
  }

  claim(claim: number): Step {
    if (claim >= this.#claims.length) return 'found'
    const start = this.#claimStart
    this.#claimStart = this.picks.length
    const step = this.#request(claim, 0)
    this.#claimStart = start
    return step
  }

  #request(claim: number, index: number): Step {
    const request = this.#claims[claim]!.requests[index]
    if (request === undefined) {
      const next = this.claim(claim + 1)
      return next === 'tooMany' ? 'none' : next
    }
    let step: Step = 'tooMany'
    for (const alternative of request.alternatives) {
      const tried = alternative.all
        ? this.#all(claim, index, alternative)
        : this.#some(claim, index, alternative, alternative.count, 0)
      if (tried === 'found' || tried === 'exhausted') return tried
      if (tried === 'none') step = 'none'
    }
    return step
  }

  /** One device after the other; a later one comes after an earlier one, for their order does not matter. */
  #some(claim: number, index: number, request: CompiledRequest, missing: number, from: number): Step {
    if (missing === 0) return this.#request(claim, index + 1)
    if (this.#isTooMany(missing)) return 'tooMany'
    const ground = this.#ground
    const { devices } = ground
    for (let d = from; d < devices.length; d++) {
      const device = devices[d]!
      const pick = { claim, request, device }
      if (!ground.take(pick, false)) continue
      if (++this.#tries > triesMax) {
        ground.putBack(pick)
        return 'exhausted'
      }
      this.picks.push(pick)
      // A shared device may serve a request more than once.
      const step = this.#some(claim, index, request, missing - 1, device.shared ? d : d + 1)
      if (step === 'found') return step
      this.picks.pop()
      ground.putBack(pick)
      if (step !== 'none') return step
    }
    return 'none'
  }

  #all(claim: number, index: number, request: CompiledRequest): Step {
    const ground = this.#ground
    const devices = ground.allFor(request)
    if (devices.length === 0) return 'none'
    if (this.#isTooMany(devices.length)) return 'tooMany'
    const first = this.picks.length
    let step: Step = 'none'
    for (const device of devices) {
      const pick = { claim, request, device }
      if (!ground.take(pick, true)) break
      this.picks.push(pick)
    }
    if (this.picks.length - first === devices.length) {
      step = ++this.#tries > triesMax ? 'exhausted' : this.#request(claim, index + 1)
      if (step === 'found') return step
    }
    while (this.picks.length > first) ground.putBack(this.picks.pop()!)
    return step
  }

  #isTooMany(missing: number): boolean {
    return this.picks.length - this.#claimStart + missing > claimDevicesMax
  }
}
