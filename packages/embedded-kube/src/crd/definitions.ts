import type { Clock } from '@plimsoll/ports'
import { fieldsOf, listOf, type StoredObject } from '../object.ts'
import type { Registry } from '../registry.ts'
import type { Collection } from '../store/collection.ts'
import type { StoreEvent } from '../store/event-ring.ts'
import { withAcceptedNames } from './accepted-names.ts'
import { Conversion, type Converter } from './conversion.ts'
import { customResources } from './definition.ts'

export interface DefinitionsWorld {
  /** Of CustomResourceDefinitions. */
  readonly collection: Collection
  readonly registry: Registry
  readonly clock: Clock
  put(present: StoredObject, next: StoredObject): StoredObject
  /** Of a group and kind, within this process. */
  converter(group: string, kind: string): Converter | undefined
}

/** Keeps what is served in step with the definitions that are stored. */
export class Definitions {
  readonly #world: DefinitionsWorld

  constructor(world: DefinitionsWorld) {
    this.#world = world
  }

  /** A definition that is about to be stored, with its status: which names it gets. */
  named(definition: StoredObject): StoredObject {
    const others = this.#all().filter((other) => other.metadata.name !== definition.metadata.name)
    return withAcceptedNames(definition, others, this.#world.clock.now())
  }

  /** Serves what a stored definition says. */
  serve(definition: StoredObject): void {
    const { group, plural } = placeOf(definition)
    this.#world.registry.setCustom(group, plural, customResources(definition, this.#conversion(definition)))
  }

  #conversion(definition: StoredObject): Conversion | undefined {
    const { strategy, webhook } = fieldsOf(definition.spec?.['conversion'])
    if (strategy !== 'Webhook') return undefined
    const { group, names } = definition.spec as { readonly group: string; readonly names: { readonly kind: string } }
    const converter = (): Converter | undefined => this.#world.converter(group, names.kind)
    return new Conversion(definition.metadata.name, fieldsOf(webhook), converter)
  }

  /** A definition that goes takes its resources along; those that waited for its names get them. */
  onCommit(collection: Collection, event: StoreEvent): void {
    if (event.type !== 'DELETED' || collection.id !== this.#world.collection.id) return
    const { group, plural } = placeOf(event.object)
    this.#world.registry.setCustom(group, plural, [])
    for (const definition of this.#all()) {
      const waits = listOf(definition.status?.['conditions']).some(
        (condition) => condition['type'] === 'NamesAccepted' && condition['status'] === 'False',
      )
      if (!waits) continue
      const next = this.named(definition)
      if (next !== definition) this.serve(this.#world.put(definition, next))
    }
  }

  #all(): readonly StoredObject[] {
    return this.#world.collection.list({
      namespace: undefined,
      matches: undefined,
      name: undefined,
      nodeName: undefined,
    })
  }
}

function placeOf(definition: StoredObject): { readonly group: string; readonly plural: string } {
  const { group, names } = definition.spec as { readonly group: string; readonly names: { readonly plural: string } }
  return { group, plural: names.plural }
}
