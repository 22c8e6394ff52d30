// From what happens in a pod's containers to the status that the kubelet posts
// (kubernetes/kubernetes:pkg/kubelet/kubelet_pods.go, generateAPIPodStatus; pkg/kubelet/status/generate.go). Pure.
import {
  timestamp,
  type Container,
  type ContainerState,
  type ContainerStatus,
  type Ms,
  type Pod,
  type PodCondition,
  type PodStatus,
} from '@plimsoll/model'
import { imageId, imageName } from './images.ts'
import type { ResizeCondition } from './resize.ts'

export type RunState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAt: Ms }
  | TerminatedState

export interface TerminatedState {
  readonly kind: 'terminated'
  readonly exitCode: number
  readonly reason: string
  readonly startedAt: Ms | undefined
  readonly finishedAt: Ms
  readonly id: string | undefined
}

/**
 * `init` runs to its end before the next; `sidecar` is an init container that stays; `debug` is an ephemeral one, which
 * neither makes the pod ready nor ends it; `main` is the rest.
 */
export type Role = 'init' | 'sidecar' | 'main' | 'debug'

export interface ContainerView {
  readonly spec: Container
  readonly role: Role
  readonly state: RunState
  readonly last: TerminatedState | undefined
  readonly restarts: number
  /** By its probes. */
  readonly ready: boolean
  readonly started: boolean
  readonly id: string | undefined
}

export interface PodView {
  /** In the pod's order, init containers first. */
  readonly containers: readonly ContainerView[]
  /** Ephemeral ones. */
  readonly debugging: readonly ContainerView[]
  readonly startTime: Ms
  readonly hostIP: string
  /** Set once the sandbox stands. */
  readonly podIP: string | undefined
  readonly sandbox: boolean
  /** The pod is over whatever its containers say: rejected, or past its deadline. */
  readonly failed?: { readonly reason: string; readonly message: string } | undefined
  readonly resize?: ResizeCondition | undefined
  /** Why the kubelet itself ends it. */
  readonly disruption?: string | undefined
}

export function podStatus(pod: Pod, view: PodView, now: Ms): PodStatus {
  const before = pod.status
  const phase = phaseOf(pod, view)
  const statuses = (roles: readonly Role[]): ContainerStatus[] =>
    view.containers.filter((c) => roles.includes(c.role)).map(containerStatus)
  const init = statuses(['init', 'sidecar'])
  const rejected = view.failed !== undefined && view.containers.length === 0
  const generation = pod.metadata.generation
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: rejected ? (before?.conditions ?? []) : conditionsOf(pod, view, phase, now),
    ...(view.failed === undefined
      ? before?.message === undefined
        ? {}
        : { message: before.message }
      : { reason: view.failed.reason, message: view.failed.message }),
    ...(view.failed === undefined && before?.reason !== undefined ? { reason: before.reason } : {}),
    ...(rejected ? {} : { hostIP: view.hostIP, hostIPs: [{ ip: view.hostIP }] }),
    ...(view.podIP === undefined ? {} : { podIP: view.podIP, podIPs: [{ ip: view.podIP }] }),
    startTime: timestamp(view.startTime),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    // By name, unlike the init containers, which keep their order.
    ...(rejected ? {} : { containerStatuses: statuses(['main']).sort((a, b) => (a.name < b.name ? -1 : 1)) }),
    ...(view.debugging.length === 0 ? {} : { ephemeralContainerStatuses: view.debugging.map(containerStatus) }),
    ...(before?.qosClass === undefined ? {} : { qosClass: before.qosClass }),
  }
}

function phaseOf(pod: Pod, view: PodView): string {
  const before = pod.status?.phase
  // An end is an end.
  if (before === 'Succeeded' || before === 'Failed') return before
  if (view.failed !== undefined) return 'Failed'
  const policy = pod.spec.restartPolicy ?? 'Always'
  const main = view.containers.filter((c) => c.role === 'main')
  const init = view.containers.filter((c) => c.role === 'init')
  const everyMainOver = main.every((c) => c.state.kind === 'terminated')
  if (pod.metadata.deletionTimestamp !== undefined && view.containers.every(isOver)) {
    const ran = view.containers.filter((c) => c.state.kind === 'terminated')
    return ran.length > 0 && ran.every((c) => c.state.kind === 'terminated' && c.state.exitCode === 0)
      ? 'Succeeded'
      : 'Failed'
  }
  if (init.some((c) => failedForGood(c, policy))) return 'Failed'
  if (!initialized(view)) return 'Pending'
  if (main.some((c) => c.state.kind === 'waiting' && c.last === undefined)) return 'Pending'
  if (main.some((c) => c.state.kind === 'running')) return 'Running'
  if (!everyMainOver || policy === 'Always') return 'Running'
  // Sidecars end after the others; until then the pod runs.
  if (view.containers.some((c) => c.role === 'sidecar' && c.state.kind === 'running')) return 'Running'
  const failed = main.some((c) => c.state.kind === 'terminated' && c.state.exitCode !== 0)
  if (!failed) return 'Succeeded'
  return policy === 'Never' ? 'Failed' : 'Running'
}

function isOver(container: ContainerView): boolean {
  return container.state.kind !== 'running'
}

function failedForGood(container: ContainerView, policy: string): boolean {
  return container.state.kind === 'terminated' && container.state.exitCode !== 0 && policy === 'Never'
}

function initialized(view: PodView): boolean {
  return view.containers.every(
    (c) =>
      c.role === 'main' ||
      (c.role === 'init' ? c.state.kind === 'terminated' && c.state.exitCode === 0 : c.started || c.restarts > 0),
  )
}

function containerStatus(c: ContainerView): ContainerStatus {
  return {
    name: c.spec.name,
    state: stateOf(c.state),
    lastState: c.last === undefined ? {} : stateOf(c.last),
    ready: c.role === 'init' ? c.state.kind === 'terminated' && c.state.exitCode === 0 : c.ready,
    restartCount: c.restarts,
    // Before it runs its image is known as the spec names it.
    image: c.id === undefined ? (c.spec.image ?? '') : imageName(c.spec.image ?? ''),
    imageID: c.id === undefined ? '' : imageId(c.spec.image ?? ''),
    ...(c.id === undefined ? {} : { containerID: c.id }),
    ...(c.role === 'debug' ? {} : { started: c.started }),
    ...(c.id === undefined ? {} : madeOf(c.spec)),
    ...mountsOf(c.spec),
  }
}

const noResources = {}

type MadeOf = Pick<ContainerStatus, 'allocatedResources' | 'resources' | 'user'>

/** What the container was given, once it was made. Shares the spec's own objects. */
function madeOf({ resources, securityContext }: Container): MadeOf {
  return {
    ...(resources?.requests === undefined ? {} : { allocatedResources: resources.requests }),
    resources: resources ?? noResources,
    user: userOf(securityContext?.runAsUser ?? 0, securityContext?.runAsGroup ?? 0),
  }
}

const users = new Map<string, NonNullable<ContainerStatus['user']>>()

function userOf(uid: number, gid: number): NonNullable<ContainerStatus['user']> {
  const key = `${uid}/${gid}`
  let user = users.get(key)
  if (user === undefined) users.set(key, (user = { linux: { gid, supplementalGroups: [gid], uid } }))
  return user
}

type Mounts = Pick<ContainerStatus, 'volumeMounts'>
const mounts = new WeakMap<object, Mounts>()

function mountsOf({ volumeMounts }: Container): Mounts {
  if (volumeMounts === undefined || volumeMounts.length === 0) return noResources
  let known = mounts.get(volumeMounts)
  if (known === undefined) {
    const shown = volumeMounts.map(({ name, mountPath, readOnly }) => ({
      mountPath,
      name,
      ...(readOnly === true ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
    }))
    mounts.set(volumeMounts, (known = { volumeMounts: shown }))
  }
  return known
}

function stateOf(state: RunState): ContainerState {
  switch (state.kind) {
    case 'waiting':
      return {
        waiting: { ...(state.message === undefined ? {} : { message: state.message }), reason: state.reason },
      }
    case 'running':
      return { running: { startedAt: timestamp(state.startedAt) } }
    case 'terminated':
      return {
        terminated: {
          exitCode: state.exitCode,
          reason: state.reason,
          ...(state.startedAt === undefined ? {} : { startedAt: timestamp(state.startedAt) }),
          finishedAt: timestamp(state.finishedAt),
          ...(state.id === undefined ? {} : { containerID: state.id }),
        },
      }
  }
}

/** Go writes the zero time as null, and never leaves it out. */
const noTime = null as unknown as undefined

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>

const yes: Verdict = { status: 'True' }

function conditionsOf(pod: Pod, view: PodView, phase: string, now: Ms): readonly PodCondition[] {
  const containersReady = containersReadyOf(view, phase)
  const own: [string, Verdict][] = [
    ['PodReadyToStartContainers', view.sandbox ? yes : { status: 'False' }],
    ['Initialized', initializedOf(view, phase)],
    ['Ready', readyOf(pod, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', yes],
  ]
  const before = pod.status?.conditions ?? []
  const generation = pod.metadata.generation
  if (view.resize !== undefined) own.unshift([view.resize.type, { status: 'True', ...view.resize }])
  const conditions = own.map(([type, verdict]): PodCondition => {
    const known = before.find((condition) => condition.type === type)
    const same = known?.status === verdict.status
    const told = known?.reason === verdict.reason && known?.message === verdict.message
    if (same && told && known.observedGeneration === generation) return known
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status: verdict.status,
      lastProbeTime: noTime,
      lastTransitionTime: same ? known.lastTransitionTime : timestamp(now),
      ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
      ...(verdict.message === undefined ? {} : { message: verdict.message }),
    }
  })
  // What others say of the pod (DisruptionTarget, readiness gates) is theirs.
  const names = new Set([...own.map(([type]) => type), 'PodResizePending', 'PodResizeInProgress'])
  const theirs = before.filter((condition) => !names.has(condition.type))
  if (view.disruption !== undefined && !theirs.some((condition) => condition.type === 'DisruptionTarget')) {
    theirs.push({
      type: 'DisruptionTarget',
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status: 'True',
      lastProbeTime: noTime,
      lastTransitionTime: timestamp(now),
      reason: 'TerminationByKubelet',
      message: view.disruption,
    })
  }
  return [...conditions, ...theirs]
}

function initializedOf(view: PodView, phase: string): Verdict {
  const unfinished = view.containers.filter(
    (c) =>
      (c.role === 'init' && !(c.state.kind === 'terminated' && c.state.exitCode === 0)) ||
      (c.role === 'sidecar' && !c.started && c.restarts === 0),
  )
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  if (unfinished.length === 0) return yes
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${names(unfinished)}]`,
  }
}

function containersReadyOf(view: PodView, phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const unready = view.containers.filter((c) => c.role !== 'init' && !c.ready)
  if (unready.length === 0) return yes
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${names(unready)}]`,
  }
}

function readyOf(pod: Pod, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady
  const complaints: string[] = []
  for (const gate of pod.spec.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find((c) => c.type === gate.conditionType)
    if (condition === undefined) {
      complaints.push(`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`)
    } else if (condition.status !== 'True') {
      complaints.push(`the status of pod readiness gate "${gate.conditionType}" is not "True", but ${condition.status}`)
    }
  }
  if (complaints.length === 0) return yes
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: complaints.join(', ') }
}

function names(containers: readonly ContainerView[]): string {
  return containers.map((c) => c.spec.name).join(' ')
}
