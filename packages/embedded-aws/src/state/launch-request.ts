import type * as Ec2 from '@aws-sdk/client-ec2'
import type { InstanceType } from '../catalogue/instance-type.ts'
import type { Tag } from './tags.ts'

/** One instance, decided in every respect. */
export interface LaunchRequest {
  readonly type: InstanceType
  readonly image: Ec2.Image
  readonly subnetId: string
  readonly securityGroupIds: readonly string[]
  readonly lifecycle: 'on-demand' | 'spot'
  readonly tags: readonly Tag[]
  readonly reservationId?: string
  readonly requesterId?: string
  readonly keyName?: string | undefined
  readonly userData?: string | undefined
  readonly clientToken?: string | undefined
  readonly iamInstanceProfile?: Ec2.IamInstanceProfile | undefined
  readonly privateAddress?: string | undefined
  readonly publicAddress?: boolean | undefined
  readonly monitoring?: boolean | undefined
  readonly metadataOptions?: Ec2.InstanceMetadataOptionsResponse | undefined
}
