import type { Subscription } from '@plimsoll/ports'
import { builtinResources } from './builtin-resources.ts'
import type { ResourceInfo } from './resource-info.ts'

export type { ResourceInfo, SubresourceInfo } from './resource-info.ts'

/** The resources served, in discovery order: core first, then the built-in groups, then those of CRDs. */
export class Registry {
  readonly #builtin: readonly ResourceInfo[]
  #custom: readonly ResourceInfo[] = []
  #all: readonly ResourceInfo[]
  readonly #byPlural = new Map<string, ResourceInfo>()
  readonly #byKind = new Map<string, ResourceInfo>()
  readonly #listeners = new Set<() => void>()

  constructor() {
    this.#builtin = builtinResources()
    this.#all = this.#builtin
    this.#index()
  }

  find(group: string, version: string, plural: string): ResourceInfo | undefined {
    return this.#byPlural.get(`${group}/${version}/${plural}`)
  }

  findKind(group: string, version: string, kind: string): ResourceInfo | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`)
  }

  /** All served resources in discovery order; the same array until something changes. */
  resources(): readonly ResourceInfo[] {
    return this.#all
  }

  /** Calls back, synchronously, after a CRD changed what is served. */
  onChange(listener: () => void): Subscription {
    this.#listeners.add(listener)
    return { stop: () => this.#listeners.delete(listener) }
  }

  /** Replaces the versions that one CRD serves; an empty list withdraws it. */
  setCustom(group: string, plural: string, versions: readonly ResourceInfo[]): void {
    const others = this.#custom.filter((info) => info.group !== group || info.plural !== plural)
    this.#custom = [...others, ...versions]
    this.#all = [...this.#builtin, ...this.#custom]
    this.#index()
    for (const listener of this.#listeners) listener()
  }

  #index(): void {
    this.#byPlural.clear()
    this.#byKind.clear()
    for (const info of this.#all) {
      this.#byPlural.set(`${info.group}/${info.version}/${info.plural}`, info)
      this.#byKind.set(`${info.group}/${info.version}/${info.kind}`, info)
    }
  }
}
