// HorizontalPodAutoscalers (kubernetes/kubernetes:pkg/apis/autoscaling/validation/validation.go).
import { parseQuantity } from '@plimsoll/model'
import { forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { positiveErrors, requiredErrors } from './formats.ts'
import { nameProblems } from './names.ts'
import { selectorErrors } from './selector-validation.ts'

export function autoscalerErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const { minReplicas, maxReplicas = 0 } = spec
  if (typeof minReplicas === 'number' && minReplicas < 1) {
    errors.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'))
  }
  if (Number(maxReplicas) < 1) errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0'))
  if (typeof minReplicas === 'number' && Number(maxReplicas) < minReplicas) {
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  referenceErrors(fieldsOf(spec['scaleTargetRef']), 'spec.scaleTargetRef', true, errors)
  const metrics = listOf(spec['metrics'])
  metrics.forEach((metric, i) => metricErrors(metric, `spec.metrics[${i}]`, errors))
  const wakes = metrics.some((metric) => metric['type'] === 'Object' || metric['type'] === 'External')
  if (minReplicas === 0 && !wakes) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas'
    errors.push(forbiddenField('spec.metrics', why))
  }
  const behavior = fieldsOf(spec['behavior'])
  for (const way of ['scaleUp', 'scaleDown']) {
    const rules = behavior[way]
    if (isFields(rules)) rulesErrors(rules, `spec.behavior.${way}`, errors)
  }
  return errors
}

function pathErrors(value: unknown, field: string, errors: FieldError[]): void {
  const text = textOf(value)
  if (text === '') errors.push(required(field))
  else errors.push(...nameProblems(text, 'path').map((why) => invalidValue(field, text, why)))
}

function referenceErrors(reference: Fields, at: string, hasGroup: boolean, errors: FieldError[]): void {
  pathErrors(reference['kind'], `${at}.kind`, errors)
  pathErrors(reference['name'], `${at}.name`, errors)
  if (!hasGroup) return
  const version = textOf(reference['apiVersion'])
  const field = `${at}.apiVersion`
  if (version.split('/').length > 2) {
    errors.push(invalidValue(field, version, `unexpected GroupVersion string: ${version}`))
  } else if (!version.includes('/') && !(version === 'v1' && reference['kind'] === 'ReplicationController')) {
    errors.push(invalidValue(field, version, 'apiVersion must specify API group'))
  }
}

/** Type → field; in the order in which upstream looks at them. */
const sources: readonly (readonly [type: string, field: string])[] = [
  ['Object', 'object'],
  ['External', 'external'],
  ['Pods', 'pods'],
  ['Resource', 'resource'],
  ['ContainerResource', 'containerResource'],
]
const types = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']

function metricErrors(metric: Fields, at: string, errors: FieldError[]): void {
  const type = textOf(metric['type'])
  if (type === '') errors.push(required(`${at}.type`, 'must specify a metric source type'))
  if (!types.includes(type)) errors.push(unsupported(`${at}.type`, type, types))
  for (const [name, field] of sources) {
    const source = metric[field]
    if (!isFields(source)) continue
    sourceErrors(name, source, `${at}.${field}`, errors)
  }
  const expected = sources.find(([name]) => name === type)?.[1]
  if (expected === undefined) return
  if (!isFields(metric[expected])) {
    errors.push(required(`${at}.${expected}`, 'must populate information for the given metric source'))
  }
  for (const [name, field] of sources) {
    if (name === type || !isFields(metric[field])) continue
    errors.push(forbiddenField(`${at}.${field}`, 'must populate the given metric source only'))
  }
}

function sourceErrors(type: string, source: Fields, at: string, errors: FieldError[]): void {
  const target = fieldsOf(source['target'])
  const has = (field: string): boolean => target[field] !== undefined
  switch (type) {
    case 'Object':
      referenceErrors(fieldsOf(source['describedObject']), `${at}.describedObject`, false, errors)
      identifierErrors(fieldsOf(source['metric']), `${at}.metric`, errors)
      targetErrors(target, `${at}.target`, errors)
      if (!has('value') && !has('averageValue')) {
        errors.push(required(`${at}.target.averageValue`, 'must set either a target value or averageValue'))
      }
      return
    case 'External':
      identifierErrors(fieldsOf(source['metric']), `${at}.metric`, errors)
      targetErrors(target, `${at}.target`, errors)
      if (!has('value') && !has('averageValue')) {
        const why = 'must set either a target value for metric or a per-pod target'
        errors.push(required(`${at}.target.averageValue`, why))
      }
      if (has('value') && has('averageValue')) {
        const why = 'may not set both a target value for metric and a per-pod target'
        errors.push(forbiddenField(`${at}.target.value`, why))
      }
      return
    case 'Pods':
      identifierErrors(fieldsOf(source['metric']), `${at}.metric`, errors)
      targetErrors(target, `${at}.target`, errors)
      if (!has('averageValue') || amountOf(target['averageValue']) <= 0n) {
        errors.push(required(`${at}.target.averageValue`, 'must specify a positive target averageValue'))
      }
      return
    default:
      if (type === 'ContainerResource' && textOf(source['container']) === '') {
        errors.push(required(`${at}.container`, 'must specify a container'))
      }
      errors.push(...requiredErrors(source['name'], `${at}.name`, 'must specify a resource name'))
      targetErrors(target, `${at}.target`, errors)
      if (!has('averageUtilization') && !has('averageValue')) {
        const why = 'must set either a target raw value or a target utilization'
        errors.push(required(`${at}.target.averageUtilization`, why))
      }
      if (has('averageUtilization') && has('averageValue')) {
        const why = 'may not set both a target raw value and a target utilization'
        errors.push(forbiddenField(`${at}.target.averageValue`, why))
      }
  }
}

function identifierErrors(metric: Fields, at: string, errors: FieldError[]): void {
  const name = textOf(metric['name'])
  if (name === '') errors.push(required(`${at}.name`, 'must specify a metric name'))
  else errors.push(...nameProblems(name, 'path').map((why) => invalidValue(`${at}.name`, name, why)))
  selectorErrors(metric['selector'], `${at}.selector`, errors)
}

function amountOf(value: unknown): bigint {
  return parseQuantity(textOf(value))?.nano ?? 0n
}

function targetErrors(target: Fields, at: string, errors: FieldError[]): void {
  const type = textOf(target['type'])
  if (type === '') errors.push(required(`${at}.type`, 'must specify a metric target type'))
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalidValue(`${at}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  }
  for (const field of ['value', 'averageValue']) {
    if (target[field] === undefined || amountOf(target[field]) > 0n) continue
    errors.push(invalidValue(`${at}.${field}`, textOf(target[field]), 'must be positive'))
  }
  const percent = target['averageUtilization']
  if (typeof percent === 'number' && percent < 1) {
    errors.push(invalidValue(`${at}.averageUtilization`, percent, 'must be greater than 0'))
  }
}

function rulesErrors(rules: Fields, at: string, errors: FieldError[]): void {
  const window = rules['stabilizationWindowSeconds']
  const field = `${at}.stabilizationWindowSeconds`
  if (typeof window === 'number' && window < 0) {
    errors.push(invalidValue(field, window, 'must be greater than or equal to zero'))
  }
  if (typeof window === 'number' && window > 3600) {
    errors.push(invalidValue(field, window, 'must be less than or equal to 3600'))
  }
  const select = rules['selectPolicy']
  const choices = ['Disabled', 'Max', 'Min']
  if (select !== undefined && !choices.includes(textOf(select))) {
    errors.push(unsupported(`${at}.selectPolicy`, select, choices))
  }
  const policies = listOf(rules['policies'])
  if (policies.length === 0) errors.push(required(`${at}.policies`, 'must specify at least one Policy'))
  policies.forEach((policy, i) => {
    const here = `${at}.policies[${i}]`
    const type = textOf(policy['type'])
    if (type !== 'Percent' && type !== 'Pods') errors.push(unsupported(`${here}.type`, type, ['Percent', 'Pods']))
    errors.push(...positiveErrors(policy['value'], `${here}.value`))
    errors.push(...positiveErrors(policy['periodSeconds'], `${here}.periodSeconds`))
    if (Number(policy['periodSeconds'] ?? 0) > 1800) {
      const why = 'must be less than or equal to 1800'
      errors.push(invalidValue(`${here}.periodSeconds`, policy['periodSeconds'], why))
    }
  })
}
