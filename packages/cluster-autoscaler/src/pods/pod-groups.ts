import { podClassKey } from '@plimsoll/engine'
import { controllerOf, type Pod } from '@plimsoll/model'
import { isDaemonSetPod } from './pod-kinds.ts'

/** Pods of one controller that are the same to scheduling: what holds for the first holds for all. */
export interface PodGroup {
  readonly pods: readonly Pod[]
}

const groupsPerController = 10

/**
 * Groups in the order in which their first pods come (upstream's order is random).
 * kubernetes-sigs/cluster-autoscaler:pkg/core/scaleup/equivalence/groups.go, BuildPodGroups (rule CA-81).
 */
export function groupPods(pods: readonly Pod[]): PodGroup[] {
  const groups: { pods: Pod[] }[] = []
  const byController = new Map<string, Map<string, { pods: Pod[] }>>()
  for (const pod of pods) {
    const controller = controllerOf(pod)
    if (controller === undefined || isDaemonSetPod(pod)) {
      groups.push({ pods: [pod] })
      continue
    }
    let alike = byController.get(controller.uid)
    if (alike === undefined) byController.set(controller.uid, (alike = new Map()))
    const key = podClassKey(pod)
    const known = alike.get(key)
    if (known !== undefined) {
      known.pods.push(pod)
      continue
    }
    const group = { pods: [pod] }
    groups.push(group)
    if (alike.size < groupsPerController) alike.set(key, group)
  }
  return groups
}
