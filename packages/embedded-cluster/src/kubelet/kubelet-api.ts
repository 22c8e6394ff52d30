// What a kubelet answers on its port: the pods that it runs, what they use, its configuration
// (kubernetes/kubernetes:pkg/kubelet/server; kubernetes/kubelet:pkg/apis/stats/v1alpha1). Logs are served by the API server.
import { instant, milliValue, timestamp, wholeValue, type Ms, type Pod } from '@plimsoll/model'
import type { Clock, ContainerRequest, ContainerResponse, Machine } from '@plimsoll/ports'
import type { ResourceUsage } from '../usage/usage-model.ts'

/** What a kubelet tells of itself. */
export interface KubeletView {
  readonly machine: Machine
  readonly pods: readonly Pod[]
  readonly registeredAt: Ms
}

export interface UsageReader {
  node(name: string): ResourceUsage | undefined
  pod(key: { readonly namespace: string; readonly name: string }): ReadonlyMap<string, ResourceUsage> | undefined
}

interface Counter {
  seconds: number
  at: Ms
}

interface Sample {
  readonly cpuCores: number
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

interface PodSample {
  readonly pod: Pod
  readonly containers: ReadonlyMap<string, Sample & { readonly startedAt: Ms }>
}

const json = 'application/json'
const text = 'text/plain; version=0.0.4; charset=utf-8'
const plain = 'text/plain; charset=utf-8'
const disabled = new Set(['exec', 'attach', 'portForward', 'run', 'cri', 'checkpoint'])

export class KubeletApi {
  readonly #clock: Clock
  readonly #usage: UsageReader
  /** Seconds of CPU, by what used them: what was used is taken to have been used since it was last asked for. */
  readonly #counters = new Map<string, Counter>()

  constructor(o: { readonly clock: Clock; readonly usage: UsageReader }) {
    this.#clock = o.clock
    this.#usage = o.usage
  }

  answer(kubelet: KubeletView, request: ContainerRequest): ContainerResponse {
    const path = request.path.replace(/\?.*$/, '').replace(/\/$/, '')
    switch (path) {
      case '/healthz':
      case '/healthz/ping':
      case '/healthz/log':
      case '/healthz/syncloop':
        return answer(200, plain, 'ok')
      case '/pods':
        return answer(200, json, `${JSON.stringify(podList(kubelet.pods))}\n`)
      case '/runningpods':
        return answer(200, json, `${JSON.stringify(podList(kubelet.pods.filter(runs).map(identity)))}\n`)
      case '/configz':
        return answer(200, json, `${JSON.stringify({ kubeletconfig: configuration(kubelet.machine) })}\n`)
      case '/stats/summary':
        return answer(200, json, `${JSON.stringify(this.#summary(kubelet), null, 1)}\n`)
      case '/metrics/resource':
        return answer(200, text, this.#resourceMetrics(kubelet))
      case '/metrics/cadvisor':
        return answer(200, text, this.#cadvisor(kubelet))
      case '/metrics/probes':
        return answer(200, text, '')
      case '/metrics':
        return answer(200, text, ownMetrics(kubelet))
    }
    if (disabled.has(path.split('/')[1] ?? ''))
      return answer(501, plain, 'the containers of this cluster are simulated: nothing can be run in them\n')
    return answer(404, plain, '404 page not found\n')
  }

  #sample(kubelet: KubeletView): { readonly node: Sample; readonly pods: readonly PodSample[] } {
    const { nodeName } = kubelet.machine
    const pods = kubelet.pods.filter(runs).map((pod): PodSample => {
      const used = this.#usage.pod(pod.metadata) ?? new Map<string, ResourceUsage>()
      const containers = new Map<string, Sample & { readonly startedAt: Ms }>()
      for (const status of pod.status?.containerStatuses ?? []) {
        const usage = used.get(status.name)
        const startedAt = instant(status.state?.running?.startedAt)
        if (usage === undefined || startedAt === undefined) continue
        const key = status.containerID ?? `${pod.metadata.uid}/${status.name}`
        containers.set(status.name, { ...this.#measure(key, usage, startedAt), startedAt })
      }
      return { pod, containers }
    })
    const used = this.#usage.node(nodeName) ?? { cpu: '0', memory: '0' }
    return { node: this.#measure(kubelet.machine.providerId, used, kubelet.registeredAt), pods }
  }

  #measure(key: string, usage: ResourceUsage, since: Ms): Sample {
    const now = this.#clock.now()
    const cpuCores = milliValue(usage.cpu) / 1000
    const known = this.#counters.get(key) ?? { seconds: 0, at: since }
    const counter = { seconds: known.seconds + (cpuCores * (now - known.at)) / 1000, at: now }
    this.#counters.set(key, counter)
    return { cpuCores, cpuSeconds: counter.seconds, memoryBytes: wholeValue(usage.memory) }
  }

  #summary(kubelet: KubeletView): object {
    const { machine, registeredAt } = kubelet
    const { node, pods } = this.#sample(kubelet)
    const time = timestamp(this.#clock.now())
    const capacity = wholeValue(machine.capacity['memory'])
    const disk = wholeValue(machine.capacity['ephemeral-storage'])
    const usage = (sample: Sample, limit?: number): object => ({
      cpu: {
        time,
        usageNanoCores: Math.round(sample.cpuCores * 1e9),
        usageCoreNanoSeconds: Math.round(sample.cpuSeconds * 1e9),
      },
      memory: {
        time,
        ...(limit === undefined ? {} : { availableBytes: Math.max(0, limit - sample.memoryBytes) }),
        usageBytes: sample.memoryBytes,
        workingSetBytes: sample.memoryBytes,
        rssBytes: Math.round(sample.memoryBytes * 0.8),
        pageFaults: 0,
        majorPageFaults: 0,
      },
    })
    const fs = { time, availableBytes: Math.round(disk * 0.8), capacityBytes: disk, usedBytes: Math.round(disk * 0.2) }
    return {
      node: {
        nodeName: machine.nodeName,
        startTime: timestamp(registeredAt),
        ...usage(node, capacity),
        network: { time, name: 'eth0', interfaces: [] },
        fs,
        runtime: { imageFs: fs, containerFs: fs },
      },
      pods: pods.map(({ pod, containers }) => ({
        podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
        startTime: pod.status?.startTime ?? null,
        containers: [...containers].map(([name, sample]) => ({
          name,
          startTime: timestamp(sample.startedAt),
          ...usage(sample),
        })),
        ...usage(sum([...containers.values()])),
      })),
    }
  }

  #resourceMetrics(kubelet: KubeletView): string {
    const { node, pods } = this.#sample(kubelet)
    const now = this.#clock.now()
    const lines = new Exposition()
    const perContainer = (value: (sample: Sample & { readonly startedAt: Ms }) => number): Series[] =>
      pods.flatMap(({ pod, containers }) =>
        [...containers].map(([container, sample]): Series => [labelsOf(pod, container), value(sample)]),
      )
    const perPod = (value: (sample: Sample) => number): Series[] =>
      pods.map(({ pod, containers }): Series => [labelsOf(pod), value(sum([...containers.values()]))])
    const cpu = 'Cumulative cpu time consumed by the'
    const memory = 'Current working set of the'
    lines.add(
      'container_cpu_usage_seconds_total',
      'counter',
      `${cpu} container in core-seconds`,
      perContainer((c) => c.cpuSeconds),
      now,
    )
    lines.add(
      'container_memory_working_set_bytes',
      'gauge',
      `${memory} container in bytes`,
      perContainer((c) => c.memoryBytes),
      now,
    )
    lines.add(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
      perContainer((c) => c.startedAt / 1000),
    )
    lines.add('node_cpu_usage_seconds_total', 'counter', `${cpu} node in core-seconds`, [['', node.cpuSeconds]], now)
    lines.add('node_memory_working_set_bytes', 'gauge', `${memory} node in bytes`, [['', node.memoryBytes]], now)
    lines.add(
      'pod_cpu_usage_seconds_total',
      'counter',
      `${cpu} pod in core-seconds`,
      perPod((p) => p.cpuSeconds),
      now,
    )
    lines.add(
      'pod_memory_working_set_bytes',
      'gauge',
      `${memory} pod in bytes`,
      perPod((p) => p.memoryBytes),
      now,
    )
    lines.add(
      'resource_scrape_error',
      'gauge',
      '1 if there was an error while getting container metrics, 0 otherwise',
      [['', 0]],
    )
    return lines.text
  }

  #cadvisor(kubelet: KubeletView): string {
    const { pods } = this.#sample(kubelet)
    const now = this.#clock.now()
    const lines = new Exposition()
    const series = (value: (sample: Sample) => number): Series[] =>
      pods.flatMap(({ pod, containers }) =>
        [...containers].map(([container, sample]): Series => {
          const image = pod.status?.containerStatuses?.find((status) => status.name === container)?.image ?? ''
          return [labelsOf(pod, container, { cpu: undefined, image }), value(sample)]
        }),
      )
    lines.add(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed in seconds.',
      series((c) => c.cpuSeconds),
      now,
    )
    lines.add(
      'container_memory_usage_bytes',
      'gauge',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      series((c) => c.memoryBytes),
      now,
    )
    lines.add(
      'container_memory_working_set_bytes',
      'gauge',
      'Current working set in bytes.',
      series((c) => c.memoryBytes),
      now,
    )
    return lines.text
  }
}

type Series = readonly [labels: string, value: number]

class Exposition {
  text = ''

  add(name: string, type: 'counter' | 'gauge', help: string, series: readonly Series[], at?: Ms): void {
    if (series.length === 0) return
    this.text += `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n`
    for (const [labels, value] of series) this.text += `${name}${labels} ${value}${at === undefined ? '' : ` ${at}`}\n`
  }
}

function labelsOf(pod: Pod, container?: string, more: { readonly [name: string]: string | undefined } = {}): string {
  const labels = { container, ...more, namespace: pod.metadata.namespace, pod: pod.metadata.name }
  const pairs = Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `{${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}}`
}

function sum(samples: readonly Sample[]): Sample {
  let [cpuCores, cpuSeconds, memoryBytes] = [0, 0, 0]
  for (const sample of samples) {
    cpuCores += sample.cpuCores
    cpuSeconds += sample.cpuSeconds
    memoryBytes += sample.memoryBytes
  }
  return { cpuCores, cpuSeconds, memoryBytes }
}

function answer(status: number, contentType: string, body: string): ContainerResponse {
  return { status, contentType, body }
}

function podList(items: readonly unknown[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items }
}

function runs(pod: Pod): boolean {
  return pod.status?.containerStatuses?.some((status) => status.state?.running !== undefined) === true
}

/** A running pod as the container runtime knows it. */
function identity({ metadata, spec }: Pod): object {
  const { name, namespace, uid } = metadata
  const containers = spec.containers.map((container) => ({
    name: container.name,
    image: container.image,
    resources: {},
  }))
  return { metadata: { name, namespace, uid, creationTimestamp: null }, spec: { containers }, status: {} }
}

/** As EKS's node images configure it (awslabs/amazon-eks-ami:nodeadm/internal/kubelet/config.go). */
function configuration(machine: Machine): object {
  const reservedMemory = Math.round(
    (wholeValue(machine.capacity['memory']) - wholeValue(machine.allocatable['memory'])) / 1024 / 1024 - 100,
  )
  const reservedCpu = milliValue(machine.capacity['cpu']) - milliValue(machine.allocatable['cpu'])
  return {
    address: '0.0.0.0',
    port: 10250,
    readOnlyPort: 0,
    syncFrequency: '1m0s',
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    cgroupDriver: 'systemd',
    providerID: machine.providerId,
    maxPods: Number(machine.capacity['pods'] ?? 110),
    serializeImagePulls: false,
    registryPullQPS: 5,
    registryBurst: 10,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'nodefs.inodesFree': '5%' },
    evictionPressureTransitionPeriod: '5m0s',
    kubeReserved: { cpu: `${reservedCpu}m`, 'ephemeral-storage': '1Gi', memory: `${reservedMemory}Mi` },
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
  }
}

function ownMetrics({ machine, pods }: KubeletView): string {
  const lines = new Exposition()
  const running = pods.filter(runs)
  const containers = running.reduce((count, pod) => count + (pod.status?.containerStatuses?.length ?? 0), 0)
  lines.add('kubelet_node_name', 'gauge', "The node's name. The count is always 1.", [
    [`{node=${JSON.stringify(machine.nodeName)}}`, 1],
  ])
  lines.add('kubelet_running_containers', 'gauge', 'Number of containers currently running', [
    ['{container_state="running"}', containers],
  ])
  lines.add('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', [['', running.length]])
  return lines.text
}
