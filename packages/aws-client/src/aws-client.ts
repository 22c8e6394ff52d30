import { assert } from '@plimsoll/model'
import {
  silentLog,
  type AwsApi,
  type AwsInput,
  type AwsOperation,
  type AwsOutput,
  type AwsService,
  type Log,
} from '@plimsoll/ports'
import { awsErrorOf } from './failures.ts'
import { findRegion } from './region.ts'
import { services, type AwsCredentials, type SdkConfig, type Service } from './services.ts'

export interface AwsClientOptions {
  /** From the environment, the profile or instance metadata when absent. */
  readonly region?: string
  /** Of all services; AWS_ENDPOINT_URL and the profile are honoured when absent. */
  readonly endpoint?: string
  /** The SDK's default chain when absent: environment, profile, SSO, web identity, container, instance. */
  readonly credentials?: AwsCredentials
  /** As CloudTrail shows it: `cluster-autoscaler/1.36.1`. */
  readonly userAgent: string
  readonly log?: Log
}

export interface AwsClient extends AwsApi {
  /** Closes kept connections. */
  close(): void
}

/**
 * AwsApi over the AWS SDK, with its standard retries (three tries; AWS_MAX_ATTEMPTS). No connection is made yet but to
 * find the region.
 * @throws Error in one line when there is no region
 */
export async function createAwsApi(options: AwsClientOptions): Promise<AwsClient> {
  const base: SdkConfig = {
    customUserAgent: options.userAgent,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  }
  const region = options.region ?? (await findRegion(() => configuredRegion(base)))
  return new SdkAwsApi({ ...base, region }, region, options.log ?? silentLog)
}

/** What the SDK reads from the profile. */
async function configuredRegion(config: SdkConfig): Promise<string> {
  const { client } = await services.sts(config)
  return client.config.region()
}

class SdkAwsApi implements AwsClient {
  readonly region: string
  readonly #config: SdkConfig
  readonly #log: Log
  readonly #services = new Map<AwsService, Promise<Service>>()

  constructor(config: SdkConfig, region: string, log: Log) {
    this.#config = config
    this.region = region
    this.#log = log
  }

  async call<S extends AwsService, O extends AwsOperation<S>>(
    service: S,
    operation: O,
    input: AwsInput<S, O>,
    signal?: AbortSignal,
  ): Promise<AwsOutput<S, O>> {
    const { client, commands } = await this.#service(service)
    const Command = commands[`${operation}Command`]
    assert(Command !== undefined, `the SDK's ${service} has the operation ${operation}`)
    this.#log.info(6, 'AWS call', { service, operation })
    try {
      const { $metadata: _, ...output } = await client.send(
        new Command(input),
        signal === undefined ? {} : { abortSignal: signal },
      )
      return output as AwsOutput<S, O>
    } catch (error) {
      throw awsErrorOf(error, `${service} ${operation}`)
    }
  }

  close(): void {
    for (const made of this.#services.values()) void made.then(({ client }) => client.destroy())
    this.#services.clear()
  }

  #service(name: AwsService): Promise<Service> {
    let made = this.#services.get(name)
    if (made === undefined) this.#services.set(name, (made = services[name](this.#config)))
    return made
  }
}
