// ResourceQuotas and LimitRanges (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, ValidateResourceQuotaSpec and
// ValidateLimitRange).
import { compareQuantities, formatQuantity, own, parseQuantity } from '@plimsoll/model'
import { duplicate, forbiddenField, invalidValue, required, type FieldError } from '../errors.ts'
import { fieldsOf, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { qualifiedNameProblems } from './names.ts'
import {
  amountErrors,
  containerResourceErrors,
  isOvercommitAllowed,
  resourceNameErrors,
} from './resource-validation.ts'

const pods = ['pods']
const compute = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']
/** What each scope can bound. */
const bounds: { readonly [scope: string]: ReadonlySet<string> } = {
  Terminating: new Set([...pods, ...compute]),
  NotTerminating: new Set([...pods, ...compute]),
  BestEffort: new Set(pods),
  NotBestEffort: new Set([...pods, ...compute]),
  PriorityClass: new Set([...pods, ...compute]),
  CrossNamespacePodAffinity: new Set([...pods, ...compute]),
  VolumeAttributesClass: new Set(['persistentvolumeclaims', 'requests.storage']),
}
/** Scopes of which a quota is either in or out. */
const plainScopes = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
])
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const
const quotaNames = new Set([
  ...compute,
  'ephemeral-storage',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
])

function isQuotaName(name: string): boolean {
  return quotaNames.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-')
}

export function resourceQuotaErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const hard = fieldsOf(spec['hard'])
  for (const name of Object.keys(hard).sort()) {
    const field = `spec.hard[${name}]`
    errors.push(...resourceNameErrors(name, field))
    if (!name.includes('/') && !isQuotaName(name)) {
      errors.push(invalidValue(field, name, 'must be a standard resource for quota'))
    }
    errors.push(...amountErrors(name, hard[name], field))
  }
  const names = Object.keys(hard).sort()
  const scopes = (spec['scopes'] ?? []) as readonly string[]
  const wrong = (why: string): number => errors.push(invalidValue('spec.scopes', scopes, why))
  for (const scope of scopes) {
    const bounded = own(bounds, scope)
    if (bounded === undefined) wrong('unsupported scope')
    for (const name of names) {
      if (isQuotaName(name) && bounded?.has(name) === false) wrong('unsupported scope applied to resource')
    }
  }
  for (const pair of opposites) if (pair.every((scope) => scopes.includes(scope))) wrong('conflicting scopes')
  if (spec['scopeSelector'] !== undefined) selectorErrors(spec, names, errors)
  return errors
}

function selectorErrors(spec: Fields, names: readonly string[], errors: FieldError[]): void {
  const at = 'spec.scopeSelector.matchExpressions'
  const selector = fieldsOf(spec['scopeSelector'])
  const seen = new Set<string>()
  for (const expression of listOf(selector['matchExpressions'])) {
    const scope = textOf(expression['scopeName'])
    const operator = textOf(expression['operator'])
    const values = (expression['values'] ?? []) as readonly string[]
    const bounded = own(bounds, scope)
    if (bounded === undefined) errors.push(invalidValue(`${at}.scopeName`, scope, 'unsupported scope'))
    for (const name of names) {
      if (isQuotaName(name) && bounded?.has(name) === false) {
        errors.push(invalidValue(at, asInternal(selector), 'unsupported scope applied to resource'))
      }
    }
    if (plainScopes.has(scope) && operator !== 'Exists') {
      const why =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
      errors.push(invalidValue(`${at}.operator`, operator, why))
    }
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) {
        const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        errors.push(required(`${at}.values`, why))
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        errors.push(invalidValue(`${at}.values`, values, why))
      }
    } else errors.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'))
    seen.add(scope)
  }
  for (const pair of opposites) {
    if (pair.every((scope) => seen.has(scope))) {
      errors.push(invalidValue(at, spec['scopes'], 'conflicting scopes'))
    }
  }
}

/** Upstream shows its own type here, which has no names for JSON. */
function asInternal(selector: Fields): Fields {
  const expressions = listOf(selector['matchExpressions'])
  return {
    MatchExpressions: expressions.map(({ scopeName, operator, values }) => ({
      ScopeName: scopeName,
      Operator: operator,
      Values: values ?? null,
    })),
  }
}

export function resourceQuotaUpdateErrors(object: StoredObject, old: StoredObject): readonly FieldError[] {
  const sorted = (one: StoredObject): string => ((one.spec?.['scopes'] ?? []) as readonly string[]).toSorted().join(',')
  if (sorted(object) === sorted(old)) return []
  return [invalidValue('spec.scopes', object.spec?.['scopes'], 'field is immutable')]
}

export function limitRangeErrors(object: StoredObject): readonly FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  listOf(object.spec?.['limits']).forEach((item, i) => {
    const at = `spec.limits[${i}]`
    const type = textOf(item['type'])
    const problems = qualifiedNameProblems(type)
    errors.push(...problems.map((why) => invalidValue(`${at}.type`, type, why)))
    if (problems.length === 0 && !type.includes('/') && !['Pod', 'Container', 'PersistentVolumeClaim'].includes(type)) {
      errors.push(invalidValue(`${at}.type`, type, 'must be a standard limit type or fully qualified'))
    }
    if (seen.has(type)) errors.push(duplicate(`${at}.type`, type))
    seen.add(type)
    itemErrors(item, type, at, errors)
  })
  return errors
}

const amountFields = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

function itemErrors(item: Fields, type: string, at: string, errors: FieldError[]): void {
  const nameErrors = type === 'Pod' || type === 'Container' ? containerResourceErrors : resourceNameErrors
  const names = new Set<string>()
  for (const field of amountFields) {
    const list = fieldsOf(item[field])
    if (type === 'Pod' && field.startsWith('default')) {
      if (Object.keys(list).length > 0) {
        errors.push(forbiddenField(`${at}.${field}`, "may not be specified when `type` is 'Pod'"))
      }
      continue
    }
    for (const name of Object.keys(list).sort()) {
      errors.push(...nameErrors(name, `${at}.${field}[${name}]`))
      names.add(name)
    }
  }
  const has = (field: 'min' | 'max'): boolean => fieldsOf(item[field])['storage'] !== undefined
  if (type === 'PersistentVolumeClaim' && !has('min') && !has('max')) {
    const why = 'either minimum or maximum storage value is required, but neither was provided'
    errors.push(required(`${at}.limits`, why))
  }
  for (const name of [...names].sort()) orderErrors(item, name, at, errors)
}

/** From the least over the default request and limit to the most, none may be above the next. */
function orderErrors(item: Fields, name: string, at: string, errors: FieldError[]): void {
  const [max, min, limit, request, ratio] = amountFields.map((field) => amountOf(item, field, name))
  const above = (a: string | undefined, b: string | undefined): boolean =>
    a !== undefined && b !== undefined && compareQuantities(a, b) > 0
  const say = (field: string, value: string | undefined, why: string): number =>
    errors.push(invalidValue(`${at}.${field}[${name}]`, value, why))
  if (above(min, max)) say('min', min, `min value ${min} is greater than max value ${max}`)
  if (above(min, request))
    say('defaultRequest', request, `min value ${min} is greater than default request value ${request}`)
  if (above(request, max))
    say('defaultRequest', request, `default request value ${request} is greater than max value ${max}`)
  if (above(request, limit)) {
    say('defaultRequest', request, `default request value ${request} is greater than default limit value ${limit}`)
  }
  if (above(min, limit)) say('default', min, `min value ${min} is greater than default value ${limit}`)
  if (above(limit, max)) say('default', max, `default value ${limit} is greater than max value ${max}`)
  if (above('1', ratio)) say('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`)
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const widest = value(max) / value(min)
    if (value(ratio) > widest) {
      const text = Number.isFinite(widest) ? widest.toFixed(6) : '+Inf'
      say('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${text}`)
    }
  }
  const differ = limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0
  if (differ && !isOvercommitAllowed(name)) {
    say('defaultRequest', request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`)
  }
}

/** In its canonical form. */
function amountOf(item: Fields, field: string, name: string): string | undefined {
  const given = own(fieldsOf(item[field]), name)
  const quantity = given === undefined ? undefined : parseQuantity(textOf(given))
  return quantity === undefined ? undefined : formatQuantity(quantity)
}

function value(text: string): number {
  return Number(parseQuantity(text)?.nano ?? 0n) / 1e9
}
