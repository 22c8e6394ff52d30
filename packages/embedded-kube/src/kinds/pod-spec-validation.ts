// Validation of pods and pod templates (kubernetes/kubernetes:pkg/apis/core/validation/validation.go).
import { compareQuantities, parseQuantity } from '@plimsoll/model'
import { duplicate, forbiddenField, invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { labelErrors, labelValueProblem, nameErrors, qualifiedNameProblem } from './names.ts'

const pullPolicies = ['Always', 'IfNotPresent', 'Never']
const protocols = ['SCTP', 'TCP', 'UDP']
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']
const selectorOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist']

/** What is wrong with a defaulted pod spec that stands at `path`. */
export function podSpecErrors(spec: Fields, path: string): FieldError[] {
  const errors: FieldError[] = []
  const volumes = new Set(listOf(spec['volumes']).map((volume) => volume['name']))
  volumeErrors(listOf(spec['volumes']), `${path}.volumes`, errors)
  const containers = listOf(spec['containers'])
  if (containers.length === 0) errors.push(required(`${path}.containers`))
  const names = new Set<unknown>()
  for (const field of ['containers', 'initContainers', 'ephemeralContainers']) {
    listOf(spec[field]).forEach((container, i) => {
      const at = `${path}.${field}[${i}]`
      containerErrors(container, at, volumes, errors)
      const name = container['name']
      if (name !== undefined && names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
    })
  }
  oneOf(spec['restartPolicy'], ['Always', 'OnFailure', 'Never'], `${path}.restartPolicy`, errors)
  oneOf(spec['dnsPolicy'], ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], `${path}.dnsPolicy`, errors)
  const grace = spec['activeDeadlineSeconds']
  if (typeof grace === 'number' && grace < 1) {
    errors.push(invalidValue(`${path}.activeDeadlineSeconds`, grace, 'must be between 1 and 2147483647, inclusive'))
  }
  errors.push(...labelErrors(spec['nodeSelector'] as StoredObject['metadata']['labels'], `${path}.nodeSelector`))
  if (typeof spec['nodeName'] === 'string' && spec['nodeName'] !== '') {
    errors.push(...nameErrors(spec['nodeName'], 'subdomain', `${path}.nodeName`))
  }
  listOf(spec['tolerations']).forEach((toleration, i) =>
    tolerationErrors(toleration, `${path}.tolerations[${i}]`, errors),
  )
  listOf(spec['topologySpreadConstraints']).forEach((constraint, i) =>
    spreadErrors(constraint, `${path}.topologySpreadConstraints[${i}]`, errors),
  )
  affinityErrors(fieldsOf(spec['affinity']), `${path}.affinity`, errors)
  return errors
}

function oneOf(value: unknown, supported: readonly string[], field: string, errors: FieldError[]): void {
  if (value === undefined || value === '') errors.push(required(field))
  else if (!supported.includes(textOf(value))) errors.push(unsupported(field, value, supported.toSorted()))
}

function volumeErrors(volumes: readonly Fields[], path: string, errors: FieldError[]): void {
  const names = new Set<unknown>()
  volumes.forEach((volume, i) => {
    const name = volume['name']
    if (typeof name !== 'string' || name === '') errors.push(required(`${path}[${i}].name`))
    else errors.push(...nameErrors(name, 'label', `${path}[${i}].name`))
    if (names.has(name)) errors.push(duplicate(`${path}[${i}].name`, name))
    names.add(name)
    const sources = Object.keys(volume).filter((field) => field !== 'name' && volume[field] !== undefined)
    if (sources.length > 1) {
      errors.push(forbiddenField(`${path}[${i}].${sources[1]}`, 'may not specify more than 1 volume type'))
    }
  })
}

function containerErrors(container: Fields, at: string, volumes: ReadonlySet<unknown>, errors: FieldError[]): void {
  const { name, image } = container
  if (typeof name !== 'string' || name === '') errors.push(required(`${at}.name`))
  else errors.push(...nameErrors(name, 'label', `${at}.name`))
  if (typeof image !== 'string' || image === '') errors.push(required(`${at}.image`))
  else if (image.trim() !== image) {
    errors.push(invalidValue(`${at}.image`, image, 'must not have leading or trailing whitespace'))
  }
  oneOf(container['imagePullPolicy'], pullPolicies, `${at}.imagePullPolicy`, errors)
  listOf(container['ports']).forEach((port, i) => {
    const number = port['containerPort']
    if (number === undefined || number === 0) errors.push(required(`${at}.ports[${i}].containerPort`))
    else portErrors(number, `${at}.ports[${i}].containerPort`, errors)
    oneOf(port['protocol'], protocols, `${at}.ports[${i}].protocol`, errors)
  })
  listOf(container['env']).forEach((variable, i) => {
    if ((variable['name'] ?? '') === '') errors.push(required(`${at}.env[${i}].name`))
    if (isFields(variable['valueFrom']) && (variable['value'] ?? '') !== '') {
      errors.push(invalidValue(`${at}.env[${i}].valueFrom`, '', 'may not be specified when `value` is not empty'))
    }
  })
  const paths = new Set<unknown>()
  listOf(container['volumeMounts']).forEach((mount, i) => {
    const where = `${at}.volumeMounts[${i}]`
    if ((mount['name'] ?? '') === '') errors.push(required(`${where}.name`))
    else if (!volumes.has(mount['name'])) {
      errors.push({
        reason: 'FieldValueNotFound',
        field: `${where}.name`,
        message: `Not found: ${JSON.stringify(mount['name'])}`,
      })
    }
    if ((mount['mountPath'] ?? '') === '') errors.push(required(`${where}.mountPath`))
    else if (paths.has(mount['mountPath']))
      errors.push(invalidValue(`${where}.mountPath`, mount['mountPath'], 'must be unique'))
    paths.add(mount['mountPath'])
  })
  resourceErrors(fieldsOf(container['resources']), `${at}.resources`, errors)
}

export function portErrors(value: unknown, field: string, errors: FieldError[]): void {
  if (typeof value !== 'number' || value < 1 || value > 65535) {
    errors.push(invalidValue(field, value, 'must be between 1 and 65535, inclusive'))
  }
}

function resourceErrors(resources: Fields, at: string, errors: FieldError[]): void {
  const limits = fieldsOf(resources['limits'])
  const requests = fieldsOf(resources['requests'])
  for (const [where, list] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(list)) {
      const problem = qualifiedNameProblem(name)
      if (problem !== undefined) errors.push(invalidValue(`${at}.${where}`, name, problem))
      const parsed = parseQuantity(quantity as string)
      if (parsed !== undefined && parsed.nano < 0n) {
        errors.push(invalidValue(`${at}.${where}[${name}]`, quantity, 'must be greater than or equal to 0'))
      }
    }
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit === undefined) continue
    const order = compareQuantities(quantity as string, limit as string)
    if (order > 0) {
      errors.push(
        invalidValue(`${at}.requests`, quantity, `must be less than or equal to ${name} limit of ${textOf(limit)}`),
      )
    } else if (order !== 0 && isExtended(name)) {
      errors.push(invalidValue(`${at}.requests`, quantity, `must be equal to ${name} limit of ${textOf(limit)}`))
    }
  }
  for (const name of Object.keys(requests)) {
    if (isExtended(name) && limits[name] === undefined) {
      errors.push(required(`${at}.limits`, 'Limit must be set for non overcommitable resources'))
    }
  }
}

/** Resources that cannot be overcommitted: named with a domain, as devices are. */
function isExtended(name: string): boolean {
  return name.startsWith('hugepages-') || (name.includes('/') && !name.split('/')[0]!.endsWith('kubernetes.io'))
}

function tolerationErrors(toleration: Fields, at: string, errors: FieldError[]): void {
  const { key, operator, value, effect } = toleration
  if (key !== undefined && key !== '') {
    const problem = qualifiedNameProblem(textOf(key))
    if (problem !== undefined) errors.push(invalidValue(`${at}.key`, key, problem))
  } else if (operator !== 'Exists') {
    errors.push(
      invalidValue(
        `${at}.operator`,
        operator ?? '',
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    )
  }
  if (toleration['tolerationSeconds'] !== undefined && effect !== 'NoExecute') {
    errors.push(
      invalidValue(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    )
  }
  switch (operator) {
    case undefined:
    case '':
    case 'Equal': {
      const problem = labelValueProblem(textOf(value))
      if (problem !== undefined) errors.push(invalidValue(`${at}.operator`, value, problem))
      break
    }
    case 'Exists':
      if ((value ?? '') !== '') {
        errors.push(invalidValue(`${at}.operator`, toleration, "value must be empty when `operator` is 'Exists'"))
      }
      break
    default:
      errors.push(unsupported(`${at}.operator`, operator, ['Equal', 'Exists']))
  }
  if (effect !== undefined && effect !== '' && !effects.includes(textOf(effect))) {
    errors.push(unsupported(`${at}.effect`, effect, effects.toSorted()))
  }
}

function spreadErrors(constraint: Fields, at: string, errors: FieldError[]): void {
  const skew = constraint['maxSkew']
  if (typeof skew !== 'number' || skew <= 0) {
    errors.push(invalidValue(`${at}.maxSkew`, skew ?? 0, 'must be greater than zero'))
  }
  if ((constraint['topologyKey'] ?? '') === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'))
  const when = constraint['whenUnsatisfiable']
  if (when !== 'DoNotSchedule' && when !== 'ScheduleAnyway') {
    errors.push(unsupported(`${at}.whenUnsatisfiable`, when ?? '', ['DoNotSchedule', 'ScheduleAnyway']))
  }
  const domains = constraint['minDomains']
  if (typeof domains === 'number' && domains <= 0) {
    errors.push(invalidValue(`${at}.minDomains`, domains, 'must be greater than zero'))
  } else if (domains !== undefined && when !== 'DoNotSchedule') {
    errors.push(
      invalidValue(
        `${at}.minDomains`,
        domains,
        'can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      ),
    )
  }
  selectorErrors(constraint['labelSelector'], `${at}.labelSelector`, errors)
}

export function selectorErrors(selector: unknown, at: string, errors: FieldError[]): void {
  if (!isFields(selector)) return
  errors.push(...labelErrors(selector['matchLabels'] as StoredObject['metadata']['labels'], `${at}.matchLabels`))
  listOf(selector['matchExpressions']).forEach((expression, i) => {
    const where = `${at}.matchExpressions[${i}]`
    expressionErrors(expression, where, selectorOperators, errors)
  })
}

function expressionErrors(expression: Fields, at: string, supported: readonly string[], errors: FieldError[]): void {
  const { key, operator } = expression
  const values = Array.isArray(expression['values']) ? expression['values'] : []
  if (!supported.includes(String(operator))) {
    errors.push(
      supported === operators
        ? invalidValue(`${at}.operator`, operator ?? '', 'not a valid selector operator')
        : unsupported(`${at}.operator`, operator ?? '', supported.toSorted()),
    )
  } else if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    errors.push(forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  } else if ((operator === 'Gt' || operator === 'Lt') && values.length !== 1) {
    errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
  }
  const problem = qualifiedNameProblem(textOf(key))
  if (problem !== undefined) errors.push(invalidValue(`${at}.key`, key ?? '', problem))
}

function affinityErrors(affinity: Fields, at: string, errors: FieldError[]): void {
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const soft = 'preferredDuringSchedulingIgnoredDuringExecution'
  const node = fieldsOf(affinity['nodeAffinity'])
  const needed = node[hard]
  if (isFields(needed)) {
    const terms = listOf(needed['nodeSelectorTerms'])
    const where = `${at}.nodeAffinity.${hard}.nodeSelectorTerms`
    if (terms.length === 0) errors.push(required(where, 'must have at least one node selector term'))
    terms.forEach((term, i) => nodeTermErrors(term, `${where}[${i}]`, errors))
  }
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

function nodeTermErrors(term: Fields, at: string, errors: FieldError[]): void {
  listOf(term['matchExpressions']).forEach((expression, i) =>
    expressionErrors(expression, `${at}.matchExpressions[${i}]`, operators, errors),
  )
}

function podTermErrors(term: Fields, at: string, errors: FieldError[]): void {
  if ((term['topologyKey'] ?? '') === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'))
  selectorErrors(term['labelSelector'], `${at}.labelSelector`, errors)
}

const updateRefused =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** ValidatePodUpdate: what of a pod's spec may change once it is there. */
export function podUpdateErrors(pod: StoredObject, old: StoredObject): readonly FieldError[] {
  if (pod.spec === old.spec) return []
  const before = fieldsOf(old.spec)
  const after = fieldsOf(pod.spec)
  const errors: FieldError[] = []
  const gated = listOf(before['schedulingGates']).length > 0
  const gates = (spec: Fields): readonly unknown[] => listOf(spec['schedulingGates']).map((gate) => gate['name'])
  const present = gates(before)
  if (gates(after).some((gate) => !present.includes(gate))) {
    errors.push(forbiddenField('spec.schedulingGates', 'only deletion is allowed, but found new scheduling gate'))
  }
  const tolerations = listOf(after['tolerations'])
  const lost = listOf(before['tolerations']).some(
    (old) => !tolerations.some((t) => equal({ ...t, tolerationSeconds: 0 }, { ...old, tolerationSeconds: 0 })),
  )
  if (lost) {
    errors.push(
      forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    )
  }
  const mutable = (spec: Fields): Fields => ({
    ...spec,
    containers: listOf(spec['containers']).map((container) => ({ ...container, image: '' })),
    initContainers: listOf(spec['initContainers']).map((container) => ({ ...container, image: '' })),
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
    ...(gated ? { nodeSelector: undefined, affinity: undefined } : {}),
    ...(Number(before['terminationGracePeriodSeconds']) < 0 ? { terminationGracePeriodSeconds: undefined } : {}),
  })
  if (!equal(mutable(after), mutable(before))) errors.push(forbiddenField('spec', updateRefused))
  return errors
}
