// CustomResourceDefinitions: what they are filled with, and the resources that they bring
// (kubernetes/apiextensions-apiserver:pkg/apis/apiextensions/v1/defaults.go).
import { allVerbs } from '../builtin-resources.ts'
import {
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
import type { Conversion } from './conversion.ts'

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

export function definitionDefaults(object: StoredObject): StoredObject {
  const spec = fieldsOf(object.spec)
  const given = fieldsOf(spec['names'])
  const kind = textOf(given['kind'])
  const names = withDefaults(given, {
    singular: kind.toLowerCase(),
    listKind: kind === '' ? undefined : `${kind}List`,
  })
  const filled = withDefaults(withField(spec, 'names', names), { conversion: { strategy: 'None' } })
  return withStoredVersion(withPort(object, filled))
}

/** Versions in which objects may still be stored: the one of now is among them. */
function withStoredVersion(object: StoredObject): StoredObject {
  const status = fieldsOf(object.status)
  const storage = listOf(fieldsOf(object.spec)['versions']).find((version) => version['storage'] === true)?.['name']
  const stored = Array.isArray(status['storedVersions']) ? (status['storedVersions'] as readonly unknown[]) : []
  if (storage === undefined || stored.includes(storage)) return object
  return { ...object, status: { ...status, storedVersions: [...stored, storage] } }
}

/** A conversion webhook's service is asked at port 443. */
function withPort(object: StoredObject, spec: Fields): StoredObject {
  const conversion = fieldsOf(spec['conversion'])
  const webhook = fieldsOf(conversion['webhook'])
  const client = fieldsOf(webhook['clientConfig'])
  const service = client['service']
  if (!isFields(service) || service['port'] !== undefined) return withField(object, 'spec', spec)
  const clientConfig = { ...client, service: { ...service, port: 443 } }
  return { ...object, spec: { ...spec, conversion: { ...conversion, webhook: { ...webhook, clientConfig } } } }
}

/** The resources that the definition serves once it is established, in the order in which clients prefer them. */
export function customResources(definition: StoredObject, conversion: Conversion | undefined): readonly ResourceInfo[] {
  const spec = fieldsOf(definition.spec)
  const versions = listOf(spec['versions'])
  const storage = versions.find((version) => version['storage'] === true)
  const established = listOf(definition.status?.['conditions']).some(
    (condition) => condition['type'] === 'Established' && condition['status'] === 'True',
  )
  if (storage === undefined || !established) return []
  return versions
    .filter((version) => version['served'] !== false)
    .toSorted((a, b) => versionOrder(String(a['name']), String(b['name'])))
    .map((version) => customResource(definition, version, String(storage['name']), conversion))
}

function customResource(
  definition: StoredObject,
  version: Fields,
  storageVersion: string,
  conversion: Conversion | undefined,
): ResourceInfo {
  const spec = fieldsOf(definition.spec)
  const names = fieldsOf(definition.status?.['acceptedNames'])
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
      conversion,
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
