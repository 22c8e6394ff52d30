// Validation of what makes pods (kubernetes/kubernetes:pkg/apis/{apps,core,policy}/validation/validation.go).
import { labelSelectorMatches, type LabelSelector } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { claimSpecErrors } from './claim-validation.ts'
import { notNegativeErrors } from './formats.ts'
import { annotationErrors, labelErrors } from './names.ts'
import { podSpecErrors } from './pod-spec-validation.ts'
import { selectorErrors } from './selector-validation.ts'

/** Templates seen to be fine, by their spec: those of a Deployment come back with each of its ReplicaSets. */
const goodTemplates = new WeakSet<object>()

/** A template of pods, as it stands in any kind. */
export function templateErrors(template: Fields, path: string): FieldError[] {
  const metadata = fieldsOf(template['metadata']) as unknown as StoredObject['metadata']
  const errors = [
    ...labelErrors(metadata.labels, `${path}.labels`),
    ...annotationErrors(metadata.annotations, `${path}.annotations`),
  ]
  const spec = fieldsOf(template['spec'])
  if (goodTemplates.has(spec)) return errors
  const found = podSpecErrors(spec, `${path}.spec`)
  if (found.length === 0) goodTemplates.add(spec)
  return [...errors, ...found]
}

/** What is asked of templates whose pods are to run for ever. */
function lastingTemplateErrors(template: Fields, kind: string, path: string): FieldError[] {
  const errors = templateErrors(template, path)
  const spec = fieldsOf(template['spec'])
  const policy = spec['restartPolicy']
  if (policy !== 'Always') errors.push(unsupported(`${path}.spec.restartPolicy`, policy ?? '', ['Always']))
  if (spec['activeDeadlineSeconds'] !== undefined) {
    const why = `activeDeadlineSeconds in ${kind} is not Supported`
    errors.push(forbiddenField(`${path}.spec.activeDeadlineSeconds`, why))
  }
  return errors
}

/** The selector, as far as it stands alone; whether the template can be held against it. */
function checkSelector(spec: Fields, kind: string, errors: FieldError[]): boolean {
  const selector = (spec['selector'] ?? undefined) as LabelSelector | undefined
  if (selector === undefined) {
    errors.push(required('spec.selector'))
    return true
  }
  const before = errors.length
  selectorErrors(selector, 'spec.selector', errors)
  if (before !== errors.length) {
    errors.push(invalidValue('spec.selector', selector, 'invalid label selector'))
    return false
  }
  if (isEmptySelector(selector)) {
    errors.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`))
  }
  return true
}

function matchErrors(spec: Fields, path = 'spec'): FieldError[] {
  const selector = (spec['selector'] ?? undefined) as LabelSelector | undefined
  const labels = labelsOf(spec['template'])
  if (selector !== undefined && labelSelectorMatches(selector, labels)) return []
  const why = '`selector` does not match template `labels`'
  return [invalidValue(`${path}.template.metadata.labels`, labels ?? null, why)]
}

function labelsOf(template: unknown): StoredObject['metadata']['labels'] {
  return (fieldsOf(template) as unknown as StoredObject).metadata?.labels
}

function countErrors(spec: Fields, fields: readonly string[]): FieldError[] {
  return fields.flatMap((field) => notNegativeErrors(spec[field], `spec.${field}`))
}

const percentWhy =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

function intOrPercentErrors(value: unknown, field: string): FieldError[] {
  if (typeof value === 'string') return /^\d+%$/.test(value) ? [] : [invalidValue(field, value, percentWhy)]
  return notNegativeErrors(value, field)
}

function notAboveHundredErrors(value: unknown, field: string): FieldError[] {
  if (typeof value !== 'string' || !/^\d+%$/.test(value) || Number(value.slice(0, -1)) <= 100) return []
  return [invalidValue(field, value, 'must not be greater than 100%')]
}

/** As upstream takes a value that may be a percentage: what it cannot read is nought. */
function amountOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d+%$/.test(value) ? Number(value.slice(0, -1)) : 0
}

export function deploymentErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors = countErrors(spec, ['replicas', 'minReadySeconds'])
  if (checkSelector(spec, 'deployment', errors)) {
    errors.push(...matchErrors(spec))
    errors.push(...lastingTemplateErrors(fieldsOf(spec['template']), 'ReplicaSet', 'spec.template'))
  }
  rolloutErrors(fieldsOf(spec['strategy']), 'spec.strategy', errors)
  errors.push(...countErrors(spec, ['revisionHistoryLimit']))
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec
  if (typeof deadline === 'number') {
    const field = 'spec.progressDeadlineSeconds'
    errors.push(...notNegativeErrors(deadline, field))
    if (deadline <= Number(minReadySeconds)) {
      errors.push(invalidValue(field, deadline, 'must be greater than minReadySeconds'))
    }
  }
  return errors
}

function rolloutErrors(strategy: Fields, path: string, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy
  if (type === 'Recreate') {
    if (rollingUpdate === undefined) return
    errors.push(forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"))
    return
  }
  if (type !== 'RollingUpdate') {
    const shown = { Type: type ?? '', RollingUpdate: rollingUpdate ?? null }
    errors.push(unsupported(path, shown, ['Recreate', 'RollingUpdate']))
    return
  }
  const { maxUnavailable, maxSurge } = fieldsOf(rollingUpdate)
  const unavailable = `${path}.rollingUpdate.maxUnavailable`
  errors.push(...intOrPercentErrors(maxUnavailable, unavailable))
  errors.push(...intOrPercentErrors(maxSurge, `${path}.rollingUpdate.maxSurge`))
  if (errors.length === 0 && amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    errors.push(invalidValue(unavailable, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'))
  }
  errors.push(...notAboveHundredErrors(maxUnavailable, unavailable))
}

export function replicaSetErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors = countErrors(spec, ['replicas', 'minReadySeconds'])
  if (checkSelector(spec, 'deployment', errors)) {
    errors.push(...matchErrors(spec))
    errors.push(...lastingTemplateErrors(fieldsOf(spec['template']), 'ReplicaSet', 'spec.template'))
  }
  return errors
}

export function replicationControllerErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors = countErrors(spec, ['minReadySeconds'])
  const selector = fieldsOf(spec['selector']) as { readonly [label: string]: string }
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'))
  errors.push(...countErrors(spec, ['replicas']))
  const template = spec['template']
  if (!isFields(template)) {
    errors.push(required('spec.template'))
    return errors
  }
  const labels = labelsOf(template)
  if (!labelSelectorMatches({ matchLabels: selector }, labels)) {
    const why = '`selector` does not match template `labels`'
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? null, why))
  }
  errors.push(...lastingTemplateErrors(template, 'ReplicationController', 'spec.template'))
  return errors
}

export function podTemplateErrors(object: StoredObject): readonly FieldError[] {
  return templateErrors(fieldsOf(object['template']), 'template')
}

export function statefulSetErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  if (object.metadata.name.includes('.')) {
    errors.push(invalidValue('metadata.name', object.metadata.name, 'must not contain dots'))
  }
  const management = textOf(spec['podManagementPolicy'])
  if (management === '') errors.push(required('spec.podManagementPolicy'))
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    errors.push(invalidValue('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'"))
  }
  statefulRolloutErrors(fieldsOf(spec['updateStrategy']), errors)
  const retention = fieldsOf(spec['persistentVolumeClaimRetentionPolicy'])
  for (const field of ['whenDeleted', 'whenScaled']) {
    const policy = textOf(retention[field])
    if (policy === 'Retain' || policy === 'Delete' || policy === '') continue
    errors.push(unsupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, policy, ['Retain', 'Delete']))
  }
  errors.push(...countErrors(spec, ['replicas', 'minReadySeconds']))
  errors.push(...notNegativeErrors(fieldsOf(spec['ordinals'])['start'], 'spec.ordinals.start'))
  if (checkSelector(spec, 'statefulset', errors)) {
    errors.push(...matchErrors(spec))
    errors.push(...lastingTemplateErrors(templateWithClaims(spec), 'StatefulSet', 'spec.template'))
  }
  listOf(spec['volumeClaimTemplates']).forEach((claim, i) =>
    errors.push(...claimSpecErrors(fieldsOf(claim['spec']), `spec.volumeClaimTemplates[${i}].spec`)),
  )
  return errors
}

/** The template with the volumes that the claims will be. */
function templateWithClaims(spec: Fields): Fields {
  const template = fieldsOf(spec['template'])
  const claims = listOf(spec['volumeClaimTemplates'])
  if (claims.length === 0) return template
  const pod = fieldsOf(template['spec'])
  const names = claims.map((claim) => (fieldsOf(claim['metadata'])['name'] ?? '') as string)
  const own = listOf(pod['volumes']).filter((volume) => !names.includes(textOf(volume['name'])))
  const volumes = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))
  return { ...template, spec: { ...pod, volumes: [...volumes, ...own] } }
}

function statefulRolloutErrors(strategy: Fields, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy
  const path = 'spec.updateStrategy'
  switch (type) {
    case 'OnDelete':
      if (isFields(rollingUpdate)) {
        const { partition = 0, maxUnavailable = null } = rollingUpdate
        const shown = { Partition: partition, MaxUnavailable: maxUnavailable }
        const why = "only allowed for updateStrategy 'RollingUpdate'"
        errors.push(invalidValue(`${path}.rollingUpdate`, shown, why))
      }
      return
    case 'RollingUpdate': {
      const { partition, maxUnavailable } = fieldsOf(rollingUpdate)
      errors.push(...notNegativeErrors(partition, `${path}.rollingUpdate.partition`))
      errors.push(...intOrPercentErrors(maxUnavailable, `${path}.rollingUpdate.maxUnavailable`))
      return
    }
    default:
      errors.push(
        textOf(type) === ''
          ? required(path)
          : invalidValue(path, { Type: type, RollingUpdate: null }, "must be 'RollingUpdate' or 'OnDelete'"),
      )
  }
}

export function daemonSetErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  selectorErrors(spec['selector'], 'spec.selector', errors)
  errors.push(...(isEmptySelector(spec['selector']) ? [] : matchErrors(spec)))
  if (isEmptySelector(spec['selector'])) {
    errors.push(invalidValue('spec.selector', spec['selector'], 'empty selector is invalid for daemonset'))
  }
  errors.push(...lastingTemplateErrors(fieldsOf(spec['template']), 'DaemonSet', 'spec.template'))
  errors.push(...countErrors(spec, ['minReadySeconds']))
  daemonRolloutErrors(fieldsOf(spec['updateStrategy']), errors)
  errors.push(...countErrors(spec, ['revisionHistoryLimit']))
  return errors
}

function isEmptySelector(selector: unknown): boolean {
  if (!isFields(selector)) return false
  return Object.keys(fieldsOf(selector['matchLabels'])).length + listOf(selector['matchExpressions']).length === 0
}

function daemonRolloutErrors(strategy: Fields, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy
  const path = 'spec.updateStrategy'
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') {
    errors.push(unsupported(path, { Type: type ?? '', RollingUpdate: null }, ['RollingUpdate', 'OnDelete']))
    return
  }
  if (!isFields(rollingUpdate)) {
    errors.push(required(`${path}.rollingUpdate`))
    return
  }
  const { maxUnavailable, maxSurge } = rollingUpdate
  const unavailable = `${path}.rollingUpdate.maxUnavailable`
  const surge = `${path}.rollingUpdate.maxSurge`
  errors.push(...intOrPercentErrors(maxUnavailable, unavailable), ...notAboveHundredErrors(maxUnavailable, unavailable))
  errors.push(...intOrPercentErrors(maxSurge, surge), ...notAboveHundredErrors(maxSurge, surge))
  const hasUnavailable = amountOf(maxUnavailable) !== 0
  const hasSurge = amountOf(maxSurge) !== 0
  if (hasUnavailable && hasSurge) {
    errors.push(invalidValue(surge, maxSurge, 'may not be set when maxUnavailable is non-zero'))
  } else if (!hasUnavailable && !hasSurge) {
    errors.push(required(unavailable, 'cannot be 0 when maxSurge is 0'))
  }
}

/** The selector may not change. */
export function selectorUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const selector = object.spec?.['selector']
  if (equal(selector ?? undefined, old.spec?.['selector'])) return []
  return [invalidValue('spec.selector', selector ?? null, 'field is immutable')]
}

export function statefulSetUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const fixed = (spec: Fields): Fields => ({
    ...spec,
    replicas: 0,
    ordinals: undefined,
    template: undefined,
    updateStrategy: undefined,
    revisionHistoryLimit: undefined,
    persistentVolumeClaimRetentionPolicy: undefined,
    minReadySeconds: undefined,
  })
  if (equal(fixed(fieldsOf(object.spec)), fixed(fieldsOf(old.spec)))) return []
  return [
    forbiddenField(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
  ]
}

export function revisionErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  if ((object['data'] ?? undefined) === undefined) errors.push(required('data', 'data is mandatory'))
  errors.push(...notNegativeErrors(object['revision'], 'revision'))
  return errors
}

export function revisionUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  return equal(object['data'], old['data']) ? [] : [invalidValue('data', object['data'], 'field is immutable')]
}

export function budgetErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: policy } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: spec['selector'] ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    }
    errors.push(invalidValue('spec', shown, 'minAvailable and maxUnavailable cannot be both set'))
  }
  for (const field of ['minAvailable', 'maxUnavailable']) {
    const value = spec[field]
    if (value === undefined) continue
    errors.push(...intOrPercentErrors(value, `spec.${field}`), ...notAboveHundredErrors(value, `spec.${field}`))
  }
  if (policy !== undefined && policy !== 'AlwaysAllow' && policy !== 'IfHealthyBudget') {
    errors.push(unsupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']))
  }
  selectorErrors(spec['selector'], 'spec.selector', errors)
  return errors
}
