// Which instance type a group launches (kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/
// instance_type_cache.go and aws_wrapper.go, getInstanceTypesForAsgs).
import { minutes, ms, seconds, type Ms } from '@plimsoll/model'
import { NodeGroupError, type AwsInput, type Clock, type Random } from '@plimsoll/ports'
import type { Asg } from './auto-scaling-groups.ts'
import type { AwsCalls } from './calls.ts'

type Requirements = NonNullable<AwsInput<'ec2', 'GetInstanceTypesFromInstanceRequirements'>['InstanceRequirements']>

export interface LaunchType {
  readonly instanceType: string
  /** What the group's requirements promise at least, when it names requirements instead of types. */
  readonly minimum: { readonly vcpu: number; readonly memoryMiB: number; readonly gpus: number } | undefined
}

interface TemplateName {
  readonly name: string
  readonly version: string
}

/** Asks AWS, and remembers for 10 to 18 minutes. */
export class LaunchTypes {
  readonly #calls: AwsCalls
  readonly #clock: Clock
  readonly #random: Random
  readonly #known = new Map<string, { readonly type: LaunchType; readonly until: Ms }>()

  constructor(o: { readonly calls: AwsCalls; readonly clock: Clock; readonly random: Random }) {
    this.#calls = o.calls
    this.#clock = o.clock
    this.#random = o.random
  }

  async of(asg: Asg): Promise<LaunchType> {
    const known = this.#known.get(asg.name)
    if (known !== undefined && known.until > this.#clock.now()) return known.type
    const type = await this.#find(asg)
    const until = ms(this.#clock.now() + minutes(20) - seconds(120 + this.#random.below(480)))
    this.#known.set(asg.name, { type, until })
    return type
  }

  async #find(asg: Asg): Promise<LaunchType> {
    const policy = asg.mixedInstancesPolicy
    if (asg.launchConfiguration !== undefined && asg.launchConfiguration !== '') {
      return exactly(await this.#typeOfLaunchConfiguration(asg.launchConfiguration))
    }
    if (asg.launchTemplate !== undefined) return this.#ofTemplate(nameOf(asg.launchTemplate))
    if (policy?.LaunchTemplate?.LaunchTemplateSpecification === undefined) {
      throw failure(`unable to get instance type from launch config or launch template of ASG ${asg.name}`)
    }
    const template = nameOf(policy.LaunchTemplate.LaunchTemplateSpecification)
    const overrides = policy.LaunchTemplate.Overrides ?? []
    const types = overrides.flatMap((override) => override.InstanceType ?? [])
    const requirements = overrides.flatMap((override) => override.InstanceRequirements ?? [])
    if (types.length > 0 && requirements.length > 0) {
      throw failure(
        `ASG ${asg.name} has both instance type and instance requirements overrides in its mixed instances policy`,
      )
    }
    if (types[0] !== undefined) return exactly(types[0])
    const required = requirements[0] as Requirements | undefined
    if (required === undefined) return this.#ofTemplate(template)
    const data = await this.#templateData(template)
    return this.#byRequirements(required, data.ImageId)
  }

  async #ofTemplate(template: TemplateName): Promise<LaunchType> {
    const data = await this.#templateData(template)
    if (data.InstanceType !== undefined) return exactly(data.InstanceType)
    if (data.InstanceRequirements !== undefined) {
      return this.#byRequirements(data.InstanceRequirements as Requirements, data.ImageId)
    }
    throw failure(`unable to find instance type using launch template ${template.name}`)
  }

  async #templateData(template: TemplateName): Promise<{
    InstanceType?: string | undefined
    ImageId?: string | undefined
    InstanceRequirements?: unknown
  }> {
    const answer = await this.#calls.call('ec2', 'DescribeLaunchTemplateVersions', {
      LaunchTemplateName: template.name,
      Versions: [template.version],
    })
    const data = answer.LaunchTemplateVersions?.[0]?.LaunchTemplateData
    if (data === undefined) throw failure(`unable to find template versions for launch template ${template.name}`)
    return data
  }

  async #typeOfLaunchConfiguration(name: string): Promise<string> {
    const answer = await this.#calls.call('autoscaling', 'DescribeLaunchConfigurations', {
      LaunchConfigurationNames: [name],
      MaxRecords: 50,
    })
    const type = answer.LaunchConfigurations?.[0]?.InstanceType
    if (type === undefined || type === '') throw failure(`unable to get first LaunchConfiguration for ${name}`)
    return type
  }

  async #byRequirements(requirements: Requirements, imageId: string | undefined): Promise<LaunchType> {
    if (imageId === undefined) throw failure('launch template with instance requirements names no image')
    const image = (await this.#calls.call('ec2', 'DescribeImages', { ImageIds: [imageId] })).Images?.[0]
    if (image === undefined) throw failure(`unable to find image ${imageId}`)
    const answer = await this.#calls.call('ec2', 'GetInstanceTypesFromInstanceRequirements', {
      ArchitectureTypes: image.Architecture === undefined ? [] : [image.Architecture],
      VirtualizationTypes: image.VirtualizationType === undefined ? [] : [image.VirtualizationType],
      InstanceRequirements: requirements,
    })
    const instanceType = answer.InstanceTypes?.[0]?.InstanceType
    if (instanceType === undefined) throw failure('no instance types found for requirements')
    const nvidia =
      requirements.AcceleratorManufacturers?.includes('nvidia') === true &&
      requirements.AcceleratorTypes?.includes('gpu') === true
    return {
      instanceType,
      minimum: {
        vcpu: requirements.VCpuCount?.Min ?? 0,
        memoryMiB: requirements.MemoryMiB?.Min ?? 0,
        gpus: nvidia ? (requirements.AcceleratorCount?.Min ?? 0) : 0,
      },
    }
  }
}

function exactly(instanceType: string): LaunchType {
  return { instanceType, minimum: undefined }
}

function nameOf(specification: {
  readonly LaunchTemplateName?: string | undefined
  readonly Version?: string | undefined
}): TemplateName {
  return { name: specification.LaunchTemplateName ?? '', version: specification.Version ?? '$Default' }
}

function failure(message: string): NodeGroupError {
  return new NodeGroupError({ kind: 'other' }, message)
}
