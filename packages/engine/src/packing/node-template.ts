import type { Node, Pod } from '@plimsoll/model'

/** A fresh node of a kind, with the pods that every such node carries. */
export interface NodeTemplate {
  readonly node: Node
  readonly pods: readonly Pod[]
}

const hostname = 'kubernetes.io/hostname'

/** A node of its own made from the template, named `name`; its pods are renamed with it. */
export function instantiate(
  template: NodeTemplate,
  name: string,
  annotations: { readonly [key: string]: string } = {},
): NodeTemplate {
  const { metadata } = template.node
  const node: Node = {
    ...template.node,
    metadata: {
      ...metadata,
      name,
      uid: name,
      labels: { ...metadata.labels, [hostname]: name },
      annotations: { ...metadata.annotations, ...annotations },
    },
  }
  return { node, pods: template.pods.map((pod) => podOn(pod, name)) }
}

function podOn(pod: Pod, node: string): Pod {
  const name = `${pod.metadata.name}-${node}`
  return { ...pod, metadata: { ...pod.metadata, name, uid: name }, spec: { ...pod.spec, nodeName: node } }
}
