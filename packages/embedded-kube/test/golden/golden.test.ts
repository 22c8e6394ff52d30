// Objects of every kind with all their fields, as Kubernetes' own encoders write them: nothing is lost or renamed.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { toServed, toStored } from '../../src/kinds/conversions.ts'
import { goShape } from '../../src/kinds/go-shape.ts'
import type { Fields, StoredObject } from '../../src/object.ts'
import { withoutNulls } from '../../src/object.ts'
import { Registry } from '../../src/registry.ts'
import type { ResourceInfo } from '../../src/resource-info.ts'
import { decodeBody } from '../../src/wire/request-body.ts'

interface Golden {
  readonly json: Fields
  readonly yaml: string
  readonly protobuf: string
}

const { kinds } = JSON.parse(gunzipSync(readFileSync(new URL('kubernetes.json.gz', import.meta.url))).toString()) as {
  readonly kinds: { readonly [name: string]: Golden }
}
const registry = new Registry()
const context = { user: { name: 'golden', groups: [] }, userAgent: 'golden', warnings: [] }

function infoOf({ json }: Golden): ResourceInfo {
  const apiVersion = json['apiVersion'] as string
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return registry.findKind(group, version, json['kind'] as string)!
}

function decode(golden: Golden, body: Uint8Array, contentType: string): unknown {
  const { group, version, kind, schemaName } = infoOf(golden)
  return decodeBody(context, { group, version, kind, schemaName, custom: false }, body, contentType, 'Strict')
}

const names = Object.keys(kinds)
const all = (name: string): Golden => kinds[name]!
/** Nulls mean nothing to a decoder. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(withoutNulls(value)))

describe('golden objects', () => {
  it('are there for nearly every kind that is stored', () => {
    expect(names.length).toBeGreaterThan(55)
  })
  it.each(names)('%s is the same from JSON, YAML and protobuf', (name) => {
    const golden = all(name)
    const json = plain(golden.json)
    const text = new TextEncoder()
    expect(plain(decode(golden, text.encode(JSON.stringify(golden.json)), 'application/json'))).toEqual(json)
    expect(plain(decode(golden, text.encode(golden.yaml), 'application/yaml'))).toEqual(json)
    const bytes = Uint8Array.from(Buffer.from(golden.protobuf, 'base64'))
    expect(plain(decode(golden, bytes, 'application/vnd.kubernetes.protobuf'))).toEqual(json)
  })
  it.each(names)('%s keeps its fields in the store', (name) => {
    const golden = all(name)
    const info = infoOf(golden)
    if (info.schemaName === undefined) return
    expect(plain(goShape(golden.json, info.schemaName))).toEqual(plain(golden.json))
    const object = plain(golden.json) as StoredObject
    if (info.storage.group === info.group && info.storage.version === info.version) return
    expect(plain(toServed(info, toStored(info, object)))).toEqual(object)
  })
})
