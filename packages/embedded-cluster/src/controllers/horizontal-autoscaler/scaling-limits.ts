// How far and how fast an autoscaler may follow its metrics (kubernetes/kubernetes:pkg/controller/podautoscaler/
// horizontal.go, normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors).
import type { HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules, Ms } from '@plimsoll/model'

/** --horizontal-pod-autoscaler-downscale-stabilization */
const downscaleStabilizationMs = 300_000

interface Recommendation {
  readonly replicas: number
  readonly at: Ms
}
interface Rescale {
  /** How many more, or how many fewer. */
  readonly change: number
  readonly at: Ms
}

export interface Finding {
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

export interface Limited {
  readonly replicas: number
  readonly ableToScale: Finding
  readonly scalingLimited: Finding
}

export interface Wish {
  readonly current: number
  /** What the metrics ask for. */
  readonly desired: number
  readonly min: number
  readonly max: number
  readonly now: Ms
}

const ready = 'recommended size matches current size'
const lowerLately = 'recent recommendations were lower than current one, applying the lowest recent recommendation'
const higherLately = 'recent recommendations were higher than current one, applying the highest recent recommendation'
const withinRange = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
}
const limits = {
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
}

type Reached = { readonly replicas: number; readonly limit?: keyof typeof limits }

/** Remembers what one autoscaler was advised and did. */
export class ScalingHistory {
  #recommendations: Recommendation[] = []
  #ups: Rescale[] = []
  #downs: Rescale[] = []

  /** The size at the first look counts as a recommendation, so that a restart shrinks nothing at once. */
  begin(current: number, now: Ms): void {
    if (this.#recommendations.length === 0) this.#recommendations.push({ replicas: current, at: now })
  }

  /** What may be done about the wish, which is remembered. */
  limit(wish: Wish, behavior: HorizontalPodAutoscalerBehavior | undefined): Limited {
    const stabilized = behavior === undefined ? this.#highest(wish) : this.#between(wish, behavior)
    const steady =
      stabilized === wish.desired
        ? { reason: 'ReadyForNewScale', message: ready }
        : behavior !== undefined && wish.desired >= wish.current
          ? { reason: 'ScaleUpStabilized', message: lowerLately }
          : { reason: 'ScaleDownStabilized', message: higherLately }
    const asked = { ...wish, desired: stabilized }
    const reached = behavior === undefined ? plainLimit(asked) : this.#rateLimit(asked, behavior)
    const said = reached.limit === undefined ? withinRange : { reason: reached.limit, message: limits[reached.limit] }
    return {
      replicas: reached.replicas,
      ableToScale: { status: 'True', ...steady },
      scalingLimited: { status: reached.replicas === stabilized ? 'False' : 'True', ...said },
    }
  }

  /** The target was resized; told only where a policy will ask. */
  rescaled(from: number, to: number, behavior: HorizontalPodAutoscalerBehavior | undefined, now: Ms): void {
    if (behavior === undefined) return
    const up = to > from
    const longest = Math.max(
      0,
      ...((up ? behavior.scaleUp : behavior.scaleDown)?.policies ?? []).map((policy) => policy.periodSeconds),
    )
    const kept = (up ? this.#ups : this.#downs).filter(({ at }) => at >= now - longest * 1000)
    kept.push({ change: Math.abs(to - from), at: now })
    if (up) this.#ups = kept
    else this.#downs = kept
  }

  /** The most that was recommended within the last five minutes. */
  #highest({ desired, now }: Wish): number {
    const recent = this.#recommendations.filter(({ at }) => at >= now - downscaleStabilizationMs)
    this.#recommendations = [...recent, { replicas: desired, at: now }]
    return Math.max(desired, ...recent.map(({ replicas }) => replicas))
  }

  #between({ current, desired, now }: Wish, behavior: HorizontalPodAutoscalerBehavior): number {
    const upMs = (behavior.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000
    const downSeconds = behavior.scaleDown?.stabilizationWindowSeconds
    const downMs = downSeconds === undefined ? downscaleStabilizationMs : downSeconds * 1000
    let least = desired
    let most = desired
    for (const { replicas, at } of this.#recommendations) {
      if (at > now - upMs) least = Math.min(least, replicas)
      if (at > now - downMs) most = Math.max(most, replicas)
    }
    const recent = this.#recommendations.filter(({ at }) => at >= now - Math.max(upMs, downMs))
    this.#recommendations = [...recent, { replicas: desired, at: now }]
    return Math.min(Math.max(current, least), most)
  }

  #rateLimit(wish: Wish, { scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): Reached {
    const { current, desired, min, max } = wish
    if (desired > current) {
      const fastest = Math.max(current, this.#fastest(wish, scaleUp ?? {}, 'up'))
      if (max > fastest) return desired > fastest ? { replicas: fastest, limit: 'ScaleUpLimit' } : { replicas: desired }
      return desired > max ? { replicas: max, limit: 'TooManyReplicas' } : { replicas: desired }
    }
    if (desired < current) {
      const fastest = Math.min(current, this.#fastest(wish, scaleDown ?? {}, 'down'))
      if (min < fastest) {
        return desired < fastest ? { replicas: fastest, limit: 'ScaleDownLimit' } : { replicas: desired }
      }
      return desired < min ? { replicas: min, limit: 'TooFewReplicas' } : { replicas: desired }
    }
    return { replicas: desired }
  }

  /** As far as the policies let it go from what it was when their periods began. */
  #fastest({ current, now }: Wish, rules: HPAScalingRules, direction: 'up' | 'down'): number {
    if (rules.selectPolicy === 'Disabled') return current
    const proposals = (rules.policies ?? []).map((policy) => {
      const before = current - changeSince(this.#ups, policy, now) + changeSince(this.#downs, policy, now)
      if (policy.type === 'Pods') return direction === 'up' ? before + policy.value : before - policy.value
      return direction === 'up'
        ? Math.ceil(before * (1 + policy.value / 100))
        : Math.trunc(before * (1 - policy.value / 100))
    })
    const leastChange = rules.selectPolicy === 'Min'
    return leastChange === (direction === 'up') ? Math.min(...proposals) : Math.max(...proposals)
  }
}

function changeSince(rescales: readonly Rescale[], { periodSeconds }: HPAScalingPolicy, now: Ms): number {
  let total = 0
  for (const { change, at } of rescales) if (at > now - periodSeconds * 1000) total += change
  return total
}

/** Without policies of its own it may double, or go to four at least. */
function plainLimit({ current, desired, min, max }: Wish): Reached {
  if (desired < min) return { replicas: min, limit: 'TooFewReplicas' }
  const fastest = Math.max(2 * current, 4)
  if (max > fastest) return desired > fastest ? { replicas: fastest, limit: 'ScaleUpLimit' } : { replicas: desired }
  return desired > max ? { replicas: max, limit: 'TooManyReplicas' } : { replicas: desired }
}
