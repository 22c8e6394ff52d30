import { portsCollide } from '../host-ports.ts'
import type { PodClass } from '../pod-class.ts'
import type { Check, Reason, World } from './predicate.ts'

const taken: readonly Reason[] = [
  { reason: "node(s) didn't have free ports for the requested pod ports", resolvable: true },
]

/** plugins/nodeports/node_ports.go */
export function nodePorts(pod: PodClass, { columns }: World): Check | undefined {
  const { ports } = pod
  if (ports.length === 0) return undefined
  return {
    plugin: 'NodePorts',
    scope: 'room',
    fits: (slot) => !portsCollide(columns.entries[slot]!.ports, ports),
    reasons: () => taken,
    detail: (slot) => {
      const there = columns.entries[slot]!.ports
      const clashes = ports.filter((port) => portsCollide(there, [port]))
      return `taken: ${clashes.map(({ ip, port }) => `${port} on ${ip}`).join(', ')}`
    },
  }
}
