// Which option is taken (kubernetes-sigs/cluster-autoscaler:pkg/expander; rules CA-90 to CA-95).
import { podRequests } from '@plimsoll/engine'
import { ConfigMaps, milliValue, wholeValue, type ConfigMap } from '@plimsoll/model'
import { isKubeFailure, type KubeReader, type Log, type Random } from '@plimsoll/ports'
import type { ExpanderName } from '../options/options.ts'
import type { ClusterRecorder } from '../state/cluster-recorder.ts'
import type { ExpansionOption } from './expansion-option.ts'
import { parsePriorities } from './priorities.ts'

const priorityMapName = 'cluster-autoscaler-priority-expander'

export class Expander {
  readonly #chain: readonly ExpanderName[]
  readonly #random: Random
  readonly #log: Log
  readonly #kube: KubeReader
  readonly #namespace: string
  readonly #recorder: ClusterRecorder

  constructor(o: {
    readonly chain: readonly ExpanderName[]
    readonly random: Random
    readonly log: Log
    readonly kube: KubeReader
    readonly namespace: string
    readonly recorder: ClusterRecorder
  }) {
    this.#chain = o.chain
    this.#random = o.random.split('expander')
    this.#log = o.log
    this.#kube = o.kube
    this.#namespace = o.namespace
    this.#recorder = o.recorder
  }

  /** Each expander of the chain leaves the best; chance decides among those that are left. */
  async choose(options: readonly ExpansionOption[]): Promise<ExpansionOption | undefined> {
    let left = options
    for (const name of this.#chain) {
      if (left.length <= 1) break
      left = await this.#filter(name, left)
    }
    return left.length <= 1 ? left[0] : left[this.#random.below(left.length)]
  }

  async #filter(name: ExpanderName, options: readonly ExpansionOption[]): Promise<readonly ExpansionOption[]> {
    switch (name) {
      case 'random':
        return [options[this.#random.below(options.length)]!]
      case 'most-pods':
        return bestBy(options, (option) => -option.pods.length)
      case 'least-nodes':
        return bestBy(
          options.filter((option) => option.nodeCount > 0),
          (option) => option.nodeCount,
        )
      case 'least-waste':
        return bestBy(options, (option) => this.#waste(option))
      case 'priority':
        return this.#byPriority(options)
    }
  }

  #waste(option: ExpansionOption): number {
    let milliCpu = 0
    let memory = 0
    for (const pod of option.pods) {
      const requests = podRequests(pod)
      milliCpu += requests.milliCpu
      memory += requests.memory
    }
    const capacity = option.template.node.status?.capacity ?? {}
    const availableCpu = milliValue(capacity['cpu']) * option.nodeCount
    const availableMemory = wholeValue(capacity['memory']) * option.nodeCount
    const cpuWaste = (availableCpu - milliCpu) / availableCpu
    const memoryWaste = (availableMemory - memory) / availableMemory
    const waste = cpuWaste + memoryWaste
    const percent = (share: number): string => `${(share * 100).toFixed(2)}%`
    this.#log
      .named('waste.go')
      .info(
        1,
        `Expanding Node Group ${option.group.id} would waste ${percent(cpuWaste)} CPU, ${percent(memoryWaste)} Memory, ${percent(waste / 2)} Blended`,
      )
    return waste
  }

  async #byPriority(options: readonly ExpansionOption[]): Promise<readonly ExpansionOption[]> {
    let map: ConfigMap
    try {
      map = await this.#kube.get(ConfigMaps, { namespace: this.#namespace, name: priorityMapName })
    } catch (error) {
      if (isKubeFailure(error, 'notFound')) return options
      throw error
    }
    const warn = (reason: string, message: string): void => {
      this.#log.named('priority.go').warning(message)
      this.#recorder.on(map, 'ConfigMap', 'Warning', reason, message)
    }
    const text = map.data?.['priorities']
    if (text === undefined) {
      warn(
        'PriorityConfigMapInvalid',
        "Wrong configmap for priority expander, doesn't contain priorities key. Ignoring update.",
      )
      return options
    }
    const priorities = parsePriorities(text)
    if ('error' in priorities) {
      warn(
        'PriorityConfigMapInvalid',
        `Wrong configuration for priority expander: ${priorities.error}. Ignoring update.`,
      )
      return options
    }
    // Upstream begins at -1, so groups of a lower priority never win.
    let highest = -1
    let best: ExpansionOption[] = []
    let matchedAny = false
    for (const option of options) {
      let matched = false
      for (const { priority, patterns } of priorities.list) {
        if (!patterns.some((pattern) => pattern.test(option.group.id))) continue
        matched = true
        if (priority < highest) continue
        if (priority > highest) best = []
        highest = priority
        if (!best.includes(option)) best.push(option)
      }
      matchedAny ||= matched
      if (matched) continue
      warn(
        'PriorityConfigMapNotMatchedGroup',
        `Priority expander: node group ${option.group.id} not found in priority expander configuration. The group won't be used.`,
      )
    }
    if (!matchedAny) {
      warn(
        'PriorityConfigMapNoGroupMatched',
        'Priority expander: no priorities info found for any of the expansion options. No options filtered.',
      )
      return options
    }
    for (const option of best) {
      this.#log.named('priority.go').info(2, `priority expander: ${option.group.id} chosen as the highest available`)
    }
    return best
  }
}

function bestBy(options: readonly ExpansionOption[], cost: (option: ExpansionOption) => number): ExpansionOption[] {
  const costs = options.map(cost)
  const least = Math.min(...costs)
  return options.filter((_, i) => costs[i] === least)
}
