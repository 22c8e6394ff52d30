import type * as Iam from '@aws-sdk/client-iam'
import { requiredMember } from '../state/failure.ts'
import { page } from '../state/page.ts'
import { withTags, withoutTags } from '../state/tags.ts'
import type { Operation, OperationTable } from './operation.ts'

const createServiceLinkedRole: Operation<
  Iam.CreateServiceLinkedRoleCommandInput,
  Iam.CreateServiceLinkedRoleCommandOutput
> = (cloud, input) => ({
  Role: cloud.identities.createServiceRole(requiredMember(input.AWSServiceName, 'aWSServiceName'), input.CustomSuffix),
})

const createRole: Operation<Iam.CreateRoleCommandInput, Iam.CreateRoleCommandOutput> = (cloud, input) => ({
  Role: cloud.identities.createRole({
    name: requiredMember(input.RoleName, 'roleName'),
    path: input.Path,
    trustPolicy: requiredMember(input.AssumeRolePolicyDocument, 'assumeRolePolicyDocument'),
    description: input.Description,
    maxSessionSeconds: input.MaxSessionDuration,
    tags: withTags([], input.Tags ?? []),
  }),
})

const getRole: Operation<Iam.GetRoleCommandInput, Iam.GetRoleCommandOutput> = (cloud, input) => ({
  Role: cloud.identities.role(requiredMember(input.RoleName, 'roleName')),
})

const deleteRole: Operation<Iam.DeleteRoleCommandInput, Iam.DeleteRoleCommandOutput> = (cloud, input) => {
  cloud.identities.deleteRole(requiredMember(input.RoleName, 'roleName'))
  return {}
}

const listRoles: Operation<Iam.ListRolesCommandInput, Iam.ListRolesCommandOutput> = (cloud, input) => {
  const roles = [...cloud.identities.roles.values()]
    .filter((role) => role.Path!.startsWith(input.PathPrefix ?? '/'))
    .toSorted((a, b) => (a.RoleName! < b.RoleName! ? -1 : 1))
  const { items, nextToken } = listed(roles, input)
  return {
    Roles: items,
    IsTruncated: nextToken !== undefined,
    ...(nextToken === undefined ? {} : { Marker: nextToken }),
  }
}

function listed<T>(
  items: readonly T[],
  input: { readonly Marker?: string | undefined; readonly MaxItems?: number | undefined },
): ReturnType<typeof page<T>> {
  return page(items, { token: input.Marker, size: input.MaxItems, sizeMax: 100, invalidToken: 'ValidationError' })
}

const attachRolePolicy: Operation<Iam.AttachRolePolicyCommandInput, Iam.AttachRolePolicyCommandOutput> = (
  cloud,
  input,
) => {
  const role = cloud.identities.role(requiredMember(input.RoleName, 'roleName')).RoleName!
  const arn = requiredMember(input.PolicyArn, 'policyArn')
  const attached = cloud.identities.attachedPolicies.get(role) ?? []
  if (!attached.includes(arn)) cloud.identities.attachedPolicies.set(role, [...attached, arn])
  return {}
}

const detachRolePolicy: Operation<Iam.DetachRolePolicyCommandInput, Iam.DetachRolePolicyCommandOutput> = (
  cloud,
  input,
) => {
  const role = cloud.identities.role(requiredMember(input.RoleName, 'roleName')).RoleName!
  const attached = cloud.identities.attachedPolicies.get(role) ?? []
  cloud.identities.attachedPolicies.set(
    role,
    attached.filter((arn) => arn !== input.PolicyArn),
  )
  return {}
}

const listAttachedRolePolicies: Operation<
  Iam.ListAttachedRolePoliciesCommandInput,
  Iam.ListAttachedRolePoliciesCommandOutput
> = (cloud, input) => {
  const role = cloud.identities.role(requiredMember(input.RoleName, 'roleName')).RoleName!
  const arns = cloud.identities.attachedPolicies.get(role) ?? []
  return {
    AttachedPolicies: arns.map((arn) => ({ PolicyName: arn.slice(arn.lastIndexOf('/') + 1), PolicyArn: arn })),
    IsTruncated: false,
  }
}

const createInstanceProfile: Operation<
  Iam.CreateInstanceProfileCommandInput,
  Iam.CreateInstanceProfileCommandOutput
> = (cloud, input) => ({
  InstanceProfile: cloud.identities.createProfile(
    requiredMember(input.InstanceProfileName, 'instanceProfileName'),
    input.Path,
    withTags([], input.Tags ?? []),
  ),
})

const getInstanceProfile: Operation<Iam.GetInstanceProfileCommandInput, Iam.GetInstanceProfileCommandOutput> = (
  cloud,
  input,
) => ({
  InstanceProfile: cloud.identities.profile(requiredMember(input.InstanceProfileName, 'instanceProfileName')),
})

const deleteInstanceProfile: Operation<
  Iam.DeleteInstanceProfileCommandInput,
  Iam.DeleteInstanceProfileCommandOutput
> = (cloud, input) => {
  cloud.identities.deleteProfile(requiredMember(input.InstanceProfileName, 'instanceProfileName'))
  return {}
}

const listInstanceProfiles: Operation<Iam.ListInstanceProfilesCommandInput, Iam.ListInstanceProfilesCommandOutput> = (
  cloud,
  input,
) => {
  const profiles = [...cloud.identities.profiles.values()]
    .filter((profile) => profile.Path!.startsWith(input.PathPrefix ?? '/'))
    .toSorted((a, b) => (a.InstanceProfileName! < b.InstanceProfileName! ? -1 : 1))
  const { items, nextToken } = listed(profiles, input)
  return {
    InstanceProfiles: items,
    IsTruncated: nextToken !== undefined,
    ...(nextToken === undefined ? {} : { Marker: nextToken }),
  }
}

const addRoleToInstanceProfile: Operation<
  Iam.AddRoleToInstanceProfileCommandInput,
  Iam.AddRoleToInstanceProfileCommandOutput
> = (cloud, input) => {
  cloud.identities.addRole(
    requiredMember(input.InstanceProfileName, 'instanceProfileName'),
    requiredMember(input.RoleName, 'roleName'),
  )
  return {}
}

const removeRoleFromInstanceProfile: Operation<
  Iam.RemoveRoleFromInstanceProfileCommandInput,
  Iam.RemoveRoleFromInstanceProfileCommandOutput
> = (cloud, input) => {
  cloud.identities.removeRole(
    requiredMember(input.InstanceProfileName, 'instanceProfileName'),
    requiredMember(input.RoleName, 'roleName'),
  )
  return {}
}

const tagInstanceProfile: Operation<Iam.TagInstanceProfileCommandInput, Iam.TagInstanceProfileCommandOutput> = (
  cloud,
  input,
) => {
  const profile = cloud.identities.profile(requiredMember(input.InstanceProfileName, 'instanceProfileName'))
  const tags = withTags(profile.Tags ?? [], requiredMember(input.Tags, 'tags'))
  cloud.identities.profiles.set(profile.InstanceProfileName!, { ...profile, Tags: tags })
  return {}
}

const untagInstanceProfile: Operation<Iam.UntagInstanceProfileCommandInput, Iam.UntagInstanceProfileCommandOutput> = (
  cloud,
  input,
) => {
  const profile = cloud.identities.profile(requiredMember(input.InstanceProfileName, 'instanceProfileName'))
  const removed = requiredMember(input.TagKeys, 'tagKeys').map((Key) => ({ Key }))
  cloud.identities.profiles.set(profile.InstanceProfileName!, {
    ...profile,
    Tags: withoutTags(profile.Tags ?? [], removed),
  })
  return {}
}

const listOpenIdConnectProviders: Operation<
  Iam.ListOpenIDConnectProvidersCommandInput,
  Iam.ListOpenIDConnectProvidersCommandOutput
> = (cloud) => ({
  OpenIDConnectProviderList: [...cloud.clusters.clusters.values()].map((cluster) => ({
    Arn: `arn:aws:iam::${cloud.accountId}:oidc-provider/${cluster.identity!.oidc!.issuer!.slice('https://'.length)}`,
  })),
})

export const iamOperations: OperationTable = {
  AddRoleToInstanceProfile: addRoleToInstanceProfile,
  AttachRolePolicy: attachRolePolicy,
  CreateInstanceProfile: createInstanceProfile,
  CreateRole: createRole,
  CreateServiceLinkedRole: createServiceLinkedRole,
  DeleteInstanceProfile: deleteInstanceProfile,
  DeleteRole: deleteRole,
  DetachRolePolicy: detachRolePolicy,
  GetInstanceProfile: getInstanceProfile,
  GetRole: getRole,
  ListAttachedRolePolicies: listAttachedRolePolicies,
  ListInstanceProfiles: listInstanceProfiles,
  ListOpenIDConnectProviders: listOpenIdConnectProviders,
  ListRoles: listRoles,
  RemoveRoleFromInstanceProfile: removeRoleFromInstanceProfile,
  TagInstanceProfile: tagInstanceProfile,
  UntagInstanceProfile: untagInstanceProfile,
}
