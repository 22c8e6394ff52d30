import { formatGoDuration, ms, parseGoDuration, seconds, type Ms, type Pod } from '@plimsoll/model'
import type { Log } from '@plimsoll/ports'
import { createdAt, podName } from '../pods/pod-kinds.ts'

const newFor = seconds(2)
/** GPU pods come in batches that take longer to be created. */
const newGpuFor = seconds(30)
const scaleUpDelay = 'cluster-autoscaler.kubernetes.io/pod-scale-up-delay'

/** Whether the scheduler may not have seen them all yet (rule CA-42). */
export function areAllNew(pods: readonly Pod[], now: Ms): boolean {
  const oldest = (list: readonly Pod[]): number => Math.min(...list.map((pod) => createdAt(pod)))
  if (oldest(pods) + newFor > now) return true
  const withGpu = pods.filter(wantsGpu)
  return withGpu.length > 0 && oldest(withGpu) + newGpuFor > now
}

function wantsGpu(pod: Pod): boolean {
  return pod.spec.containers.some((container) =>
    Object.keys(container.resources?.requests ?? {}).some((name) => name.endsWith('/gpu')),
  )
}

/** Pods older than the delay, which a pod may lengthen for itself (rule CA-43). */
export function oldEnough(pods: readonly Pod[], delay: Ms, now: Ms, log: Log): Pod[] {
  return pods.filter((pod) => {
    const text = pod.metadata.annotations?.[scaleUpDelay]
    let own = delay
    if (text !== undefined) {
      const wish = parseGoDuration(text)
      if (wish === undefined) log.error(`Failed to parse pod ${podName(pod)} annotation ${scaleUpDelay}: ${text}`)
      else if (wish < delay) {
        log.error(
          `Failed to set pod scale up delay for ${podName(pod)}: delay of ${formatGoDuration(wish)} in the annotation is less than ${formatGoDuration(delay)}`,
        )
      } else own = wish
    }
    return own === 0 ? true : now - createdAt(pod) > ms(own)
  })
}
