// Objects of a definition with several versions that differ in more than their name
// (kubernetes/apiextensions-apiserver:pkg/apiserver/conversion). The server decides synchronously; a webhook does not
// answer so. So what has not been converted before is asked for by throwing: whoever brought the request has it
// converted, and brings the request again. Nothing is written before all that it needs is known.
import type { KubeError } from '@plimsoll/ports'
import { failure } from '../errors.ts'
import { fieldsOf, textOf, type Fields, type StoredObject } from '../object.ts'

/** Turns an object of one version into another; in process, by group and kind. */
export type Converter = (object: StoredObject, apiVersion: string) => StoredObject

/** Objects that must be converted before the request can be answered. */
export class ConversionNeeded extends Error {
  override readonly name = 'ConversionNeeded'
  readonly conversion: Conversion
  readonly objects: readonly StoredObject[]
  readonly apiVersion: string
  constructor(conversion: Conversion, objects: readonly StoredObject[], apiVersion: string) {
    super(`objects of ${conversion.definition} must be converted to ${apiVersion}`)
    this.conversion = conversion
    this.objects = objects
    this.apiVersion = apiVersion
  }
}

/** Asks a webhook. Resolves to what it returned, in the order of the objects. @throws {Error} why it did not answer */
export type WebhookCaller = (webhook: Fields, objects: readonly StoredObject[], apiVersion: string) => Promise<unknown>

const recentMax = 2000

/** The conversion of one definition. */
export class Conversion {
  readonly definition: string
  /** spec.conversion.webhook */
  readonly webhook: Fields
  readonly #converter: () => Converter | undefined
  #stored = new WeakMap<StoredObject, Map<string, StoredObject>>()
  readonly #recent = new Map<string, StoredObject>()

  constructor(definition: string, webhook: Fields, converter: () => Converter | undefined) {
    this.definition = definition
    this.webhook = webhook
    this.#converter = converter
  }

  /** @throws {ConversionNeeded} when the webhook must be asked first */
  convert(object: StoredObject, apiVersion: string): StoredObject {
    return this.convertAll([object], apiVersion)[0]!
  }

  /** All in one question. @throws {ConversionNeeded} */
  convertAll(objects: readonly StoredObject[], apiVersion: string): readonly StoredObject[] {
    const missing: StoredObject[] = []
    const converted = objects.map((object) => {
      const found = this.#known(object, apiVersion)
      if (found === undefined) missing.push(object)
      return found ?? object
    })
    if (missing.length > 0) throw new ConversionNeeded(this, missing, apiVersion)
    return converted
  }

  #known(object: StoredObject, apiVersion: string): StoredObject | undefined {
    if (object.apiVersion === apiVersion) return object
    const kept = this.#stored.get(object)?.get(apiVersion)
    if (kept !== undefined) return kept
    const converter = this.#converter()
    const found =
      converter === undefined ? this.#recent.get(contentOf(object, apiVersion)) : converter(object, apiVersion)
    if (found === undefined) return undefined
    const served = withMetadataOf(found, object, apiVersion)
    this.#keep(object, apiVersion, served)
    return served
  }

  #keep(object: StoredObject, apiVersion: string, converted: StoredObject): void {
    const versions = this.#stored.get(object)
    if (versions === undefined) this.#stored.set(object, new Map([[apiVersion, converted]]))
    else versions.set(apiVersion, converted)
  }

  /** Has the webhook convert what is needed. @throws {KubeError} internal, with what is wrong with its answer */
  async ask(needed: ConversionNeeded, caller: WebhookCaller | undefined): Promise<void> {
    const { objects, apiVersion } = needed
    const [first] = objects
    const of = `conversion webhook for ${kindText(first!)}`
    let answer: unknown
    try {
      if (caller === undefined) throw new Error('no webhook is called from within this process')
      answer = await caller(this.webhook, objects, apiVersion)
    } catch (error) {
      throw unconverted(`${of} failed: ${error instanceof Error ? error.message : String(error)}`)
    }
    const converted = Array.isArray(answer) ? (answer as readonly unknown[]) : []
    if (converted.length !== objects.length) {
      throw unconverted(`${of} returned ${converted.length} objects, expected ${objects.length}`)
    }
    if (this.#recent.size + objects.length > recentMax) this.#recent.clear()
    objects.forEach((object, i) => {
      const found = checked(converted[i], object, apiVersion, i, of)
      this.#keep(object, apiVersion, withMetadataOf(found, object, apiVersion))
      this.#recent.set(contentOf(object, apiVersion), found)
    })
  }
}

/** Go's errors that are no statuses come without a reason. */
function unconverted(why: string): KubeError {
  return failure('internal', why, undefined, { reason: '' })
}

function kindText(object: StoredObject): string {
  const [group = '', version = ''] = textOf(object.apiVersion).split('/')
  return `${group}/${version}, Kind=${object.kind}`
}

/** What a conversion depends on: everything but what each attempt and each commit brings anew. */
function contentOf(object: StoredObject, apiVersion: string): string {
  const { name, generateName, namespace, labels, annotations } = object.metadata
  const metadata = { name: generateName === undefined ? name : generateName, namespace, labels, annotations }
  return `${apiVersion}\n${JSON.stringify({ ...object, metadata })}`
}

/** Of the metadata only labels and annotations are the webhook's to change. */
function withMetadataOf(converted: StoredObject, object: StoredObject, apiVersion: string): StoredObject {
  const { labels, annotations } = fieldsOf(converted.metadata)
  const metadata = { ...object.metadata, labels, annotations } as StoredObject['metadata']
  return { ...converted, apiVersion, metadata }
}

function checked(value: unknown, object: StoredObject, apiVersion: string, i: number, of: string): StoredObject {
  const converted = fieldsOf(value)
  const at = `${of} returned invalid converted object at index ${i}:`
  const wrong = (why: string): never => {
    throw unconverted(why)
  }
  if (converted['apiVersion'] !== apiVersion) {
    wrong(`${at} invalid groupVersion (expected ${apiVersion}, received ${textOf(converted['apiVersion'])})`)
  }
  if (converted['kind'] !== object.kind) {
    wrong(`${at} invalid kind (expected ${object.kind}, received ${textOf(converted['kind'])})`)
  }
  const metadata = fieldsOf(converted['metadata'])
  for (const [field, name] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [expected, found] = [textOf(object.metadata[field]), textOf(metadata[field])]
    if (expected !== found) wrong(`${at} must have the same ${name}: ${expected} != ${found}`)
  }
  return converted as unknown as StoredObject
}
