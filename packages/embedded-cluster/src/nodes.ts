import { Nodes, type Node, type NodeCondition, type Taint } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'

export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type)
}

export function isNodeReady(node: Node): boolean {
  return nodeCondition(node, 'Ready')?.status === 'True'
}

export function sameTaint(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect
}

/** Changes a node as it is now, again when somebody else was faster; a node that is gone stays gone. */
export async function changeNode(
  kube: KubeApi,
  name: string,
  change: (node: Node) => Node | undefined,
  subresource?: 'status',
): Promise<Node | undefined> {
  for (;;) {
    try {
      const node = await kube.get(Nodes, { name })
      const changed = change(node)
      if (changed === undefined) return node
      return await kube.replace(Nodes, changed, subresource === undefined ? {} : { subresource })
    } catch (error) {
      if (isKubeFailure(error, 'notFound')) return undefined
      if (!isKubeFailure(error, 'conflict')) throw error
    }
  }
}

/** The node with these taints added and those removed; undefined when that changes nothing. */
export function retainted(node: Node, add: readonly Taint[], remove: (taint: Taint) => boolean): Node | undefined {
  const before = node.spec.taints ?? []
  const kept = before.filter((taint) => !remove(taint) || add.some((a) => sameTaint(a, taint)))
  const missing = add.filter((taint) => !kept.some((k) => sameTaint(k, taint)))
  if (missing.length === 0 && kept.length === before.length) return undefined
  const taints = [...kept, ...missing]
  return { ...node, spec: { ...node.spec, taints: taints.length === 0 ? undefined : taints } }
}
