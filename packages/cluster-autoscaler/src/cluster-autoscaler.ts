import type { Clock, KubeApi, Log, Metrics, NodeGroups, Random } from '@plimsoll/ports'
import { HealthCheck } from './loop/health-check.ts'
import type { ClusterAutoscalerOptions } from './options/options.ts'

export interface ClusterAutoscalerPorts {
  readonly kube: KubeApi
  readonly groups: NodeGroups
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly options: ClusterAutoscalerOptions
  /** The host's name: the holder of the lease, and the source of events. */
  readonly identity: string
}

/** Cluster Autoscaler: grows node groups for pods that fit nowhere, and removes nodes that nobody needs. */
export class ClusterAutoscaler {
  readonly #ports: ClusterAutoscalerPorts
  readonly #health: HealthCheck

  constructor(ports: ClusterAutoscalerPorts) {
    this.#ports = ports
    this.#health = new HealthCheck(ports.clock, ports.options)
  }

  /** Until the signal is aborted: then cleans up and resolves. Rejects when the lease is lost or the start fails. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.runOnce()
      await this.#ports.clock.sleep(this.#ports.options.scanInterval, signal).catch(() => {})
    }
  }

  /** One loop, without waiting for the next. */
  async runOnce(): Promise<void> {
    await this.#ports.groups.refresh()
  }

  health(): { readonly status: number; readonly body: string } {
    return this.#health.answer()
  }
}
