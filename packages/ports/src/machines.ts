import type { Ms, NodeAddress, Taint } from '@plimsoll/model'
import type { Subscription } from './kube-api.ts'

/** A running computer that wants to be a node: what its kubelet is configured with and finds on itself. */
export interface Machine {
  /** As in Node.spec.providerID: `aws:///<zone>/<instance id>`. */
  readonly providerId: string
  readonly nodeName: string
  readonly addresses: readonly NodeAddress[]
  /** All labels that the kubelet and the cloud controller give, but for the kubernetes.io/{hostname,os,arch} ones. */
  readonly labels: { readonly [key: string]: string }
  /** --register-with-taints. */
  readonly taints: readonly Taint[]
  readonly capacity: { readonly [resource: string]: string }
  readonly allocatable: { readonly [resource: string]: string }
  readonly architecture: 'amd64' | 'arm64'
  readonly osImage: string
  readonly kernelVersion: string
  readonly containerRuntimeVersion: string
  readonly kubeletVersion: string
  /** Decides how long it boots. */
  readonly imageFamily: 'al2023' | 'al2' | 'bottlerocket' | 'other'
  /** Of the instance. */
  readonly tags?: { readonly [key: string]: string }
  /** How many addresses the network plugin can give to pods, by the type's network interfaces; absent: any number. */
  readonly podAddressesMax?: number
}

/** What a cloud may do to a machine by itself. */
export type Mishap =
  /** It is gone, without notice. */
  | { readonly kind: 'terminate' }
  | { readonly kind: 'stop' }
  /** A spot instance is taken back `notice` after its notice, which follows `rebalance` after a recommendation. */
  | { readonly kind: 'spotInterruption'; readonly notice: Ms; readonly rebalance?: Ms }
  /** The hardware under it is retired `after` its announcement. */
  | { readonly kind: 'retirement'; readonly after: Ms }

export interface MachineSink {
  /** The machine has power: its kubelet will start after a boot time. Called for those already running as well. */
  started(machine: Machine): void
  /** The machine lost power, for good (`terminated`) or not (`stopped`). No kubelet runs on it any more. */
  halted(providerId: string, how: 'terminated' | 'stopped'): void
  /** The cloud's record of the instance says `terminated`: from now on its state is `missing`. Comes after `halted`. */
  vanished?(providerId: string): void
  /** The cloud announces that the machine may go (`rebalance`), or that it will. */
  noticed?(providerId: string, notice: MachineNotice): void
}

export type MachineNotice = 'rebalance' | 'spotInterruption' | 'retirement'

/** The computers that a cloud runs, to those who simulate what happens on them. */
export interface Machines {
  watch(sink: MachineSink): Subscription
  /** What the cloud says of an instance; `missing` also when it was terminated. */
  state(providerId: string): 'pending' | 'running' | 'stopped' | 'missing'
  /** Lets something befall a machine, as a test or a person asks for. Absent where that is not in our hands. */
  befall?(providerId: string, mishap: Mishap): void
}
