// Jobs and CronJobs (kubernetes/kubernetes:pkg/apis/batch/validation/validation.go).
import { labelSelectorMatches, type LabelSelector } from '@plimsoll/model'
import { invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { equal, fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { cronProblem } from './cron-problem.ts'
import { notNegativeErrors } from './formats.ts'
import { nameProblems, qualifiedNameProblems } from './names.ts'
import { selectorErrors } from './selector-validation.ts'
import { templateErrors } from './workload-validation.ts'

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
]

export function jobErrors(job: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(job.spec)
  const errors = generatedSelectorErrors(job, spec)
  errors.push(...jobSpecErrors(spec, 'spec'))
  const selector = spec['selector']
  if (!isFields(selector)) errors.push(required('spec.selector'))
  selectorErrors(selector, 'spec.selector', errors)
  const labels = (fieldsOf(spec['template']) as unknown as StoredObject).metadata?.labels
  if (isFields(selector) && !labelSelectorMatches(selector as LabelSelector, labels)) {
    const why = '`selector` does not match template `labels`'
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? null, why))
  }
  return errors
}

/** A selector that the server makes may not be another's. */
function generatedSelectorErrors(job: StoredObject, spec: Fields): FieldError[] {
  if (spec['manualSelector'] === true) return []
  const selector = fieldsOf(spec['selector'])
  const made = fieldsOf(selector['matchLabels'])
  const label = 'batch.kubernetes.io/controller-uid'
  const old = { 'controller-uid': job.metadata.uid }
  if (equal(made, { [label]: job.metadata.uid }) || equal(made, old)) return []
  return [invalidValue('spec.selector', spec['selector'] ?? null, '`selector` not auto-generated')]
}

function jobSpecErrors(spec: Fields, at: string): FieldError[] {
  const errors: FieldError[] = []
  for (const field of counts) errors.push(...notNegativeErrors(spec[field], `${at}.${field}`))
  const { completionMode: mode, completions, parallelism, backoffLimitPerIndex, maxFailedIndexes, managedBy } = spec
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(required(`${at}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  if (managedBy !== undefined) managerErrors(textOf(managedBy), `${at}.managedBy`, errors)
  const isIndexed = mode === 'Indexed'
  if (mode !== undefined && mode !== 'NonIndexed' && !isIndexed) {
    errors.push(unsupported(`${at}.completionMode`, mode, ['NonIndexed', 'Indexed']))
  }
  if (isIndexed) {
    if (completions === undefined) errors.push(required(`${at}.completions`, 'when completion mode is Indexed'))
    if (Number(parallelism ?? 0) > 100_000) {
      const why = 'must be less than or equal to 100000 when completion mode is Indexed'
      errors.push(invalidValue(`${at}.parallelism`, parallelism, why))
    }
    if (completions !== undefined && Number(maxFailedIndexes ?? 0) > Number(completions)) {
      const why = 'must be less than or equal to completions'
      errors.push(invalidValue(`${at}.maxFailedIndexes`, maxFailedIndexes, why))
    }
    if (Number(maxFailedIndexes ?? 0) > 100_000) {
      errors.push(invalidValue(`${at}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to 100000'))
    }
  } else if (mode === undefined || mode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes']) {
      if (spec[field] === undefined) continue
      errors.push(invalidValue(`${at}.${field}`, spec[field], 'requires indexed completion mode'))
    }
  }
  const failure = spec['podFailurePolicy']
  if (isFields(failure)) failurePolicyErrors(spec, failure, `${at}.podFailurePolicy`, errors)
  const success = spec['successPolicy']
  if (isFields(success)) successPolicyErrors(spec, success, `${at}.successPolicy`, errors)
  replacementErrors(spec, `${at}.podReplacementPolicy`, errors)
  const template = fieldsOf(spec['template'])
  errors.push(...templateErrors(template, `${at}.template`))
  const policy = textOf(fieldsOf(template['spec'])['restartPolicy'])
  const field = `${at}.template.spec.restartPolicy`
  if (policy === 'Always' || policy === '') errors.push(required(field, 'valid values: "OnFailure", "Never"'))
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(unsupported(field, policy, ['OnFailure', 'Never']))
  else if (isFields(failure) && policy !== 'Never') {
    errors.push(invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified'))
  }
  return errors
}

function managerErrors(name: string, field: string, errors: FieldError[]): void {
  if (name === '') {
    errors.push(required(field))
    return
  }
  const slash = name.indexOf('/')
  if (slash <= 0 || slash === name.length - 1) {
    errors.push(invalidValue(field, name, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    return
  }
  for (const why of nameProblems(name.slice(0, slash), 'subdomain'))
    errors.push(invalidValue(field, name.slice(0, slash), why))
  if (name.length > 63) {
    errors.push({ reason: 'FieldValueTooLong', field, message: 'Too long: may not be more than 63 bytes' })
  }
}

const failureActions = ['Count', 'FailIndex', 'FailJob', 'Ignore']

function failurePolicyErrors(spec: Fields, policy: Fields, at: string, errors: FieldError[]): void {
  const pod = fieldsOf(fieldsOf(spec['template'])['spec'])
  const names = ['containers', 'initContainers'].flatMap((field) =>
    listOf(pod[field]).map((container) => textOf(container['name'])),
  )
  const rules = listOf(policy['rules'])
  if (rules.length > 20) {
    errors.push({
      reason: 'FieldValueTooMany',
      field: `${at}.rules`,
      message: `Too many: ${rules.length}: must have at most 20 items`,
    })
  }
  rules.forEach((rule, i) => {
    const here = `${at}.rules[${i}]`
    const action = textOf(rule['action'])
    if (action === '')
      errors.push(
        required(`${here}.action`, `valid values: [${failureActions.map((a) => JSON.stringify(a)).join(' ')}]`),
      )
    else if (action === 'FailIndex' && spec['backoffLimitPerIndex'] === undefined) {
      errors.push(invalidValue(`${here}.action`, action, 'requires the backoffLimitPerIndex to be set'))
    } else if (!failureActions.includes(action)) errors.push(unsupported(`${here}.action`, action, failureActions))
    const { onExitCodes } = rule
    const conditions = listOf(rule['onPodConditions'])
    if (isFields(onExitCodes)) exitCodeErrors(onExitCodes, names, `${here}.onExitCodes`, errors)
    conditions.forEach((condition, k) => conditionErrors(condition, `${here}.onPodConditions[${k}]`, errors))
    if (isFields(onExitCodes) === conditions.length > 0) {
      const which = isFields(onExitCodes)
        ? 'specifying both OnExitCodes and OnPodConditions is not supported'
        : 'specifying one of OnExitCodes and OnPodConditions is required'
      errors.push({ reason: 'FieldValueInvalid', field: here, message: `Invalid value: ${which}` })
    }
  })
}

function exitCodeErrors(codes: Fields, names: readonly string[], at: string, errors: FieldError[]): void {
  const operator = textOf(codes['operator'])
  if (operator === '') errors.push(required(`${at}.operator`, 'valid values: ["In" "NotIn"]'))
  else if (operator !== 'In' && operator !== 'NotIn')
    errors.push(unsupported(`${at}.operator`, operator, ['In', 'NotIn']))
  const name = codes['containerName']
  if (name !== undefined && !names.includes(textOf(name))) {
    const why = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalidValue(`${at}.containerName`, name, why))
  }
  const values = (Array.isArray(codes['values']) ? codes['values'] : []) as readonly number[]
  if (values.length === 0) errors.push(invalidValue(`${at}.values`, values, 'at least one value is required'))
  const seen = new Set<number>()
  values.forEach((value, i) => {
    const field = `${at}.values[${i}]`
    if (operator === 'In' && value === 0) errors.push(invalidValue(field, value, 'must not be 0 for the In operator'))
    if (seen.has(value)) errors.push({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${value}` })
    seen.add(value)
  })
}

function conditionErrors(condition: Fields, at: string, errors: FieldError[]): void {
  const type = textOf(condition['type'])
  errors.push(...qualifiedNameProblems(type).map((why) => invalidValue(`${at}.type`, type, why)))
  const status = textOf(condition['status'])
  const statuses = ['False', 'True', 'Unknown']
  if (status === '') errors.push(required(`${at}.status`, 'valid values: ["False" "True" "Unknown"]'))
  else if (!statuses.includes(status)) errors.push(unsupported(`${at}.status`, status, statuses))
}

function successPolicyErrors(spec: Fields, policy: Fields, at: string, errors: FieldError[]): void {
  const rules = listOf(policy['rules'])
  if (spec['completionMode'] !== 'Indexed') {
    const shown = rules.map((rule) => ({
      SucceededIndexes: rule['succeededIndexes'] ?? null,
      SucceededCount: rule['succeededCount'] ?? null,
    }))
    errors.push(invalidValue(at, { Rules: shown }, 'requires indexed completion mode'))
    return
  }
  if (rules.length === 0) {
    const why = 'at least one rules must be specified when the successPolicy is specified'
    errors.push(required(`${at}.rules`, why))
  }
  const completions = Number(spec['completions'] ?? 0)
  rules.forEach((rule, i) => {
    const here = `${at}.rules[${i}]`
    const { succeededCount: count, succeededIndexes: indexes } = rule
    if (count === undefined && indexes === undefined) {
      errors.push(required(here, 'at least one of succeededCount or succeededIndexes must be specified'))
      return
    }
    if (indexes !== undefined) {
      const problem = indexesProblem(textOf(indexes), completions)
      if (problem !== undefined) {
        const why = `error parsing succeededIndexes: ${problem}`
        errors.push(invalidValue(`${here}.succeededIndexes`, indexes, why))
      }
    }
    if (count !== undefined) {
      errors.push(...notNegativeErrors(count, `${here}.succeededCount`))
      if (Number(count) > completions) {
        const why = `must be less than or equal to ${completions} (the number of specified completions)`
        errors.push(invalidValue(`${here}.succeededCount`, count, why))
      }
    }
  })
}

function indexesProblem(text: string, completions: number): string | undefined {
  if (text === '') return undefined
  let last = -1
  for (const part of text.split(',')) {
    const ends = part.split('-')
    if (ends.length > 2)
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`
    for (const end of ends) {
      if (!/^\d+$/.test(end)) return `cannot convert string to integer for index: ${JSON.stringify(end)}`
      if (Number(end) >= completions) return `too large index: ${JSON.stringify(end)}`
    }
    const [from = '0', to = from] = ends
    if (Number(from) <= last) return `non-increasing order, previous: ${last}, current: ${Number(from)}`
    if (ends.length === 2 && Number(to) <= Number(from)) {
      return `non-increasing order, previous: ${Number(from)}, current: ${Number(to)}`
    }
    last = Number(to)
  }
  return undefined
}

function replacementErrors(spec: Fields, field: string, errors: FieldError[]): void {
  const policy = spec['podReplacementPolicy']
  if (policy === undefined) return
  const allowed = isFields(spec['podFailurePolicy']) ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  if (!allowed.includes(textOf(policy))) errors.push(unsupported(field, policy, allowed))
}

export function jobUpdateErrors(job: StoredObject, old: StoredObject): readonly FieldError[] {
  const before = fieldsOf(old.spec)
  const after = fieldsOf(job.spec)
  const errors: FieldError[] = []
  const fixed = (field: string): void => {
    if (equal(after[field] ?? undefined, before[field] ?? undefined)) return
    errors.push(invalidValue(`spec.${field}`, after[field] ?? null, 'field is immutable'))
  }
  completionsErrors(after, before, errors)
  fixed('selector')
  if (!equal(mutableTemplate(after, before, old), mutableTemplate(before, before, old))) fixed('template')
  for (const field of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy']) {
    fixed(field)
  }
  return errors
}

/** Of an Indexed Job the size may change, along with its parallelism. */
function completionsErrors(after: Fields, before: Fields, errors: FieldError[]): void {
  if (equal(after['completions'], before['completions'])) return
  const say = (why: string): number => errors.push(invalidValue('spec.completions', after['completions'] ?? null, why))
  const isIndexed = before['completionMode'] === 'Indexed' && after['completions'] !== undefined
  if (!isIndexed) say('field is immutable')
  else if (after['completions'] !== after['parallelism']) say('can only be modified in tandem with spec.parallelism')
}

/** A suspended Job that never ran may still be told where its pods go, and what they ask for. */
function mutableTemplate(spec: Fields, like: Fields, old: StoredObject): unknown {
  const isSuspended = like['suspend'] === true && old.status?.['startTime'] === undefined
  if (!isSuspended) return spec['template']
  const template = fieldsOf(spec['template'])
  const { metadata: _m, ...rest } = template
  const { nodeSelector: _n, affinity: _a, tolerations: _t, schedulingGates: _g, ...pod } = fieldsOf(template['spec'])
  return { ...rest, spec: pod }
}

const policies = ['Allow', 'Forbid', 'Replace']

export function cronJobErrors(object: StoredObject): readonly FieldError[] {
  const spec = fieldsOf(object.spec)
  const errors: FieldError[] = []
  const schedule = textOf(spec['schedule'])
  if (schedule === '') errors.push(required('spec.schedule'))
  else if (schedule.includes('TZ')) {
    const why = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
    errors.push(invalidValue('spec.schedule', schedule, why))
  } else {
    const problem = cronProblem(schedule)
    if (problem !== undefined) errors.push(invalidValue('spec.schedule', schedule, problem))
  }
  errors.push(...notNegativeErrors(spec['startingDeadlineSeconds'], 'spec.startingDeadlineSeconds'))
  zoneErrors(spec['timeZone'], errors)
  const policy = textOf(spec['concurrencyPolicy'])
  if (policy === '') errors.push(required('spec.concurrencyPolicy'))
  else if (!policies.includes(policy)) errors.push(unsupported('spec.concurrencyPolicy', policy, policies))
  const job = fieldsOf(fieldsOf(spec['jobTemplate'])['spec'])
  const at = 'spec.jobTemplate.spec'
  errors.push(...jobSpecErrors(job, at))
  if (isFields(job['selector'])) {
    errors.push(invalidValue(`${at}.selector`, job['selector'], '`selector` will be auto-generated'))
  }
  if (job['manualSelector'] === true) errors.push(unsupported(`${at}.manualSelector`, true, ['nil', 'false']))
  for (const field of ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit']) {
    errors.push(...notNegativeErrors(spec[field], `spec.${field}`))
  }
  if (object.metadata.name.length > 52) {
    errors.push(invalidValue('metadata.name', object.metadata.name, 'must be no more than 52 characters'))
  }
  return errors
}

function zoneErrors(zone: unknown, errors: FieldError[]): void {
  if (zone === undefined) return
  const name = textOf(zone)
  const say = (why: string): number => errors.push(invalidValue('spec.timeZone', name, why))
  if (name === '') {
    say('timeZone must be nil or non-empty string')
    return
  }
  if (name.toLowerCase() === 'local') {
    say('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')
  }
  if (!isZone(name)) say(`unknown time zone ${name}`)
}

function isZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
