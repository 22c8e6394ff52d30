import type * as Ec2 from '@aws-sdk/client-ec2'
import { failure, required } from '../../state/failure.ts'
import { page } from '../../state/page.ts'
import type { Operation } from '../operation.ts'
import { dryRun } from './dry-run.ts'
import { described, tagsFor } from './network.ts'

export const createLaunchTemplate: Operation<
  Ec2.CreateLaunchTemplateCommandInput,
  Ec2.CreateLaunchTemplateCommandOutput
> = (cloud, input) => {
  dryRun(input)
  return {
    LaunchTemplate: cloud.launchTemplates.create({
      name: required(input.LaunchTemplateName, 'LaunchTemplateName'),
      // An empty structure does not arrive over the query wire.
      data: input.LaunchTemplateData ?? {},
      description: input.VersionDescription,
      tags: tagsFor(input, 'launch-template'),
    }),
  }
}

export const createLaunchTemplateVersion: Operation<
  Ec2.CreateLaunchTemplateVersionCommandInput,
  Ec2.CreateLaunchTemplateVersionCommandOutput
> = (cloud, input) => {
  dryRun(input)
  return {
    LaunchTemplateVersion: cloud.launchTemplates.createVersion(input, {
      data: input.LaunchTemplateData ?? {},
      source: input.SourceVersion,
      description: input.VersionDescription,
    }),
  }
}

export const modifyLaunchTemplate: Operation<
  Ec2.ModifyLaunchTemplateCommandInput,
  Ec2.ModifyLaunchTemplateCommandOutput
> = (cloud, input) => {
  dryRun(input)
  return {
    LaunchTemplate: cloud.launchTemplates.setDefault(input, required(input.DefaultVersion, 'SetDefaultVersion')),
  }
}

export const deleteLaunchTemplate: Operation<
  Ec2.DeleteLaunchTemplateCommandInput,
  Ec2.DeleteLaunchTemplateCommandOutput
> = (cloud, input) => {
  dryRun(input)
  return { LaunchTemplate: cloud.launchTemplates.delete(input) }
}

export const describeLaunchTemplates: Operation<
  Ec2.DescribeLaunchTemplatesCommandInput,
  Ec2.DescribeLaunchTemplatesCommandOutput
> = (cloud, input) => {
  const all = cloud.launchTemplates.all()
  const names = input.LaunchTemplateNames ?? []
  const named = names.map((LaunchTemplateName) => cloud.launchTemplates.template({ LaunchTemplateName }))
  const { items, nextToken } = described(
    new Map(all.map((template) => [template.LaunchTemplateId!, template])),
    input,
    {
      ids: names.length > 0 ? named.map((template) => template.LaunchTemplateId!) : input.LaunchTemplateIds,
      missing: (id) =>
        failure(
          'InvalidLaunchTemplateId.NotFound',
          `The specified launch template, with template ID ${id}, does not exist.`,
        ),
      accessors: {
        'create-time': (t) => [t.CreateTime?.toISOString()],
        'launch-template-name': (t) => [t.LaunchTemplateName],
      },
      sizeMax: 200,
    },
  )
  return { LaunchTemplates: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}

export const describeLaunchTemplateVersions: Operation<
  Ec2.DescribeLaunchTemplateVersionsCommandInput,
  Ec2.DescribeLaunchTemplateVersionsCommandOutput
> = (cloud, input) => {
  dryRun(input)
  const wanted = input.Versions ?? []
  const versions =
    wanted.length === 0
      ? cloud.launchTemplates.versions(input).toReversed()
      : wanted.map((Version) =>
          cloud.launchTemplates.version({
            LaunchTemplateId: input.LaunchTemplateId,
            LaunchTemplateName: input.LaunchTemplateName,
            Version,
          }),
        )
  const from = Number(input.MinVersion ?? 0)
  const to = Number(input.MaxVersion ?? Infinity)
  const { items, nextToken } = page(
    versions.filter((version) => version.VersionNumber! >= from && version.VersionNumber! <= to),
    { token: input.NextToken, size: input.MaxResults, sizeMax: 200, invalidToken: 'InvalidParameterValue' },
  )
  return { LaunchTemplateVersions: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
}
