// CustomResourceDefinitions: what they are filled with, and the resources that they bring
// (kubernetes/apiextensions-apiserver:pkg/apis/apiextensions/v1/defaults.go, pkg/controller/{status,establish}).
import { timestamp, type Ms } from '@plimsoll/model'
import { allVerbs } from '../builtin-resources.ts'
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import {
  equal,
  fieldsOf,
  isFields,
  listOf,
  textOf,
  withDefaults,
  withField,
  type Fields,
  type StoredObject,
} from '../object.ts'
import type { ResourceInfo, SubresourceInfo } from '../registry.ts'

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

export function definitionDefaults(object: StoredObject, now: Ms): StoredObject {
  const spec = fieldsOf(object.spec)
  const given = fieldsOf(spec['names'])
  const kind = textOf(given['kind'])
  const names = withDefaults(given, { singular: kind.toLowerCase(), listKind: `${kind}List` })
  const filled = withDefaults(withField(spec, 'names', names), { conversion: { strategy: 'None' } })
  return established(withField(object, 'spec', filled), now)
}

/** Names are accepted and the resource is served as soon as it is written. */
function established(object: StoredObject, now: Ms): StoredObject {
  const spec = fieldsOf(object.spec)
  const status = fieldsOf(object.status)
  const present = listOf(status['conditions'])
  const condition = (type: string, reason: string, message: string): Fields =>
    present.find((c) => c['type'] === type && c['status'] === 'True') ?? {
      type,
      status: 'True',
      lastTransitionTime: timestamp(now),
      reason,
      message,
    }
  const storage = listOf(spec['versions']).find((version) => version['storage'] === true)?.['name']
  const stored = Array.isArray(status['storedVersions']) ? (status['storedVersions'] as readonly unknown[]) : []
  const next = {
    ...status,
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ...present.filter((c) => c['type'] !== 'NamesAccepted' && c['type'] !== 'Established'),
    ],
    acceptedNames: spec['names'],
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
  }
  return equal(status, next) ? object : { ...object, status: next }
}

export function definitionErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const spec = fieldsOf(object.spec)
  const names = fieldsOf(spec['names'])
  const { group, scope } = spec
  if ((group ?? '') === '') errors.push(required('spec.group'))
  if (scope !== 'Namespaced' && scope !== 'Cluster')
    errors.push(unsupported('spec.scope', scope ?? '', ['Cluster', 'Namespaced']))
  for (const field of ['plural', 'kind']) if ((names[field] ?? '') === '') errors.push(required(`spec.names.${field}`))
  if (object.metadata.name !== `${String(names['plural'])}.${String(group)}`) {
    errors.push(invalidValue('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'))
  }
  const versions = listOf(spec['versions'])
  if (versions.filter((version) => version['storage'] === true).length !== 1) {
    errors.push(
      invalidValue(
        'spec.versions',
        versions.map((version) => version['name']),
        'must have exactly one version marked as storage version',
      ),
    )
  }
  versions.forEach((version, i) => {
    if (!isFields(fieldsOf(version['schema'])['openAPIV3Schema'])) {
      errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required'))
    }
  })
  const strategy = fieldsOf(spec['conversion'])['strategy']
  if (strategy === 'Webhook') {
    errors.push(
      forbiddenField('spec.conversion.strategy', 'conversion webhooks are not called by this server: use None'),
    )
  } else if (strategy !== 'None') errors.push(unsupported('spec.conversion.strategy', strategy, ['None', 'Webhook']))
  return errors
}

export function definitionUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['group', 'scope']) {
    if (object.spec?.[field] !== old.spec?.[field]) {
      errors.push(invalidValue(`spec.${field}`, object.spec?.[field] ?? '', 'field is immutable'))
    }
  }
  return errors
}

/** The resources that the definition serves, its storage version first. */
export function customResources(definition: StoredObject): readonly ResourceInfo[] {
  const spec = fieldsOf(definition.spec)
  const versions = listOf(spec['versions'])
  const storage = versions.find((version) => version['storage'] === true)
  if (storage === undefined) return []
  return versions
    .filter((version) => version['served'] !== false)
    .toSorted((a, b) => versionOrder(String(a['name']), String(b['name'])))
    .map((version) => customResource(definition, version, String(storage['name'])))
}

function customResource(definition: StoredObject, version: Fields, storageVersion: string): ResourceInfo {
  const spec = fieldsOf(definition.spec)
  const names = fieldsOf(spec['names'])
  const texts = (field: string): readonly string[] => (names[field] ?? []) as readonly string[]
  const group = String(spec['group'])
  const kind = String(names['kind'])
  const name = String(version['name'])
  const subresources = fieldsOf(version['subresources'])
  const scale = isFields(subresources['scale']) ? subresources['scale'] : undefined
  const served: SubresourceInfo[] = []
  const verbs = ['get', 'patch', 'update']
  if (isFields(subresources['status'])) served.push({ name: 'status', group, version: name, kind, verbs })
  if (scale !== undefined) served.push({ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs })
  const path = (value: unknown): string => textOf(value).replace(/^\./, '')
  const schema = fieldsOf(version['schema'])['openAPIV3Schema']
  return {
    group,
    version: name,
    plural: String(names['plural']),
    singular: String(names['singular']),
    kind,
    listKind: String(names['listKind']),
    namespaced: spec['scope'] === 'Namespaced',
    shortNames: texts('shortNames'),
    categories: texts('categories'),
    verbs: allVerbs,
    subresources: new Map(served.map((subresource) => [subresource.name, subresource])),
    schemaName: undefined,
    storage: { group, version: storageVersion },
    custom: {
      definition: definition.metadata.name,
      schema: isFields(schema) ? schema : undefined,
      columns: listOf(version['additionalPrinterColumns']),
      selectableFields: listOf(version['selectableFields']).map((field) => path(field['jsonPath'])),
      statusSubresource: isFields(subresources['status']),
      scale:
        scale === undefined
          ? undefined
          : {
              specReplicas: path(scale['specReplicasPath']),
              statusReplicas: path(scale['statusReplicasPath']),
              labelSelector: scale['labelSelectorPath'] === undefined ? undefined : path(scale['labelSelectorPath']),
            },
      preserveUnknownFields: spec['preserveUnknownFields'] === true,
    },
  }
}

/** Preference order: v2, v1, v1beta2, v1beta1, v1alpha1 (kubernetes/apimachinery:pkg/version/helpers.go). */
function versionOrder(a: string, b: string): number {
  const rank = (text: string): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text)
    if (match === null) return [0, 0, 0]
    return [match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1, Number(match[1]), Number(match[3] ?? 0)]
  }
  const [left, right] = [rank(a), rank(b)]
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return right[i]! - left[i]!
  return a < b ? -1 : 1
}
