// Persistent volumes, storage classes and attachments (kubernetes/kubernetes:pkg/apis/core/validation/validation.go,
// ValidatePersistentVolumeSpec; pkg/apis/storage/validation/validation.go).
import { parseQuantity } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, tooLong, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { accessModes, volumeModes } from './claim-validation.ts'
import { nameErrors, nameProblems, qualifiedNameProblems } from './names.ts'
import { nodeSelectorErrors } from './selector-validation.ts'
import { hostPathErrors, nfsErrors } from './volume-validation.ts'

type Check = (source: Fields, at: string, errors: FieldError[]) => void

const anything: Check = () => {}
const reclaimPolicies = ['Delete', 'Recycle', 'Retain']
const classReclaimPolicies = ['Delete', 'Retain']
const bindingModes = ['Immediate', 'WaitForFirstConsumer']
const driverNameMax = 63

/** In upstream's order; kinds without a check of their own are taken as they are. */
const sources: readonly (readonly [name: string, check: Check])[] = [
  ['hostPath', hostPathErrors],
  ['gcePersistentDisk', (source, at, errors) => requireText(source, 'pdName', at, errors)],
  ['awsElasticBlockStore', (source, at, errors) => requireText(source, 'volumeID', at, errors)],
  ['glusterfs', anything],
  ['flocker', anything],
  ['nfs', nfsErrors],
  ['rbd', anything],
  ['quobyte', anything],
  ['cephfs', anything],
  ['iscsi', anything],
  ['cinder', anything],
  ['fc', anything],
  ['flexVolume', anything],
  ['azureFile', anything],
  ['vsphereVolume', anything],
  ['photonPersistentDisk', anything],
  ['portworxVolume', anything],
  ['azureDisk', anything],
  ['scaleIO', anything],
  ['local', (source, at, errors) => requireText(source, 'path', at, errors)],
  ['storageos', anything],
  ['csi', csiErrors],
]

function requireText(source: Fields, name: string, at: string, errors: FieldError[]): void {
  if (textOf(source[name]) === '') errors.push(required(`${at}.${name}`))
}

function csiErrors(source: Fields, at: string, errors: FieldError[]): void {
  driverErrors(textOf(source['driver']), `${at}.driver`, errors)
  requireText(source, 'volumeHandle', at, errors)
}

function driverErrors(name: string, at: string, errors: FieldError[]): void {
  if (name === '') {
    errors.push(required(at))
    return
  }
  if (name.length > driverNameMax) errors.push(tooLong(at, driverNameMax))
  errors.push(...nameProblems(name.toLowerCase(), 'subdomain').map((why) => invalidValue(at, name, why)))
}

export function volumeErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  modeErrors(spec, errors)
  capacityErrors(spec['capacity'], errors)
  const policy = textOf(spec['persistentVolumeReclaimPolicy'])
  if (policy !== '' && !reclaimPolicies.includes(policy)) {
    errors.push(unsupported('spec.persistentVolumeReclaimPolicy', policy, reclaimPolicies))
  }
  const { nodeAffinity } = spec
  if (isFields(nodeAffinity)) {
    const selector = nodeAffinity['required']
    if (isFields(selector)) nodeSelectorErrors(selector, 'spec.nodeAffinity.required', errors)
    else errors.push(required('spec.nodeAffinity.required', 'must specify required node constraints'))
  }
  sourceErrors(spec, errors)
  const className = textOf(spec['storageClassName'])
  if (className !== '') errors.push(...nameErrors(className, 'subdomain', 'spec.storageClassName'))
  const mode = spec['volumeMode']
  if (mode !== undefined && !volumeModes.includes(textOf(mode))) {
    errors.push(unsupported('spec.volumeMode', mode, volumeModes))
  }
  return errors
}

function modeErrors(spec: Fields, errors: FieldError[]): void {
  const at = 'spec.accessModes'
  const modes = Array.isArray(spec['accessModes']) ? (spec['accessModes'] as readonly unknown[]).map(textOf) : []
  if (modes.length === 0) errors.push(required(at))
  for (const mode of modes) if (!accessModes.includes(mode)) errors.push(unsupported(at, mode, accessModes))
  if (modes.includes('ReadWriteOncePod') && modes.some((m) => m !== 'ReadWriteOncePod' && accessModes.includes(m))) {
    errors.push(forbiddenField(at, 'may not use ReadWriteOncePod with other access modes'))
  }
}

function capacityErrors(capacity: unknown, errors: FieldError[]): void {
  const at = 'spec.capacity'
  const amounts = fieldsOf(capacity)
  const names = Object.keys(amounts)
  if (names.length === 0) errors.push(required(at))
  if (names.length !== 1 || names[0] !== 'storage') errors.push(unsupported(at, capacity ?? null, ['storage']))
  for (const name of names.sort()) {
    const { nano } = parseQuantity(textOf(amounts[name])) ?? { nano: 1n }
    const field = `${at}[${name}]`
    if (nano < 0n) errors.push(invalidValue(field, Number(nano / 1_000_000_000n), 'must be a valid resource quantity'))
    if (nano <= 0n) errors.push(invalidValue(field, textOf(amounts[name]), 'must be greater than zero'))
  }
}

function sourceErrors(spec: Fields, errors: FieldError[]): void {
  let found = false
  for (const [name, check] of sources) {
    const source = spec[name]
    if (!isFields(source)) continue
    if (found) {
      errors.push(forbiddenField(`spec.${name}`, 'may not specify more than 1 volume type'))
      continue
    }
    found = true
    check(source, `spec.${name}`, errors)
    if (name === 'local' && !isFields(fieldsOf(spec['nodeAffinity'])['required'])) {
      errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'))
    }
  }
  if (!found) errors.push(required('spec', 'must specify a volume type'))
  const path = fieldsOf(spec['hostPath'])['path']
  if (path === '/' && spec['persistentVolumeReclaimPolicy'] === 'Recycle') {
    errors.push(
      forbiddenField('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"),
    )
  }
}

export function volumeUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const [after, before] = [fieldsOf(object.spec), fieldsOf(old.spec)]
  if (sources.some(([name]) => !equal(after[name], before[name]))) {
    const why = 'spec.persistentvolumesource is immutable after creation'
    errors.push(forbiddenField('spec.persistentvolumesource', why))
  }
  if (!equal(after['volumeMode'], before['volumeMode'])) {
    errors.push(invalidValue('volumeMode', after['volumeMode'], 'field is immutable'))
  }
  return errors
}

export function storageClassErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const provisioner = textOf(object['provisioner'])
  if (provisioner === '') errors.push(required('provisioner'))
  else {
    const lower = provisioner.toLowerCase()
    errors.push(...qualifiedNameProblems(lower).map((why) => invalidValue('provisioner', lower, why)))
  }
  for (const key of Object.keys(fieldsOf(object['parameters']))) {
    if (key === '') errors.push(invalidValue('parameters', key, 'field can not be empty.'))
  }
  const policy = textOf(object['reclaimPolicy'])
  if (!classReclaimPolicies.includes(policy)) {
    errors.push(unsupported('reclaimPolicy', policy, classReclaimPolicies))
  }
  const mode = textOf(object['volumeBindingMode'])
  if (!bindingModes.includes(mode)) errors.push(unsupported('volumeBindingMode', mode, bindingModes))
  listOf(object['allowedTopologies']).forEach((term, i) => {
    listOf(term['matchLabelExpressions']).forEach((expression, j) => {
      const at = `allowedTopologies[${i}].matchLabelExpressions[${j}]`
      const values = expression['values']
      if (!Array.isArray(values) || values.length === 0) errors.push(required(`${at}.values`))
      const key = textOf(expression['key'])
      errors.push(...qualifiedNameProblems(key).map((why) => invalidValue(`${at}.key`, key, why)))
    })
  })
  return errors
}

export function attachmentErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  driverErrors(textOf(spec['attacher']), 'spec.attacher', errors)
  const source = fieldsOf(spec['source'])
  const volumeName = textOf(source['persistentVolumeName'])
  const inline = isFields(source['inlineVolumeSpec'])
  if (volumeName === '' && !inline) {
    errors.push(required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'))
  }
  if (volumeName !== '' && inline) {
    const why = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
    errors.push(forbiddenField('spec.source', why))
  }
  if (volumeName !== '') errors.push(...nameErrors(volumeName, 'subdomain', 'spec.source.persistentVolumeName'))
  errors.push(...nameErrors(textOf(spec['nodeName']), 'subdomain', 'spec.nodeName'))
  return errors
}

export function attachmentUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  return equal(object.spec, old.spec) ? [] : [invalidValue('spec', object.spec, 'field is immutable')]
}
