// Volumes of pods (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidateVolumes).
import { parseQuantity } from '@plimsoll/model'
import { duplicate, forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf, type Fields } from '../object.ts'
import { claimSpecErrors } from './claim-validation.ts'
import { fileModeErrors, noBackstepErrors, ownPathErrors, requiredErrors } from './formats.ts'
import { metadataErrors, nameErrors } from './names.ts'
import { containerFieldErrors, podFieldErrors } from './references.ts'

type Check = (source: Fields, at: string, errors: FieldError[]) => void

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]

/** In upstream's order; kinds without a check of their own are taken as they are. */
const checks: readonly (readonly [source: string, check: Check])[] = [
  ['emptyDir', emptyDirErrors],
  ['hostPath', hostPathErrors],
  ['gitRepo', (source, at, errors) => errors.push(...requiredErrors(source['repository'], `${at}.repository`))],
  ['gcePersistentDisk', (source, at, errors) => errors.push(...requiredErrors(source['pdName'], `${at}.pdName`))],
  [
    'awsElasticBlockStore',
    (source, at, errors) => errors.push(...requiredErrors(source['volumeID'], `${at}.volumeID`)),
  ],
  ['secret', (source, at, errors) => filesErrors(source, 'secretName', at, errors)],
  ['nfs', nfsErrors],
  ['iscsi', () => {}],
  ['glusterfs', () => {}],
  ['flocker', () => {}],
  ['persistentVolumeClaim', claimErrors],
  ['rbd', () => {}],
  ['cinder', () => {}],
  ['cephfs', () => {}],
  ['quobyte', () => {}],
  ['downwardAPI', downwardErrors],
  ['fc', () => {}],
  ['flexVolume', () => {}],
  ['configMap', (source, at, errors) => filesErrors(source, 'name', at, errors)],
  ['azureFile', () => {}],
  ['vsphereVolume', () => {}],
  ['photonPersistentDisk', () => {}],
  ['portworxVolume', () => {}],
  ['azureDisk', () => {}],
  ['storageos', () => {}],
  ['projected', projectedErrors],
  ['scaleIO', () => {}],
  ['csi', (source, at, errors) => errors.push(...requiredErrors(source['driver'], `${at}.driver`))],
  ['ephemeral', ephemeralErrors],
  ['image', () => {}],
]

/** What is wrong is added to `errors`; the volumes that are right come back by name. */
export function checkVolumes(volumes: readonly Fields[], at: string, errors: FieldError[]): Map<string, Fields> {
  const fine = new Map<string, Fields>()
  volumes.forEach((volume, i) => {
    const here = `${at}[${i}]`
    const found: FieldError[] = []
    sourceErrors(volume, here, found)
    const name = textOf(volume['name'])
    if (name === '') found.push(required(`${here}.name`))
    else found.push(...nameErrors(name, 'label', `${here}.name`))
    if (fine.has(name)) found.push(duplicate(`${here}.name`, name))
    if (found.length === 0) fine.set(name, volume)
    errors.push(...found)
  })
  return fine
}

function sourceErrors(volume: Fields, at: string, errors: FieldError[]): void {
  let found = false
  for (const [name, check] of checks) {
    const source = volume[name]
    if (!isFields(source)) continue
    if (found) errors.push(forbiddenField(`${at}.${name}`, 'may not specify more than 1 volume type'))
    else check(source, `${at}.${name}`, errors)
    found = true
  }
  if (!found) errors.push(required(at, 'must specify a volume type'))
}

function emptyDirErrors(source: Fields, at: string, errors: FieldError[]): void {
  const limit = parseQuantity(textOf(source['sizeLimit'] ?? '0'))
  if (limit !== undefined && limit.nano < 0n) {
    errors.push(forbiddenField(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
  }
}

export function hostPathErrors(source: Fields, at: string, errors: FieldError[]): void {
  const path = textOf(source['path'])
  if (path === '') {
    errors.push(required(`${at}.path`))
    return
  }
  errors.push(...noBackstepErrors(path, `${at}.path`))
  const type = textOf(source['type'])
  if (!hostPathTypes.includes(type)) errors.push(unsupported(`${at}.type`, type, hostPathTypes))
}

export function nfsErrors(source: Fields, at: string, errors: FieldError[]): void {
  errors.push(...requiredErrors(source['server'], `${at}.server`), ...requiredErrors(source['path'], `${at}.path`))
  const path = textOf(source['path'])
  if (!path.startsWith('/')) errors.push(invalidValue(`${at}.path`, path, 'must be an absolute path'))
}

function claimErrors(source: Fields, at: string, errors: FieldError[]): void {
  errors.push(...requiredErrors(source['claimName'], `${at}.claimName`))
}

/** ConfigMaps and Secrets as files. */
function filesErrors(source: Fields, nameField: string, at: string, errors: FieldError[]): void {
  errors.push(...requiredErrors(source[nameField], `${at}.${nameField}`))
  errors.push(...fileModeErrors(source['defaultMode'], `${at}.defaultMode`))
  listOf(source['items']).forEach((item, i) => fileErrors(item, `${at}.items[${i}]`, errors))
}

function fileErrors(item: Fields, at: string, errors: FieldError[]): void {
  errors.push(...requiredErrors(item['key'], `${at}.key`), ...requiredErrors(item['path'], `${at}.path`))
  errors.push(...ownPathErrors(textOf(item['path']), `${at}.path`), ...fileModeErrors(item['mode'], `${at}.mode`))
}

function downwardErrors(source: Fields, at: string, errors: FieldError[]): void {
  errors.push(...fileModeErrors(source['defaultMode'], `${at}.defaultMode`))
  for (const item of listOf(source['items'])) downwardFileErrors(item, at, errors)
}

function downwardFileErrors(file: Fields, at: string, errors: FieldError[]): void {
  errors.push(...requiredErrors(file['path'], `${at}.path`), ...ownPathErrors(textOf(file['path']), `${at}.path`))
  const { fieldRef, resourceFieldRef } = file
  if (isFields(fieldRef)) {
    errors.push(...podFieldErrors(fieldRef, `${at}.fieldRef`, 'volume'))
    if (isFields(resourceFieldRef)) {
      errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (isFields(resourceFieldRef)) {
    errors.push(...containerFieldErrors(resourceFieldRef, `${at}.resourceFieldRef`, 'volume'))
  } else errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'))
  errors.push(...fileModeErrors(file['mode'], `${at}.mode`))
}

function projectedErrors(source: Fields, at: string, errors: FieldError[]): void {
  errors.push(...fileModeErrors(source['defaultMode'], `${at}.defaultMode`))
  const paths = new Set<string>()
  const claim = (path: unknown, who: unknown): void => {
    const text = textOf(path)
    if (text === '') return
    if (paths.has(text)) errors.push(invalidValue(at, who, 'conflicting duplicate paths'))
    paths.add(text)
  }
  listOf(source['sources']).forEach((part, i) => {
    const here = `${at}.sources[${i}]`
    for (const kind of ['secret', 'configMap']) {
      const files = part[kind]
      if (!isFields(files)) continue
      errors.push(...requiredErrors(files['name'], `${here}.${kind}.name`))
      listOf(files['items']).forEach((item, k) => {
        fileErrors(item, `${here}.${kind}.items[${k}]`, errors)
        claim(item['path'], files['name'])
      })
    }
    for (const file of listOf(fieldsOf(part['downwardAPI'])['items'])) {
      downwardFileErrors(file, `${here}.downwardAPI`, errors)
      claim(file['path'], file['path'])
    }
    const token = part['serviceAccountToken']
    if (isFields(token)) tokenErrors(token, `${here}.serviceAccountToken`, at, errors)
    const kinds = Object.keys(part).filter((name) => isFields(part[name]))
    if (kinds.length > 1) errors.push(forbiddenField(here, 'may not specify more than 1 volume type per source'))
  })
}

function tokenErrors(token: Fields, at: string, volume: string, errors: FieldError[]): void {
  const seconds = Number(token['expirationSeconds'] ?? 3600)
  const field = `${at}.expirationSeconds`
  if (seconds < 600) errors.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > 2 ** 32) {
    errors.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
  }
  const path = textOf(token['path'])
  errors.push(...(path === '' ? [required(`${volume}.path`)] : ownPathErrors(path, `${volume}.path`)))
}

function ephemeralErrors(source: Fields, at: string, errors: FieldError[]): void {
  const template = source['volumeClaimTemplate']
  if (!isFields(template)) {
    errors.push(required(`${at}.volumeClaimTemplate`))
    return
  }
  const here = `${at}.volumeClaimTemplate`
  for (const error of metadataErrors(fieldsOf(template['metadata']), undefined)) {
    errors.push({ ...error, field: `${here}.${error.field}` })
  }
  errors.push(...claimSpecErrors(fieldsOf(template['spec']), `${here}.spec`))
}
