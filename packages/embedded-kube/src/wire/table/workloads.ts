import { own, type Ms } from '@plimsoll/model'
import { listOf, type StoredObject } from '../../object.ts'
import { ageOf, humanDuration } from '../human-duration.ts'
import {
  ageCell,
  at,
  columns,
  conditionOf,
  containerCells,
  none,
  numberAt,
  scalarText,
  selectorCell,
  textAt,
  type Printer,
} from './printer.ts'

function template(object: StoredObject): unknown {
  return at(object.spec, 'template', 'spec')
}

export const podTemplates: Printer = {
  columns: columns('Name', 'Containers', 'Images', 'Pod Labels'),
  cells: (object) => [
    object.metadata.name,
    ...containerCells(at(object, 'template', 'spec')),
    selectorCell(at(object, 'template', 'metadata', 'labels')),
  ],
}

export const deployments: Printer = {
  columns: columns('Name', 'Ready', 'Up-to-date', 'Available', 'Age', '*Containers', '*Images', '*Selector'),
  cells: (object, now) => [
    object.metadata.name,
    `${numberAt(object.status, 'readyReplicas')}/${numberAt(object.spec, 'replicas')}`,
    numberAt(object.status, 'updatedReplicas'),
    numberAt(object.status, 'availableReplicas'),
    ageCell(object, now),
    ...containerCells(template(object)),
    selectorCell(at(object.spec, 'selector')),
  ],
}

export const replicaSets: Printer = {
  columns: columns(
    'Name',
    'Desired:integer',
    'Current:integer',
    'Ready:integer',
    'Age',
    '*Containers',
    '*Images',
    '*Selector',
  ),
  cells: (object, now) => [
    object.metadata.name,
    numberAt(object.spec, 'replicas'),
    numberAt(object.status, 'replicas'),
    numberAt(object.status, 'readyReplicas'),
    ageCell(object, now),
    ...containerCells(template(object)),
    selectorCell(at(object.spec, 'selector')),
  ],
}

export const statefulSets: Printer = {
  columns: columns('Name', 'Ready', 'Age', '*Containers', '*Images'),
  cells: (object, now) => [
    object.metadata.name,
    `${numberAt(object.status, 'readyReplicas')}/${numberAt(object.spec, 'replicas')}`,
    ageCell(object, now),
    ...containerCells(template(object)),
  ],
}

export const daemonSets: Printer = {
  columns: columns(
    'Name',
    'Desired:integer',
    'Current:integer',
    'Ready:integer',
    'Up-to-date:integer',
    'Available:integer',
    'Node Selector',
    'Age',
    '*Containers',
    '*Images',
    '*Selector',
  ),
  cells: (object, now) => [
    object.metadata.name,
    numberAt(object.status, 'desiredNumberScheduled'),
    numberAt(object.status, 'currentNumberScheduled'),
    numberAt(object.status, 'numberReady'),
    numberAt(object.status, 'updatedNumberScheduled'),
    numberAt(object.status, 'numberAvailable'),
    selectorCell(at(template(object), 'nodeSelector')),
    ageCell(object, now),
    ...containerCells(template(object)),
    selectorCell(at(object.spec, 'selector')),
  ],
}

export const jobs: Printer = {
  columns: columns('Name', 'Status', 'Completions', 'Duration', 'Age', '*Containers', '*Images', '*Selector'),
  cells: (object, now) => [
    object.metadata.name,
    jobStatus(object),
    jobCompletions(object),
    jobDuration(object, now),
    ageCell(object, now),
    ...containerCells(template(object)),
    selectorCell(at(object.spec, 'selector')),
  ],
}

function jobStatus(job: StoredObject): string {
  const is = (type: string): boolean => conditionOf(job, type)?.['status'] === 'True'
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating'
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (is(type)) return type
  return 'Running'
}

function jobCompletions(job: StoredObject): string {
  const succeeded = numberAt(job.status, 'succeeded')
  const completions = at(job.spec, 'completions')
  if (completions !== undefined) return `${succeeded}/${scalarText(completions)}`
  const parallelism = numberAt(job.spec, 'parallelism')
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function jobDuration(job: StoredObject, now: Ms): string {
  const start = Date.parse(textAt(job.status, ['startTime']))
  if (Number.isNaN(start)) return ''
  const end = Date.parse(textAt(job.status, ['completionTime']))
  return humanDuration((Number.isNaN(end) ? now : end) - start)
}

export const cronJobs: Printer = {
  columns: columns(
    'Name',
    'Schedule',
    'Timezone',
    'Suspend:boolean',
    'Active:integer',
    'Last Schedule',
    'Age',
    '*Containers',
    '*Images',
    '*Selector',
  ),
  cells: (object, now) => {
    const last = at(object.status, 'lastScheduleTime')
    const job = at(object.spec, 'jobTemplate', 'spec')
    return [
      object.metadata.name,
      textAt(object.spec, ['schedule']),
      textAt(object.spec, ['timeZone'], none),
      // Upstream prints Go's True and False here.
      at(object.spec, 'suspend') === true ? 'True' : 'False',
      listOf(at(object.status, 'active')).length,
      last === undefined ? none : ageOf(last, now),
      ageCell(object, now),
      ...containerCells(at(job, 'template', 'spec')),
      selectorCell(at(job, 'selector')),
    ]
  },
}

export const disruptionBudgets: Printer = {
  columns: columns('Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions:integer', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object.spec, ['minAvailable'], 'N/A'),
    textAt(object.spec, ['maxUnavailable'], 'N/A'),
    numberAt(object.status, 'disruptionsAllowed'),
    ageCell(object, now),
  ],
}

export const horizontalAutoscalers: Printer = {
  columns: columns('Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    `${textAt(object.spec, ['scaleTargetRef', 'kind'])}/${textAt(object.spec, ['scaleTargetRef', 'name'])}`,
    metricTargets(object),
    textAt(object.spec, ['minReplicas'], '<unset>'),
    numberAt(object.spec, 'maxReplicas'),
    numberAt(object.status, 'currentReplicas'),
    ageCell(object, now),
  ],
}

/** printers.go, formatHPAMetrics: the first two metrics, then how many more there are. */
function metricTargets(object: StoredObject): string {
  const v1 = at(object.spec, 'targetCPUUtilizationPercentage')
  if (v1 !== undefined) {
    const current = at(object.status, 'currentCPUUtilizationPercentage')
    return `cpu: ${current === undefined ? '<unknown>' : `${scalarText(current)}%`}/${scalarText(v1)}%`
  }
  const metrics = listOf(object.spec?.['metrics'])
  if (metrics.length === 0) return none
  const current = listOf(object.status?.['currentMetrics'])
  const shown = metrics.slice(0, 2).map((metric, i) => metricTarget(metric, current[i]))
  return metrics.length > 2 ? `${shown.join(', ')} + ${metrics.length - 2} more...` : shown.join(', ')
}

function metricTarget(metric: unknown, current: unknown): string {
  const type = textAt(metric, ['type'])
  const source = own({ Pods: 'pods', Object: 'object', Resource: 'resource', External: 'external' }, type)
  const field = type === 'ContainerResource' ? 'containerResource' : source
  if (field === undefined) return '<unknown type>'
  const target = at(metric, field, 'target')
  const now = at(current, field, 'current')
  const name = field === 'resource' || field === 'containerResource' ? `${textAt(metric, [field, 'name'])}: ` : ''
  const utilization = at(target, 'averageUtilization')
  if (utilization !== undefined) {
    const used = at(now, 'averageUtilization')
    return `${name}${used === undefined ? '<unknown>' : `${scalarText(used)}%`}/${scalarText(utilization)}%`
  }
  const averaged = at(target, 'averageValue') !== undefined
  const of = averaged ? 'averageValue' : 'value'
  const suffix = averaged && field !== 'pods' && name === '' ? ' (avg)' : ''
  return `${name}${textAt(now, [of], '<unknown>')}/${textAt(target, [of], '<auto>')}${suffix}`
}
