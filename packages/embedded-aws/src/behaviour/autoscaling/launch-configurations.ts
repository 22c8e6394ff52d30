import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { failure, requiredMember } from '../../state/failure.ts'
import { page } from '../../state/page.ts'
import type { Operation } from '../operation.ts'

export const createLaunchConfiguration: Operation<
  AutoScaling.CreateLaunchConfigurationCommandInput,
  AutoScaling.CreateLaunchConfigurationCommandOutput
> = (cloud, input) => {
  const name = requiredMember(input.LaunchConfigurationName, 'launchConfigurationName')
  const known = cloud.groups.launchConfigurations
  if (known.has(name))
    throw failure(
      'AlreadyExists',
      `Launch Configuration by this name already exists - A launch configuration already exists with the name ${name}`,
    )
  cloud.images.image(requiredMember(input.ImageId, 'imageId'))
  known.set(name, {
    LaunchConfigurationName: name,
    LaunchConfigurationARN: `arn:aws:autoscaling:${cloud.region}:${cloud.accountId}:launchConfiguration:${cloud.ids.uuid()}:launchConfigurationName/${name}`,
    ImageId: input.ImageId,
    InstanceType: requiredMember(input.InstanceType, 'instanceType'),
    KeyName: input.KeyName ?? '',
    SecurityGroups: input.SecurityGroups ?? [],
    UserData: input.UserData ?? '',
    CreatedTime: new Date(cloud.clock.now()),
    BlockDeviceMappings: input.BlockDeviceMappings ?? [],
    EbsOptimized: input.EbsOptimized ?? false,
    InstanceMonitoring: input.InstanceMonitoring ?? { Enabled: true },
    ...(input.IamInstanceProfile === undefined ? {} : { IamInstanceProfile: input.IamInstanceProfile }),
  })
  return {}
}

export const describeLaunchConfigurations: Operation<
  AutoScaling.DescribeLaunchConfigurationsCommandInput,
  AutoScaling.DescribeLaunchConfigurationsCommandOutput
> = (cloud, input) => {
  const names = input.LaunchConfigurationNames ?? []
  const configurations = [...cloud.groups.launchConfigurations.values()].filter(
    (configuration) => names.length === 0 || names.includes(configuration.LaunchConfigurationName!),
  )
  const { items, nextToken } = page(configurations, {
    token: input.NextToken,
    size: input.MaxRecords ?? 50,
    sizeMax: 100,
    invalidToken: 'InvalidNextToken',
  })
  return { LaunchConfigurations: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}

export const deleteLaunchConfiguration: Operation<
  AutoScaling.DeleteLaunchConfigurationCommandInput,
  AutoScaling.DeleteLaunchConfigurationCommandOutput
> = (cloud, input) => {
  const name = requiredMember(input.LaunchConfigurationName, 'launchConfigurationName')
  if (cloud.groups.all().some((group) => group.settings.launchConfiguration === name))
    throw failure(
      'ResourceInUse',
      `Cannot delete launch configuration ${name} because it is attached to an AutoScalingGroup`,
    )
  if (!cloud.groups.launchConfigurations.delete(name))
    throw failure('ValidationError', `Launch configuration name not found - Launch configuration ${name} not found`)
  return {}
}
