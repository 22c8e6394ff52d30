import type * as Iam from '@aws-sdk/client-iam'
import type { Clock } from '@plimsoll/ports'
import { failure } from './failure.ts'
import type { Ids } from './ids.ts'
import { mergeTags, type Tag } from './tags.ts'

interface ServiceRole {
  readonly name: string
  readonly service: string
}

const serviceRoles: readonly ServiceRole[] = [
  { service: 'spot.amazonaws.com', name: 'AWSServiceRoleForEC2Spot' },
  { service: 'spotfleet.amazonaws.com', name: 'AWSServiceRoleForEC2SpotFleet' },
  { service: 'autoscaling.amazonaws.com', name: 'AWSServiceRoleForAutoScaling' },
  { service: 'eks.amazonaws.com', name: 'AWSServiceRoleForAmazonEKS' },
  { service: 'eks-nodegroup.amazonaws.com', name: 'AWSServiceRoleForAmazonEKSNodegroup' },
]

/** IAM's roles, instance profiles and attached policies: kept, never enforced. */
export class Identities {
  readonly roles: Map<string, Iam.Role> = new Map()
  readonly profiles: Map<string, Iam.InstanceProfile> = new Map()
  readonly attachedPolicies: Map<string, readonly string[]> = new Map()
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #accountId: string

  constructor(o: { readonly clock: Clock; readonly ids: Ids; readonly accountId: string }) {
    this.#clock = o.clock
    this.#ids = o.ids
    this.#accountId = o.accountId
  }

  /** @throws EntityAlreadyExists */
  createRole(o: {
    readonly name: string
    readonly path?: string | undefined
    readonly service?: string
    readonly trustPolicy?: string | undefined
    readonly description?: string | undefined
    readonly maxSessionSeconds?: number | undefined
    readonly tags?: readonly Tag[]
  }): Iam.Role {
    if (this.roles.has(o.name)) throw failure('EntityAlreadyExists', `Role with name ${o.name} already exists.`, 409)
    const path = o.path ?? '/'
    const trust =
      o.trustPolicy ??
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: o.service ?? 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      })
    const role: Iam.Role = {
      Path: path,
      RoleName: o.name,
      RoleId: `AROA${this.#ids.hex(17).toUpperCase()}`,
      Arn: `arn:aws:iam::${this.#accountId}:role${path}${o.name}`,
      CreateDate: new Date(this.#clock.now()),
      AssumeRolePolicyDocument: encodeURIComponent(trust),
      ...(o.description === undefined ? {} : { Description: o.description }),
      MaxSessionDuration: o.maxSessionSeconds ?? 3600,
      Tags: mergeTags(o.tags ?? []),
    }
    this.roles.set(o.name, role)
    return role
  }

  /** @throws NoSuchEntity */
  role(name: string): Iam.Role {
    const role = this.roles.get(name)
    if (role === undefined) throw failure('NoSuchEntity', `The role with name ${name} cannot be found.`, 404)
    return role
  }

  /** @throws InvalidInput when the service's role is there already */
  createServiceRole(service: string, suffix?: string): Iam.Role {
    const known = serviceRoles.find((role) => role.service === service)
    if (known === undefined)
      throw failure('InvalidInput', `Service Principal ${service} is not in the supported list of AWS services.`)
    const name = suffix === undefined ? known.name : `${known.name}_${suffix}`
    if (this.roles.has(name))
      throw failure(
        'InvalidInput',
        `Service role name ${name} has been taken in this account, please try a different suffix.`,
      )
    return this.createRole({ name, path: `/aws-service-role/${service}/`, service })
  }

  /** @throws EntityAlreadyExists */
  createProfile(name: string, path = '/', tags: readonly Tag[] = []): Iam.InstanceProfile {
    if (this.profiles.has(name)) throw failure('EntityAlreadyExists', `Instance Profile ${name} already exists.`, 409)
    const profile: Iam.InstanceProfile = {
      Path: path,
      InstanceProfileName: name,
      InstanceProfileId: `AIPA${this.#ids.hex(17).toUpperCase()}`,
      Arn: `arn:aws:iam::${this.#accountId}:instance-profile${path}${name}`,
      CreateDate: new Date(this.#clock.now()),
      Roles: [],
      Tags: mergeTags(tags),
    }
    this.profiles.set(name, profile)
    return profile
  }

  /** @throws NoSuchEntity; its message must not hold the word "role", by which clients tell the two apart */
  profile(name: string): Iam.InstanceProfile {
    const profile = this.profiles.get(name)
    if (profile === undefined) throw failure('NoSuchEntity', `Instance Profile ${name} cannot be found.`, 404)
    return profile
  }

  addRole(profileName: string, roleName: string): void {
    const profile = this.profile(profileName)
    const role = this.role(roleName)
    if (profile.Roles!.length > 0)
      throw failure('LimitExceeded', 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1', 409)
    this.profiles.set(profileName, { ...profile, Roles: [role] })
  }

  removeRole(profileName: string, roleName: string): void {
    const profile = this.profile(profileName)
    if (!profile.Roles!.some((role) => role.RoleName === roleName))
      throw failure('NoSuchEntity', `The role with name ${roleName} cannot be found.`, 404)
    this.profiles.set(profileName, { ...profile, Roles: [] })
  }

  deleteProfile(name: string): void {
    if (this.profile(name).Roles!.length > 0)
      throw failure('DeleteConflict', 'Cannot delete entity, must remove roles from instance profile first.', 409)
    this.profiles.delete(name)
  }

  deleteRole(name: string): void {
    this.role(name)
    const used = [...this.profiles.values()].some((profile) => profile.Roles!.some((role) => role.RoleName === name))
    if (used)
      throw failure('DeleteConflict', 'Cannot delete entity, must remove roles from instance profile first.', 409)
    if ((this.attachedPolicies.get(name) ?? []).length > 0)
      throw failure('DeleteConflict', 'Cannot delete entity, must detach all policies first.', 409)
    this.roles.delete(name)
  }
}
