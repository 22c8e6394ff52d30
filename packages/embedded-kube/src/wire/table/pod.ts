import type { Ms } from '@plimsoll/model'
import { listOf, type Fields, type StoredObject } from '../../object.ts'
import { humanDuration } from '../human-duration.ts'
import { ageCell, at, columns, conditionOf, none, numberAt, textAt, type Printer } from './printer.ts'

export const pods: Printer = {
  columns: columns('Name', 'Ready', 'Status', 'Restarts', 'Age', '*IP', '*Node', '*Nominated Node', '*Readiness Gates'),
  cells: (pod, now) => {
    const shown = podSummary(pod, now)
    return [
      pod.metadata.name,
      `${shown.ready}/${shown.total}`,
      shown.status,
      shown.restarts,
      ageCell(pod, now),
      textAt(listOf(pod.status?.['podIPs'])[0], ['ip'], textAt(pod.status, ['podIP'], none)),
      textAt(pod.spec, ['nodeName'], none),
      textAt(pod.status, ['nominatedNodeName'], none),
      readinessGates(pod),
    ]
  },
  rowConditions: (pod) => {
    const phase = pod.status?.['phase']
    if (phase === 'Succeeded') return [completed('Succeeded', 'The pod has completed successfully.')]
    if (phase === 'Failed') return [completed('Failed', 'The pod failed.')]
    return undefined
  },
}

function completed(reason: string, message: string): Fields {
  return { type: 'Completed', status: 'True', reason, message }
}

interface PodSummary {
  readonly status: string
  readonly ready: number
  readonly total: number
  readonly restarts: string
}

interface Progress {
  status: string
  ready: number
  restarts: number
  restartsAt: number
}

/** printers.go, printPod. */
function podSummary(pod: StoredObject, now: Ms): PodSummary {
  const initial = listOf(pod.spec?.['initContainers'])
  const sidecars = new Set(
    initial.filter((container) => container['restartPolicy'] === 'Always').map((container) => container['name']),
  )
  const progress: Progress = { status: startingStatus(pod), ready: 0, restarts: 0, restartsAt: 0 }
  const sidecarRestarts = { restarts: 0, restartsAt: 0 }
  const initializing = walkInitContainers(pod, initial.length, sidecars, progress, sidecarRestarts)
  if (!initializing || conditionOf(pod, 'Initialized')?.['status'] === 'True') {
    progress.restarts = sidecarRestarts.restarts
    progress.restartsAt = sidecarRestarts.restartsAt
    walkContainers(pod, progress)
  }
  const total = listOf(pod.spec?.['containers']).length + sidecars.size
  let { status } = progress
  if (pod.metadata.deletionTimestamp !== undefined && pod.status?.['reason'] === 'NodeLost') status = 'Unknown'
  else if (pod.metadata.deletionTimestamp !== undefined && !isTerminal(pod)) status = 'Terminating'
  const restarts =
    progress.restarts > 0 && progress.restartsAt > 0
      ? `${progress.restarts} (${humanDuration(now - progress.restartsAt)} ago)`
      : String(progress.restarts)
  return { status, ready: progress.ready, total, restarts }
}

function isTerminal(pod: StoredObject): boolean {
  const phase = pod.status?.['phase']
  return phase === 'Succeeded' || phase === 'Failed'
}

function startingStatus(pod: StoredObject): string {
  const reason = textAt(pod.status, ['reason'], textAt(pod.status, ['phase']))
  return conditionOf(pod, 'PodScheduled')?.['reason'] === 'SchedulingGated' ? 'SchedulingGated' : reason
}

/** Whether the pod is still at its init containers, which then give the status. */
function walkInitContainers(
  pod: StoredObject,
  total: number,
  sidecars: ReadonlySet<unknown>,
  progress: Progress,
  sidecarRestarts: { restarts: number; restartsAt: number },
): boolean {
  let index = -1
  for (const container of listOf(pod.status?.['initContainerStatuses'])) {
    index++
    const sidecar = sidecars.has(container['name'])
    progress.restarts += numberAt(container, 'restartCount')
    progress.restartsAt = Math.max(progress.restartsAt, finishedAt(container))
    if (sidecar) {
      sidecarRestarts.restarts += numberAt(container, 'restartCount')
      sidecarRestarts.restartsAt = Math.max(sidecarRestarts.restartsAt, finishedAt(container))
    }
    const terminated = at(container, 'state', 'terminated')
    const waiting = textAt(container, ['state', 'waiting', 'reason'])
    if (terminated !== undefined && numberAt(terminated, 'exitCode') === 0) continue
    if (sidecar && container['started'] === true) {
      if (container['ready'] === true) progress.ready++
      continue
    }
    if (terminated !== undefined) progress.status = `Init:${terminationOf(terminated)}`
    else if (waiting !== '' && waiting !== 'PodInitializing') progress.status = `Init:${waiting}`
    else progress.status = `Init:${index}/${total}`
    return true
  }
  return false
}

function walkContainers(pod: StoredObject, progress: Progress): void {
  let running = false
  for (const container of listOf(pod.status?.['containerStatuses']).toReversed()) {
    progress.restarts += numberAt(container, 'restartCount')
    progress.restartsAt = Math.max(progress.restartsAt, finishedAt(container))
    const terminated = at(container, 'state', 'terminated')
    const waiting = textAt(container, ['state', 'waiting', 'reason'])
    if (waiting !== '') progress.status = waiting
    else if (terminated !== undefined) progress.status = terminationOf(terminated)
    else if (container['ready'] === true && at(container, 'state', 'running') !== undefined) {
      running = true
      progress.ready++
    }
  }
  if (progress.status === 'Completed' && running) {
    progress.status = conditionOf(pod, 'Ready')?.['status'] === 'True' ? 'Running' : 'NotReady'
  }
}

function terminationOf(terminated: unknown): string {
  const signal = numberAt(terminated, 'signal')
  return textAt(
    terminated,
    ['reason'],
    signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, 'exitCode')}`,
  )
}

function finishedAt(container: Fields): number {
  const finished = at(container, 'lastState', 'terminated', 'finishedAt')
  return typeof finished === 'string' ? Date.parse(finished) || 0 : 0
}

function readinessGates(pod: StoredObject): string {
  const gates = listOf(pod.spec?.['readinessGates'])
  if (gates.length === 0) return none
  const met = gates.filter((gate) => conditionOf(pod, textAt(gate, ['conditionType']))?.['status'] === 'True')
  return `${met.length}/${gates.length}`
}
