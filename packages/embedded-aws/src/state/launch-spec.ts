import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import type * as Ec2 from '@aws-sdk/client-ec2'
import { instanceTypes, type InstanceType } from '../catalogue/instance-type.ts'
import { onDemandPrice } from '../catalogue/pricing.ts'
import { failure } from './failure.ts'
import type { GroupSettings } from './group.ts'
import type { Images } from './images.ts'
import { typesMatching } from './instance-requirements.ts'
import type { LaunchTemplates } from './launch-templates.ts'
import type { Tag } from './tags.ts'

/** What a group's launches take from its template or configuration. */
export interface LaunchSpec {
  readonly image: Ec2.Image
  readonly securityGroupIds: readonly string[]
  readonly tags: readonly Tag[]
  readonly userData: string | undefined
  readonly keyName: string | undefined
  readonly iamInstanceProfile: Ec2.IamInstanceProfile | undefined
  /** With the version's number. */
  readonly launchTemplate: AutoScaling.LaunchTemplateSpecification | undefined
  readonly isSpot: boolean
  /** In order of preference. */
  readonly types: readonly InstanceType[]
}

interface Sources {
  readonly images: Images
  readonly launchTemplates: LaunchTemplates
  readonly launchConfigurations: ReadonlyMap<string, AutoScaling.LaunchConfiguration>
  readonly region: string
  readonly accountId: string
}

/** @throws {AwsError} when the group's template, image or type is not to be had */
export function resolveLaunchSpec(settings: GroupSettings, sources: Sources): LaunchSpec {
  const ref = settings.launchTemplate ?? settings.mixedInstances?.LaunchTemplate?.LaunchTemplateSpecification
  return ref === undefined ? ofConfiguration(settings, sources) : ofTemplate(ref, settings, sources)
}

function ofTemplate(
  ref: AutoScaling.LaunchTemplateSpecification,
  settings: GroupSettings,
  sources: Sources,
): LaunchSpec {
  const version = sources.launchTemplates.version(ref)
  const data = version.LaunchTemplateData!
  if (data.ImageId === undefined)
    throw failure(
      'ValidationError',
      'You must use a valid fully-formed launch template. The request must contain the parameter ImageId',
    )
  const image = sources.images.image(data.ImageId)
  const profile = data.IamInstanceProfile
  return {
    image,
    securityGroupIds: data.SecurityGroupIds ?? data.NetworkInterfaces?.[0]?.Groups ?? [],
    tags: (data.TagSpecifications ?? []).find((spec) => spec.ResourceType === 'instance')?.Tags ?? [],
    userData: data.UserData,
    keyName: data.KeyName,
    iamInstanceProfile:
      profile === undefined
        ? undefined
        : { Arn: profile.Arn ?? `arn:aws:iam::${sources.accountId}:instance-profile/${profile.Name}` },
    launchTemplate: {
      LaunchTemplateId: version.LaunchTemplateId,
      LaunchTemplateName: version.LaunchTemplateName,
      Version: String(version.VersionNumber),
    },
    isSpot: data.InstanceMarketOptions?.MarketType === 'spot',
    types: typesOf(settings, data, image, sources.region),
  }
}

function ofConfiguration(settings: GroupSettings, sources: Sources): LaunchSpec {
  const configuration = sources.launchConfigurations.get(settings.launchConfiguration ?? '')
  if (configuration === undefined)
    throw failure(
      'ValidationError',
      'Launch configuration name not found - A launch configuration does not exist with the name given.',
    )
  return {
    image: sources.images.image(configuration.ImageId!),
    securityGroupIds: configuration.SecurityGroups ?? [],
    tags: [],
    userData: configuration.UserData,
    keyName: configuration.KeyName,
    iamInstanceProfile: undefined,
    launchTemplate: undefined,
    isSpot: false,
    types: [typeNamed(configuration.InstanceType)],
  }
}

function typesOf(
  settings: GroupSettings,
  data: Ec2.ResponseLaunchTemplateData,
  image: Ec2.Image,
  region: string,
): InstanceType[] {
  const architecture = image.Architecture === 'arm64' ? 'arm64' : 'amd64'
  const matching = (requirements: object): InstanceType[] =>
    typesMatching(requirements as Ec2.InstanceRequirementsRequest, [architecture])
  const overrides = settings.mixedInstances?.LaunchTemplate?.Overrides ?? []
  const overridden = overrides.flatMap((override) =>
    override.InstanceType !== undefined
      ? [typeNamed(override.InstanceType)]
      : matching(override.InstanceRequirements ?? {}),
  )
  const types =
    overridden.length > 0
      ? overridden
      : data.InstanceRequirements === undefined
        ? [typeNamed(data.InstanceType)]
        : matching(data.InstanceRequirements)
  const price = (type: InstanceType): number => onDemandPrice(type, region)?.usdPerHour ?? Infinity
  const strategy = settings.mixedInstances?.InstancesDistribution?.OnDemandAllocationStrategy
  return strategy === 'lowest-price' ? types.toSorted((a, b) => price(a) - price(b)) : types
}

function typeNamed(name: string | undefined): InstanceType {
  const type = instanceTypes().get(name ?? '')
  if (type === undefined) throw failure('InvalidParameterValue', `Invalid value '${name ?? ''}' for InstanceType.`)
  return type
}
