import type { Node, Pod } from '@plimsoll/model'
import { copyClaimNames, copyDeviceObjects, type NodeDeviceObjects } from '../dynamic-resources/node-copy.ts'

/** A fresh node of a kind, with the pods that every such node carries. */
export interface NodeTemplate {
  readonly node: Node
  readonly pods: readonly Pod[]
  /** For snapshots with devices. */
  readonly devices?: NodeDeviceObjects | undefined
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
  const pods = template.pods.map((pod) => podOn(pod, name))
  const { devices } = template
  if (devices === undefined) return { node, pods }
  const pairs = template.pods.map((from, i) => ({ from, to: pods[i]! }))
  const own = copyDeviceObjects(devices, pairs, { from: template.node, to: node, suffix: name })
  return { node, pods: pods.map((pod) => copyClaimNames(pod, name)), devices: own }
}

function podOn(pod: Pod, node: string): Pod {
  const name = `${pod.metadata.name}-${node}`
  return { ...pod, metadata: { ...pod.metadata, name, uid: name }, spec: { ...pod.spec, nodeName: node } }
}
