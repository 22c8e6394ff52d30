import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { requiredMember } from '../../state/failure.ts'
import { filtered } from '../../state/filter.ts'
import { page } from '../../state/page.ts'
import type { Operation } from '../operation.ts'
import { describeTag, mergedTags } from './groups.ts'

export const createOrUpdateTags: Operation<
  AutoScaling.CreateOrUpdateTagsCommandInput,
  AutoScaling.CreateOrUpdateTagsCommandOutput
> = (cloud, input) => {
  for (const tag of requiredMember(input.Tags, 'tags')) {
    const group = cloud.groups.group(requiredMember(tag.ResourceId, 'tags.1.member.resourceId'))
    cloud.groups.setTags(group, mergedTags(group.tags, [tag]))
  }
  return {}
}

export const deleteTags: Operation<AutoScaling.DeleteTagsCommandInput, AutoScaling.DeleteTagsCommandOutput> = (
  cloud,
  input,
) => {
  for (const tag of requiredMember(input.Tags, 'tags')) {
    const group = cloud.groups.group(requiredMember(tag.ResourceId, 'tags.1.member.resourceId'))
    cloud.groups.setTags(
      group,
      group.tags.filter((old) => old.key !== tag.Key),
    )
  }
  return {}
}

export const describeTags: Operation<AutoScaling.DescribeTagsCommandInput, AutoScaling.DescribeTagsCommandOutput> = (
  cloud,
  input,
) => {
  const tags = cloud.groups.all().flatMap((group) => group.tags.map((tag) => describeTag(group.name, tag)))
  const matching = filtered(
    tags.map((tag) => ({ tag })),
    input.Filters,
    {
      'auto-scaling-group': ({ tag }) => [tag.ResourceId],
      key: ({ tag }) => [tag.Key],
      value: ({ tag }) => [tag.Value],
      'propagate-at-launch': ({ tag }) => [String(tag.PropagateAtLaunch)],
    },
  )
  const { items, nextToken } = page(matching, {
    token: input.NextToken,
    size: input.MaxRecords ?? 50,
    sizeMax: 100,
    invalidToken: 'InvalidNextToken',
  })
  return { Tags: items.map(({ tag }) => tag), ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}
