// OpenAPI v3 documents, one per group-version, from the table of facts and the schemas of CRDs.
import { apiVersionOf, own } from '@plimsoll/model'
import { fieldsOf, isFields, type Fields } from '../object.ts'
import type { ResourceInfo, SubresourceInfo } from '../registry.ts'
import { schemaNamed, type Schema } from '../schema-table.ts'
import { groupsOf } from './discovery.ts'
import { fieldDescriptions, kindFields } from './field-descriptions.ts'

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const prefix = '#/components/schemas/'

interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** The paths of the index of /openapi/v3: `api/v1`, `apis/apps/v1`. */
export function openApiPaths(resources: readonly ResourceInfo[]): readonly string[] {
  return groupsOf(resources).flatMap(({ group, versions }) =>
    versions.map(({ version }) => `${group === '' ? 'api' : 'apis'}/${apiVersionOf({ group, version })}`),
  )
}

/** The document of one path of the index; undefined when it is not served. */
export function openApiDocument(resources: readonly ResourceInfo[], path: string): Fields | undefined {
  const served = resources.filter((info) => openApiPaths([info])[0] === path)
  if (served.length === 0) return undefined
  const schemas = new SchemaSet()
  const paths: Record<string, Fields> = {}
  for (const info of served) Object.assign(paths, pathsOf(info, schemas))
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.35.0' },
    paths,
    components: { schemas: schemas.all() },
  }
}

/** The schemas that a document refers to, and what those refer to. */
class SchemaSet {
  readonly #schemas = new Map<string, Fields>()

  all(): Fields {
    return Object.fromEntries([...this.#schemas].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Takes in a schema of the table by name, with the kinds that it is the body of. */
  add(name: string, kind?: GroupVersionKind): string {
    const schema = schemaNamed(name)
    if (schema !== undefined && !this.#schemas.has(name)) {
      this.#schemas.set(name, {})
      this.#schemas.set(name, described(name, this.#convert(schema, name)))
    }
    if (kind !== undefined) this.#tag(name, kind)
    return `${prefix}${name}`
  }

  /** Takes in the schema of a custom resource. */
  addCustom(name: string, info: ResourceInfo): string {
    const schema = fieldsOf(info.custom?.schema)
    const { apiVersion, kind, metadata } = {
      apiVersion: { description: kindFields['apiVersion'], type: 'string' },
      kind: { description: kindFields['kind'], type: 'string' },
      metadata: { description: kindFields['metadata'], allOf: [{ $ref: this.add(`${meta}.ObjectMeta`) }] },
    }
    const properties = { apiVersion, kind, metadata }
    this.#schemas.set(name, {
      ...schema,
      type: 'object',
      properties: isFields(schema['properties']) ? { ...schema['properties'], ...properties } : properties,
    })
    this.#tag(name, info)
    return `${prefix}${name}`
  }

  /** Lists of custom resources, and of built-ins whose list is not in the table. */
  addList(name: string, item: string, info: ResourceInfo): string {
    this.#schemas.set(name, {
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { allOf: [{ $ref: this.add(`${meta}.ListMeta`) }] },
        items: { type: 'array', items: { allOf: [{ $ref: item }] } },
      },
    })
    this.#tag(name, { ...info, kind: info.listKind })
    return `${prefix}${name}`
  }

  #tag(name: string, { group, version, kind }: GroupVersionKind): void {
    const schema = this.#schemas.get(name)
    if (schema === undefined) return
    const tags = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[]
    if (tags.some((tag) => tag.group === group && tag.version === version && tag.kind === kind)) return
    this.#schemas.set(name, {
      ...schema,
      'x-kubernetes-group-version-kind': [...tags, { group, kind, version }],
    })
  }

  #convert(schema: Schema, name?: string): Fields {
    const { $ref, properties, items, additionalProperties, ...facts } = schema
    if ($ref !== undefined) return { allOf: [{ $ref: this.add($ref) }], ...facts }
    if (facts.format === 'int-or-string') return { ...facts, type: undefined, oneOf: [integer, text] }
    if (name === 'io.k8s.apimachinery.pkg.api.resource.Quantity') return { oneOf: [text, { type: 'number' }] }
    return {
      ...facts,
      ...(items === undefined ? {} : { items: this.#convert(items) }),
      ...(additionalProperties === undefined ? {} : { additionalProperties: this.#convert(additionalProperties) }),
      ...(properties === undefined
        ? {}
        : { properties: Object.fromEntries(Object.entries(properties).map(([f, s]) => [f, this.#convert(s)])) }),
    }
  }
}

const integer = { type: 'integer' }
const text = { type: 'string' }
const boolean = { type: 'boolean' }

/** The schema with the words of the type and of its fields; clients stumble over types without. */
function described(name: string, schema: Fields): Fields {
  const short = name.replace(/^io\.k8s\.(api|apimachinery\.pkg\.apis)\./, '')
  const words = own(fieldDescriptions, short) ?? {}
  const { properties } = schema
  const isKind = isFields(properties) && ['apiVersion', 'kind', 'metadata'].every((field) => field in properties)
  const description = words[''] ?? `${name.split('.').at(-1)} (${name.split('.').slice(-3, -1).join('/')})`
  if (!isFields(properties)) return { description, ...schema }
  const entries = Object.entries(properties).map(([field, property]) => {
    const text = own(words, field) ?? (isKind ? own(kindFields, field) : undefined)
    return [field, text === undefined ? property : { description: text, ...fieldsOf(property) }] as const
  })
  return { description, ...schema, properties: Object.fromEntries(entries) }
}

/** `sh.karpenter.v1.NodePool`, as upstream names the schemas of custom resources. */
function customName(info: ResourceInfo): string {
  return [...info.group.split('.').toReversed(), info.version, info.kind].join('.')
}

function bodyOf(info: ResourceInfo, schemas: SchemaSet): string {
  if (info.custom !== undefined) return schemas.addCustom(customName(info), info)
  return schemas.add(info.schemaName ?? customName(info), info)
}

function listOf(info: ResourceInfo, item: string, schemas: SchemaSet): string {
  const name = `${info.schemaName ?? customName(info)}List`
  if (schemaNamed(name) === undefined) return schemas.addList(name, item, info)
  return schemas.add(name, { ...info, kind: info.listKind })
}

/** Schema of a subresource's body that is not the resource's own kind. */
function foreignBody(sub: SubresourceInfo, schemas: SchemaSet): string | undefined {
  const goPackage = sub.group === '' ? 'core' : sub.group.split('.')[0]!
  const name = `io.k8s.api.${goPackage}.${sub.version}.${sub.kind}`
  return schemaNamed(name) === undefined ? undefined : schemas.add(name, sub)
}

function pathsOf(info: ResourceInfo, schemas: SchemaSet): Record<string, Fields> {
  const described =
    info.custom !== undefined || (info.schemaName !== undefined && schemaNamed(info.schemaName) !== undefined)
  if (!described) return {}
  const body = bodyOf(info, schemas)
  const base = `${info.group === '' ? '/api' : '/apis'}/${apiVersionOf(info)}`
  const collection = `${base}/${info.namespaced ? 'namespaces/{namespace}/' : ''}${info.plural}`
  const list = info.verbs.includes('list') ? listOf(info, body, schemas) : body
  const operation = (verb: Verb, answer: string, kind: GroupVersionKind = info, sent = body): Fields =>
    operationOf(verb, answer, kind, sent, info.custom !== undefined, schemas)
  const all: Record<string, Fields> = {
    [collection]: {
      ...(info.verbs.includes('list') ? { get: operation('list', list) } : {}),
      ...(info.verbs.includes('create') ? { post: operation('post', body) } : {}),
      ...(info.verbs.includes('deletecollection') ? { delete: operation('deletecollection', '') } : {}),
      parameters: parametersOf(info.namespaced ? ['namespace'] : []),
    },
  }
  if (info.namespaced && info.verbs.includes('list')) {
    all[`${base}/${info.plural}`] = { get: operation('list', list), parameters: [] }
  }
  if (info.verbs.includes('get')) {
    all[`${collection}/{name}`] = {
      get: operation('get', body),
      ...(info.verbs.includes('update') ? { put: operation('put', body) } : {}),
      ...(info.verbs.includes('delete') ? { delete: operation('delete', '') } : {}),
      ...(info.verbs.includes('patch') ? { patch: operation('patch', body) } : {}),
      parameters: parametersOf(info.namespaced ? ['name', 'namespace'] : ['name']),
    }
  }
  for (const sub of info.subresources.values()) {
    const own = sub.kind === info.kind && sub.group === info.group && sub.version === info.version
    const subBody = own ? body : foreignBody(sub, schemas)
    if (subBody === undefined || sub.name === 'log') continue
    const kind = own ? info : sub
    all[`${collection}/{name}/${sub.name}`] = {
      ...(sub.verbs.includes('get') ? { get: operation('get', subBody, kind, subBody) } : {}),
      ...(sub.verbs.includes('create') ? { post: operation('post', subBody, kind, subBody) } : {}),
      ...(sub.verbs.includes('update') ? { put: operation('put', subBody, kind, subBody) } : {}),
      ...(sub.verbs.includes('patch') ? { patch: operation('patch', subBody, kind, subBody) } : {}),
      parameters: parametersOf(info.namespaced ? ['name', 'namespace'] : ['name']),
    }
  }
  return all
}

type Verb = 'get' | 'list' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection'

const listParameters: readonly (readonly [string, Fields])[] = [
  ['allowWatchBookmarks', boolean],
  ['continue', text],
  ['fieldSelector', text],
  ['labelSelector', text],
  ['limit', integer],
  ['resourceVersion', text],
  ['resourceVersionMatch', text],
  ['sendInitialEvents', boolean],
  ['timeoutSeconds', integer],
  ['watch', boolean],
]
const writeParameters: readonly (readonly [string, Fields])[] = [
  ['dryRun', text],
  ['fieldManager', text],
  // Without this one kubectl validates for itself, with a document that only comes as protobuf.
  ['fieldValidation', text],
]
const deleteParameters: readonly (readonly [string, Fields])[] = [
  ['dryRun', text],
  ['gracePeriodSeconds', integer],
  ['orphanDependents', boolean],
  ['propagationPolicy', text],
]
const parametersOfVerb: Record<Verb, readonly (readonly [string, Fields])[]> = {
  get: [],
  list: listParameters,
  post: writeParameters,
  put: writeParameters,
  patch: [...writeParameters, ['force', boolean]],
  delete: deleteParameters,
  deletecollection: [...listParameters, ...deleteParameters],
}

function operationOf(
  verb: Verb,
  answer: string,
  kind: GroupVersionKind,
  body: string,
  custom: boolean,
  schemas: SchemaSet,
): Fields {
  const answered = answer === '' ? schemas.add(`${meta}.Status`, { group: '', version: 'v1', kind: 'Status' }) : answer
  const sent = verb === 'patch' ? schemas.add(`${meta}.Patch`) : body
  const options = verb.startsWith('delete') ? schemas.add(`${meta}.DeleteOptions`, deleteOptions) : undefined
  const writes = verb === 'post' || verb === 'put'
  return {
    parameters: parametersOfVerb[verb].map(([name, schema]) => ({
      name,
      in: 'query',
      schema: { ...schema, uniqueItems: true },
    })),
    ...(writes ? { requestBody: { content: { '*/*': { schema: { $ref: sent } } }, required: true } } : {}),
    ...(verb === 'patch' ? { requestBody: { content: patchContent(custom), required: true } } : {}),
    ...(options === undefined ? {} : { requestBody: { content: { '*/*': { schema: { $ref: options } } } } }),
    responses: {
      200: { description: 'OK', content: { 'application/json': { schema: { $ref: answered } } } },
      ...(verb === 'post'
        ? { 201: { description: 'Created', content: { 'application/json': { schema: { $ref: answered } } } } }
        : {}),
    },
    'x-kubernetes-action': verb,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  }
}

const deleteOptions: GroupVersionKind = { group: '', version: 'v1', kind: 'DeleteOptions' }

function patchContent(custom: boolean): Fields {
  const types = [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    ...(custom ? [] : ['application/strategic-merge-patch+json']),
  ]
  return Object.fromEntries(types.map((type) => [type, { schema: { type: 'object' } }]))
}

function parametersOf(names: readonly string[]): readonly Fields[] {
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { ...text, uniqueItems: true } }))
  return [...inPath, { name: 'pretty', in: 'query', schema: { ...text, uniqueItems: true } }]
}
