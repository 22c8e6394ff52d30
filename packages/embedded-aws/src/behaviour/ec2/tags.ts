import type * as Ec2 from '@aws-sdk/client-ec2'
import type { Cloud } from '../../state/cloud.ts'
import { failure, required } from '../../state/failure.ts'
import { filtered } from '../../state/filter.ts'
import { page } from '../../state/page.ts'
import { withoutTags, withTags, type Tag } from '../../state/tags.ts'
import type { Operation } from '../operation.ts'
import { dryRun } from './dry-run.ts'

interface TaggedResource {
  readonly id: string
  readonly type: Ec2.ResourceType
  readonly tags: readonly Tag[]
  readonly set: (tags: { Key: string; Value: string }[]) => void
}

/** What carries the id, by its prefix. @throws `Invalid…NotFound` */
function resource(cloud: Cloud, id: string): TaggedResource {
  const { network, images, instances, launchTemplates } = cloud
  const ofMap = <T extends { readonly Tags?: readonly Tag[] | undefined }>(
    type: Ec2.ResourceType,
    map: Map<string, T>,
    code: string,
    noun: string,
  ): TaggedResource => {
    const item = map.get(id)
    if (item === undefined) throw failure(code, `The ${noun} '${id}' does not exist`)
    return { id, type, tags: item.Tags ?? [], set: (Tags) => map.set(id, { ...map.get(id)!, Tags }) }
  }
  switch (id.slice(0, id.indexOf('-'))) {
    case 'i': {
      const [record] = instances.getAll([id])
      return { id, type: 'instance', tags: record!.described.Tags ?? [], set: (tags) => instances.setTags(id, tags) }
    }
    case 'vpc':
      return ofMap('vpc', network.vpcs, 'InvalidVpcID.NotFound', 'vpc ID')
    case 'subnet':
      return ofMap('subnet', network.subnets, 'InvalidSubnetID.NotFound', 'subnet ID')
    case 'sg':
      return ofMap('security-group', network.securityGroups, 'InvalidGroup.NotFound', 'security group')
    case 'ami':
      return ofMap('image', images.images, 'InvalidAMIID.NotFound', 'image id')
    case 'lt': {
      const { Tags } = launchTemplates.template({ LaunchTemplateId: id })
      return { id, type: 'launch-template', tags: Tags ?? [], set: (tags) => launchTemplates.setTags(id, tags) }
    }
    default:
      throw failure('InvalidID', `The ID '${id}' is not valid`)
  }
}

export const createTags: Operation<Ec2.CreateTagsCommandInput, Ec2.CreateTagsCommandOutput> = (cloud, input) => {
  const added = required(input.Tags, 'Tag')
  const resources = required(input.Resources, 'ResourceId').map((id) => resource(cloud, id))
  const changed = resources.map((r) => withTags(r.tags, added))
  dryRun(input)
  resources.forEach((r, index) => r.set(changed[index]!))
  return {}
}

export const deleteTags: Operation<Ec2.DeleteTagsCommandInput, Ec2.DeleteTagsCommandOutput> = (cloud, input) => {
  const resources = required(input.Resources, 'ResourceId').map((id) => resource(cloud, id))
  dryRun(input)
  for (const r of resources) {
    const removed = input.Tags ?? r.tags.filter((tag) => !tag.Key!.startsWith('aws:'))
    r.set(withoutTags(r.tags, removed))
  }
  return {}
}

export const describeTags: Operation<Ec2.DescribeTagsCommandInput, Ec2.DescribeTagsCommandOutput> = (cloud, input) => {
  dryRun(input)
  const { network, images, instances, launchTemplates } = cloud
  const ids = [
    ...instances.all().map((record) => record.id),
    ...network.vpcs.keys(),
    ...network.subnets.keys(),
    ...network.securityGroups.keys(),
    ...images.images.keys(),
    ...launchTemplates.all().map((template) => template.LaunchTemplateId!),
  ]
  const tags = ids.flatMap((id) => {
    const r = resource(cloud, id)
    return r.tags.map((tag) => ({
      tag: { Key: tag.Key, Value: tag.Value, ResourceId: r.id, ResourceType: r.type },
      Tags: [tag],
    }))
  })
  const matching = filtered(tags, input.Filters, {
    key: ({ tag }) => [tag.Key],
    value: ({ tag }) => [tag.Value],
    'resource-id': ({ tag }) => [tag.ResourceId],
    'resource-type': ({ tag }) => [tag.ResourceType],
  })
  const { items, nextToken } = page(matching, {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: 1000,
    invalidToken: 'InvalidParameterValue',
  })
  return { Tags: items.map(({ tag }) => tag), ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}
