import { ms, seconds, type Ms, type Node, type Taint } from '@plimsoll/model'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

/** The node is being removed. */
export const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler'
/** The node is unneeded and may be removed later. */
export const deletionCandidateTaint = 'DeletionCandidateOfClusterAutoscaler'

/** A hard taint older than this no longer says that the node is being removed. */
const toBeDeletedKept = seconds(300)

const conditionTaints: readonly string[] = [
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/unschedulable',
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/network-unavailable',
  'node.kubernetes.io/pid-pressure',
  'node.cloudprovider.kubernetes.io/uninitialized',
  'node.cloudprovider.kubernetes.io/shutdown',
  'cloud.google.com/impending-node-termination',
  'NodeWithImpairedVolumes',
]

const startupPrefixes = [
  'startup-taint.cluster-autoscaler.kubernetes.io/',
  'ignore-taint.cluster-autoscaler.kubernetes.io/',
]
const statusPrefix = 'status-taint.cluster-autoscaler.kubernetes.io/'

/**
 * Which taint is of which kind (rules CA-45 to CA-47).
 * kubernetes-sigs/cluster-autoscaler:pkg/utils/taints/taints.go, NewTaintConfig.
 */
export class TaintKinds {
  readonly #startup: ReadonlySet<string>
  readonly #startupPrefixes: readonly string[]
  readonly #status: ReadonlySet<string>

  constructor(options: ClusterAutoscalerOptions) {
    this.#startup = new Set(options.startupTaints)
    this.#startupPrefixes = [...startupPrefixes, ...options.startupTaintPrefixes]
    this.#status = new Set(options.statusTaints)
  }

  isStartup(key: string): boolean {
    return this.#startup.has(key) || this.#startupPrefixes.some((prefix) => key.startsWith(prefix))
  }

  isStatus(key: string): boolean {
    return this.#status.has(key) || key.startsWith(statusPrefix)
  }

  /** The metric's word for the taint. */
  kindOf(key: string): string {
    if (key === toBeDeletedTaint || key === deletionCandidateTaint || conditionTaints.includes(key)) return key
    if (this.isStartup(key)) return 'startup-taint'
    return this.isStatus(key) ? 'status-taint' : 'other'
  }

  /** Those that a fresh node of the same group would have. */
  lasting(taints: readonly Taint[]): Taint[] {
    return taints.filter(({ key }) => {
      if (key === toBeDeletedTaint || key === deletionCandidateTaint || conditionTaints.includes(key)) return false
      return !this.isStartup(key) && !this.isStatus(key)
    })
  }
}

export function taintOf(node: Node, key: string): Taint | undefined {
  return node.spec.taints?.find((taint) => taint.key === key)
}

/** When the taint was put, as its value says; undefined without the taint or with another value. */
export function taintTime(node: Node, key: string): Ms | undefined {
  const value = taintOf(node, key)?.value
  return value !== undefined && /^\d+$/.test(value) ? ms(Number(value) * 1000) : undefined
}

/** Whether the node was marked for removal within the last five minutes. */
export function isBeingDeleted(node: Node, now: Ms): boolean {
  const since = taintTime(node, toBeDeletedTaint)
  return since !== undefined && now - since < toBeDeletedKept
}
