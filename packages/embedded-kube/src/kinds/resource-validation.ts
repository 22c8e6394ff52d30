// Requests and limits (kubernetes/kubernetes:pkg/apis/core/validation, validateResourceRequirements; pkg/apis/core/helper).
import { compareQuantities, formatQuantity, own, parseQuantity, type ExactQuantity } from '@plimsoll/model'
import { forbiddenField, invalidValue, duplicate, notFoundText, required, type FieldError } from '../errors.ts'
import { fieldsOf, listOf, textOf, type Fields } from '../object.ts'
import { nameErrors, qualifiedNameProblems } from './names.ts'

const standard = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
])
const ofContainers = new Set(['cpu', 'memory', 'ephemeral-storage'])
const integers = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
])

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-')
}

function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/')
}

/** Devices and the like: named with a domain that is not Kubernetes' own. */
function isExtendedResource(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameProblems(`requests.${name}`).length === 0
}

export function isOvercommitAllowed(name: string): boolean {
  return isNative(name) && !isHugePages(name)
}

/** Names of any resource, in quotas and ranges. */
export function resourceNameErrors(name: string, field: string): FieldError[] {
  const problems = qualifiedNameProblems(name)
  if (problems.length > 0) return problems.map((why) => invalidValue(field, name, why))
  if (name.includes('/') || standard.has(name) || isHugePages(name)) return []
  return [invalidValue(field, name, 'must be a standard resource type or fully qualified')]
}

export function containerResourceErrors(name: string, field: string): FieldError[] {
  const errors = resourceNameErrors(name, field)
  if (!name.includes('/')) {
    if (!ofContainers.has(name) && !isHugePages(name)) {
      errors.push(invalidValue(field, name, 'must be a standard resource for containers'))
    }
  } else if (!isNative(name) && !isExtendedResource(name)) {
    errors.push(invalidValue(field, name, "doesn't follow extended resource name standard"))
  }
  return errors
}

export function amountErrors(name: string, amount: unknown, field: string): FieldError[] {
  const quantity = parseQuantity(textOf(amount))
  if (quantity === undefined) return []
  const text = formatQuantity(quantity)
  const errors: FieldError[] = []
  if (quantity.nano < 0n) errors.push(invalidValue(field, text, 'must be greater than or equal to 0'))
  if ((integers.has(name) || isExtendedResource(name)) && !isWhole(quantity)) {
    errors.push(invalidValue(field, text, 'must be an integer'))
  }
  return errors
}

function isWhole(quantity: ExactQuantity): boolean {
  return quantity.nano % 1_000_000_000n === 0n
}

export function resourceErrors(
  resources: Fields,
  claimNames: ReadonlySet<string>,
  at: string,
  errors: FieldError[],
): void {
  const limits = fieldsOf(resources['limits'])
  const requests = fieldsOf(resources['requests'])
  for (const [name, amount] of Object.entries(limits)) {
    const field = `${at}.limits[${name}]`
    errors.push(...containerResourceErrors(name, field), ...amountErrors(name, amount, field))
  }
  for (const [name, amount] of Object.entries(requests)) {
    const field = `${at}.requests[${name}]`
    errors.push(...containerResourceErrors(name, field), ...amountErrors(name, amount, field))
    const limit = own(limits, name)
    if (limit === undefined) {
      if (!isOvercommitAllowed(name)) {
        errors.push(required(`${at}.limits`, 'Limit must be set for non overcommitable resources'))
      }
      continue
    }
    const order = compareQuantities(textOf(amount), textOf(limit))
    const say = (how: string): number =>
      errors.push(invalidValue(`${at}.requests`, textOf(amount), `must be ${how} ${name} limit of ${textOf(limit)}`))
    if (order !== 0 && !isOvercommitAllowed(name)) say('equal to')
    else if (order > 0) say('less than or equal to')
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)]
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(forbiddenField(at, 'HugePages require cpu or memory'))
  }
  claimErrors(listOf(resources['claims']), claimNames, `${at}.claims`, errors)
}

function claimErrors(claims: readonly Fields[], known: ReadonlySet<string>, at: string, errors: FieldError[]): void {
  const seen = new Set<string>()
  claims.forEach((claim, i) => {
    const here = `${at}[${i}]`
    const name = textOf(claim['name'])
    if (name === '') {
      errors.push(required(here))
      return
    }
    const request = textOf(claim['request'])
    if (seen.has(name)) errors.push(duplicate(here, name))
    else {
      if (request !== '') errors.push(...nameErrors(request, 'label', `${here}.request`))
      const id = request === '' ? name : `${name}/${request}`
      if (seen.has(id)) errors.push(duplicate(here, id))
      seen.add(id)
    }
    if (known.has(name)) return
    const list = known.size === 0 ? 'which is empty' : `[${[...known].join(', ')}]`
    errors.push(
      notFoundText(here, `${JSON.stringify(name)}: must be one of the names in pod.spec.resourceClaims ${list}`),
    )
  })
}
