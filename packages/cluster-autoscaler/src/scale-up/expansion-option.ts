import type { NodeTemplate } from '@plimsoll/engine'
import type { NodeGroup } from '@plimsoll/ports'
import type { Pod } from '@plimsoll/model'

/** One way to help pending pods: so many nodes of this group would take these pods. */
export interface ExpansionOption {
  readonly group: NodeGroup
  readonly template: NodeTemplate
  readonly nodeCount: number
  readonly pods: readonly Pod[]
  /** Groups among which the increase may be spread. */
  readonly similar: readonly NodeGroup[]
  readonly debug: string
}
