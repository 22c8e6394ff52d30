// Sizes workloads by what their pods use (kubernetes/kubernetes:pkg/controller/podautoscaler/horizontal.go).
import {
  formatQuantity,
  HorizontalPodAutoscalers,
  instant,
  keyText,
  labelRequirementMatches,
  milliValue,
  ms,
  own,
  parseGoDuration,
  parseLabelSelector,
  parseQuantity,
  PodMetricsType,
  timestamp,
  type HorizontalPodAutoscaler,
  type HorizontalPodAutoscalerCondition,
  type HorizontalPodAutoscalerStatus,
  type KubeObject,
  type LabelRequirement,
  type LabelSelector,
  type MetricSpec,
  type MetricStatus,
  type MetricTarget,
  type Ms,
  type Pod,
  type PodMetrics,
  type ResourceType,
  type Scale,
} from '@plimsoll/model'
import { isKubeFailure, KubeError, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../../caches.ts'
import { splitKey } from '../../machinery/reference.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from '../controller.ts'
import {
  replicasForAmount,
  replicasForUtilization,
  type Sample,
  type Samples,
  type Tolerances,
} from './replica-count.ts'
import { ScalingHistory, type Finding } from './scaling-limits.ts'
import { ScaleTargets } from './scale-targets.ts'

/** --horizontal-pod-autoscaler-sync-period */
const syncPeriod = ms(15_000)
/** --horizontal-pod-autoscaler-tolerance */
const tolerance = 0.1
const conflictsMax = 5

type Reason =
  | 'FailedGetResourceMetric'
  | 'FailedGetContainerResourceMetric'
  | 'FailedGetObjectMetric'
  | 'FailedGetPodsMetric'
  | 'FailedGetExternalMetric'
  | 'InvalidMetricSourceType'

type Proposal =
  | { readonly replicas: number; readonly metric: string; readonly status: MetricStatus }
  | {
      readonly reason: Reason
      /** As condition and event say it. */
      readonly problem: string
      /** As it is said among the other metrics' problems. */
      readonly report: string
    }

type Advice =
  | { readonly replicas: number; readonly metric: string; readonly statuses: readonly MetricStatus[] }
  | { readonly statuses: readonly MetricStatus[]; readonly problem: string }

type Conditions = readonly HorizontalPodAutoscalerCondition[]

export class HorizontalAutoscalerController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #events: EventRecorder
  readonly #loop: Reconciler<string>
  readonly #targets: ScaleTargets
  readonly #histories = new Map<string, ScalingHistory>()
  /** Which pods each autoscaler's target selects. */
  readonly #selectors = new Map<string, readonly LabelRequirement[]>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('horizontal-pod-autoscaler')
    this.#events = recorderFor(context, this.#kube, 'horizontal-pod-autoscaler')
    this.#targets = new ScaleTargets(context.reader)
    this.#loop = syncing(context, 'horizontalpodautoscaler', (key) => this.#sync(key))
    onChange(context.caches.autoscalers, (now, was) => {
      if (was === undefined && now !== undefined) this.#loop.queue.addAfter(keyText(now.metadata), syncPeriod)
      if (now === undefined) this.#selectors.delete(keyText(was!.metadata))
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal)
  }

  /** Looks every 15 seconds, whatever came of it. */
  async #sync(key: string): Promise<Ms | undefined> {
    const autoscaler = this.#context.caches.autoscalers.get(splitKey(key))
    if (autoscaler === undefined) {
      this.#histories.delete(key)
      return undefined
    }
    try {
      await this.#reconcile(autoscaler, key)
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      this.#context.log.error('Failed to reconcile the horizontal pod autoscaler', { autoscaler: key, err: error })
    }
    return syncPeriod
  }

  async #reconcile(autoscaler: HorizontalPodAutoscaler, key: string): Promise<void> {
    const { namespace } = autoscaler.metadata
    const { scaleTargetRef, minReplicas: min = 1, maxReplicas: max, behavior } = autoscaler.spec
    const now = this.#context.clock.now()
    let conditions: Conditions = autoscaler.status?.conditions ?? []
    const say = (type: string, finding: Finding): void => {
      conditions = withCondition(conditions, type, finding, now)
    }
    const write = (changes: Partial<HorizontalPodAutoscalerStatus>): Promise<void> =>
      this.#writeStatus(autoscaler, { ...changes, conditions })
    const targetKey = { namespace, name: scaleTargetRef.name }

    let type: ResourceType<KubeObject>
    let scale: Scale
    try {
      type = await this.#targets.typeOf(scaleTargetRef)
      scale = await this.#kube.readScale(type, targetKey)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const { message } = error
      this.#events.event(autoscaler, 'Warning', 'FailedGetScale', message)
      say('AbleToScale', {
        status: 'False',
        reason: 'FailedGetScale',
        message: `the HPA controller was unable to get the target's current scale: ${message}`,
      })
      await write({})
      return
    }
    say('AbleToScale', {
      status: 'True',
      reason: 'SucceededGetScale',
      message: "the HPA controller was able to get the target's current scale",
    })
    const current = scale.spec?.replicas ?? 0
    const history = this.#historyOf(key)
    history.begin(current, now)

    let desired = current
    let why = ''
    let statuses: readonly MetricStatus[] = []
    if (current === 0 && min !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero'
      say('ScalingActive', { status: 'False', reason: 'ScalingDisabled', message })
    } else if (current > max) {
      desired = max
      why = 'Current number of replicas above Spec.MaxReplicas'
    } else if (current < min) {
      desired = min
      why = 'Current number of replicas below Spec.MinReplicas'
    } else {
      const advice = await this.#advise(autoscaler, key, scale, (finding) => say('ScalingActive', finding))
      ;({ statuses } = advice)
      if ('problem' in advice) {
        await write({ currentReplicas: current, currentMetrics: statuses })
        this.#events.event(autoscaler, 'Warning', 'FailedComputeMetricsReplicas', advice.problem)
        return
      }
      if (advice.replicas > current) why = `${advice.metric} above target`
      if (advice.replicas < current) why = 'All metrics below target'
      const limited = history.limit({ current, desired: advice.replicas, min, max, now }, behavior)
      say('AbleToScale', limited.ableToScale)
      say('ScalingLimited', limited.scalingLimited)
      desired = limited.replicas
    }
    const rescale = desired !== current
    if (rescale) {
      try {
        await this.#rescale(type, targetKey, scale, desired)
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        const text = `New size: ${desired}; reason: ${why}; error: ${error.message}`
        this.#events.event(autoscaler, 'Warning', 'FailedRescale', text)
        say('AbleToScale', {
          status: 'False',
          reason: 'FailedUpdateScale',
          message: `the HPA controller was unable to update the target scale: ${error.message}`,
        })
        await write({ currentReplicas: current, currentMetrics: statuses })
        return
      }
      say('AbleToScale', {
        status: 'True',
        reason: 'SucceededRescale',
        message: `the HPA controller was able to update the target scale to ${desired}`,
      })
      this.#events.event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${why}`)
      history.rescaled(current, desired, behavior, now)
    }
    await write({
      currentReplicas: current,
      desiredReplicas: desired,
      currentMetrics: statuses,
      ...(rescale ? { lastScaleTime: timestamp(now) } : {}),
    })
  }

  #historyOf(key: string): ScalingHistory {
    let history = this.#histories.get(key)
    if (history === undefined) this.#histories.set(key, (history = new ScalingHistory()))
    return history
  }

  /** The most that any metric asks for (computeReplicasForMetrics). */
  async #advise(
    autoscaler: HorizontalPodAutoscaler,
    key: string,
    scale: Scale,
    say: (finding: Finding) => void,
  ): Promise<Advice> {
    const selected = this.#select(autoscaler, key, scale.status?.selector ?? '')
    if ('problem' in selected) {
      say({ status: 'False', reason: selected.reason, message: selected.message })
      return { problem: selected.problem, statuses: [] }
    }
    const metrics = autoscaler.spec.metrics ?? []
    const statuses: MetricStatus[] = []
    const current = scale.spec?.replicas ?? 0
    let replicas = 0
    let metric = ''
    const failed: Extract<Proposal, { readonly problem: string }>[] = []
    for (const spec of metrics) {
      const proposal = await this.#propose(autoscaler, spec, { current, ...selected })
      if ('problem' in proposal) {
        this.#events.event(autoscaler, 'Warning', proposal.reason, proposal.problem)
        failed.push(proposal)
        // A metric that could not be had keeps its place in the status, without a type.
        statuses.push({ type: '' })
        continue
      }
      statuses.push(proposal.status)
      if (replicas === 0 || proposal.replicas > replicas) ({ replicas, metric } = proposal)
    }
    const first = failed[0]
    if (first !== undefined && (failed.length >= metrics.length || replicas < current)) {
      const message = `the HPA was unable to compute the replica count: ${first.problem}`
      say({ status: 'False', reason: first.reason, message })
      const problem = `invalid metrics (${failed.length} invalid out of ${metrics.length}), first error is: ${first.report}`
      return { problem, statuses }
    }
    say({
      status: 'True',
      reason: 'ValidMetricFound',
      message: `the HPA was able to successfully calculate a replica count from ${metric}`,
    })
    return { replicas, metric, statuses }
  }

  /** The pods of the target (validateAndParseSelector). */
  #select(
    autoscaler: HorizontalPodAutoscaler,
    key: string,
    text: string,
  ):
    | { readonly selector: string; readonly pods: readonly Pod[] }
    | { readonly problem: string; readonly reason: string; readonly message: string } {
    const { namespace } = autoscaler.metadata
    const refuse = (
      reason: string,
      problem: string,
      message = problem,
      eventReason = reason,
    ): { readonly problem: string; readonly reason: string; readonly message: string } => {
      this.#events.event(autoscaler, 'Warning', eventReason, problem)
      return { problem, reason, message }
    }
    if (text === '') {
      const message = "the HPA target's scale is missing a selector"
      return refuse('InvalidSelector', 'selector is required', message, 'SelectorRequired')
    }
    const parsed = parseLabelSelector(text)
    if ('error' in parsed) {
      const problem = `couldn't convert selector into a corresponding internal selector object: ${parsed.error}`
      return refuse('InvalidSelector', problem)
    }
    this.#selectors.set(key, parsed)
    const pods = this.#context.caches.pods
      .byIndex('namespace', namespace)
      .filter((pod) => parsed.every((requirement) => labelRequirementMatches(requirement, pod.metadata.labels)))
    const rivals = [...this.#selectors]
      .filter(([other, requirements]) => {
        if (!other.startsWith(`${namespace}/`)) return false
        return pods.some((pod) => requirements.every((one) => labelRequirementMatches(one, pod.metadata.labels)))
      })
      .map(([other]) => other)
      .sort()
    if (rivals.length > 1) {
      const problem = `pods by selector ${text} are controlled by multiple HPAs: [${rivals.join(' ')}]`
      return refuse('AmbiguousSelector', problem)
    }
    return { selector: text, pods }
  }

  async #propose(
    autoscaler: HorizontalPodAutoscaler,
    spec: MetricSpec,
    target: { readonly current: number; readonly selector: string; readonly pods: readonly Pod[] },
  ): Promise<Proposal> {
    const { namespace } = autoscaler.metadata
    switch (spec.type) {
      case 'Resource': {
        const { name, target: wanted } = spec.resource!
        const result = await this.#forResource(autoscaler, name, undefined, wanted, target)
        if ('problem' in result) {
          const report = `failed to get ${name} resource metric value: ${result.problem}`
          return { reason: 'FailedGetResourceMetric', problem: result.problem, report }
        }
        return { ...result, status: { type: 'Resource', resource: { name, current: result.value } } }
      }
      case 'ContainerResource': {
        const { name, container, target: wanted } = spec.containerResource!
        const result = await this.#forResource(autoscaler, name, container, wanted, target)
        if ('problem' in result) {
          const report = `failed to get ${container} container metric value: ${result.problem}`
          return { reason: 'FailedGetContainerResourceMetric', problem: result.problem, report }
        }
        const { value } = result
        return {
          ...result,
          status: { type: 'ContainerResource', containerResource: { name, container, current: value } },
        }
      }
      // Nothing serves custom and external metrics in this cluster.
      case 'Pods': {
        const problem = `unable to get metric ${spec.pods!.metric.name}: ${noCustomMetrics}`
        return { reason: 'FailedGetPodsMetric', problem, report: `failed to get pods metric value: ${problem}` }
      }
      case 'Object': {
        const { metric, describedObject, target: wanted } = spec.object!
        const plain = `unable to get metric ${metric.name}: ${describedObject.kind} on ${namespace} ${describedObject.name}/${noCustomMetrics}`
        const whole = wanted.type === 'AverageValue' ? `failed to get ${metric.name} object metric: ${plain}` : plain
        return {
          reason: 'FailedGetObjectMetric',
          problem: plain,
          report: `failed to get object metric value: ${whole}`,
        }
      }
      case 'External': {
        const { metric, target: wanted } = spec.external!
        const problem = `unable to get external metric ${namespace}/${metric.name}/${goSelector(metric.selector)}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get ${metric.name}.external.metrics.k8s.io)`
        const whole =
          wanted.averageValue === undefined
            ? `failed to get external metric ${metric.name}: ${problem}`
            : `failed to get ${metric.name} external metric: ${problem}`
        const report = `failed to get ${metric.name} external metric value: ${whole}`
        return { reason: 'FailedGetExternalMetric', problem, report }
      }
      default: {
        const problem = `unknown metric source type ${JSON.stringify(spec.type)}`
        return { reason: 'InvalidMetricSourceType', problem, report: problem }
      }
    }
  }

  async #forResource(
    autoscaler: HorizontalPodAutoscaler,
    resource: string,
    container: string | undefined,
    wanted: MetricTarget,
    target: { readonly current: number; readonly selector: string; readonly pods: readonly Pod[] },
  ): Promise<
    | {
        readonly replicas: number
        readonly metric: string
        readonly value: { averageUtilization?: number; averageValue: string }
      }
    | { readonly problem: string }
  > {
    const byAmount = wanted.averageValue !== undefined
    const what = byAmount ? 'usage' : 'utilization'
    if (!byAmount && wanted.averageUtilization === undefined) {
      return {
        problem:
          'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
      }
    }
    const samples = await this.#samples(autoscaler.metadata.namespace, target.selector, resource, container)
    if ('problem' in samples) {
      const problem = `failed to get ${resource} ${what}: unable to get metrics for resource ${resource}: ${samples.problem}`
      return { problem }
    }
    const question = {
      current: target.current,
      pods: target.pods,
      samples: samples.byPod,
      resource,
      container,
      tolerances: tolerancesOf(autoscaler),
      now: this.#context.clock.now(),
    }
    const count = byAmount
      ? replicasForAmount(question, milliValue(wanted.averageValue))
      : replicasForUtilization(question, wanted.averageUtilization!)
    if ('problem' in count) return { problem: `failed to get ${resource} ${what}: ${count.problem}` }
    const { replicas, averageMilli, utilization } = count
    const averageValue = quantityOf(resource, averageMilli)
    const whose = container === undefined ? '' : ' container'
    const metric = byAmount
      ? `${resource} resource`
      : `${resource}${whose} resource utilization (percentage of request)`
    return {
      replicas,
      metric,
      value: utilization === undefined ? { averageValue } : { averageUtilization: utilization, averageValue },
    }
  }

  /** What metrics.k8s.io says of the selected pods (metrics/client.go, GetResourceMetric). */
  async #samples(
    namespace: string,
    labelSelector: string,
    resource: string,
    container: string | undefined,
  ): Promise<{ readonly byPod: Samples } | { readonly problem: string }> {
    let items: readonly PodMetrics[]
    try {
      ;({ items } = await this.#kube.list(PodMetricsType, { namespace, labelSelector }))
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      return { problem: `unable to fetch metrics from resource metrics API: ${error.message}` }
    }
    if (items.length === 0) return { problem: 'no metrics returned from resource metrics API' }
    const byPod = new Map<string, Sample>()
    for (const { metadata, containers, timestamp: end, window } of items) {
      const counted = container === undefined ? containers : containers.filter(({ name }) => name === container)
      if (counted.length === 0 || counted.some(({ usage }) => own(usage, resource) === undefined)) continue
      let milli = 0
      for (const { usage } of counted) milli += milliValue(usage[resource])
      byPod.set(metadata.name, { milli, at: instant(end) ?? ms(0), windowMs: parseGoDuration(window) ?? 0 })
    }
    return { byPod }
  }

  async #rescale(
    type: ResourceType<KubeObject>,
    key: { readonly namespace: string; readonly name: string },
    scale: Scale,
    replicas: number,
  ): Promise<void> {
    let asked = scale
    for (let tries = 1; ; tries++) {
      try {
        await this.#kube.writeScale(type, key, { ...asked, spec: { ...asked.spec, replicas } })
        return
      } catch (error) {
        if (!isKubeFailure(error, 'conflict') || tries >= conflictsMax) throw error
        asked = await this.#kube.readScale(type, key)
      }
    }
  }

  async #writeStatus(
    autoscaler: HorizontalPodAutoscaler,
    changes: Partial<HorizontalPodAutoscalerStatus> & { readonly conditions: Conditions },
  ): Promise<void> {
    const { currentMetrics = autoscaler.status?.currentMetrics, ...rest } = changes
    const status: HorizontalPodAutoscalerStatus = {
      ...autoscaler.status,
      desiredReplicas: autoscaler.status?.desiredReplicas ?? 0,
      ...rest,
      currentMetrics: currentMetrics?.length === 0 ? undefined : currentMetrics,
    }
    try {
      await this.#kube.replace(HorizontalPodAutoscalers, { ...autoscaler, status }, { subresource: 'status' })
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.failure === 'notFound') return
      this.#events.event(autoscaler, 'Warning', 'FailedUpdateStatus', error.message)
    }
  }
}

const noCustomMetrics =
  'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered'

function tolerancesOf({ spec }: HorizontalPodAutoscaler): Tolerances {
  const of = (quantity: string | number | undefined): number =>
    quantity === undefined ? tolerance : Number(parseQuantity(quantity)?.nano ?? 0n) / 1e9
  return { scaleDown: of(spec.behavior?.scaleDown?.tolerance), scaleUp: of(spec.behavior?.scaleUp?.tolerance) }
}

/** Memory in the binary form, as the metrics server gives it; everything else in thousandths. */
function quantityOf(resource: string, milli: number): string {
  const format = resource === 'memory' ? 'BinarySI' : 'DecimalSI'
  // The binary form has no fractions.
  const nano = BigInt(resource === 'memory' && milli >= 1_024_000 ? Math.ceil(milli / 1000) * 1000 : milli) * 1_000_000n
  return formatQuantity({ nano, format })
}

function withCondition(conditions: Conditions, type: string, finding: Finding, now: Ms): Conditions {
  const known = conditions.find((condition) => condition.type === type)
  const lastTransitionTime = known?.status === finding.status ? known.lastTransitionTime : timestamp(now)
  const next = { type, ...finding, lastTransitionTime }
  return known === undefined ? [...conditions, next] : conditions.map((one) => (one === known ? next : one))
}

/** As Go prints a *metav1.LabelSelector with %+v. */
function goSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil'
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`)
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`
}
