// Validation of services, nodes and the smaller kinds (kubernetes/kubernetes:pkg/apis/{core,scheduling,storage}/validation).
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, listOf, textOf, type StoredObject } from '../object.ts'
import { notNegativeErrors } from './formats.ts'
import { labelValueProblems, qualifiedNameProblems } from './names.ts'
import { cidrErrors } from './service-validation.ts'

/** In upstream's order. */
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function nodeErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  listOf(object.spec?.['taints']).forEach((taint, i) => {
    // Upstream names the place so.
    const at = `metadata.taints[${i}]`
    const key = textOf(taint['key'])
    const value = textOf(taint['value'])
    const effect = textOf(taint['effect'])
    errors.push(...qualifiedNameProblems(key).map((why) => invalidValue(`${at}.key`, key, why)))
    const problems = labelValueProblems(value)
    if (problems.length > 0) errors.push(invalidValue(`${at}.value`, value, problems.join(';')))
    if (effect === '') errors.push(required(`${at}.effect`))
    else if (!effects.includes(effect)) errors.push(unsupported(`${at}.effect`, effect, effects))
    const id = `${key}:${effect}`
    if (seen.has(id)) {
      const shown = JSON.stringify({ Key: key, Value: value, Effect: effect, TimeAdded: taint['timeAdded'] ?? null })
      errors.push({
        reason: 'FieldValueDuplicate',
        field: at,
        message: `Duplicate value: ${shown}: taints must be unique by key and effect pair`,
      })
    }
    seen.add(id)
  })
  listOf(object.spec?.['podCIDRs']).forEach((range, i) =>
    errors.push(...cidrErrors(textOf(range), `spec.podCIDRs[${i}]`)),
  )
  return errors
}

export function namespaceErrors(object: StoredObject): readonly FieldError[] {
  return listOf(object.spec?.['finalizers']).flatMap((value) => {
    const name = textOf(value)
    if (name.includes('/') || name === 'kubernetes') return []
    const why = 'name is neither a standard finalizer name nor is it fully qualified'
    return [invalidValue('spec.finalizers', name, why)]
  })
}

export function roleErrors(object: StoredObject): readonly FieldError[] {
  const isNamespaced = object.kind === 'Role'
  return listOf(object['rules']).flatMap((rule, i) => {
    const at = `rules[${i}]`
    const errors: FieldError[] = []
    const has = (field: string): boolean => listOf(rule[field]).length > 0
    if (!has('verbs')) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'))
    if (has('nonResourceURLs')) {
      if (isNamespaced) {
        const why = 'namespaced rules cannot apply to non-resource URLs'
        errors.push(invalidValue(`${at}.nonResourceURLs`, rule['nonResourceURLs'], why))
      }
      if (has('apiGroups') || has('resources') || has('resourceNames')) {
        const why = 'rules cannot apply to both regular resources and non-resource URLs'
        errors.push(invalidValue(`${at}.nonResourceURLs`, rule['nonResourceURLs'], why))
      }
      return errors
    }
    if (!has('apiGroups')) {
      errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'))
    }
    if (!has('resources')) {
      errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'))
    }
    return errors
  })
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
        `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`,
      ),
    ]
  }
  if (!name.startsWith('system-') && value > 1_000_000_000) {
    return [forbiddenField('value', 'maximum allowed value of a user defined priority is 1000000000')]
  }
  const policy = object['preemptionPolicy']
  const policies = ['PreemptLowerPriority', 'Never']
  if (policy !== undefined && !policies.includes(textOf(policy))) {
    return [unsupported('preemptionPolicy', policy, policies)]
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
  if (object['reclaimPolicy'] !== old['reclaimPolicy']) {
    errors.push(forbiddenField('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'))
  }
  const { volumeBindingMode } = object
  if (volumeBindingMode !== old['volumeBindingMode']) {
    errors.push(invalidValue('volumeBindingMode', volumeBindingMode, 'field is immutable'))
  }
  return errors
}

export function leaseErrors(object: StoredObject): readonly FieldError[] {
  const { leaseDurationSeconds: seconds, leaseTransitions } = fieldsOf(object.spec)
  const isShort = typeof seconds === 'number' && seconds <= 0
  return [
    ...(isShort ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : []),
    ...notNegativeErrors(leaseTransitions, 'spec.leaseTransitions'),
  ]
}
