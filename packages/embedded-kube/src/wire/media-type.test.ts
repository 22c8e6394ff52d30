import { describe, expect, it } from 'vitest'
import { negotiate, negotiateDiscovery } from './media-type.ts'

const table =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

describe('negotiate', () => {
  it.each([
    { accept: undefined, shapes: [], expected: ['json', undefined] },
    { accept: '*/*', shapes: [], expected: ['json', undefined] },
    { accept: 'application/yaml', shapes: [], expected: ['yaml', undefined] },
    { accept: table, shapes: ['Table'], expected: ['json', 'Table'] },
    // An endpoint without tables gives the object.
    { accept: table, shapes: [], expected: ['json', undefined] },
    { accept: 'application/vnd.kubernetes.protobuf,application/json', shapes: [], expected: ['json', undefined] },
    { accept: 'application/vnd.kubernetes.protobuf, */*', shapes: [], expected: ['json', undefined] },
    {
      accept:
        'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
      shapes: ['Table', 'PartialObjectMetadataList'],
      expected: ['json', 'PartialObjectMetadataList'],
    },
    { accept: 'application/json;q=0,application/yaml', shapes: [], expected: ['yaml', undefined] },
  ])('$accept with $shapes', ({ accept, shapes, expected: [format, as] }) => {
    expect(negotiate(accept, shapes)).toMatchObject({ format, as })
  })

  it.each(['text/html', 'application/vnd.kubernetes.protobuf', 'application/cbor', 'application/json;q=0'])(
    '%s alone cannot be served',
    (accept) => {
      expect(negotiate(accept, ['Table'])).toBeUndefined()
    },
  )

  it('takes the older words for a table', () => {
    expect(negotiate('application/json;as=Table;v=v1beta1;g=meta.k8s.io', ['Table'])?.metaVersion).toBe('v1beta1')
  })
})

describe('negotiateDiscovery', () => {
  const range = (v: string): string => `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`
  it.each([
    [`${range('v2')},${range('v2beta1')},application/json`, 'v2'],
    [`${range('v2beta1')},application/json`, 'v2beta1'],
    ['application/json', undefined],
    [undefined, undefined],
  ])('%s', (accept, version) => {
    expect(negotiateDiscovery(accept)).toBe(version)
  })
})
