// What a definition may say (kubernetes/apiextensions-apiserver:pkg/apis/apiextensions/validation/validation.go).
// Upstream checks the definition in a form in which what all versions have alike stands once, above them; its messages
// name the fields of that form.
import { required, tooMany, unsupported, type FieldError } from '../errors.ts'
import { nameProblems } from '../kinds/names.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { requestUrlProblem } from '../cel/url.ts'
import { conversionErrors } from './conversion-validation.ts'
import { fieldError } from './field-path.ts'
import { schemaErrors } from './schema-validation.ts'
import { validFieldPath } from './schema-path.ts'

function invalid(path: string, value: unknown, why: string): FieldError {
  return fieldError('FieldValueInvalid', path, value, why)
}

export function definitionErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const names = fieldsOf(spec['names'])
  const errors: FieldError[] = []
  // What is stored has its name.
  const isNew = (object.metadata.resourceVersion ?? '') === ''
  if (isNew && object.metadata.name !== `${textOf(names['plural'])}.${textOf(spec['group'])}`) {
    errors.push(invalid('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'))
  }
  return [
    ...errors,
    ...specErrors(spec),
    ...storedVersionErrors(object),
    ...approvalErrors(object),
    ...(spec['preserveUnknownFields'] === true
      ? [
          invalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
  ]
}

/** What never changes. */
export function definitionUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const established = listOf(old.status?.['conditions']).some(
    (condition) => condition['type'] === 'Established' && condition['status'] === 'True',
  )
  const [spec, before] = [fieldsOf(object.spec), fieldsOf(old.spec)]
  const [names, namesBefore] = [fieldsOf(spec['names']), fieldsOf(before['names'])]
  const fixed: readonly (readonly [path: string, value: unknown, was: unknown, always: boolean])[] = [
    ['spec.scope', spec['scope'], before['scope'], false],
    ['spec.names.kind', names['kind'], namesBefore['kind'], false],
    ['spec.group', spec['group'], before['group'], true],
    ['spec.names.plural', names['plural'], namesBefore['plural'], true],
  ]
  return fixed.flatMap(([path, value, was, always]) => {
    return (always || established) && !equal(value, was) ? [invalid(path, value ?? '', 'field is immutable')] : []
  })
}

interface Hoisted {
  /** Stands above the versions: all have it alike. */
  readonly shared: boolean
  /** The field's path for the `i`th version. */
  path(i: number): string
}

function hoisted(versions: readonly Fields[], field: string, above: string): Hoisted {
  const first = versions[0]?.[field]
  const shared = versions.every((version) => equal(version[field], first))
  return { shared, path: (i) => (shared ? `spec.${above}` : `spec.versions[${i}].${field}`) }
}

function specErrors(spec: Fields): FieldError[] {
  const errors: FieldError[] = []
  const group = textOf(spec['group'])
  const versions = listOf(spec['versions'])
  if (group === '') errors.push(required('spec.group'))
  else {
    const problems = nameProblems(group, 'subdomain')
    if (problems.length > 0) errors.push(invalid('spec.group', group, problems.join(',')))
    else if (!group.includes('.')) {
      errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'))
    }
  }
  const scope = textOf(spec['scope'])
  if (scope === '') errors.push(required('spec.scope'))
  else if (scope !== 'Cluster' && scope !== 'Namespaced') {
    errors.push(unsupported('spec.scope', scope, ['Cluster', 'Namespaced']))
  }
  const schema = hoisted(versions, 'schema', 'validation')
  versions.forEach((version, i) => {
    if (isFields(fieldsOf(version['schema'])['openAPIV3Schema'])) return
    errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`))
  })
  errors.push(...versionErrors(versions, schema))
  const seen = versions.map((version) => version['name'])
  if (new Set(seen).size !== seen.length) {
    errors.push(invalid('spec.versions', shownVersions(versions), 'must contain unique version names'))
  }
  if (versions.filter((version) => version['storage'] === true).length !== 1) {
    errors.push(
      invalid('spec.versions', shownVersions(versions), 'must have exactly one version marked as storage version'),
    )
  }
  errors.push(...nameErrors(fieldsOf(spec['names'])))
  errors.push(...sharedErrors(versions, schema))
  const strategy = textOf(fieldsOf(spec['conversion'])['strategy'])
  if (strategy !== 'None' && spec['preserveUnknownFields'] === true) {
    errors.push(invalid('spec.conversion.strategy', strategy, 'must be None if spec.preserveUnknownFields is true'))
  }
  return [...errors, ...conversionErrors(fieldsOf(spec['conversion']))]
}

/** As Go prints them, in the order of its fields: what all have alike is gone from them. */
function shownVersions(versions: readonly Fields[]): unknown {
  const own = (version: Fields, field: string): unknown =>
    hoisted(versions, field, '').shared ? null : (version[field] ?? null)
  const shown = versions.map((version) => ({
    Name: version['name'] ?? '',
    Served: version['served'] === true,
    Storage: version['storage'] === true,
    Deprecated: version['deprecated'] === true,
    DeprecationWarning: version['deprecationWarning'] ?? null,
    Schema: own(version, 'schema'),
    Subresources: own(version, 'subresources'),
    AdditionalPrinterColumns: own(version, 'additionalPrinterColumns'),
    SelectableFields: own(version, 'selectableFields'),
  }))
  return { toJSON: () => shown }
}

/** What each version has of its own. */
function versionErrors(versions: readonly Fields[], schema: Hoisted): FieldError[] {
  const errors: FieldError[] = []
  const subresources = hoisted(versions, 'subresources', 'subresources')
  const columns = hoisted(versions, 'additionalPrinterColumns', 'additionalPrinterColumns')
  const fields = hoisted(versions, 'selectableFields', 'selectableFields')
  versions.forEach((version, i) => {
    const path = `spec.versions[${i}]`
    const name = textOf(version['name'])
    const problems = nameProblems(name, 'label1035')
    if (problems.length > 0) errors.push(invalid(`${path}.name`, name, problems.join(',')))
    errors.push(...deprecationErrors(version, path))
    const given = fieldsOf(version['schema'])['openAPIV3Schema']
    if (!schema.shared && isFields(given)) {
      const status = isFields(fieldsOf(version['subresources'])['status'])
      errors.push(...schemaErrors(given, `${schema.path(i)}.openAPIV3Schema`, status))
    }
    if (!subresources.shared) errors.push(...scaleErrors(fieldsOf(version['subresources']), subresources.path(i)))
    if (!columns.shared) errors.push(...columnErrors(version, columns.path(i)))
    if (!fields.shared) errors.push(...selectableErrors(version, fields.path(i)))
  })
  return errors
}

/** What all versions have alike. */
function sharedErrors(versions: readonly Fields[], schema: Hoisted): FieldError[] {
  const [first] = versions
  if (first === undefined) return []
  const errors: FieldError[] = []
  const given = fieldsOf(first['schema'])['openAPIV3Schema']
  if (schema.shared && isFields(given)) {
    const status = versions.some((version) => isFields(fieldsOf(version['subresources'])['status']))
    errors.push(...schemaErrors(given, `${schema.path(0)}.openAPIV3Schema`, status))
  }
  const subresources = hoisted(versions, 'subresources', 'subresources')
  if (subresources.shared) errors.push(...scaleErrors(fieldsOf(first['subresources']), subresources.path(0)))
  const columns = hoisted(versions, 'additionalPrinterColumns', 'additionalPrinterColumns')
  if (columns.shared) errors.push(...columnErrors(first, columns.path(0)))
  const fields = hoisted(versions, 'selectableFields', 'selectableFields')
  if (fields.shared) errors.push(...selectableErrors(first, fields.path(0)))
  return errors
}

function deprecationErrors(version: Fields, path: string): FieldError[] {
  const text = version['deprecationWarning']
  if (typeof text !== 'string') return []
  const wrong = (why: string): FieldError => invalid(`${path}.deprecationWarning`, text, why)
  if (version['deprecated'] !== true) return [wrong('can only be set for deprecated versions')]
  const errors: FieldError[] = []
  if (new TextEncoder().encode(text).length > 256) errors.push(wrong('must be <= 256 characters long'))
  if (text === '') errors.push(wrong('must not be an empty string'))
  const at = text.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u)
  if (at >= 0) {
    const bytes = new TextEncoder().encode(text.slice(0, at)).length
    errors.push(wrong(`must only contain printable UTF-8 characters; non-printable character found at index ${bytes}`))
  }
  return errors
}

function nameErrors(names: Fields): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    if (textOf(names[field]) === '') errors.push(required(`spec.names.${field}`))
  }
  const label = (field: string, name: string): void => {
    const problems = name === '' && !field.includes('[') ? [] : nameProblems(name, 'label1035')
    if (problems.length > 0) errors.push(invalid(`spec.names.${field}`, name, problems.join(',')))
  }
  const mixed = (field: string): void => {
    const name = textOf(names[field])
    const problems = name === '' ? [] : nameProblems(name.toLowerCase(), 'label1035')
    if (problems.length === 0) return
    const why = `may have mixed case, but should otherwise match: ${problems.join(',')}`
    errors.push(invalid(`spec.names.${field}`, name, why))
  }
  label('plural', textOf(names['plural']))
  label('singular', textOf(names['singular']))
  mixed('kind')
  mixed('listKind')
  const each = (field: string): void => {
    const given = names[field]
    if (Array.isArray(given)) given.forEach((name: unknown, i) => label(`${field}[${i}]`, textOf(name)))
  }
  each('shortNames')
  if (textOf(names['kind']) !== '' && names['kind'] === names['listKind']) {
    errors.push(invalid('spec.names.listKind', names['listKind'], 'kind and listKind may not be the same'))
  }
  each('categories')
  return errors
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string']
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function columnErrors(version: Fields, path: string): FieldError[] {
  return listOf(version['additionalPrinterColumns']).flatMap((column, i) => {
    const at = `${path}[${i}]`
    const errors: FieldError[] = []
    if (textOf(column['name']) === '') errors.push(required(`${at}.name`))
    const type = textOf(column['type'])
    const oneOf = (choices: readonly string[]): string => `must be one of ${choices.join(',')}`
    if (type === '') errors.push(required(`${at}.type`, oneOf(columnTypes)))
    else if (!columnTypes.includes(type)) errors.push(invalid(`${at}.type`, type, oneOf(columnTypes)))
    const format = textOf(column['format'])
    if (format !== '' && !columnFormats.includes(format)) {
      errors.push(invalid(`${at}.format`, format, oneOf(columnFormats)))
    }
    const jsonPath = textOf(column['jsonPath'])
    if (jsonPath === '') errors.push(required(`${at}.JSONPath`))
    else errors.push(...simplePathErrors(jsonPath, `${at}.JSONPath`))
    return errors
  })
}

function simplePathErrors(jsonPath: string, path: string): FieldError[] {
  return jsonPath.startsWith('.') ? [] : [invalid(path, jsonPath, 'must be a simple json path starting with .')]
}

const selectableMax = 8

function selectableErrors(version: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  const schema = fieldsOf(fieldsOf(version['schema'])['openAPIV3Schema'])
  const seen = new Set<string>()
  listOf(version['selectableFields']).forEach((field, i) => {
    const at = `${path}[${i}].jsonPath`
    const jsonPath = textOf(field['jsonPath'])
    if (jsonPath === '') {
      errors.push(required(at))
      return
    }
    const found = validFieldPath(jsonPath, schema, false)
    if ('problem' in found) {
      errors.push(invalid(at, jsonPath, `is an invalid path: ${found.problem}`))
      return
    }
    if (found.path.split(/[.[]/)[0] === 'metadata') {
      errors.push(invalid(at, jsonPath, 'must not point to fields in metadata'))
    }
    if (!['string', 'boolean', 'integer'].includes(textOf(found.schema['type']))) {
      const why =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
      errors.push(invalid(at, jsonPath, why))
    }
    if (seen.has(found.path)) errors.push(fieldError('FieldValueDuplicate', at, jsonPath, ''))
    seen.add(found.path)
  })
  if (seen.size > selectableMax) errors.push(tooMany(path, seen.size, selectableMax))
  return errors
}

function scaleErrors(subresources: Fields, path: string): FieldError[] {
  const { scale } = subresources
  if (!isFields(scale)) return []
  const errors: FieldError[] = []
  const check = (field: string, below: readonly string[], needed: boolean): void => {
    const at = `${path}.scale.${field}`
    const jsonPath = textOf(scale[field])
    if (jsonPath === '') {
      if (needed) errors.push(required(at))
      return
    }
    const simple = simplePathErrors(jsonPath, at)
    errors.push(...simple)
    if (simple.length > 0 || below.some((head) => jsonPath.startsWith(`${head}.`))) return
    const where = below.length === 1 ? `under ${below[0]}` : `under either ${below.join(' or ')}`
    errors.push(invalid(at, jsonPath, `should be a json path ${where}`))
  }
  check('specReplicasPath', ['.spec'], true)
  check('statusReplicasPath', ['.status'], true)
  check('labelSelectorPath', ['.spec', '.status'], false)
  return errors
}

function storedVersionErrors(object: StoredObject): FieldError[] {
  const path = 'status.storedVersions'
  const stored = object.status?.['storedVersions']
  if (!Array.isArray(stored) || stored.length === 0)
    return [invalid(path, null, 'must have at least one stored version')]
  const versions = listOf(fieldsOf(object.spec)['versions'])
  const names = versions.map((version) => version['name'])
  const missing = versions.filter((version) => version['storage'] === true && !stored.includes(version['name']))
  const unnamed = missing.map((version) =>
    invalid(path, stored, `must have the storage version ${textOf(version['name'])}`),
  )
  const stale = (stored as readonly string[]).flatMap((name, i) => {
    if (names.includes(name)) return []
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`
    return [invalid(`${path}[${i}]`, name, why)]
  })
  return [...unnamed, ...stale]
}

const approval = 'api-approved.kubernetes.io'

/** Groups of the community are its own: whoever defines a resource in one says who approved. */
function approvalErrors(object: StoredObject): FieldError[] {
  const group = textOf(fieldsOf(object.spec)['group'])
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return []
  const path = `metadata.annotations[${approval}]`
  const text = object.metadata.annotations?.[approval] ?? ''
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111'
  if (text === '') return [required(path, `protected groups must have approval annotation "${approval}", ${see}`)]
  if (text.startsWith('unapproved')) return []
  if (requestUrlProblem(text) === undefined && /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return []
  const why = `protected groups must have approval annotation "${approval}" with either a URL or a reason starting with "unapproved", ${see}`
  return [invalid(path, text, why)]
}
