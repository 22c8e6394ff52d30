import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import type * as Ec2 from '@aws-sdk/client-ec2'
import type * as Eks from '@aws-sdk/client-eks'
import type * as Iam from '@aws-sdk/client-iam'
import type * as Ssm from '@aws-sdk/client-ssm'
import type * as Sts from '@aws-sdk/client-sts'

/** The operations that Plimsoll's own parts call, each with the SDK's own input and output. */
export interface AwsOperations {
  readonly autoscaling: {
    readonly DescribeAutoScalingGroups: [
      AutoScaling.DescribeAutoScalingGroupsCommandInput,
      AutoScaling.DescribeAutoScalingGroupsCommandOutput,
    ]
    readonly DescribeLaunchConfigurations: [
      AutoScaling.DescribeLaunchConfigurationsCommandInput,
      AutoScaling.DescribeLaunchConfigurationsCommandOutput,
    ]
    readonly DescribeScalingActivities: [
      AutoScaling.DescribeScalingActivitiesCommandInput,
      AutoScaling.DescribeScalingActivitiesCommandOutput,
    ]
    readonly SetDesiredCapacity: [
      AutoScaling.SetDesiredCapacityCommandInput,
      AutoScaling.SetDesiredCapacityCommandOutput,
    ]
    readonly TerminateInstanceInAutoScalingGroup: [
      AutoScaling.TerminateInstanceInAutoScalingGroupCommandInput,
      AutoScaling.TerminateInstanceInAutoScalingGroupCommandOutput,
    ]
    readonly UpdateAutoScalingGroup: [
      AutoScaling.UpdateAutoScalingGroupCommandInput,
      AutoScaling.UpdateAutoScalingGroupCommandOutput,
    ]
    readonly CreateAutoScalingGroup: [
      AutoScaling.CreateAutoScalingGroupCommandInput,
      AutoScaling.CreateAutoScalingGroupCommandOutput,
    ]
    readonly DeleteAutoScalingGroup: [
      AutoScaling.DeleteAutoScalingGroupCommandInput,
      AutoScaling.DeleteAutoScalingGroupCommandOutput,
    ]
    readonly CreateOrUpdateTags: [
      AutoScaling.CreateOrUpdateTagsCommandInput,
      AutoScaling.CreateOrUpdateTagsCommandOutput,
    ]
  }
  readonly ec2: {
    readonly CreateLaunchTemplate: [Ec2.CreateLaunchTemplateCommandInput, Ec2.CreateLaunchTemplateCommandOutput]
    readonly CreateTags: [Ec2.CreateTagsCommandInput, Ec2.CreateTagsCommandOutput]
    readonly DescribeImages: [Ec2.DescribeImagesCommandInput, Ec2.DescribeImagesCommandOutput]
    readonly DescribeInstances: [Ec2.DescribeInstancesCommandInput, Ec2.DescribeInstancesCommandOutput]
    readonly DescribeInstanceTypes: [Ec2.DescribeInstanceTypesCommandInput, Ec2.DescribeInstanceTypesCommandOutput]
    readonly DescribeLaunchTemplateVersions: [
      Ec2.DescribeLaunchTemplateVersionsCommandInput,
      Ec2.DescribeLaunchTemplateVersionsCommandOutput,
    ]
    readonly DescribeSubnets: [Ec2.DescribeSubnetsCommandInput, Ec2.DescribeSubnetsCommandOutput]
    readonly GetInstanceTypesFromInstanceRequirements: [
      Ec2.GetInstanceTypesFromInstanceRequirementsCommandInput,
      Ec2.GetInstanceTypesFromInstanceRequirementsCommandOutput,
    ]
    readonly RunInstances: [Ec2.RunInstancesCommandInput, Ec2.RunInstancesCommandOutput]
    readonly TerminateInstances: [Ec2.TerminateInstancesCommandInput, Ec2.TerminateInstancesCommandOutput]
  }
  readonly eks: {
    readonly DescribeCluster: [Eks.DescribeClusterCommandInput, Eks.DescribeClusterCommandOutput]
    readonly DescribeNodegroup: [Eks.DescribeNodegroupCommandInput, Eks.DescribeNodegroupCommandOutput]
    readonly ListNodegroups: [Eks.ListNodegroupsCommandInput, Eks.ListNodegroupsCommandOutput]
  }
  readonly iam: {
    readonly GetRole: [Iam.GetRoleCommandInput, Iam.GetRoleCommandOutput]
  }
  readonly ssm: {
    readonly GetParameter: [Ssm.GetParameterCommandInput, Ssm.GetParameterCommandOutput]
  }
  readonly sts: {
    readonly GetCallerIdentity: [Sts.GetCallerIdentityCommandInput, Sts.GetCallerIdentityCommandOutput]
  }
}

export type AwsService = keyof AwsOperations
export type AwsOperation<S extends AwsService> = keyof AwsOperations[S] & string
export type AwsInput<S extends AwsService, O extends AwsOperation<S>> = AwsOperations[S][O] extends readonly [
  infer I,
  unknown,
]
  ? I
  : never
/** Without the SDK's `$metadata`. */
export type AwsOutput<S extends AwsService, O extends AwsOperation<S>> = AwsOperations[S][O] extends readonly [
  unknown,
  infer R,
]
  ? Omit<R, '$metadata'>
  : never

export type AwsFailureKind =
  | 'throttled'
  | 'notFound'
  | 'invalid'
  | 'forbidden'
  /** No capacity of the wanted kind. */
  | 'capacity'
  /** No answer, or a 5xx that is not about capacity. */
  | 'unavailable'
  | 'other'

export class AwsError extends Error {
  override readonly name = 'AwsError'
  readonly failure: AwsFailureKind
  /** The wire code: `Throttling`, `ValidationError`, `InvalidInstanceID.NotFound`. */
  readonly code: string
  readonly httpStatus: number
  readonly requestId: string

  constructor(
    o: {
      readonly failure: AwsFailureKind
      readonly code: string
      readonly message: string
      readonly httpStatus: number
      readonly requestId?: string
    },
    cause?: unknown,
  ) {
    super(o.message, cause === undefined ? undefined : { cause })
    this.failure = o.failure
    this.code = o.code
    this.httpStatus = o.httpStatus
    this.requestId = o.requestId ?? ''
  }
}

/** One account and region of AWS. Outputs may be shared: nobody may write to them. @throws {AwsError} */
export interface AwsApi {
  readonly region: string
  call<S extends AwsService, O extends AwsOperation<S>>(
    service: S,
    operation: O,
    input: AwsInput<S, O>,
    signal?: AbortSignal,
  ): Promise<AwsOutput<S, O>>
}

/** Which failure a wire code stands for. */
export function awsFailureOf(code: string, httpStatus: number): AwsFailureKind {
  if (
    /^(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|RequestThrottled|TooManyRequestsException|PriorRequestNotComplete)$/.test(
      code,
    )
  )
    return 'throttled'
  if (/NotFound|NoSuchEntity|ResourceNotFoundException/.test(code)) return 'notFound'
  if (
    /InsufficientInstanceCapacity|UnfulfillableCapacity|InsufficientCapacity|VcpuLimitExceeded|MaxSpotInstanceCountExceeded/.test(
      code,
    )
  )
    return 'capacity'
  if (/Unauthorized|AccessDenied|AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch/.test(code)) return 'forbidden'
  if (httpStatus === 0 || httpStatus >= 500) return 'unavailable'
  if (/Invalid|Validation|Missing|Malformed/.test(code)) return 'invalid'
  return 'other'
}
