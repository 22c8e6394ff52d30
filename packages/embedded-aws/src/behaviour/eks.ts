import type * as Eks from '@aws-sdk/client-eks'
import { failure } from '../state/failure.ts'
import type { Cloud } from '../state/cloud.ts'
import type { NodegroupRecord } from '../state/clusters.ts'
import { page } from '../state/page.ts'
import type { Operation, OperationTable } from './operation.ts'

function notFound(message: string): Error {
  return failure('ResourceNotFoundException', message, 404)
}

function invalid(message: string): Error {
  return failure('InvalidParameterException', message)
}

function clusterNamed(cloud: Cloud, name: string | undefined): Eks.Cluster {
  const cluster = cloud.clusters.clusters.get(name ?? '')
  if (cluster === undefined) throw notFound(`No cluster found for name: ${name}.`)
  return cluster
}

function nodegroupNamed(cloud: Cloud, cluster: string | undefined, name: string | undefined): NodegroupRecord {
  clusterNamed(cloud, cluster)
  const nodegroup = cloud.clusters.nodegroups.get(`${cluster}/${name}`)
  if (nodegroup === undefined) throw notFound(`No node group found for name: ${name}.`)
  return nodegroup
}

const describeCluster: Operation<Eks.DescribeClusterCommandInput, Eks.DescribeClusterCommandOutput> = (
  cloud,
  input,
) => ({ cluster: clusterNamed(cloud, input.name) })

const listClusters: Operation<Eks.ListClustersCommandInput, Eks.ListClustersCommandOutput> = (cloud, input) => {
  const { items, nextToken } = page([...cloud.clusters.clusters.keys()].toSorted(), {
    token: input.nextToken,
    size: input.maxResults,
    sizeMax: 100,
    invalidToken: 'InvalidParameterException',
  })
  return { clusters: items, ...(nextToken === undefined ? {} : { nextToken }) }
}

const listNodegroups: Operation<Eks.ListNodegroupsCommandInput, Eks.ListNodegroupsCommandOutput> = (cloud, input) => {
  const cluster = clusterNamed(cloud, input.clusterName)
  const names = cloud.clusters.nodegroupsOf(cluster.name!).map((nodegroup) => nodegroup.described.nodegroupName!)
  const { items, nextToken } = page(names.toSorted(), {
    token: input.nextToken,
    size: input.maxResults,
    sizeMax: 100,
    invalidToken: 'InvalidParameterException',
  })
  return { nodegroups: items, ...(nextToken === undefined ? {} : { nextToken }) }
}

const describeNodegroup: Operation<Eks.DescribeNodegroupCommandInput, Eks.DescribeNodegroupCommandOutput> = (
  cloud,
  input,
) => {
  const { described, groupName } = nodegroupNamed(cloud, input.clusterName, input.nodegroupName)
  const settings = cloud.groups.find(groupName)?.settings
  if (settings === undefined) return { nodegroup: described }
  const { minSize, maxSize, desired } = settings
  return { nodegroup: { ...described, scalingConfig: { minSize, maxSize, desiredSize: desired } } }
}

const updateNodegroupConfig: Operation<
  Eks.UpdateNodegroupConfigCommandInput,
  Eks.UpdateNodegroupConfigCommandOutput
> = (cloud, input) => {
  const record = nodegroupNamed(cloud, input.clusterName, input.nodegroupName)
  const params: Eks.UpdateParam[] = []
  if (input.scalingConfig !== undefined) {
    const group = cloud.groups.group(record.groupName)
    const { minSize = group.settings.minSize, maxSize = group.settings.maxSize } = input.scalingConfig
    const desired = input.scalingConfig.desiredSize ?? Math.min(maxSize, Math.max(minSize, group.settings.desired))
    if (minSize > maxSize) throw invalid(`Minimum capacity ${minSize} can't be greater than maximum size ${maxSize}`)
    if (desired < minSize) throw invalid(`Minimum capacity ${minSize} can't be greater than desired size ${desired}`)
    if (desired > maxSize) throw invalid(`Desired capacity ${desired} can't be greater than max size ${maxSize}`)
    cloud.groups.update(group, { minSize, maxSize, desired })
    params.push(
      { type: 'MinSize', value: String(minSize) },
      { type: 'MaxSize', value: String(maxSize) },
      { type: 'DesiredSize', value: String(desired) },
    )
  }
  if (input.labels !== undefined) {
    const labels = { ...record.described.labels, ...input.labels.addOrUpdateLabels }
    for (const key of input.labels.removeLabels ?? []) delete labels[key]
    cloud.clusters.setNodegroup({ ...record, described: { ...record.described, labels } })
    params.push({ type: 'LabelsToAdd', value: JSON.stringify(input.labels.addOrUpdateLabels ?? {}) })
  }
  if (input.taints !== undefined) {
    const current = cloud.clusters.nodegroups.get(`${input.clusterName}/${input.nodegroupName}`)!
    const removed = [...(input.taints.removeTaints ?? []), ...(input.taints.addOrUpdateTaints ?? [])]
    const kept = (current.described.taints ?? []).filter(
      (taint) => !removed.some((r) => r.key === taint.key && r.effect === taint.effect),
    )
    const taints = [...kept, ...(input.taints.addOrUpdateTaints ?? [])]
    cloud.clusters.setNodegroup({ ...current, described: { ...current.described, taints } })
    params.push({ type: 'TaintsToAdd', value: JSON.stringify(input.taints.addOrUpdateTaints ?? []) })
  }
  return {
    update: {
      id: cloud.ids.uuid(),
      status: 'InProgress',
      type: 'ConfigUpdate',
      params,
      createdAt: new Date(cloud.clock.now()),
      errors: [],
    },
  }
}

const tagResource: Operation<Eks.TagResourceCommandInput, Eks.TagResourceCommandOutput> = (cloud, input) => {
  const cluster = [...cloud.clusters.clusters.values()].find((c) => c.arn === input.resourceArn)
  if (cluster !== undefined) {
    cloud.clusters.clusters.set(cluster.name!, { ...cluster, tags: { ...cluster.tags, ...input.tags } })
    return {}
  }
  const record = [...cloud.clusters.nodegroups.values()].find((n) => n.described.nodegroupArn === input.resourceArn)
  if (record === undefined) throw notFound(`No resource found for ARN: ${input.resourceArn}.`)
  const tags = { ...record.described.tags, ...input.tags }
  cloud.clusters.setNodegroup({ ...record, described: { ...record.described, tags } })
  return {}
}

const listAddons: Operation<Eks.ListAddonsCommandInput, Eks.ListAddonsCommandOutput> = (cloud, input) => {
  clusterNamed(cloud, input.clusterName)
  return { addons: ['aws-ebs-csi-driver', 'coredns', 'kube-proxy', 'vpc-cni'] }
}

export const eksOperations: OperationTable = {
  DescribeCluster: describeCluster,
  DescribeNodegroup: describeNodegroup,
  ListAddons: listAddons,
  ListClusters: listClusters,
  ListNodegroups: listNodegroups,
  TagResource: tagResource,
  UpdateNodegroupConfig: updateNodegroupConfig,
}
