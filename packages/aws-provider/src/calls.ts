import {
  AwsError,
  NodeGroupError,
  type AwsApi,
  type AwsInput,
  type AwsOperation,
  type AwsOutput,
  type AwsService,
  type Clock,
  type Histogram,
  type Metrics,
  type NodeGroupFailure,
} from '@plimsoll/ports'

const serviceIds: Record<AwsService, string> = {
  autoscaling: 'Auto Scaling',
  ec2: 'EC2',
  eks: 'EKS',
  iam: 'IAM',
  ssm: 'SSM',
  sts: 'STS',
}

/**
 * AWS calls, timed, with failures said as NodeGroupErrors in the words of AWS' Go SDK.
 * kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/aws_metrics.go
 */
export class AwsCalls {
  readonly #aws: AwsApi
  readonly #clock: Clock
  readonly #duration: Histogram

  constructor(o: { readonly aws: AwsApi; readonly clock: Clock; readonly metrics: Metrics }) {
    this.#aws = o.aws
    this.#clock = o.clock
    this.#duration = o.metrics.histogram({
      name: 'cluster_autoscaler_aws_request_duration_seconds',
      help: '[ALPHA] Time taken by AWS requests, by method and status code, in seconds',
      labelNames: ['endpoint', 'status'],
      buckets: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 5, 10, 20, 30, 60],
    })
  }

  /** `endpoint` is the metric's label where upstream's differs from the operation's name. */
  async call<S extends AwsService, O extends AwsOperation<S>>(
    service: S,
    operation: O,
    input: AwsInput<S, O>,
    endpoint: string = operation,
  ): Promise<AwsOutput<S, O>> {
    const start = this.#clock.now()
    const observe = (status: string): void =>
      this.#duration.observe((this.#clock.now() - start) / 1000, { endpoint, status })
    try {
      const output = await this.#aws.call(service, operation, input)
      observe('success')
      return output
    } catch (error) {
      observe(error instanceof AwsError && error.code !== '' ? error.code : 'error')
      throw nodeGroupError(service, operation, error)
    }
  }
}

function nodeGroupError(service: AwsService, operation: string, error: unknown): unknown {
  if (!(error instanceof AwsError)) return error
  const operationError = `operation error ${serviceIds[service]}: ${operation}`
  const message =
    error.httpStatus === 0
      ? `${operationError}, ${error.message}`
      : `${operationError}, https response error StatusCode: ${error.httpStatus}, RequestID: ${error.requestId}, api error ${error.code}: ${error.message}`
  return new NodeGroupError(failureOf(error), message, error)
}

function failureOf(error: AwsError): NodeGroupFailure {
  switch (error.failure) {
    case 'throttled':
      return { kind: 'throttled' }
    case 'unavailable':
      return { kind: 'unavailable' }
    case 'notFound':
    case 'invalid':
      return { kind: 'refused' }
    case 'forbidden':
    case 'capacity':
    case 'other':
      return { kind: 'other' }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
