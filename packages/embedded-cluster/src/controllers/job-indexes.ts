// Which parts of an indexed Job are done, which have failed, and which part a pod works on. Pure
// (kubernetes/kubernetes:pkg/controller/job/indexed_job_utils.go).
import type { Job, Pod, PodSpec } from '@plimsoll/model'

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index'
const indexVariable = 'JOB_COMPLETION_INDEX'

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed'
}

/** `0,2-4,7,8`: what is adjacent is joined, but two are listed. */
export function indexText(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b)
  const parts: string[] = []
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!
    while (sorted[i + 1] === sorted[i]! + 1) i++
    const last = sorted[i]!
    parts.push(first === last ? String(first) : `${first}${last === first + 1 ? ',' : '-'}${last}`)
  }
  return parts.join(',')
}

/** The indexes that the text names and that are below `end`. */
export function parseIndexes(text: string | undefined, end: number): Set<number> {
  const indexes = new Set<number>()
  for (const part of (text ?? '').split(',')) {
    const [first = NaN, last = first] = part === '' ? [] : part.split('-').map(Number)
    for (let i = first; i <= Math.min(last, end - 1); i++) indexes.add(i)
  }
  return indexes
}

/** The part that the pod works on; -1 when it does not say, or says one that the Job does not have. */
export function indexOf(job: Job, pod: Pod): number {
  const text = pod.metadata.annotations?.[indexAnnotation]
  const index = text === undefined ? NaN : Number(text)
  return Number.isInteger(index) && index >= 0 && index < (job.spec.completions ?? 0) ? index : -1
}

/** The prefix of the pod's name, cut so that the index stays in it. */
export function namePrefix(job: Job, index: number): string {
  const suffix = `-${index}-`
  return `${job.metadata.name.slice(0, 58 - suffix.length)}${suffix}`
}

/** Pods of an indexed Job know their place by environment and host name. */
export function withIndex(job: Job, index: number): Partial<PodSpec> {
  const { initContainers, containers } = job.spec.template.spec!
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` }
  const variable = { name: indexVariable, valueFrom: { fieldRef } }
  const told = <C extends PodSpec['containers'][number]>(container: C): C =>
    container.env?.some((v) => v.name === indexVariable) === true
      ? container
      : { ...container, env: [...(container.env ?? []), variable] }
  return {
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(told) }),
    containers: containers.map(told),
    hostname: `${job.metadata.name}-${index}`,
  }
}
