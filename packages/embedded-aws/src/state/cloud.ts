import { silentLog, type Clock, type Log, type Random } from '@plimsoll/ports'
import { Clusters } from './clusters.ts'
import { Faults } from './faults.ts'
import { Groups } from './groups.ts'
import { Identities } from './identities.ts'
import { Ids } from './ids.ts'
import { Images } from './images.ts'
import { Instances } from './instances.ts'
import { LaunchTemplates } from './launch-templates.ts'
import { Network } from './network.ts'
import { Timing, type TimingMode } from './timing.ts'

export interface CloudOptions {
  readonly clock: Clock
  readonly random: Random
  readonly region: string
  readonly accountId: string
  readonly log?: Log | undefined
  readonly timing: TimingMode
}

/** One account's state in one region: what the operations read and change. */
export class Cloud {
  readonly clock: Clock
  readonly log: Log
  readonly region: string
  readonly accountId: string
  readonly timing: Timing
  readonly ids: Ids
  readonly faults: Faults
  readonly network: Network
  readonly images: Images
  readonly launchTemplates: LaunchTemplates
  readonly instances: Instances
  readonly groups: Groups
  readonly clusters: Clusters
  readonly identities: Identities
  /** SSM parameters that users put; AWS's own are the images'. */
  readonly parameters: Map<string, { readonly value: string; readonly version: number; readonly type: string }> =
    new Map()

  constructor(o: CloudOptions) {
    const { clock, random, region, accountId } = o
    this.clock = clock
    this.log = o.log ?? silentLog
    this.region = region
    this.accountId = accountId
    this.timing = new Timing(o.timing, random.split('timing'))
    this.ids = new Ids(random.split('ids'))
    this.faults = new Faults(clock, random.split('faults'))
    this.network = new Network({ region, accountId, ids: this.ids })
    this.images = new Images(this.ids)
    this.launchTemplates = new LaunchTemplates({ clock, ids: this.ids, accountId })
    this.instances = new Instances({
      clock,
      ids: this.ids,
      network: this.network,
      timing: this.timing,
      faults: this.faults,
    })
    this.groups = new Groups({
      clock,
      random: random.split('groups'),
      ids: this.ids,
      timing: this.timing,
      network: this.network,
      images: this.images,
      instances: this.instances,
      launchTemplates: this.launchTemplates,
      region,
      accountId,
    })
    this.clusters = new Clusters()
    this.identities = new Identities({ clock, ids: this.ids, accountId })
  }
}
