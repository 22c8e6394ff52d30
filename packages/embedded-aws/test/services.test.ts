import { describe, expect, it } from 'vitest'
import { setClusterEndpoint } from '../src/index.ts'
import { groupOf, laboratory, type Laboratory } from './laboratory.ts'

function invoke(lab: Laboratory, service: string, operation: string, input: object = {}): Promise<object> {
  return lab.aws.invoke(service, operation, input, { requestId: 'r', accessKey: '' })
}

describe('EKS', () => {
  it('describes the node group with the sizes that its Auto Scaling group has now', async () => {
    const lab = laboratory({ maxSize: 6 })
    await lab.api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: lab.group, DesiredCapacity: 5 })
    const { nodegroup } = await lab.api.call('eks', 'DescribeNodegroup', { clusterName: 'myeks', nodegroupName: 'ng1' })
    expect(nodegroup).toMatchObject({
      status: 'ACTIVE',
      amiType: 'AL2023_x86_64_STANDARD',
      capacityType: 'ON_DEMAND',
      instanceTypes: ['t3.medium'],
      scalingConfig: { minSize: 3, maxSize: 6, desiredSize: 5 },
      resources: { autoScalingGroups: [{ name: lab.group }] },
    })
  })

  it('resizes the group', async () => {
    const lab = laboratory()
    const answer = await invoke(lab, 'eks', 'UpdateNodegroupConfig', {
      clusterName: 'myeks',
      nodegroupName: 'ng1',
      scalingConfig: { minSize: 1, maxSize: 9, desiredSize: 4 },
    })
    expect(answer).toMatchObject({ update: { status: 'InProgress', type: 'ConfigUpdate' } })
    expect(await groupOf(lab)).toMatchObject({ min: 1, max: 9, desired: 4 })
  })

  it.each([
    { scalingConfig: { desiredSize: 9 }, says: "Desired capacity 9 can't be greater than max size 3" },
    { scalingConfig: { desiredSize: 1 }, says: "Minimum capacity 3 can't be greater than desired size 1" },
    { scalingConfig: { minSize: 4 }, says: "Minimum capacity 4 can't be greater than maximum size 3" },
  ])('refuses $scalingConfig', async ({ scalingConfig, says }) => {
    const lab = laboratory()
    await expect(
      invoke(lab, 'eks', 'UpdateNodegroupConfig', { clusterName: 'myeks', nodegroupName: 'ng1', scalingConfig }),
    ).rejects.toMatchObject({ code: 'InvalidParameterException', message: says })
  })

  it('labels and taints reach the machines that start afterwards', async () => {
    const lab = laboratory({ maxSize: 4 })
    await invoke(lab, 'eks', 'UpdateNodegroupConfig', {
      clusterName: 'myeks',
      nodegroupName: 'ng1',
      labels: { addOrUpdateLabels: { tier: 'web' } },
      taints: { addOrUpdateTaints: [{ key: 'only', value: 'web', effect: 'NO_SCHEDULE' }] },
      scalingConfig: { desiredSize: 4 },
    })
    const started: unknown[] = []
    lab.aws.machines().watch({
      started: ({ labels, taints }) => started.push({ tier: labels['tier'], taints }),
      halted: () => {},
    })
    await lab.run(60)
    expect(started).toHaveLength(4)
    expect(started[3]).toEqual({ tier: 'web', taints: [{ key: 'only', value: 'web', effect: 'NoSchedule' }] })
  })

  it('learns where the API server listens', async () => {
    const lab = laboratory()
    setClusterEndpoint(lab.aws, 'myeks', { url: 'https://127.0.0.1:6443', caPem: 'the authority' })
    const { cluster } = await lab.api.call('eks', 'DescribeCluster', { name: 'myeks' })
    expect(cluster).toMatchObject({ endpoint: 'https://127.0.0.1:6443', status: 'ACTIVE', version: '1.35' })
    expect(atob(cluster!.certificateAuthority!.data!)).toBe('the authority')
  })
})

describe('IAM', () => {
  it('a service-linked role is made once', async () => {
    const lab = laboratory()
    const create = (): Promise<object> =>
      invoke(lab, 'iam', 'CreateServiceLinkedRole', { AWSServiceName: 'spot.amazonaws.com' })
    await create()
    await expect(create()).rejects.toMatchObject({
      code: 'InvalidInput',
      httpStatus: 400,
      message:
        'Service role name AWSServiceRoleForEC2Spot has been taken in this account, please try a different suffix.',
    })
    const { Role } = await lab.api.call('iam', 'GetRole', { RoleName: 'AWSServiceRoleForEC2Spot' })
    expect(JSON.parse(decodeURIComponent(Role!.AssumeRolePolicyDocument!))).toMatchObject({
      Statement: [{ Principal: { Service: 'spot.amazonaws.com' } }],
    })
  })

  it('an instance profile holds one role, and clients can tell which of the two is missing', async () => {
    const lab = laboratory()
    const InstanceProfileName = 'karpenter'
    await expect(invoke(lab, 'iam', 'GetInstanceProfile', { InstanceProfileName })).rejects.toMatchObject({
      code: 'NoSuchEntity',
      message: expect.not.stringContaining('role'),
    })
    await invoke(lab, 'iam', 'CreateInstanceProfile', { InstanceProfileName })
    const add = (RoleName: string): Promise<object> =>
      invoke(lab, 'iam', 'AddRoleToInstanceProfile', { InstanceProfileName, RoleName })
    await expect(add('none')).rejects.toMatchObject({
      code: 'NoSuchEntity',
      message: 'The role with name none cannot be found.',
    })
    await add('myeks-nodegroup-ng1-role')
    await expect(add('myeks-cluster-role')).rejects.toMatchObject({ code: 'LimitExceeded', httpStatus: 409 })
    await expect(invoke(lab, 'iam', 'DeleteInstanceProfile', { InstanceProfileName })).rejects.toMatchObject({
      code: 'DeleteConflict',
    })
  })
})

describe('SSM', () => {
  it.each([
    {
      path: '1.35/amazon-linux-2023/x86_64/standard/recommended/image_name',
      value: /^amazon-eks-node-al2023-x86_64-standard-1\.35-v\d{8}$/,
    },
    { path: '1.34/amazon-linux-2023/arm64/standard/recommended/image_id', value: /^ami-[0-9a-f]{17}$/ },
    { path: '1.32/amazon-linux-2/recommended/image_name', value: /^amazon-eks-node-1\.32-v\d{8}$/ },
    { path: '1.35/amazon-linux-2023/x86_64/standard/recommended/release_version', value: /^1\.35\.0-\d{8}$/ },
  ])('knows the EKS image of $path', async ({ path, value }) => {
    const lab = laboratory()
    const { Parameter } = await lab.api.call('ssm', 'GetParameter', { Name: `/aws/service/eks/optimized-ami/${path}` })
    expect(Parameter!.Value).toMatch(value)
  })

  it('leads to an image that EC2 has', async () => {
    const lab = laboratory()
    const Name = '/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/arm64/standard/recommended/image_id'
    const { Parameter } = await lab.api.call('ssm', 'GetParameter', { Name })
    const { Images } = await lab.api.call('ec2', 'DescribeImages', { ImageIds: [Parameter!.Value!] })
    expect(Images![0]).toMatchObject({ Architecture: 'arm64', OwnerId: '602401143452', State: 'available' })
  })

  it('knows no Amazon Linux 2 beyond Kubernetes 1.32; the answer says nothing but the code', async () => {
    await expect(
      laboratory().api.call('ssm', 'GetParameter', {
        Name: '/aws/service/eks/optimized-ami/1.33/amazon-linux-2/recommended/image_id',
      }),
    ).rejects.toMatchObject({ failure: 'notFound', code: 'ParameterNotFound', message: '', httpStatus: 400 })
  })
})

describe('Auto Scaling beyond one managed node group', () => {
  async function create(lab: Laboratory, name: string, input: object): Promise<void> {
    await invoke(lab, 'autoscaling', 'CreateAutoScalingGroup', {
      AutoScalingGroupName: name,
      MinSize: 0,
      MaxSize: 9,
      VPCZoneIdentifier: lab.world.subnetIds.join(','),
      ...input,
    })
  }
  const template = { LaunchTemplateName: 'web', Version: '$Latest' }

  async function withTemplate(): Promise<Laboratory> {
    const lab = laboratory()
    const image = lab.aws.cloud.images.eks({ version: '1.35', architecture: 'x86_64' })
    await lab.api.call('ec2', 'CreateLaunchTemplate', {
      LaunchTemplateName: 'web',
      LaunchTemplateData: { ImageId: image.ImageId!, InstanceType: 'm5.large' },
    })
    return lab
  }

  async function typesOf(lab: Laboratory, name: string): Promise<(string | undefined)[]> {
    const { AutoScalingGroups } = await lab.api.call('autoscaling', 'DescribeAutoScalingGroups', {
      AutoScalingGroupNames: [name],
    })
    return AutoScalingGroups![0]!.Instances!.map((instance) => instance.InstanceType)
  }

  it('mixed instances: the first override that has room, on demand', async () => {
    const lab = await withTemplate()
    lab.aws.faults.setCapacity({ instanceType: 'c5.large' }, 1)
    await create(lab, 'mixed', {
      DesiredCapacity: 3,
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: template,
          Overrides: [{ InstanceType: 'c5.large' }, { InstanceType: 'c5a.large' }],
        },
      },
    })
    await lab.run(60)
    expect(await typesOf(lab, 'mixed')).toEqual(['c5.large', 'c5a.large', 'c5a.large'])
  })

  it('mixed instances: the share above the base is spot', async () => {
    const lab = await withTemplate()
    await create(lab, 'mixed', {
      DesiredCapacity: 5,
      MixedInstancesPolicy: {
        LaunchTemplate: { LaunchTemplateSpecification: template },
        InstancesDistribution: { OnDemandBaseCapacity: 1, OnDemandPercentageAboveBaseCapacity: 50 },
      },
    })
    await lab.run(60)
    const { Reservations } = await lab.api.call('ec2', 'DescribeInstances', {
      Filters: [
        { Name: 'tag:aws:autoscaling:groupName', Values: ['mixed'] },
        { Name: 'instance-lifecycle', Values: ['spot'] },
      ],
    })
    expect(Reservations!.flatMap((r) => r.Instances!)).toHaveLength(2)
  })

  it('requirements instead of types', async () => {
    const lab = await withTemplate()
    await create(lab, 'wanted', {
      DesiredCapacity: 1,
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: template,
          Overrides: [
            {
              InstanceRequirements: {
                VCpuCount: { Min: 4, Max: 4 },
                MemoryMiB: { Min: 16384, Max: 16384 },
                AllowedInstanceTypes: ['m6i.*'],
              },
            },
          ],
        },
      },
    })
    await lab.run(60)
    expect(await typesOf(lab, 'wanted')).toEqual(['m6i.xlarge'])
  })

  it('a launch configuration', async () => {
    const lab = laboratory()
    const image = lab.aws.cloud.images.eks({ version: '1.35', architecture: 'arm64' })
    await invoke(lab, 'autoscaling', 'CreateLaunchConfiguration', {
      LaunchConfigurationName: 'old',
      ImageId: image.ImageId,
      InstanceType: 'm7g.large',
    })
    await create(lab, 'old-group', { DesiredCapacity: 1, LaunchConfigurationName: 'old' })
    await lab.run(60)
    expect(await typesOf(lab, 'old-group')).toEqual(['m7g.large'])
  })

  it('a deleted launch template fails the launch and is told in the activity', async () => {
    const lab = await withTemplate()
    await create(lab, 'web', { DesiredCapacity: 0, LaunchTemplate: template })
    await invoke(lab, 'ec2', 'DeleteLaunchTemplate', { LaunchTemplateName: 'web' })
    await lab.api.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: 'web', DesiredCapacity: 1 })
    await lab.run(10)
    const { Activities } = await lab.api.call('autoscaling', 'DescribeScalingActivities', {
      AutoScalingGroupName: 'web',
    })
    expect(Activities![0]).toMatchObject({
      StatusCode: 'Failed',
      StatusMessage:
        'At least one of the launch templates specified in the request does not exist. Launching EC2 instance failed.',
    })
  })

  it.each([
    { when: 'nothing to launch', input: {}, says: 'Valid requests must contain either LaunchTemplate,' },
    {
      when: 'an unknown template',
      input: { LaunchTemplate: { LaunchTemplateName: 'none' } },
      says: 'At least one of the launch templates specified in the request does not exist.',
    },
    {
      when: 'an unknown subnet',
      input: { LaunchTemplate: template, VPCZoneIdentifier: 'subnet-1' },
      says: "The subnet ID 'subnet-1' does not exist",
    },
    {
      when: 'a minimum above the maximum',
      input: { LaunchTemplate: template, MinSize: 10 },
      says: 'Max bound, 9, must be greater than or equal to min bound, 10',
    },
  ])('refuses $when', async ({ input, says }) => {
    await expect(create(await withTemplate(), 'new', input)).rejects.toThrow(says)
  })
})
