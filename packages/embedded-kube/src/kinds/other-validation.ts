// Validation of services, nodes and the smaller kinds (kubernetes/kubernetes:pkg/apis/{core,scheduling,storage}/validation).
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, listOf, type StoredObject } from '../object.ts'
import { portErrors } from './formats.ts'

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
        `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`,
      ),
    ]
  }
  if (!name.startsWith('system-') && value > 1_000_000_000) {
    return [forbiddenField('value', 'maximum allowed value of a user defined priority is 1000000000')]
  }
  const policy = object['preemptionPolicy']
  const policies = ['PreemptLowerPriority', 'Never']
  if (policy !== undefined && !policies.includes(String(policy))) {
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
  return errors
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
