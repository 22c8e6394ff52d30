// How upstream declares the parameters of its two modes, and how messages call them
// (kubernetes-sigs/cluster-proportional-autoscaler:pkg/autoscaler/controller).

/** laddercontroller/ladder_controller.go */
export const ladderParams = {
  package: 'laddercontroller',
  name: 'ladderParams',
  fields: [
    {
      go: 'CoresToReplicas',
      json: 'coresToReplicas',
      type: {
        kind: 'slice',
        name: 'laddercontroller.paramEntries',
        of: { kind: 'array', name: 'laddercontroller.paramEntry', length: 2, of: { kind: 'int' } },
      },
    },
    {
      go: 'NodesToReplicas',
      json: 'nodesToReplicas',
      type: {
        kind: 'slice',
        name: 'laddercontroller.paramEntries',
        of: { kind: 'array', name: 'laddercontroller.paramEntry', length: 2, of: { kind: 'int' } },
      },
    },
    { go: 'IncludeUnschedulableNodes', json: 'includeUnschedulableNodes', type: { kind: 'bool' } },
  ],
} as const

/** linearcontroller/linear_controller.go */
export const linearParams = {
  package: 'linearcontroller',
  name: 'linearParams',
  fields: [
    { go: 'CoresPerReplica', json: 'coresPerReplica', type: { kind: 'float64' } },
    { go: 'NodesPerReplica', json: 'nodesPerReplica', type: { kind: 'float64' } },
    { go: 'Min', json: 'min', type: { kind: 'int' } },
    { go: 'Max', json: 'max', type: { kind: 'int' } },
    { go: 'PreventSinglePointFailure', json: 'preventSinglePointFailure', type: { kind: 'bool' } },
    { go: 'IncludeUnschedulableNodes', json: 'includeUnschedulableNodes', type: { kind: 'bool' } },
  ],
} as const
