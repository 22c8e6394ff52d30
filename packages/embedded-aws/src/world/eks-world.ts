import type * as Ec2 from '@aws-sdk/client-ec2'
import type * as Eks from '@aws-sdk/client-eks'
import type { EmbeddedAws } from '../embedded-aws.ts'
import type { Cloud } from '../state/cloud.ts'
import type { Process } from '../state/group.ts'
import { releaseVersion } from '../state/images.ts'
import { mergeTags, tagsOfMap } from '../state/tags.ts'
import { zonesOf } from '../state/zones.ts'
import { instanceTypes } from '../catalogue/instance-type.ts'
import { failure } from '../state/failure.ts'

export interface ClusterEndpoint {
  readonly url: string
  /** The certificate of the authority behind the API server. */
  readonly caPem: string
}

export interface NodegroupSpec {
  readonly name: string
  readonly instanceType?: string
  readonly minSize?: number
  readonly maxSize?: number
  readonly desiredSize?: number
  readonly labels?: { readonly [key: string]: string }
  readonly taints?: readonly Eks.Taint[]
  /** Beside those that EKS gives to group and instances. */
  readonly tags?: { readonly [key: string]: string }
  readonly suspendedProcesses?: readonly Process[]
}

export interface EksWorldOptions {
  readonly clusterName?: string
  readonly kubernetesVersion?: string
  readonly endpoint?: ClusterEndpoint
  /** The VPC is the /16 around them; one subnet in each of the region's first zones. */
  readonly subnetCidrs?: readonly string[]
  readonly vpcCidr?: string
  /** One group `ng1`, t3.medium, 3 of 3, when absent. */
  readonly nodegroups?: readonly NodegroupSpec[]
}

export interface EksWorld {
  readonly clusterName: string
  readonly vpcId: string
  readonly subnetIds: readonly string[]
  readonly clusterSecurityGroupId: string
  readonly nodeSecurityGroupId: string
  /** By node group name: the Auto Scaling group. */
  readonly groupNames: { readonly [nodegroup: string]: string }
}

/**
 * An EKS cluster that is already there: network, roles, cluster, managed node groups with their instances running. The
 * defaults are the workshop's: cluster `myeks`, subnets 192.168.{1,2,3}.0/24 in the region's first three zones, node
 * group `ng1` with three t3.medium.
 */
export function seedEksWorld(aws: EmbeddedAws, o: EksWorldOptions = {}): EksWorld {
  const { cloud } = aws
  const clusterName = o.clusterName ?? 'myeks'
  const network = createNetwork(cloud, clusterName, o)
  const cluster = createCluster(cloud, clusterName, network, o)
  const nodegroups = o.nodegroups ?? [{ name: 'ng1' }]
  const groupNames = Object.fromEntries(
    nodegroups.map((spec) => [spec.name, createManagedNodegroup(aws, cluster.name!, spec)]),
  )
  return { clusterName, ...network, groupNames }
}

/** Tells DescribeCluster where the API server is, once it listens. @throws when there is no such cluster */
export function setClusterEndpoint(aws: EmbeddedAws, clusterName: string, endpoint: ClusterEndpoint): void {
  const { clusters } = aws.cloud.clusters
  const cluster = clusters.get(clusterName)
  if (cluster === undefined)
    throw failure('ResourceNotFoundException', `No cluster found for name: ${clusterName}.`, 404)
  clusters.set(clusterName, {
    ...cluster,
    endpoint: endpoint.url,
    certificateAuthority: { data: btoa(endpoint.caPem) },
  })
}

type WorldNetwork = Pick<EksWorld, 'vpcId' | 'subnetIds' | 'clusterSecurityGroupId' | 'nodeSecurityGroupId'>

function createNetwork(cloud: Cloud, clusterName: string, o: EksWorldOptions): WorldNetwork {
  const { network } = cloud
  const vpc = network.createVpc({
    cidr: o.vpcCidr ?? '192.168.0.0/16',
    tags: tagsOfMap({ Name: `${clusterName}-VPC` }),
  })
  const vpcId = vpc.VpcId!
  const cidrs = o.subnetCidrs ?? ['192.168.1.0/24', '192.168.2.0/24', '192.168.3.0/24']
  const zones = zonesOf(cloud.region)
  const subnets = cidrs.map((cidr, index) =>
    network.createSubnet({
      vpcId,
      cidr,
      zone: zones[index % zones.length]!.name,
      isPublic: true,
      tags: tagsOfMap({
        Name: `${clusterName}-PublicSubnet${index + 1}`,
        'karpenter.sh/discovery': clusterName,
        'kubernetes.io/role/elb': '1',
      }),
    }),
  )
  const clusterGroup = network.createSecurityGroup({
    vpcId,
    name: `eks-cluster-sg-${clusterName}-${cloud.ids.below(1_000_000_000)}`,
    description:
      'EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.',
    tags: tagsOfMap({
      Name: `eks-cluster-sg-${clusterName}`,
      'aws:eks:cluster-name': clusterName,
      'karpenter.sh/discovery': clusterName,
      [`kubernetes.io/cluster/${clusterName}`]: 'owned',
    }),
  })
  const nodeGroup = network.createSecurityGroup({
    vpcId,
    name: `${clusterName}-nodes`,
    description: 'Communication between all nodes in the cluster',
    tags: tagsOfMap({ Name: `${clusterName}-nodes` }),
  })
  return {
    vpcId,
    subnetIds: subnets.map((subnet) => subnet.SubnetId!),
    clusterSecurityGroupId: clusterGroup.GroupId!,
    nodeSecurityGroupId: nodeGroup.GroupId!,
  }
}

function createCluster(cloud: Cloud, name: string, network: WorldNetwork, o: EksWorldOptions): Eks.Cluster {
  const { identities, ids, region, accountId } = cloud
  identities.createServiceRole('eks.amazonaws.com')
  identities.createServiceRole('eks-nodegroup.amazonaws.com')
  identities.createServiceRole('autoscaling.amazonaws.com')
  const role = identities.createRole({ name: `${name}-cluster-role`, service: 'eks.amazonaws.com' })
  identities.attachedPolicies.set(role.RoleName!, ['arn:aws:iam::aws:policy/AmazonEKSClusterPolicy'])
  const issuer = `https://oidc.eks.${region}.amazonaws.com/id/${ids.hex(32).toUpperCase()}`
  const endpoint = o.endpoint?.url ?? `https://${ids.hex(32).toUpperCase()}.gr7.${region}.eks.amazonaws.com`
  const cluster: Eks.Cluster = {
    name,
    arn: `arn:aws:eks:${region}:${accountId}:cluster/${name}`,
    createdAt: new Date(cloud.clock.now()),
    version: o.kubernetesVersion ?? '1.35',
    endpoint,
    roleArn: role.Arn,
    resourcesVpcConfig: {
      subnetIds: [...network.subnetIds],
      securityGroupIds: [network.nodeSecurityGroupId],
      clusterSecurityGroupId: network.clusterSecurityGroupId,
      vpcId: network.vpcId,
      endpointPublicAccess: true,
      endpointPrivateAccess: false,
      publicAccessCidrs: ['0.0.0.0/0'],
    },
    kubernetesNetworkConfig: { serviceIpv4Cidr: '10.100.0.0/16', ipFamily: 'ipv4' },
    logging: { clusterLogging: [] },
    identity: { oidc: { issuer } },
    status: 'ACTIVE',
    certificateAuthority: { data: btoa(o.endpoint?.caPem ?? '') },
    platformVersion: 'eks.1',
    tags: {},
    accessConfig: { authenticationMode: 'API_AND_CONFIG_MAP' },
    upgradePolicy: { supportType: 'STANDARD' },
    deletionProtection: false,
  }
  cloud.clusters.clusters.set(name, cluster)
  return cluster
}

/** A managed node group with its launch template, role and Auto Scaling group, whose name is returned. */
export function createManagedNodegroup(aws: EmbeddedAws, clusterName: string, spec: NodegroupSpec): string {
  const { cloud } = aws
  const cluster = cloud.clusters.clusters.get(clusterName)
  if (cluster === undefined)
    throw failure('ResourceNotFoundException', `No cluster found for name: ${clusterName}.`, 404)
  const instanceType = spec.instanceType ?? 't3.medium'
  const type = instanceTypes().get(instanceType)
  if (type === undefined) throw failure('InvalidParameterException', `${instanceType} is not an instance type.`)
  const minSize = spec.minSize ?? 3
  const maxSize = spec.maxSize ?? Math.max(3, minSize)
  const desired = spec.desiredSize ?? Math.max(minSize, Math.min(3, maxSize))
  const version = cluster.version!
  const architecture = type.architecture === 'arm64' ? 'arm64' : 'x86_64'
  const image = cloud.images.eks({ version, architecture })
  const role = nodeRole(cloud, clusterName, spec.name)
  const uuid = cloud.ids.uuid()
  const groupName = `eks-${spec.name}-${uuid}`
  const owned = {
    'eks:cluster-name': clusterName,
    'eks:nodegroup-name': spec.name,
    'k8s.io/cluster-autoscaler/enabled': 'true',
    [`k8s.io/cluster-autoscaler/${clusterName}`]: 'owned',
    [`kubernetes.io/cluster/${clusterName}`]: 'owned',
    ...spec.tags,
  }
  const template = cloud.launchTemplates.create({
    name: `eks-${uuid}`,
    tags: tagsOfMap({ 'eks:cluster-name': clusterName, 'eks:nodegroup-name': spec.name }),
    data: templateData(cluster, { name: spec.name, instanceType, image, profile: role.profileName }),
  })
  const group = cloud.groups.create(
    groupName,
    {
      minSize,
      maxSize,
      desired,
      subnetIds: cluster.resourcesVpcConfig!.subnetIds!,
      launchTemplate: {
        LaunchTemplateId: template.LaunchTemplateId,
        LaunchTemplateName: template.LaunchTemplateName,
        Version: '1',
      },
      launchConfiguration: undefined,
      mixedInstances: undefined,
      cooldownSeconds: 300,
      healthCheckType: 'EC2',
      healthCheckGraceSeconds: 15,
      protectNewInstances: false,
      capacityRebalance: true,
      terminationPolicies: ['AllocationStrategy', 'OldestLaunchTemplate', 'OldestInstance'],
    },
    Object.entries(owned)
      .map(([key, value]) => ({ key, value, propagate: true }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  )
  if (spec.suspendedProcesses !== undefined) cloud.groups.suspend(group, spec.suspendedProcesses)
  const now = new Date(cloud.clock.now())
  cloud.clusters.setNodegroup({
    clusterName,
    groupName,
    described: {
      nodegroupName: spec.name,
      nodegroupArn: `arn:aws:eks:${cloud.region}:${cloud.accountId}:nodegroup/${clusterName}/${spec.name}/${uuid}`,
      clusterName,
      version,
      releaseVersion: releaseVersion(version),
      createdAt: now,
      modifiedAt: now,
      status: 'ACTIVE',
      capacityType: 'ON_DEMAND',
      scalingConfig: { minSize, maxSize, desiredSize: desired },
      instanceTypes: [instanceType],
      subnets: cluster.resourcesVpcConfig!.subnetIds,
      amiType: architecture === 'arm64' ? 'AL2023_ARM_64_STANDARD' : 'AL2023_x86_64_STANDARD',
      nodeRole: role.arn,
      labels: { ...spec.labels },
      ...(spec.taints === undefined ? {} : { taints: [...spec.taints] }),
      resources: { autoScalingGroups: [{ name: groupName }] },
      diskSize: 20,
      health: { issues: [] },
      updateConfig: { maxUnavailable: 1 },
      launchTemplate: { id: template.LaunchTemplateId, name: template.LaunchTemplateName, version: '1' },
      tags: { ...spec.tags },
    },
  })
  cloud.groups.fillNow(group)
  return groupName
}

function nodeRole(cloud: Cloud, clusterName: string, nodegroup: string): { arn: string; profileName: string } {
  const { identities } = cloud
  const role = identities.createRole({ name: `${clusterName}-nodegroup-${nodegroup}-role` })
  identities.attachedPolicies.set(
    role.RoleName!,
    ['AmazonEKSWorkerNodePolicy', 'AmazonEKS_CNI_Policy', 'AmazonEC2ContainerRegistryReadOnly'].map(
      (policy) => `arn:aws:iam::aws:policy/${policy}`,
    ),
  )
  const profileName = `eks-${cloud.ids.uuid()}`
  identities.createProfile(profileName)
  identities.addRole(profileName, role.RoleName!)
  return { arn: role.Arn!, profileName }
}

function templateData(
  cluster: Eks.Cluster,
  o: { readonly name: string; readonly instanceType: string; readonly image: Ec2.Image; readonly profile: string },
): Ec2.RequestLaunchTemplateData {
  const clusterName = cluster.name!
  const tags = mergeTags(tagsOfMap({ Name: `${clusterName}-${o.name}-Node` }))
  const nodeConfig = [
    'apiVersion: node.eks.aws/v1alpha1',
    'kind: NodeConfig',
    'spec:',
    '  cluster:',
    `    name: ${clusterName}`,
    `    apiServerEndpoint: ${cluster.endpoint}`,
    '',
  ].join('\n')
  return {
    ImageId: o.image.ImageId!,
    InstanceType: o.instanceType as Ec2._InstanceType,
    IamInstanceProfile: { Name: o.profile },
    SecurityGroupIds: [cluster.resourcesVpcConfig!.clusterSecurityGroupId!],
    UserData: btoa(nodeConfig),
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: true, VolumeSize: 20, VolumeType: 'gp3' } },
    ],
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
  }
}
