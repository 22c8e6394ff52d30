import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AwsError, type AwsApi } from '../aws-api.ts'

export interface AwsApiUnderTest {
  readonly api: AwsApi
  /** An EKS cluster with at least one managed node group. */
  readonly clusterName: string
  /** The Auto Scaling group of a node group that is at its maximum size, with instances running. */
  readonly groupName: string
  close?(): Promise<void>
}

/** What callers of AWS rely on, whether they speak to it over the wire or in process. Changes nothing. */
export function awsApiSuite(make: () => Promise<AwsApiUnderTest>): void {
  describe('keeps the promises of an AwsApi', () => {
    let under: AwsApiUnderTest
    let api: AwsApi
    beforeAll(async () => {
      under = await make()
      api = under.api
    })
    afterAll(() => under.close?.())

    const refused = async (call: Promise<unknown>): Promise<AwsError> => {
      const error: unknown = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(AwsError)
      return error as AwsError
    }

    it('finds groups by tag, with their bounds, tags and instances', async () => {
      const { AutoScalingGroups } = await api.call('autoscaling', 'DescribeAutoScalingGroups', {
        Filters: [
          { Name: 'tag:k8s.io/cluster-autoscaler/enabled', Values: ['true'] },
          { Name: 'tag-key', Values: [`k8s.io/cluster-autoscaler/${under.clusterName}`] },
        ],
        MaxRecords: 100,
      })
      const group = AutoScalingGroups!.find((g) => g.AutoScalingGroupName === under.groupName)!
      expect(group.DesiredCapacity).toBe(group.MaxSize)
      expect(group.AvailabilityZones!.length).toBeGreaterThan(0)
      expect(group.CreatedTime).toBeInstanceOf(Date)
      expect(group.Instances!.map((i) => i.LifecycleState)).toContain('InService')
      expect(group.Tags).toContainEqual({
        ResourceId: under.groupName,
        ResourceType: 'auto-scaling-group',
        Key: 'eks:cluster-name',
        Value: under.clusterName,
        PropagateAtLaunch: true,
      })
    })

    it('knows no groups by names that are unknown, which is no error', async () => {
      const output = await api.call('autoscaling', 'DescribeAutoScalingGroups', { AutoScalingGroupNames: ['no-such'] })
      expect(output).toEqual({ AutoScalingGroups: [] })
    })

    it('tells of the same instances as EC2 does', async () => {
      const { AutoScalingGroups } = await api.call('autoscaling', 'DescribeAutoScalingGroups', {
        AutoScalingGroupNames: [under.groupName],
      })
      const members = AutoScalingGroups![0]!.Instances!
      const { Reservations } = await api.call('ec2', 'DescribeInstances', {
        InstanceIds: members.map((member) => member.InstanceId!),
      })
      const instances = Reservations!.flatMap((reservation) => reservation.Instances!)
      expect(new Set(instances.map((i) => i.InstanceId))).toEqual(new Set(members.map((m) => m.InstanceId)))
      for (const instance of instances) {
        expect(instance.State!.Name).toBe('running')
        expect(instance.LaunchTime).toBeInstanceOf(Date)
        expect(instance.PrivateDnsName).toMatch(/^ip-\d+-\d+-\d+-\d+\./)
      }
    })

    it('refuses a size beyond the bounds, in AWS’s words', async () => {
      const error = await refused(
        api.call('autoscaling', 'SetDesiredCapacity', {
          AutoScalingGroupName: under.groupName,
          DesiredCapacity: 1_000_000,
          HonorCooldown: false,
        }),
      )
      expect(error).toMatchObject({ failure: 'invalid', code: 'ValidationError', httpStatus: 400 })
      expect(error.message).toMatch(
        /New SetDesiredCapacity value 1000000 is above max value \d+ for the AutoScalingGroup\./,
      )
      expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/)
    })

    it.each([
      {
        what: 'an instance',
        code: 'InvalidInstanceID.NotFound',
        call: () => api.call('ec2', 'DescribeInstances', { InstanceIds: ['i-00000000000000000'] }),
      },
      {
        what: 'a launch template',
        code: 'InvalidLaunchTemplateName.NotFoundException',
        call: () =>
          api.call('ec2', 'DescribeLaunchTemplateVersions', { LaunchTemplateName: 'no-such', Versions: ['$Latest'] }),
      },
      {
        what: 'a cluster',
        code: 'ResourceNotFoundException',
        call: () => api.call('eks', 'DescribeCluster', { name: 'no-such' }),
      },
      {
        what: 'a node group',
        code: 'ResourceNotFoundException',
        call: () => api.call('eks', 'DescribeNodegroup', { clusterName: under.clusterName, nodegroupName: 'no-such' }),
      },
      { what: 'a role', code: 'NoSuchEntity', call: () => api.call('iam', 'GetRole', { RoleName: 'no-such' }) },
      {
        what: 'a parameter',
        code: 'ParameterNotFound',
        call: () => api.call('ssm', 'GetParameter', { Name: '/no/such' }),
      },
    ])('$what that is not there is not found: $code', async ({ code, call }) => {
      expect(await refused(call())).toMatchObject({ failure: 'notFound', code })
    })

    it('gives long lists in pages', async () => {
      const names = new Set<string>()
      let NextToken: string | undefined
      let pages = 0
      do {
        const output = await api.call('ec2', 'DescribeInstanceTypes', NextToken === undefined ? {} : { NextToken })
        expect(output.InstanceTypes!.length).toBeLessThanOrEqual(100)
        for (const type of output.InstanceTypes!) names.add(type.InstanceType!)
        NextToken = output.NextToken
        pages++
      } while (NextToken !== undefined && pages < 100)
      expect(pages).toBeGreaterThan(5)
      expect(names).toContain('t3.medium')
    })

    it('describes the cluster and its node groups', async () => {
      const { cluster } = await api.call('eks', 'DescribeCluster', { name: under.clusterName })
      expect(cluster).toMatchObject({ name: under.clusterName, status: 'ACTIVE' })
      const { nodegroups } = await api.call('eks', 'ListNodegroups', { clusterName: under.clusterName })
      const { nodegroup } = await api.call('eks', 'DescribeNodegroup', {
        clusterName: under.clusterName,
        nodegroupName: nodegroups![0]!,
      })
      expect(nodegroup!.resources!.autoScalingGroups!.map((group) => group.name)).toContain(under.groupName)
    })

    it('says who is asking, without the wire’s own data', async () => {
      const identity = await api.call('sts', 'GetCallerIdentity', {})
      expect(identity.Account).toMatch(/^\d{12}$/)
      expect(Object.keys(identity)).not.toContain('$metadata')
    })

    it('does not begin what is already aborted', async () => {
      const stop = AbortSignal.abort(new Error('enough'))
      await expect(api.call('sts', 'GetCallerIdentity', {}, stop)).rejects.toBeInstanceOf(Error)
    })
  })
}
