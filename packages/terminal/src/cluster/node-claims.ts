import type { KubeObject, NodeCondition, Quantity, ResourceType, Taint } from '@plimsoll/model'

/** What we read of Karpenter's karpenter.sh/v1 NodeClaim (kubernetes-sigs/karpenter:pkg/apis/v1/nodeclaim.go). */
export interface NodeClaim extends KubeObject {
  readonly spec?: { readonly taints?: readonly Taint[] | undefined } | undefined
  readonly status?:
    | {
        readonly nodeName?: string | undefined
        readonly providerID?: string | undefined
        readonly capacity?: { readonly [resource: string]: Quantity } | undefined
        readonly allocatable?: { readonly [resource: string]: Quantity } | undefined
        readonly conditions?: readonly Pick<NodeCondition, 'type' | 'status'>[] | undefined
      }
    | undefined
}

export const NodeClaims: ResourceType<NodeClaim> = {
  group: 'karpenter.sh',
  version: 'v1',
  plural: 'nodeclaims',
  kind: 'NodeClaim',
  namespaced: false,
}
