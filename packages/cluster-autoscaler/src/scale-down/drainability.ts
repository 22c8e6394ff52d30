// Whether a pod keeps its node: twelve rules, the first that has an opinion counts.
// Mirrors kubernetes-sigs/cluster-autoscaler:pkg/simulator/drainability/rules (1.36; rules CA-123 to CA-134).
import { controllerOf, type Ms, type Pod } from '@plimsoll/model'
import type { ClusterAutoscalerOptions } from '../options/options.ts'
import { createdAt, isDaemonSetPod, isLongTerminating, isMirrorPod, safeToEvict } from '../pods/pod-kinds.ts'
import { replicasOf, type ControllerLister } from '../state/controllers.ts'
import type { DisruptionBudgets } from './disruption-budgets.ts'

export type BlockingReason =
  | 'ControllerNotFound'
  | 'MinReplicasReached'
  | 'NotReplicated'
  | 'LocalStorageRequested'
  | 'NotSafeToEvictAnnotation'
  | 'UnmovableKubeSystemPod'
  | 'NotEnoughPdb'

export type Drainability =
  /** Must go elsewhere. */
  | { readonly kind: 'drain' }
  /** Does not count. */
  | { readonly kind: 'skip' }
  /** The node may go once the pod has finished. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'block'; readonly reason: BlockingReason; readonly message: string }

export interface DrainabilityView {
  readonly options: Pick<
    ClusterAutoscalerOptions,
    | 'skipNodesWithCustomControllerPods'
    | 'skipNodesWithSystemPods'
    | 'skipNodesWithLocalStorage'
    | 'minReplicaCount'
    | 'blockingSystemPodDisruptionTimeout'
  >
  readonly controllers: ControllerLister
  readonly budgets: DisruptionBudgets
  readonly now: Ms
}

const drain: Drainability = { kind: 'drain' }
const skip: Drainability = { kind: 'skip' }
const replicated = ['ReplicationController', 'Job', 'ReplicaSet', 'StatefulSet']
const safeLocalVolumes = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

type Rule = (pod: Pod, view: DrainabilityView) => Drainability | undefined

const rules: readonly Rule[] = [
  mirror,
  longTerminating,
  replicaCount,
  (pod) => (isDaemonSetPod(pod) ? drain : undefined),
  (pod) => (pod.metadata.annotations?.[safeToEvict] === 'true' ? drain : undefined),
  terminal,
  (pod) => (pod.metadata.annotations?.[safeToEvict] === 'on-completion' ? { kind: 'wait' } : undefined),
  notReplicated,
  system,
  notSafeToEvict,
  localStorage,
  budget,
]

export function drainabilityOf(pod: Pod, view: DrainabilityView): Drainability {
  for (const rule of rules) {
    const outcome = rule(pod, view)
    if (outcome !== undefined) return outcome
  }
  return drain
}

function block(pod: Pod, reason: BlockingReason, what: string): Drainability {
  return { kind: 'block', reason, message: `${pod.metadata.namespace}/${pod.metadata.name} ${what}` }
}

function mirror(pod: Pod): Drainability | undefined {
  return isMirrorPod(pod) ? skip : undefined
}

function longTerminating(pod: Pod, view: DrainabilityView): Drainability | undefined {
  return isLongTerminating(pod, view.now) ? skip : undefined
}

function replicaCount(pod: Pod, view: DrainabilityView): Drainability | undefined {
  if (!view.options.skipNodesWithCustomControllerPods) return undefined
  const replicas = replicasOf(pod, view.controllers)
  if (replicas === 'missing') {
    const owner = controllerOf(pod)!
    return block(pod, 'ControllerNotFound', `is controlled by ${owner.kind} ${owner.name}, which cannot be found`)
  }
  const min = view.options.minReplicaCount
  if (typeof replicas !== 'number' || replicas >= min) return undefined
  return block(pod, 'MinReplicasReached', `has too few replicas: ${replicas}, at least ${min} are needed`)
}

function terminal(pod: Pod): Drainability | undefined {
  const phase = pod.status?.phase
  if (phase === 'Failed') return drain
  const ends = pod.spec.restartPolicy === 'Never' || pod.spec.restartPolicy === 'OnFailure'
  return phase === 'Succeeded' && ends ? drain : undefined
}

function notReplicated(pod: Pod, view: DrainabilityView): Drainability | undefined {
  const owner = controllerOf(pod)
  const anyWillDo = !view.options.skipNodesWithCustomControllerPods
  if (owner !== undefined && (anyWillDo || replicated.includes(owner.kind))) return undefined
  return block(pod, 'NotReplicated', 'is not replicated')
}

/** A kube-system pod that has been there for an hour passes all rules after this one as well (upstream's quirk 4). */
function system(pod: Pod, view: DrainabilityView): Drainability | undefined {
  if (!view.options.skipNodesWithSystemPods || pod.metadata.namespace !== 'kube-system') return undefined
  if (view.budgets.selects(pod)) return undefined
  if (createdAt(pod) + view.options.blockingSystemPodDisruptionTimeout < view.now) return drain
  return block(pod, 'UnmovableKubeSystemPod', 'is a kube-system pod without a disruption budget')
}

function notSafeToEvict(pod: Pod): Drainability | undefined {
  if (pod.metadata.annotations?.[safeToEvict] !== 'false') return undefined
  return block(pod, 'NotSafeToEvictAnnotation', 'is annotated as not safe to evict')
}

function localStorage(pod: Pod, view: DrainabilityView): Drainability | undefined {
  if (!view.options.skipNodesWithLocalStorage) return undefined
  const safe = new Set((pod.metadata.annotations?.[safeLocalVolumes] ?? '').split(',').map((name) => name.trim()))
  const local = pod.spec.volumes?.find((volume) => {
    const onNode =
      volume.hostPath !== undefined || (volume.emptyDir !== undefined && volume.emptyDir.medium !== 'Memory')
    return onNode && !safe.has(volume.name)
  })
  return local === undefined
    ? undefined
    : block(pod, 'LocalStorageRequested', `uses local storage: volume ${local.name}`)
}

function budget(pod: Pod, view: DrainabilityView): Drainability | undefined {
  const refusing = view.budgets.refusing(pod)
  if (refusing === undefined) return undefined
  return block(pod, 'NotEnoughPdb', `is protected by the disruption budget ${refusing.metadata.name}`)
}

export interface PodsOfNode {
  /** To be placed elsewhere. */
  readonly toMove: readonly Pod[]
  readonly daemonSetPods: readonly Pod[]
  /** The node must wait for these to finish. */
  readonly awaited: readonly Pod[]
  readonly blocking: { readonly pod: Pod; readonly reason: BlockingReason; readonly message: string } | undefined
}

/** Upstream: pkg/simulator/drain.go, GetPodsToMove. */
export function podsOfNode(pods: readonly Pod[], view: DrainabilityView): PodsOfNode {
  const toMove: Pod[] = []
  const daemonSetPods: Pod[] = []
  const awaited: Pod[] = []
  for (const pod of pods) {
    const outcome = drainabilityOf(pod, view)
    switch (outcome.kind) {
      case 'skip':
        break
      case 'wait':
        awaited.push(pod)
        toMove.push(pod)
        break
      case 'drain':
        if (isDaemonSetPod(pod)) daemonSetPods.push(pod)
        else toMove.push(pod)
        break
      case 'block': {
        const { reason, message } = outcome
        return { toMove, daemonSetPods, awaited, blocking: { pod, reason, message } }
      }
    }
  }
  return { toMove, daemonSetPods, awaited, blocking: undefined }
}
