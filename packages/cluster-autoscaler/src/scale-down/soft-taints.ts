import { formatGoDuration, ms, type Node } from '@plimsoll/model'
import type { Clock, Log } from '@plimsoll/ports'
import { messageOf } from '../autoscaler-error.ts'
import type { NodeTaintWriter } from '../nodes/node-taint-writer.ts'
import { deletionCandidateTaint, taintOf } from '../nodes/taints.ts'
import type { ClusterAutoscalerOptions } from '../options/options.ts'

/**
 * Soft taints follow who is unneeded: first those no longer needed are taken off, then new ones put, within a budget of
 * writes and of time for each loop (rule CA-141).
 * kubernetes-sigs/cluster-autoscaler:pkg/core/scaledown/actuation/softtaint.go, UpdateSoftDeletionTaints.
 */
export async function updateSoftTaints(
  unneeded: readonly Node[],
  others: readonly Node[],
  o: {
    readonly writer: NodeTaintWriter
    readonly options: ClusterAutoscalerOptions
    readonly clock: Clock
    readonly log: Log
  },
): Promise<void> {
  const log = o.log.named('softtaint.go')
  const { maxBulkSoftTaintCount, maxBulkSoftTaintTime } = o.options
  const deadline = o.clock.now() + maxBulkSoftTaintTime
  let budget = maxBulkSoftTaintCount
  let skipped = 0
  const spend = async (node: Node, write: () => Promise<unknown>): Promise<void> => {
    if (budget <= 0 || o.clock.now() > deadline) {
      skipped++
      return
    }
    budget--
    try {
      await write()
    } catch (error) {
      log.warning(`Soft taint of node ${node.metadata.name} failed: ${messageOf(error)}`)
    }
  }
  for (const node of others) {
    if (taintOf(node, deletionCandidateTaint) !== undefined) {
      await spend(node, () => o.writer.remove(node, deletionCandidateTaint))
    }
  }
  for (const node of unneeded) {
    if (taintOf(node, deletionCandidateTaint) === undefined) {
      await spend(node, () => o.writer.add(node, deletionCandidateTaint))
    }
  }
  if (skipped > 0) {
    const time = formatGoDuration(ms(maxBulkSoftTaintTime))
    log.info(
      4,
      `Skipped adding/removing soft taints on ${skipped} nodes - API call or time limit exceeded (${maxBulkSoftTaintCount} calls, ${time})`,
    )
  }
}
