import { labelRequirementMatches, own, parseLabelSelector, type LabelRequirement } from '@plimsoll/model'
import { badRequest } from '../errors.ts'
import { isFields, textOf, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'

/** Which objects of a collection are meant. */
export interface Filter {
  readonly namespace: string | undefined
  readonly matches: ((object: StoredObject) => boolean) | undefined
  /** What the field selector fixes, so that an index can serve it. */
  readonly name: string | undefined
  readonly nodeName: string | undefined
}

interface FieldTerm {
  readonly path: string
  readonly equals: boolean
  readonly value: string
}

export interface SelectionInput {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

/** Compiles selectors. @throws {KubeError} badRequest when one is malformed or names a field that is not selectable */
export function filterOf(info: ResourceInfo, selection: SelectionInput): Filter {
  const labels = labelTerms(selection.labelSelector)
  const terms = fieldTerms(info, selection.fieldSelector)
  const fixed = (path: string): string | undefined => terms.find((t) => t.equals && t.path === path)?.value
  return {
    namespace: (selection.namespace === '' ? undefined : selection.namespace) ?? fixed('metadata.namespace'),
    matches:
      labels.length === 0 && terms.length === 0
        ? undefined
        : (object) =>
            labels.every((requirement) => labelRequirementMatches(requirement, object.metadata.labels)) &&
            terms.every((term) => (fieldText(info, object, term.path) === term.value) === term.equals),
    name: fixed('metadata.name'),
    nodeName: info.group === '' && info.plural === 'pods' ? fixed('spec.nodeName') : undefined,
  }
}

function labelTerms(text: string | undefined): readonly LabelRequirement[] {
  if (text === undefined || text === '') return []
  const parsed = parseLabelSelector(text)
  if ('error' in parsed) throw badRequest(parsed.error)
  return parsed
}

/** In the order of their text, as upstream checks them (kubernetes/apimachinery:pkg/fields/selector.go). */
function fieldTerms(info: ResourceInfo, text: string | undefined): readonly FieldTerm[] {
  if (text === undefined || text === '') return []
  const terms = splitTerms(text)
    .toSorted()
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
      if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
      const [, path = '', operator, value = ''] = match
      return { path, equals: operator !== '!=', value: unescaped(value) }
    })
    .filter(({ path, value }) => path !== '' || value !== '')
  for (const { path } of terms) if (!isSelectable(info, path)) throw notSelectable(info, path)
  return terms.map((term) => ({ ...term, path: own(aliases, term.path) ?? term.path }))
}

const aliases: Readonly<Record<string, string>> = { 'spec.host': 'spec.nodeName' }

function unescaped(value: string): string {
  return value.replace(/\\(.)?|[,=]/gs, (found, escaped: string | undefined) => {
    if (escaped !== undefined && '\\,='.includes(escaped)) return escaped
    if (!found.startsWith('\\')) {
      throw badRequest(`invalid field selector: unescaped character in value: ${found.charCodeAt(0)}`)
    }
    throw badRequest(`invalid field selector: invalid escape sequence: ${found}`)
  })
}

/** At commas that are not escaped. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []
}

const selectable: Record<string, readonly string[]> = {
  '/pods': [
    'spec.nodeName',
    'spec.host',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  '/nodes': ['spec.unschedulable'],
  '/events': [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'events.k8s.io/events': [
    'regarding.kind',
    'regarding.namespace',
    'regarding.name',
    'regarding.uid',
    'regarding.apiVersion',
    'regarding.resourceVersion',
    'regarding.fieldPath',
    'reason',
    'reportingController',
    'type',
  ],
  '/namespaces': ['status.phase'],
  '/secrets': ['type'],
  '/replicationcontrollers': ['status.replicas'],
  '/services': ['spec.clusterIP', 'spec.type'],
  'batch/jobs': ['status.successful'],
  'certificates.k8s.io/certificatesigningrequests': ['spec.signerName'],
  'resource.k8s.io/resourceslices': ['spec.nodeName', 'spec.driver'],
}

function isSelectable(info: ResourceInfo, path: string): boolean {
  if (path === 'metadata.name' || (path === 'metadata.namespace' && info.namespaced)) return true
  const paths = info.custom?.selectableFields ?? selectable[`${info.group}/${info.plural}`]
  return paths?.includes(path) ?? false
}

function notSelectable(info: ResourceInfo, path: string): Error {
  const id = `${info.group}/${info.plural}`
  if (id === 'batch/jobs') return badRequest(`field label ${JSON.stringify(path)} not supported for Job`)
  return selectable[id] === undefined && info.custom === undefined
    ? badRequest(`"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
    : badRequest(`field label not supported: ${path}`)
}

/** The paths whose absent value is not the empty text. */
const absentText: Record<string, string> = {
  'spec.unschedulable': 'false',
  'spec.hostNetwork': 'false',
  'status.replicas': '0',
  'status.successful': '0',
}

function fieldText(info: ResourceInfo, object: StoredObject, path: string): string {
  if (info.plural === 'events') return eventText(object, path)
  if (path === 'status.successful') path = 'status.succeeded'
  if (path === 'status.podIPs') path = 'status.podIP'
  const value = valueAt(object, path)
  return value === undefined || value === null ? (own(absentText, path) ?? '') : textOf(value)
}

/** Events are stored as v1 and may be asked for in the words of events.k8s.io. */
function eventText(object: StoredObject, path: string): string {
  const core = path === 'reportingController' ? 'reportingComponent' : path.replace(/^regarding\./, 'involvedObject.')
  if (core === 'source') return textOf(valueAt(object, 'source.component') ?? valueAt(object, 'reportingComponent'))
  const value =
    valueAt(object, core) ?? (core === 'reportingComponent' ? valueAt(object, 'source.component') : undefined)
  return textOf(value)
}

function valueAt(object: StoredObject, path: string): unknown {
  let value: unknown = object
  for (const field of path.split('.')) value = isFields(value) ? own(value, field) : undefined
  return value
}
