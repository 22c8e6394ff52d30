import { badRequest, failure } from '../errors.ts'
import { listOf, type StoredObject } from '../object.ts'

/**
 * The container that a log request means (kubernetes/kubernetes:pkg/registry/core/pod/strategy.go, LogLocation).
 * @throws {KubeError} badRequest when it must be named, is not there, or has not started
 */
export function containerForLog(pod: StoredObject, asked: string | undefined, previous: boolean): string {
  const name = pod.metadata.name
  const names = (field: string): string[] => listOf(pod.spec?.[field]).map((container) => String(container['name']))
  const containers = names('containers')
  const initial = names('initContainers')
  const container = asked === undefined || asked === '' ? defaultContainer(pod, containers, initial) : asked
  if (![...containers, ...initial, ...names('ephemeralContainers')].includes(container)) {
    throw badRequest(`container ${container} is not valid for pod ${name}`)
  }
  if ((pod.spec?.['nodeName'] ?? '') === '') {
    // Nothing was logged yet: upstream answers an empty body.
    return container
  }
  const statuses = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].flatMap((field) =>
    listOf(pod.status?.[field]),
  )
  const status = statuses.find((s) => s['name'] === container)
  const state = status?.['state'] as { readonly waiting?: { readonly reason?: string } } | undefined
  const last = status?.['lastState'] as { readonly terminated?: unknown } | undefined
  if (previous && last?.terminated === undefined) {
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`)
  }
  if (!previous && state?.waiting !== undefined && last?.terminated === undefined) {
    const reason = state.waiting.reason ?? 'ContainerCreating'
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${reason}`)
  }
  return container
}

function defaultContainer(pod: StoredObject, containers: readonly string[], initial: readonly string[]): string {
  const [only] = containers
  if (containers.length === 1 && only !== undefined) return only
  const annotated = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
  if (annotated !== undefined && containers.includes(annotated)) return annotated
  const choice = `choose one of: [${containers.join(' ')}]`
  const others = initial.length === 0 ? '' : ` or one of the init containers: [${initial.join(' ')}]`
  throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, ${choice}${others}`)
}

/** Nobody runs containers here. */
export function noLogs(): Error {
  return failure('unavailable', 'no container runtime is attached to this API server')
}
