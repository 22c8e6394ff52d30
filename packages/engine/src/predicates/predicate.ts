import type { TopologySpreadConstraint } from '@plimsoll/model'
import type { DeviceState } from '../dynamic-resources/device-state.ts'
import type { NodeColumns } from '../node-columns.ts'
import type { PodClass } from '../pod-class.ts'
import type { Population } from '../population.ts'
import type { Unfit } from '../unfit.ts'
import type { VolumeLister } from '../volumes/volume-lister.ts'

/** What predicates look at. */
export interface World {
  readonly columns: NodeColumns
  readonly population: Population
  readonly volumes: VolumeLister | undefined
  readonly devices: DeviceState | undefined
  /** The cluster's own spread constraints; undefined means kube-scheduler's. */
  readonly spreadDefaults: readonly TopologySpreadConstraint[] | undefined
}

/**
 * What an answer hangs on, which says how long a refusal may be remembered:
 * - `node`: the node's own object and the pod; answers hold until the node changes;
 * - `room`: also the pods on that node; a refusal holds until one of them goes or the node changes;
 * - `cluster`: anything else; nothing is remembered.
 */
export type Scope = 'node' | 'room' | 'cluster'

export type Reason = Omit<Unfit, 'plugin'>

/** One predicate, made ready for the pods of one class. */
export interface Check {
  /** kube-scheduler's name of the filter plugin. */
  readonly plugin: string
  readonly scope: Scope
  /** Of scope `cluster`: true when a refusal holds all the same as long as pods only come. */
  readonly refusalLasts?: boolean
  /** Called before every question: to read what changes without the snapshot's doing. */
  prepare?(): void
  /** Hot: asked for every pod and node. */
  fits(slot: number): boolean
  /** Why not; called only where `fits` says no. At least one reason, in kube-scheduler's words. */
  reasons(slot: number): readonly Reason[]
  /** The numbers or names behind one of the reasons, in plain words. */
  detail?(slot: number, reason: Reason): string
}

/** Makes a predicate ready for the pods of a class; undefined when it would refuse none of them anywhere. */
export type Predicate = (pod: PodClass, world: World) => Check | undefined
