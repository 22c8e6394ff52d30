import type { Pod } from '@plimsoll/model'

export interface HostPort {
  /** `TCP/80` */
  readonly port: string
  readonly ip: string
}

const noPorts: readonly HostPort[] = []
const anyIp = '0.0.0.0'

/** The ports of the node that the pod's containers and sidecars take. */
export function hostPorts(pod: Pod): readonly HostPort[] {
  let ports: HostPort[] | undefined
  const collect = (container: Pod['spec']['containers'][number]): void => {
    for (const port of container.ports ?? []) {
      if (port.hostPort === undefined || port.hostPort <= 0) continue
      const ip = port.hostIP === undefined || port.hostIP === '' ? anyIp : port.hostIP
      ;(ports ??= []).push({ port: `${port.protocol ?? 'TCP'}/${port.hostPort}`, ip })
    }
  }
  for (const container of pod.spec.containers) collect(container)
  for (const container of pod.spec.initContainers ?? []) if (container.restartPolicy === 'Always') collect(container)
  return ports ?? noPorts
}

/** Whether one of the wanted ports is taken: the same port on the same address, or either of them on all addresses. */
export function portsCollide(taken: readonly HostPort[], wanted: readonly HostPort[]): boolean {
  for (const want of wanted) {
    for (const has of taken) {
      if (has.port === want.port && (has.ip === want.ip || has.ip === anyIp || want.ip === anyIp)) return true
    }
  }
  return false
}
