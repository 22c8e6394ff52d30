// What a kubelet says of a pod that is to have more or less while it runs
// (kubernetes/kubernetes:pkg/kubelet/events/resize.go, allocation/allocation_manager.go). Pure.
import { milliValue, type Container, type Pod } from '@plimsoll/model'

export interface ResizeCondition {
  readonly type: 'PodResizePending' | 'PodResizeInProgress'
  /** `Deferred` or `Infeasible` while it waits. */
  readonly reason?: 'Deferred' | 'Infeasible'
  readonly message?: string
}

const resizable = ['cpu', 'memory']

/** The resources of the container that are to change. */
export function resizedResources(before: Container, now: Container): readonly string[] {
  const amount = (container: Container, kind: 'requests' | 'limits', name: string): number =>
    milliValue(container.resources?.[kind]?.[name])
  return resizable.filter(
    (name) =>
      amount(before, 'requests', name) !== amount(now, 'requests', name) ||
      amount(before, 'limits', name) !== amount(now, 'limits', name),
  )
}

/** Whether the container must be restarted for that. */
export function needsRestart(container: Container, resources: readonly string[]): boolean {
  return resources.some(
    (name) => container.resizePolicy?.find((p) => p.resourceName === name)?.restartPolicy === 'RestartContainer',
  )
}

/** The message of a resize event: what the pod is to have, as JSON. */
export function resizeMessage(pod: Pod, what: string, error?: string): string {
  const allocations = (containers: readonly Container[] | undefined): object[] | undefined =>
    containers?.map(({ name, resources = {} }) => ({ name, resources }))
  const summary = {
    initContainers: allocations(pod.spec.initContainers),
    containers: allocations(pod.spec.containers),
    generation: pod.metadata.generation ?? 0,
    error,
  }
  return `Pod resize ${what}: ${JSON.stringify(summary)}`
}
