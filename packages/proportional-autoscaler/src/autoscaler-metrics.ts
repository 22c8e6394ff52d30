import type { Ms } from '@plimsoll/model'
import type { Counter, Gauge, Histogram, Metrics } from '@plimsoll/ports'
import type { ClusterSize } from './cluster/cluster-size.ts'
import type { ScaleTarget } from './scaling/target.ts'

/** Upstream has none; these are ours, named as its siblings name theirs. */
export class AutoscalerMetrics {
  readonly #nodes: Gauge
  readonly #cores: Gauge
  readonly #expected: Gauge
  readonly #valid: Gauge
  readonly #lastSuccess: Gauge
  readonly #polls: Counter
  readonly #rescales: Counter
  readonly #duration: Histogram

  constructor(metrics: Metrics) {
    const name = (text: string): string => `cluster_proportional_autoscaler_${text}`
    this.#nodes = metrics.gauge({
      name: name('nodes'),
      help: 'Nodes that are counted, by state: total, schedulable.',
      labelNames: ['state'],
    })
    this.#cores = metrics.gauge({
      name: name('cores'),
      help: 'Allocatable cores of the nodes that are counted, by state of the node: total, schedulable.',
      labelNames: ['state'],
    })
    this.#expected = metrics.gauge({
      name: name('expected_replicas'),
      help: 'Replicas that the parameters call for, by control mode: linear, ladder.',
      labelNames: ['mode'],
    })
    this.#valid = metrics.gauge({
      name: name('parameters_valid'),
      help: '1 when the parameters in the ConfigMap could be read, 0 when not.',
    })
    this.#lastSuccess = metrics.gauge({
      name: name('last_successful_poll_timestamp_seconds'),
      help: 'When the last poll that succeeded began, in seconds since the epoch.',
    })
    this.#polls = metrics.counter({
      name: name('polls_total'),
      help: 'Polls, by result: success, failure.',
      labelNames: ['result'],
    })
    this.#rescales = metrics.counter({
      name: name('rescales_total'),
      help: 'Changes of replicas that were written, by target and direction: up, down.',
      labelNames: ['kind', 'name', 'direction'],
    })
    this.#duration = metrics.histogram({
      name: name('poll_duration_seconds'),
      help: 'How long a poll took.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    })
  }

  counted(size: ClusterSize): void {
    this.#nodes.set(size.totalNodes, { state: 'total' })
    this.#nodes.set(size.schedulableNodes, { state: 'schedulable' })
    this.#cores.set(size.totalCores, { state: 'total' })
    this.#cores.set(size.schedulableCores, { state: 'schedulable' })
  }

  expected(replicas: number, mode: string): void {
    this.#expected.remove()
    this.#expected.set(replicas, { mode })
  }

  read(valid: boolean): void {
    this.#valid.set(valid ? 1 : 0)
  }

  rescaled({ kind, name }: ScaleTarget, from: number, to: number): void {
    this.#rescales.add(1, { kind, name, direction: to > from ? 'up' : 'down' })
  }

  polled(success: boolean, began: Ms, ended: Ms): void {
    this.#polls.add(1, { result: success ? 'success' : 'failure' })
    this.#duration.observe((ended - began) / 1000)
    if (success) this.#lastSuccess.set(began / 1000)
  }
}
