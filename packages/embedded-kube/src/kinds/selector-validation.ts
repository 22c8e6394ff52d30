// Selectors of labels and nodes, affinity, spread, tolerations (kubernetes/kubernetes:pkg/apis/core/validation;
// kubernetes/apimachinery:pkg/apis/meta/v1/validation).
import { duplicate, forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { positiveErrors } from './formats.ts'
import { labelErrors, labelValueProblems, nameErrors, qualifiedNameProblems } from './names.ts'

type Labels = StoredObject['metadata']['labels']

function labelNameErrors(name: string, field: string): FieldError[] {
  return qualifiedNameProblems(name).map((why) => invalidValue(field, name, why))
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly unknown[]).map(textOf) : []
}

/** A selector of labels; nothing is wrong where there is none. */
export function selectorErrors(selector: unknown, at: string, errors: FieldError[]): void {
  if (!isFields(selector)) return
  errors.push(...labelErrors(selector['matchLabels'] as Labels, `${at}.matchLabels`))
  listOf(selector['matchExpressions']).forEach((expression, i) =>
    requirementErrors(expression, `${at}.matchExpressions[${i}]`, false, errors),
  )
}

/** Of nodes also by order; what is wrong with their values is let pass. */
function requirementErrors(requirement: Fields, at: string, ofNodes: boolean, errors: FieldError[]): void {
  const values = textsOf(requirement['values'])
  const operator = textOf(requirement['operator'])
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
      }
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        )
      }
      break
    case 'Gt':
    case 'Lt':
      if (!ofNodes) errors.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'))
      else if (values.length !== 1) {
        errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      }
      break
    default:
      errors.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'))
  }
  errors.push(...labelNameErrors(textOf(requirement['key']), `${at}.key`))
  values.forEach((value, i) =>
    errors.push(...labelValueProblems(value).map((why) => invalidValue(`${at}.values[${i}]`, value, why))),
  )
}

export function nodeSelectorErrors(selector: Fields, at: string, errors: FieldError[]): void {
  const terms = listOf(selector['nodeSelectorTerms'])
  const where = `${at}.nodeSelectorTerms`
  if (terms.length === 0) errors.push(required(where, 'must have at least one node selector term'))
  terms.forEach((term, i) => nodeTermErrors(term, `${where}[${i}]`, errors))
}

function nodeTermErrors(term: Fields, at: string, errors: FieldError[]): void {
  listOf(term['matchExpressions']).forEach((expression, i) =>
    requirementErrors(expression, `${at}.matchExpressions[${i}]`, true, errors),
  )
  listOf(term['matchFields']).forEach((field, i) => nodeFieldErrors(field, `${at}.matchFields[${i}]`, errors))
}

function nodeFieldErrors(requirement: Fields, at: string, errors: FieldError[]): void {
  const values = textsOf(requirement['values'])
  const operator = textOf(requirement['operator'])
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalidValue(`${at}.operator`, operator, 'not a valid selector operator'))
  } else if (values.length !== 1) {
    errors.push(
      required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    )
  }
  const key = textOf(requirement['key'])
  if (key !== 'metadata.name') errors.push(invalidValue(`${at}.key`, key, 'not a valid field selector key'))
  else values.forEach((value, i) => errors.push(...nameErrors(value, 'subdomain', `${at}.values[${i}]`)))
}

export function affinityErrors(affinity: Fields, at: string, errors: FieldError[]): void {
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const soft = 'preferredDuringSchedulingIgnoredDuringExecution'
  const node = fieldsOf(affinity['nodeAffinity'])
  const needed = node[hard]
  if (isFields(needed)) nodeSelectorErrors(needed, `${at}.nodeAffinity.${hard}`, errors)
  listOf(node[soft]).forEach((preference, i) => {
    const where = `${at}.nodeAffinity.${soft}[${i}]`
    weightErrors(preference['weight'], `${where}.weight`, errors)
    nodeTermErrors(fieldsOf(preference['preference']), `${where}.preference`, errors)
  })
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const pods = fieldsOf(affinity[kind])
    listOf(pods[hard]).forEach((term, i) => podTermErrors(term, `${at}.${kind}.${hard}[${i}]`, errors))
    listOf(pods[soft]).forEach((preference, i) => {
      const where = `${at}.${kind}.${soft}[${i}]`
      weightErrors(preference['weight'], `${where}.weight`, errors)
      podTermErrors(fieldsOf(preference['podAffinityTerm']), `${where}.podAffinityTerm`, errors)
    })
  }
}

function weightErrors(weight: unknown, field: string, errors: FieldError[]): void {
  if (typeof weight !== 'number' || weight <= 0 || weight > 100) {
    errors.push(invalidValue(field, weight ?? 0, 'must be in the range 1-100'))
  }
}

function podTermErrors(term: Fields, at: string, errors: FieldError[]): void {
  selectorErrors(term['labelSelector'], `${at}.labelSelector`, errors)
  selectorErrors(term['namespaceSelector'], `${at}.namespaceSelector`, errors)
  for (const name of textsOf(term['namespaces'])) errors.push(...nameErrors(name, 'label', `${at}.namespace`))
  const matching = textsOf(term['matchLabelKeys'])
  const other = textsOf(term['mismatchLabelKeys'])
  labelKeysErrors(matching, term['labelSelector'], `${at}.matchLabelKeys`, errors)
  labelKeysErrors(other, term['labelSelector'], `${at}.mismatchLabelKeys`, errors)
  sharedKeyErrors(matching, term['labelSelector'], at, errors)
  matching.forEach((key, i) => {
    if (!other.includes(key)) return
    errors.push(invalidValue(`${at}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  })
  const topology = textOf(term['topologyKey'])
  if (topology === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'))
  errors.push(...labelNameErrors(topology, `${at}.topologyKey`))
}

function labelKeysErrors(keys: readonly string[], selector: unknown, at: string, errors: FieldError[]): void {
  if (keys.length === 0) return
  if (!isFields(selector)) errors.push(forbiddenField(at, 'must not be specified when labelSelector is not set'))
  else keys.forEach((key, i) => errors.push(...labelNameErrors(key, `${at}[${i}]`)))
}

/** Keys that the selector names, and that matchLabelKeys would add to it. */
function sharedKeyErrors(keys: readonly string[], selector: unknown, at: string, errors: FieldError[]): void {
  if (!isFields(selector) || keys.length === 0) return
  const named = new Set(Object.keys(fieldsOf(selector['matchLabels'])))
  for (const { key } of listOf(selector['matchExpressions'])) {
    const text = textOf(key)
    const i = keys.indexOf(text)
    if (i >= 0 && named.has(text)) {
      errors.push(invalidValue(`${at}[${i}]`, text, 'exists in both matchLabelKeys and labelSelector'))
    }
    named.add(text)
  }
}

const spreadActions = ['DoNotSchedule', 'ScheduleAnyway']

export function spreadErrors(constraints: readonly Fields[], at: string, errors: FieldError[]): void {
  constraints.forEach((constraint, i) => {
    const here = `${at}[${i}]`
    errors.push(...positiveErrors(constraint['maxSkew'], `${here}.maxSkew`))
    const topology = textOf(constraint['topologyKey'])
    if (topology === '') errors.push(required(`${here}.topologyKey`, 'can not be empty'))
    const when = textOf(constraint['whenUnsatisfiable'])
    if (!spreadActions.includes(when)) errors.push(unsupported(`${here}.whenUnsatisfiable`, when, spreadActions))
    const isSame = (other: Fields): boolean =>
      textOf(other['topologyKey']) === topology && textOf(other['whenUnsatisfiable']) === when
    if (constraints.slice(i + 1).some(isSame)) {
      errors.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, `{${topology}, ${when}}`))
    }
    const domains = constraint['minDomains']
    if (domains !== undefined) {
      errors.push(...positiveErrors(domains, `${here}.minDomains`))
      if (when !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${when}`
        errors.push(invalidValue(`${here}.minDomains`, domains, why))
      }
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) {
      const policy = constraint[name]
      if (policy === undefined || policy === 'Honor' || policy === 'Ignore') continue
      errors.push(unsupported(`${here}.${name}`, policy, ['Honor', 'Ignore']))
    }
    const keys = textsOf(constraint['matchLabelKeys'])
    labelKeysErrors(keys, constraint['labelSelector'], `${here}.matchLabelKeys`, errors)
    sharedKeyErrors(keys, constraint['labelSelector'], here, errors)
    selectorErrors(constraint['labelSelector'], `${here}.labelSelector`, errors)
  })
}

/** In upstream's order. */
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function tolerationErrors(toleration: Fields, at: string, errors: FieldError[]): void {
  const key = textOf(toleration['key'])
  const value = textOf(toleration['value'])
  const effect = textOf(toleration['effect'])
  const operator = textOf(toleration['operator'])
  if (key !== '') errors.push(...labelNameErrors(key, `${at}.key`))
  else if (operator !== 'Exists') {
    errors.push(
      invalidValue(
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    )
  }
  if (toleration['tolerationSeconds'] !== undefined && effect !== 'NoExecute') {
    errors.push(invalidValue(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
  }
  switch (operator) {
    case '':
    case 'Equal': {
      const problems = labelValueProblems(value)
      if (problems.length > 0) errors.push(invalidValue(`${at}.operator`, value, problems.join(';')))
      break
    }
    case 'Exists':
      if (value !== '') {
        errors.push(invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
      }
      break
    case 'Lt':
    case 'Gt':
      errors.push(unsupported(`${at}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']))
      break
    default:
      errors.push(unsupported(`${at}.operator`, operator, ['Equal', 'Exists']))
  }
  if (effect !== '' && !effects.includes(effect)) errors.push(unsupported(`${at}.effect`, effect, effects))
}
