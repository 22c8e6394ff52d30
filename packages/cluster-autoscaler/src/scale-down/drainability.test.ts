import { hours, minutes, ms, timestamp, type Pod, type PodDisruptionBudget } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { parseClusterAutoscalerFlags } from '../options/options.ts'
import type { ControllerLister } from '../state/controllers.ts'
import { DisruptionBudgets } from './disruption-budgets.ts'
import { drainabilityOf, podsOfNode, type DrainabilityView } from './drainability.ts'

const now = ms(Date.parse('2024-03-10T09:00:00Z'))
const annotation = 'cluster-autoscaler.kubernetes.io/safe-to-evict'

interface Shape {
  readonly namespace?: string
  readonly owner?: string
  readonly annotations?: { readonly [key: string]: string }
  readonly age?: number
  readonly deletedSince?: number
  readonly grace?: number
  readonly phase?: string
  readonly restartPolicy?: string
  readonly volumes?: readonly object[]
}

function pod(shape: Shape = {}): Pod {
  const [kind, name = kind?.toLowerCase()] = (shape.owner ?? 'ReplicaSet').split('/')
  const apiVersion = kind === 'Job' ? 'batch/v1' : kind === 'ReplicationController' ? 'v1' : 'apps/v1'
  const created = timestamp(ms(now - (shape.age ?? minutes(30))))
  return {
    metadata: {
      name: 'p',
      namespace: shape.namespace ?? 'default',
      uid: 'p',
      resourceVersion: '1',
      creationTimestamp: created,
      labels: { app: 'web' },
      annotations: shape.annotations,
      ownerReferences:
        shape.owner === 'none' ? [] : [{ apiVersion, kind: kind!, name: name!, uid: name!, controller: true }],
      deletionTimestamp: shape.deletedSince === undefined ? undefined : timestamp(ms(now - shape.deletedSince)),
    },
    spec: {
      containers: [],
      terminationGracePeriodSeconds: shape.grace ?? 30,
      restartPolicy: shape.restartPolicy ?? 'Always',
      volumes: shape.volumes as Pod['spec']['volumes'],
    },
    status: { phase: shape.phase ?? 'Running' },
  } as Pod
}

const controllers = {
  replicaSet: (_: string, name: string) => (name === 'gone' ? undefined : { spec: { replicas: 2 } }),
  replicationController: (_: string, name: string) => (name === 'gone' ? undefined : { spec: { replicas: 2 } }),
  job: (_: string, name: string) => (name === 'gone' ? undefined : {}),
  statefulSet: (_: string, name: string) => (name === 'gone' ? undefined : {}),
  daemonSet: (_: string, name: string) => (name === 'gone' ? undefined : {}),
} as unknown as ControllerLister

function budget(disruptionsAllowed: number, namespace = 'default'): PodDisruptionBudget {
  return {
    metadata: { name: 'b', namespace },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed },
  } as unknown as PodDisruptionBudget
}

function view(flags: readonly string[] = [], budgets: readonly PodDisruptionBudget[] = []): DrainabilityView {
  const parsed = parseClusterAutoscalerFlags(flags)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return { options: parsed.options, controllers, budgets: new DisruptionBudgets(budgets), now }
}

interface Case {
  readonly when: string
  readonly pod: Shape
  readonly flags?: readonly string[]
  readonly budgets?: readonly PodDisruptionBudget[]
  readonly outcome: string
}

const hostPath = [{ name: 'data', hostPath: { path: '/data' } }]
const scratch = [{ name: 'scratch', emptyDir: {} }]
const memory = [{ name: 'scratch', emptyDir: { medium: 'Memory' } }]
const safeVolumes = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
const onlyBuiltIn = '--skip-nodes-with-custom-controller-pods=false'

const cases: readonly Case[] = [
  { when: 'an ordinary replica', pod: {}, outcome: 'drain' },
  {
    when: 'a mirror pod',
    pod: { owner: 'none', annotations: { 'kubernetes.io/config.mirror': 'x' } },
    outcome: 'skip',
  }, // CA-123
  { when: 'terminating for long', pod: { owner: 'none', deletedSince: 61_000 }, outcome: 'skip' }, // CA-124
  { when: 'terminating, not for long', pod: { owner: 'none', deletedSince: 59_000 }, outcome: 'NotReplicated' },
  {
    when: 'terminating within a long grace period',
    pod: { owner: 'none', deletedSince: 61_000, grace: 300 },
    outcome: 'NotReplicated',
  },
  { when: 'its ReplicaSet is gone', pod: { owner: 'ReplicaSet/gone' }, outcome: 'ControllerNotFound' }, // CA-125
  {
    when: 'its ReplicationController is gone',
    pod: { owner: 'ReplicationController/gone' },
    outcome: 'ControllerNotFound',
  },
  { when: 'its Job is gone', pod: { owner: 'Job/gone' }, outcome: 'ControllerNotFound' },
  { when: 'its StatefulSet is gone', pod: { owner: 'StatefulSet/gone' }, outcome: 'ControllerNotFound' },
  { when: 'its DaemonSet is gone', pod: { owner: 'DaemonSet/gone' }, outcome: 'ControllerNotFound' },
  {
    when: 'its ReplicaSet is gone, any controller will do',
    pod: { owner: 'ReplicaSet/gone' },
    flags: [onlyBuiltIn],
    outcome: 'drain',
  },
  { when: 'too few replicas', pod: {}, flags: ['--min-replica-count=3'], outcome: 'MinReplicasReached' },
  { when: 'just enough replicas', pod: {}, flags: ['--min-replica-count=2'], outcome: 'drain' },
  { when: 'a Job, whatever its count', pod: { owner: 'Job' }, flags: ['--min-replica-count=9'], outcome: 'drain' },
  { when: 'of a DaemonSet', pod: { owner: 'DaemonSet', volumes: hostPath }, outcome: 'drain' }, // CA-126
  {
    when: 'called a DaemonSet pod',
    pod: { owner: 'none', annotations: { 'cluster-autoscaler.kubernetes.io/daemonset-pod': 'true' } },
    outcome: 'drain',
  },
  {
    when: 'safe to evict, without controller',
    pod: { owner: 'none', annotations: { [annotation]: 'true' } },
    outcome: 'drain',
  }, // CA-127
  {
    when: 'safe to evict, in kube-system',
    pod: { namespace: 'kube-system', annotations: { [annotation]: 'true' } },
    outcome: 'drain',
  },
  {
    when: 'safe to evict, without budget left',
    pod: { annotations: { [annotation]: 'true' } },
    budgets: [budget(0)],
    outcome: 'drain',
  },
  { when: 'failed', pod: { owner: 'none', phase: 'Failed' }, outcome: 'drain' }, // CA-128
  { when: 'succeeded for good', pod: { owner: 'none', phase: 'Succeeded', restartPolicy: 'Never' }, outcome: 'drain' },
  { when: 'succeeded, to be restarted', pod: { owner: 'none', phase: 'Succeeded' }, outcome: 'NotReplicated' },
  { when: 'to be waited for', pod: { owner: 'none', annotations: { [annotation]: 'on-completion' } }, outcome: 'wait' }, // CA-129
  { when: 'without controller', pod: { owner: 'none' }, outcome: 'NotReplicated' }, // CA-130
  { when: 'of a custom controller', pod: { owner: 'Rollout' }, outcome: 'NotReplicated' },
  { when: 'of a custom controller, any will do', pod: { owner: 'Rollout' }, flags: [onlyBuiltIn], outcome: 'drain' },
  { when: 'without controller, any will do', pod: { owner: 'none' }, flags: [onlyBuiltIn], outcome: 'NotReplicated' },
  { when: 'in kube-system without budget', pod: { namespace: 'kube-system' }, outcome: 'UnmovableKubeSystemPod' }, // CA-131
  {
    when: 'in kube-system with budget',
    pod: { namespace: 'kube-system' },
    budgets: [budget(1, 'kube-system')],
    outcome: 'drain',
  },
  {
    when: 'in kube-system, an hour old',
    pod: { namespace: 'kube-system', age: hours(1) + 1000, annotations: { [annotation]: 'false' }, volumes: hostPath },
    outcome: 'drain',
  },
  {
    when: 'in kube-system, rule off',
    pod: { namespace: 'kube-system' },
    flags: ['--skip-nodes-with-system-pods=false'],
    outcome: 'drain',
  },
  { when: 'not safe to evict', pod: { annotations: { [annotation]: 'false' } }, outcome: 'NotSafeToEvictAnnotation' }, // CA-132
  { when: 'with a hostPath', pod: { volumes: hostPath }, outcome: 'LocalStorageRequested' }, // CA-133
  { when: 'with an emptyDir', pod: { volumes: scratch }, outcome: 'LocalStorageRequested' },
  { when: 'with an emptyDir in memory', pod: { volumes: memory }, outcome: 'drain' },
  {
    when: 'with local storage said to be safe',
    pod: { volumes: scratch, annotations: { [safeVolumes]: 'a,scratch' } },
    outcome: 'drain',
  },
  {
    when: 'with local storage partly safe',
    pod: { volumes: [...scratch, ...hostPath], annotations: { [safeVolumes]: 'scratch' } },
    outcome: 'LocalStorageRequested',
  },
  {
    when: 'with local storage, rule off',
    pod: { volumes: scratch },
    flags: ['--skip-nodes-with-local-storage=false'],
    outcome: 'drain',
  },
  { when: 'without budget left', pod: {}, budgets: [budget(0)], outcome: 'NotEnoughPdb' }, // CA-134
  { when: 'with budget left', pod: {}, budgets: [budget(1)], outcome: 'drain' },
  { when: 'one of two budgets used up', pod: {}, budgets: [budget(1), budget(0)], outcome: 'NotEnoughPdb' },
  { when: 'a used up budget elsewhere', pod: {}, budgets: [budget(0, 'other')], outcome: 'drain' },
]

describe('drainability', () => {
  it.each(cases)('$when: $outcome', ({ pod: shape, flags, budgets, outcome }) => {
    const got = drainabilityOf(pod(shape), view(flags, budgets))
    expect(got.kind === 'block' ? got.reason : got.kind).toBe(outcome)
  })

  it('tells the pods of a node apart, and stops at the first that keeps it', () => {
    const daemon = pod({ owner: 'DaemonSet' })
    const waiting = pod({ annotations: { [annotation]: 'on-completion' } })
    expect(podsOfNode([pod(), daemon, waiting], view())).toEqual({
      toMove: [pod(), waiting],
      daemonSetPods: [daemon],
      awaited: [waiting],
      blocking: undefined,
    })
    expect(podsOfNode([pod({ owner: 'none' }), daemon], view()).blocking?.reason).toBe('NotReplicated')
  })
})
