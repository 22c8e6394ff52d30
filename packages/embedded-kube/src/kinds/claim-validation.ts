// Volume claims (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaim).
import { compareQuantities, parseQuantity } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, textOf, type Fields, type StoredObject } from '../object.ts'
import { nameErrors } from './names.ts'
import { selectorErrors } from './selector-validation.ts'

export const accessModes: readonly string[] = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
export const volumeModes: readonly string[] = ['Block', 'Filesystem']

export function claimErrors(claim: StoredObject): readonly FieldError[] {
  return claimSpecErrors(fieldsOf(claim.spec), 'spec')
}

export function claimSpecErrors(spec: Fields, at: string): FieldError[] {
  const errors: FieldError[] = []
  const modes = Array.isArray(spec['accessModes']) ? (spec['accessModes'] as readonly unknown[]).map(textOf) : []
  if (modes.length === 0) errors.push(required(`${at}.accessModes`, 'at least 1 access mode is required'))
  selectorErrors(spec['selector'], `${at}.selector`, errors)
  for (const mode of modes) {
    if (!accessModes.includes(mode)) errors.push(unsupported(`${at}.accessModes`, mode, accessModes))
  }
  if (modes.includes('ReadWriteOncePod') && modes.some((m) => m !== 'ReadWriteOncePod' && accessModes.includes(m))) {
    errors.push(forbiddenField(`${at}.accessModes`, 'may not use ReadWriteOncePod with other access modes'))
  }
  const storage = fieldsOf(fieldsOf(spec['resources'])['requests'])['storage']
  const field = `${at}.resources[storage]`
  if (storage === undefined) errors.push(required(field))
  else if ((parseQuantity(textOf(storage))?.nano ?? 1n) <= 0n) {
    errors.push(invalidValue(field, storage, 'must be greater than zero'))
  }
  const className = textOf(spec['storageClassName'])
  if (className !== '') errors.push(...nameErrors(className, 'subdomain', `${at}.storageClassName`))
  const mode = spec['volumeMode']
  if (mode !== undefined && !volumeModes.includes(textOf(mode))) {
    errors.push(unsupported(`${at}.volumeMode`, mode, volumeModes))
  }
  const { dataSource } = spec
  if (isFields(dataSource)) {
    for (const name of ['name', 'kind']) {
      if (textOf(dataSource[name]) === '') errors.push(required(`${at}.dataSource.${name}`))
    }
  }
  return errors
}

/** ValidatePersistentVolumeClaimUpdate: once bound a claim may only grow. */
export function claimUpdateErrors(claim: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const before = fieldsOf(old.spec)
  const after = fieldsOf(claim.spec)
  const isBound = old.status?.['phase'] === 'Bound'
  const request = (spec: Fields): string => textOf(fieldsOf(fieldsOf(spec['resources'])['requests'])['storage'] ?? '0')
  const fixed = (spec: Fields): Fields => ({
    ...spec,
    volumeAttributesClassName: undefined,
    ...((before['volumeName'] ?? '') === '' ? { volumeName: undefined } : {}),
    ...(isBound ? { resources: { ...fieldsOf(spec['resources']), requests: { storage: undefined } } } : {}),
    // A class may be given to a claim that came without one.
    ...(before['storageClassName'] === undefined ? { storageClassName: undefined } : {}),
  })
  if (!equal(fixed(after), fixed(before))) {
    errors.push(
      forbiddenField(
        'spec',
        'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      ),
    )
  } else if (isBound && compareQuantities(request(after), request(before)) < 0) {
    const capacity = textOf(fieldsOf(old.status?.['capacity'])['storage'] ?? '0')
    if (compareQuantities(request(after), capacity) <= 0) {
      errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'))
    }
  }
  return errors
}
