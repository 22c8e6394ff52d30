import { apiVersionOf } from '@plimsoll/model'
import type { Ms } from '@plimsoll/model'
import type { Fields } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'
import type { ServerList } from '../request.ts'
import type { Negotiated } from '../wire/media-type.ts'
import { partialMetadata, printerOf, rowOf, type IncludeObject } from '../wire/table/index.ts'
import type { Exchange } from './exchange.ts'
import { itemText, objectText } from './object-text.ts'
import { writeAll } from './stream-writer.ts'

export interface ListAnswer {
  readonly info: ResourceInfo
  readonly list: ServerList
  readonly accepted: Negotiated
  readonly include: IncludeObject
  readonly now: Ms
}

/** A list in any of its shapes. JSON is streamed from the objects' shared texts. */
export async function sendList(exchange: Exchange, answer: ListAnswer): Promise<void> {
  const { accepted } = answer
  if (accepted.format === 'yaml' || exchange.pretty) {
    const whole = Buffer.concat([...listTexts(answer)]).toString()
    exchange.sendObject(200, JSON.parse(whole) as Fields, accepted.format)
    return
  }
  exchange.start(200, 'application/json')
  await writeAll(exchange, listTexts(answer))
}

const comma = Buffer.from(',')
const brace = Buffer.from('{')
const close = Buffer.from(']}\n')

function* listTexts(answer: ListAnswer): Generator<Buffer> {
  const { info, list, accepted, include, now } = answer
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  }
  const metaApiVersion = `meta.k8s.io/${accepted.metaVersion}`
  const printer = accepted.as === 'Table' ? printerOf(info) : undefined
  const head: Fields =
    printer !== undefined
      ? { kind: 'Table', apiVersion: metaApiVersion, metadata, columnDefinitions: printer.columns }
      : accepted.as === undefined
        ? { kind: info.listKind, apiVersion: apiVersionOf(info), metadata }
        : { kind: 'PartialObjectMetadataList', apiVersion: metaApiVersion, metadata }
  const field = printer === undefined ? 'items' : 'rows'
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"${field}":[`)
  let first = true
  for (const object of list.items) {
    if (!first) yield comma
    first = false
    if (printer !== undefined) {
      yield Buffer.from(JSON.stringify(rowOf(printer, object, now, include, accepted.metaVersion)))
    } else if (accepted.as === undefined) {
      if (info.custom === undefined) yield brace
      yield info.custom === undefined ? itemText(object) : objectText(object)
    } else yield Buffer.from(JSON.stringify(partialMetadata(object, accepted.metaVersion)))
  }
  yield close
}
