import { describe, expect, it } from 'vitest'
import type { FieldError } from '../errors.ts'
import type { StoredObject } from '../object.ts'
import { attachmentErrors, storageClassErrors, volumeErrors, volumeUpdateErrors } from './storage-validation.ts'

const object = (fields: object): StoredObject => ({ metadata: { name: 'x' }, ...fields }) as unknown as StoredObject
const texts = (errors: readonly FieldError[]): string[] => errors.map(({ field, message }) => `${field}: ${message}`)
const volume = (spec: object): StoredObject =>
  object({
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], nfs: { server: 's', path: '/' }, ...spec },
  })

// What an API server of release 1.35 answers.
describe('a volume', () => {
  it.each([
    { spec: {}, said: [] },
    {
      spec: { capacity: undefined },
      said: ['spec.capacity: Required value', 'spec.capacity: Unsupported value: null: supported values: "storage"'],
    },
    {
      spec: { capacity: { storage: '-1Gi' } },
      said: [
        'spec.capacity[storage]: Invalid value: -1073741824: must be a valid resource quantity',
        'spec.capacity[storage]: Invalid value: "-1Gi": must be greater than zero',
      ],
    },
    { spec: { nfs: undefined }, said: ['spec: Required value: must specify a volume type'] },
    {
      spec: { hostPath: { path: '/x' } },
      said: ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
    },
    {
      spec: { nfs: undefined, local: { path: '/x' } },
      said: ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
    },
    {
      spec: { nfs: undefined, csi: { driver: '', volumeHandle: '' } },
      said: ['spec.csi.driver: Required value', 'spec.csi.volumeHandle: Required value'],
    },
    {
      spec: { nfs: undefined, hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' },
      said: ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    },
    {
      spec: { nodeAffinity: {} },
      said: ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
    },
    {
      spec: { accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'] },
      said: ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    },
  ])('$spec', ({ spec, said }) => {
    expect(texts(volumeErrors(volume(spec)))).toEqual(said)
  })

  it('stays what it is', () => {
    const moved = volume({ nfs: { server: 'other', path: '/' } })
    expect(texts(volumeUpdateErrors(moved, volume({})))).toEqual([
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
    ])
    expect(volumeUpdateErrors(volume({ capacity: { storage: '2Gi' } }), volume({}))).toEqual([])
  })
})

describe('a storage class', () => {
  const usual = { provisioner: 'x', reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }
  it.each([
    { change: {}, said: [] },
    { change: { provisioner: '' }, said: ['provisioner: Required value'] },
    {
      change: { reclaimPolicy: 'Odd' },
      said: ['reclaimPolicy: Unsupported value: "Odd": supported values: "Delete", "Retain"'],
    },
    {
      change: { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: [] }] }] },
      said: ['allowedTopologies[0].matchLabelExpressions[0].values: Required value'],
    },
  ])('$change', ({ change, said }) => {
    expect(texts(storageClassErrors(object({ ...usual, ...change })))).toEqual(said)
  })
})

it('an attachment names a volume and a node', () => {
  expect(texts(attachmentErrors(object({ spec: { attacher: 'x', nodeName: 'n', source: {} } })))).toEqual([
    'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
  ])
})
