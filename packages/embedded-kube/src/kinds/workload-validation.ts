// Validation of workloads, budgets and the like (kubernetes/kubernetes:pkg/apis/{apps,batch,policy,autoscaling}/validation).
import { labelSelectorMatches, type LabelSelector } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, type Fields, type StoredObject } from '../object.ts'
import { metadataErrors } from './names.ts'
import { portErrors } from './formats.ts'
import { podSpecErrors } from './pod-spec-validation.ts'
import { selectorErrors } from './selector-validation.ts'

function notNegative(spec: Fields, field: string, errors: FieldError[], path = 'spec'): void {
  const value = spec[field]
  if (value !== undefined && (typeof value !== 'number' || value < 0)) {
    errors.push(invalidValue(`${path}.${field}`, value, 'must be greater than or equal to 0'))
  }
}

/** Templates seen to be fine, by their spec: those of a Deployment come back with each of its ReplicaSets. */
const goodTemplates = new WeakSet<object>()

function templateErrors(template: Fields, path: string, restartPolicies: readonly string[]): FieldError[] {
  const errors = metadataErrors(fieldsOf(template['metadata']), undefined).map((error) => ({
    ...error,
    field: `${path}.${error.field}`,
  }))
  const spec = fieldsOf(template['spec'])
  if (!goodTemplates.has(spec)) {
    const found = podSpecErrors(spec, `${path}.spec`)
    if (found.length === 0) goodTemplates.add(spec)
    errors.push(...found)
  }
  const policy = String(spec['restartPolicy'])
  if (!restartPolicies.includes(policy)) {
    errors.push(unsupported(`${path}.spec.restartPolicy`, policy, restartPolicies))
  }
  return errors
}

function selectedTemplate(spec: Fields, errors: FieldError[]): void {
  const selector = (spec['selector'] ?? undefined) as LabelSelector | undefined
  if (selector === undefined) errors.push(required('spec.selector'))
  else {
    selectorErrors(selector, 'spec.selector', errors)
    if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0) {
      errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for deployment'))
    }
  }
  const template = spec['template']
  if (!isFields(template)) {
    errors.push(required('spec.template'))
    return
  }
  const labels = (template as unknown as StoredObject).metadata?.labels
  if (selector !== undefined && !labelSelectorMatches(selector, labels)) {
    errors.push(
      invalidValue('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'),
    )
  }
  errors.push(...templateErrors(template, 'spec.template', ['Always']))
}

function intOrPercent(value: unknown, field: string, errors: FieldError[], most = Infinity): void {
  if (typeof value === 'string') {
    if (!/^\d+%$/.test(value)) {
      errors.push(
        invalidValue(
          field,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
      )
    } else if (Number(value.slice(0, -1)) > most)
      errors.push(invalidValue(field, value, 'must not be greater than 100%'))
  } else if (typeof value === 'number' && value < 0) {
    errors.push(invalidValue(field, value, 'must be greater than or equal to 0'))
  }
}

function isZero(value: unknown): boolean {
  return value === undefined || value === 0 || value === '0%'
}

function rollingErrors(strategy: Fields, path: string, errors: FieldError[]): void {
  const type = strategy['type']
  if (type === 'Recreate') {
    if (strategy['rollingUpdate'] !== undefined) {
      errors.push(
        forbiddenField(`${path}.rollingUpdate`, `may not be specified when strategy \`type\` is '${String(type)}'`),
      )
    }
    return
  }
  if (type !== 'RollingUpdate') {
    errors.push(unsupported(path, strategy, ['Recreate', 'RollingUpdate']))
    return
  }
  const { maxUnavailable, maxSurge } = fieldsOf(strategy['rollingUpdate'])
  intOrPercent(maxUnavailable, `${path}.rollingUpdate.maxUnavailable`, errors, 100)
  intOrPercent(maxSurge, `${path}.rollingUpdate.maxSurge`, errors)
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(
      invalidValue(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'),
    )
  }
}

export function deploymentErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const spec = fieldsOf(object.spec)
  for (const field of ['replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds']) {
    notNegative(spec, field, errors)
  }
  selectedTemplate(spec, errors)
  rollingErrors(fieldsOf(spec['strategy']), 'spec.strategy', errors)
  const { progressDeadlineSeconds, minReadySeconds = 0 } = spec
  if (typeof progressDeadlineSeconds === 'number' && progressDeadlineSeconds <= Number(minReadySeconds)) {
    errors.push(
      invalidValue('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be greater than minReadySeconds'),
    )
  }
  return errors
}

/** ReplicaSets, StatefulSets and DaemonSets. */
export function replicatedErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const spec = fieldsOf(object.spec)
  for (const field of ['replicas', 'minReadySeconds', 'revisionHistoryLimit']) notNegative(spec, field, errors)
  selectedTemplate(spec, errors)
  return errors
}

/** The selector may not change. */
export function selectorUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const selector = object.spec?.['selector']
  if (equal(selector, old.spec?.['selector'])) return []
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

export function jobErrors(object: StoredObject): readonly FieldError[] {
  return jobSpecErrors(fieldsOf(object.spec), 'spec')
}

function jobSpecErrors(spec: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const field of [
    'parallelism',
    'completions',
    'backoffLimit',
    'activeDeadlineSeconds',
    'ttlSecondsAfterFinished',
  ]) {
    notNegative(spec, field, errors, path)
  }
  const template = spec['template']
  if (!isFields(template)) errors.push(required(`${path}.template`))
  else errors.push(...templateErrors(template, `${path}.template`, ['OnFailure', 'Never']))
  return errors
}

export function jobUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const suspended = old.spec?.['suspend'] === true
  for (const field of ['completions', 'selector', 'template', 'completionMode', 'podFailurePolicy']) {
    // A suspended Job's template may still be told where to run; an Indexed Job may change its size.
    if (field === 'template' && suspended) continue
    if (field === 'completions' && object.spec?.['completionMode'] === 'Indexed') continue
    const value = object.spec?.[field]
    if (!equal(value, old.spec?.[field]))
      errors.push(invalidValue(`spec.${field}`, value ?? null, 'field is immutable'))
  }
  return errors
}

export function cronJobErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  if ((spec['schedule'] ?? '') === '') errors.push(required('spec.schedule'))
  const policy = spec['concurrencyPolicy']
  if (!['Allow', 'Forbid', 'Replace'].includes(String(policy))) {
    errors.push(unsupported('spec.concurrencyPolicy', policy, ['Allow', 'Forbid', 'Replace']))
  }
  errors.push(...jobSpecErrors(fieldsOf(fieldsOf(spec['jobTemplate'])['spec']), 'spec.jobTemplate.spec'))
  if (object.metadata.name.length > 52) {
    errors.push(invalidValue('metadata.name', object.metadata.name, 'must be no more than 52 characters'))
  }
  return errors
}

export function budgetErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: policy } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'))
  }
  intOrPercent(minAvailable, 'spec.minAvailable', errors, 100)
  intOrPercent(maxUnavailable, 'spec.maxUnavailable', errors, 100)
  if (policy !== undefined && policy !== 'AlwaysAllow' && policy !== 'IfHealthyBudget') {
    errors.push(unsupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']))
  }
  selectorErrors(spec['selector'], 'spec.selector', errors)
  return errors
}

export function autoscalerErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const { minReplicas, maxReplicas } = spec
  if (typeof minReplicas === 'number' && minReplicas < 1) {
    errors.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'))
  }
  if (typeof maxReplicas !== 'number' || maxReplicas < 1) {
    errors.push(invalidValue('spec.maxReplicas', maxReplicas ?? 0, 'must be greater than 0'))
  } else if (typeof minReplicas === 'number' && maxReplicas < minReplicas) {
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  const target = fieldsOf(spec['scaleTargetRef'])
  for (const field of ['kind', 'name']) {
    if ((target[field] ?? '') === '') errors.push(required(`spec.scaleTargetRef.${field}`))
  }
  return errors
}

export function serviceErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const ports = listOf(spec['ports'])
  const type = String(spec['type'])
  if (!['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'].includes(type)) {
    errors.push(unsupported('spec.type', type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']))
  }
  if (ports.length === 0 && type !== 'ExternalName' && spec['clusterIP'] !== 'None') errors.push(required('spec.ports'))
  ports.forEach((port, i) => {
    if (ports.length > 1 && (port['name'] ?? '') === '') errors.push(required(`spec.ports[${i}].name`))
    errors.push(...portErrors(port['port'], `spec.ports[${i}].port`))
    const target = port['targetPort']
    if (typeof target === 'number') errors.push(...portErrors(target, `spec.ports[${i}].targetPort`))
  })
  return errors
}

export function serviceUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const before = old.spec?.['clusterIP']
  const after = object.spec?.['clusterIP']
  if ((before ?? '') === '' || before === after || object.spec?.['type'] === 'ExternalName') return []
  return [invalidValue('spec.clusterIP', after ?? '', 'field is immutable')]
}

export function nodeErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  listOf(object.spec?.['taints']).forEach((taint, i) => {
    const at = `spec.taints[${i}]`
    const { key, effect } = taint
    if ((key ?? '') === '') errors.push(required(`${at}.key`))
    if ((effect ?? '') === '') errors.push(required(`${at}.effect`))
    else if (!['NoExecute', 'NoSchedule', 'PreferNoSchedule'].includes(String(effect))) {
      errors.push(unsupported(`${at}.effect`, effect, ['NoExecute', 'NoSchedule', 'PreferNoSchedule']))
    }
    const id = `${String(key)}:${String(effect)}`
    if (seen.has(id)) {
      errors.push({
        reason: 'FieldValueDuplicate',
        field: at,
        message: `Duplicate value: ${JSON.stringify(taint)}: taints must be unique by key and effect pair`,
      })
    }
    seen.add(id)
  })
  return errors
}

export function nodeUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const changed = (field: string): boolean => {
    const before = old.spec?.[field]
    return before !== undefined && before !== '' && !equal(before, object.spec?.[field])
  }
  if (changed('providerID')) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  if (changed('podCIDR') || changed('podCIDRs')) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  return errors
}

export function priorityClassUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  if (object['value'] !== old['value']) {
    errors.push(forbiddenField('value', 'may not be changed in an update.'))
  }
  if (object['preemptionPolicy'] !== old['preemptionPolicy']) {
    errors.push(invalidValue('preemptionPolicy', object['preemptionPolicy'], 'field is immutable'))
  }
  return errors
}

export function priorityClassErrors(object: StoredObject): readonly FieldError[] {
  const { name } = object.metadata
  const value = Number(object['value'] ?? 0)
  if (name.startsWith('system-') && name !== 'system-cluster-critical' && name !== 'system-node-critical') {
    return [
      forbiddenField(
        'metadata.name',
        "priority class names with 'system-' prefix are reserved for system use only. error: not a known system priority class",
      ),
    ]
  }
  if (!name.startsWith('system-') && value > 1_000_000_000) {
    return [forbiddenField('value', 'maximum allowed value of a user defined priority is 1000000000')]
  }
  return []
}

export function storageClassUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  if (!equal(object['parameters'], old['parameters'])) {
    errors.push(forbiddenField('parameters', 'updates to parameters are forbidden.'))
  }
  if (object['provisioner'] !== old['provisioner']) {
    errors.push(forbiddenField('provisioner', 'updates to provisioner are forbidden.'))
  }
  return errors
}

export function storageClassErrors(object: StoredObject): readonly FieldError[] {
  return (object['provisioner'] ?? '') === '' ? [required('provisioner')] : []
}

export function immutableDataErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  if (old['immutable'] !== true) return []
  const errors: FieldError[] = []
  for (const field of ['immutable', 'data', 'binaryData']) {
    if (!equal(object[field], old[field])) {
      errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'))
    }
  }
  return errors
}

export function leaseErrors(object: StoredObject): readonly FieldError[] {
  const seconds = object.spec?.['leaseDurationSeconds']
  return typeof seconds === 'number' && seconds <= 0
    ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]
    : []
}
