import type { DaemonSet, Job, Pod, ReplicaSet, ReplicationController, StatefulSet } from '@plimsoll/model'
import { controllerOf } from '@plimsoll/model'

/** Looks up the controllers of pods. */
export interface ControllerLister {
  replicaSet(namespace: string, name: string): ReplicaSet | undefined
  replicationController(namespace: string, name: string): ReplicationController | undefined
  job(namespace: string, name: string): Job | undefined
  statefulSet(namespace: string, name: string): StatefulSet | undefined
  daemonSet(namespace: string, name: string): DaemonSet | undefined
}

/** How many replicas the pod's controller is told to have; `missing` when it is gone; undefined where that says nothing. */
export function replicasOf(pod: Pod, controllers: ControllerLister): number | 'missing' | 'any' | undefined {
  const owner = controllerOf(pod)
  if (owner === undefined) return undefined
  const { namespace } = pod.metadata
  const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : ''
  switch (owner.kind) {
    case 'ReplicationController': {
      const controller = controllers.replicationController(namespace, owner.name)
      return controller === undefined ? 'missing' : (controller.spec?.replicas ?? 1)
    }
    case 'ReplicaSet': {
      const controller = controllers.replicaSet(namespace, owner.name)
      return controller === undefined ? 'missing' : (controller.spec?.replicas ?? 1)
    }
    case 'Job':
      return controllers.job(namespace, owner.name) === undefined ? 'missing' : 'any'
    case 'StatefulSet':
      if (group !== 'apps') return undefined
      return controllers.statefulSet(namespace, owner.name) === undefined ? 'missing' : 'any'
    case 'DaemonSet':
      if (group !== 'apps') return undefined
      return controllers.daemonSet(namespace, owner.name) === undefined ? 'missing' : 'any'
    default:
      return undefined
  }
}
