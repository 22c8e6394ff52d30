import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage, isProtobuf, openEnvelope, ProtobufError } from './protobuf.ts'

// A small encoder, enough to say what Go would send.
function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return bytes
}
type Value = number | bigint | string | boolean | readonly number[]
function field(number: number, value: Value): number[] {
  if (typeof value === 'boolean') return [...varint(number << 3), value ? 1 : 0]
  if (typeof value === 'number' || typeof value === 'bigint') return [...varint(number << 3), ...varint(value)]
  const bytes = typeof value === 'string' ? [...new TextEncoder().encode(value)] : value
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes]
}
const bytes = (...parts: readonly number[][]): Uint8Array => Uint8Array.from(parts.flat())
const magic = [0x6b, 0x38, 0x73, 0x00]
const core = 'io.k8s.api.core.v1'
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'

describe('openEnvelope', () => {
  it('gives the type and the object inside', () => {
    const body = bytes(magic, field(1, [...field(1, 'apps/v1'), ...field(2, 'Deployment')]), field(2, [1, 2, 3]))
    expect(isProtobuf(body)).toBe(true)
    expect(openEnvelope(body)).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', raw: Uint8Array.of(1, 2, 3) })
  })
  it('refuses what is cut off', () => {
    const body = bytes(magic, field(1, [...field(1, 'v1'), ...field(2, 'Pod')]))
    expect(() => openEnvelope(body.subarray(0, body.length - 1))).toThrow(ProtobufError)
  })
  it('does not take JSON for it', () => {
    expect(isProtobuf(new TextEncoder().encode('{"kind":"Pod"}'))).toBe(false)
  })
})

describe('decodeMessage', () => {
  it('reads a ConfigMap with its maps', () => {
    const entry = (key: string, value: string): number[] => field(2, [...field(1, key), ...field(2, value)])
    const body = bytes(
      field(1, [...field(1, 'c'), ...field(3, 'web'), ...field(11, [...field(1, 'app'), ...field(2, 'x')])]),
      entry('a', '1'),
      entry('b', ''),
      entry('__proto__', 'p'),
    )
    const decoded = decodeMessage(`${core}.ConfigMap`, body) as { metadata: unknown; data: object }
    expect(decoded.metadata).toEqual({ name: 'c', namespace: 'web', labels: { app: 'x' } })
    expect(Object.entries(decoded.data)).toEqual([
      ['a', '1'],
      ['b', ''],
      ['__proto__', 'p'],
    ])
  })

  it('drops zeros that Go would not write, and keeps those of pointers and empty structs', () => {
    const meta = [...field(1, ''), ...field(7, 0), ...field(8, [])]
    const spec = [...field(1, 0), ...field(3, [...field(1, []), ...field(2, [])]), ...field(4, []), ...field(5, 0)]
    const decoded = decodeMessage('io.k8s.api.apps.v1.Deployment', bytes(field(1, meta), field(2, spec), field(3, [])))
    expect(decoded).toEqual({
      metadata: { creationTimestamp: null },
      spec: { replicas: 0, template: { metadata: {}, spec: {} }, strategy: {} },
      status: {},
    })
  })

  it('flattens what Go inlines', () => {
    // Volume{name, VolumeSource{emptyDir{}}}, then EnvVar's ConfigMapKeySelector{LocalObjectReference{name}, key}
    expect(decodeMessage(`${core}.Volume`, bytes(field(1, 'v'), field(2, field(2, []))))).toEqual({
      name: 'v',
      emptyDir: {},
    })
    expect(decodeMessage(`${core}.ConfigMapKeySelector`, bytes(field(1, field(1, 'cm')), field(2, 'k')))).toEqual({
      name: 'cm',
      key: 'k',
    })
  })

  it.each([
    { type: `${meta}.Time`, sent: [...field(1, 1767225600), ...field(2, 5)], json: '2026-01-01T00:00:00Z' },
    { type: `${meta}.Time`, sent: [], json: null },
    {
      type: `${meta}.MicroTime`,
      sent: [...field(1, 1767225600), ...field(2, 1500)],
      json: '2026-01-01T00:00:00.000001Z',
    },
    { type: `${meta}.Duration`, sent: field(1, 90_000_000_000), json: '1m30s' },
    { type: 'io.k8s.apimachinery.pkg.api.resource.Quantity', sent: field(1, '100m'), json: '100m' },
    { type: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString', sent: [...field(1, 0), ...field(2, 80)], json: 80 },
    {
      type: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
      sent: [...field(1, 1), ...field(3, '25%')],
      json: '25%',
    },
    { type: 'io.k8s.apimachinery.pkg.runtime.RawExtension', sent: field(1, '{"a":1}'), json: { a: 1 } },
    {
      type: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
      sent: field(1, true),
      json: true,
    },
    {
      type: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
      sent: field(1, field(5, 'string')),
      json: { type: 'string' },
    },
  ])('$type', ({ type, sent, json }) => {
    expect(decodeMessage(type, Uint8Array.from(sent))).toEqual(json)
  })

  it('reads a map of lists', () => {
    const extra = [...field(1, 'scopes'), ...field(2, [...field(1, 'a'), ...field(1, 'b')])]
    expect(decodeMessage('io.k8s.api.authorization.v1.SubjectAccessReviewSpec', bytes(field(5, extra)))).toEqual({
      extra: { scopes: ['a', 'b'] },
    })
  })

  it('encodes bytes as base64', () => {
    const data = field(2, [...field(1, 'k'), ...field(2, [0, 255, 16])])
    expect(decodeMessage(`${core}.Secret`, bytes(data))).toEqual({ data: { k: 'AP8Q' } })
  })

  it('gives back every whole number that a double can hold, signed', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        fc.pre(value !== 0)
        expect(decodeMessage(`${meta}.DeleteOptions`, bytes(field(1, value)))).toEqual({ gracePeriodSeconds: value })
      }),
    )
  })

  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        expect(decodeMessage(`${meta}.ObjectMeta`, bytes(field(1, text)))).toEqual({ name: text })
      }),
    )
  })

  it('meets any bytes with an object or a ProtobufError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        let met: unknown
        try {
          met = decodeMessage(`${core}.Pod`, body)
        } catch (error) {
          met = error instanceof ProtobufError ? {} : error
        }
        expect(met).not.toBeInstanceOf(Error)
      }),
    )
  })
})
