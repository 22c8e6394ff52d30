import type * as Sts from '@aws-sdk/client-sts'
import { requiredMember } from '../state/failure.ts'
import type { Cloud } from '../state/cloud.ts'
import type { Operation, OperationTable } from './operation.ts'

/** Credentials are used against wall clocks outside: far enough away for any run. */
const expiration = new Date('2099-01-01T00:00:00Z')

const getCallerIdentity: Operation<Sts.GetCallerIdentityCommandInput, Sts.GetCallerIdentityCommandOutput> = (
  cloud,
) => ({ UserId: 'AIDAPLIMSOLLADMIN0001', Account: cloud.accountId, Arn: `arn:aws:iam::${cloud.accountId}:user/admin` })

function credentials(cloud: Cloud): Sts.Credentials {
  return {
    AccessKeyId: `ASIA${cloud.ids.hex(16).toUpperCase()}`,
    SecretAccessKey: cloud.ids.hex(40),
    SessionToken: cloud.ids.hex(64),
    Expiration: expiration,
  }
}

function assumed(cloud: Cloud, roleArn: string, session: string): Sts.AssumedRoleUser {
  const role = roleArn.slice(roleArn.lastIndexOf('/') + 1)
  return {
    AssumedRoleId: `AROAPLIMSOLL000000001:${session}`,
    Arn: `arn:aws:sts::${cloud.accountId}:assumed-role/${role}/${session}`,
  }
}

const assumeRole: Operation<Sts.AssumeRoleCommandInput, Sts.AssumeRoleCommandOutput> = (cloud, input) => ({
  Credentials: credentials(cloud),
  AssumedRoleUser: assumed(
    cloud,
    requiredMember(input.RoleArn, 'roleArn'),
    requiredMember(input.RoleSessionName, 'roleSessionName'),
  ),
})

/** Tokens are taken as they are: nobody is kept out of an embedded cloud. */
const assumeRoleWithWebIdentity: Operation<
  Sts.AssumeRoleWithWebIdentityCommandInput,
  Sts.AssumeRoleWithWebIdentityCommandOutput
> = (cloud, input) => ({
  Credentials: credentials(cloud),
  AssumedRoleUser: assumed(
    cloud,
    requiredMember(input.RoleArn, 'roleArn'),
    requiredMember(input.RoleSessionName, 'roleSessionName'),
  ),
  Provider: 'plimsoll',
  Audience: 'sts.amazonaws.com',
})

const getSessionToken: Operation<Sts.GetSessionTokenCommandInput, Sts.GetSessionTokenCommandOutput> = (cloud) => ({
  Credentials: credentials(cloud),
})

export const stsOperations: OperationTable = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  GetCallerIdentity: getCallerIdentity,
  GetSessionToken: getSessionToken,
}
