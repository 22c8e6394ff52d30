import {
  AwsError,
  uuid,
  type AwsApi,
  type AwsInput,
  type AwsOperation,
  type AwsOutput,
  type AwsService,
  type Clock,
  type Journal,
  type Log,
  type Machines,
  type Random,
} from '@plimsoll/ports'
import { operations } from './behaviour/index.ts'
import type { Call } from './behaviour/operation.ts'
import { InstanceMachines } from './machines/instance-machines.ts'
import { Cloud } from './state/cloud.ts'
import { failure } from './state/failure.ts'
import type { Faults } from './state/faults.ts'
import { KeptCloud } from './state/kept-cloud.ts'
import type { TimingMode } from './state/timing.ts'

export interface EmbeddedAwsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly region: string
  /** Twelve digits; 123456789012 when absent. */
  readonly accountId?: string
  readonly log?: Log
  /** How long the cloud takes: as AWS does, a tenth of it, or nothing. Realistic when absent. */
  readonly timing?: TimingMode
  /** Where the cloud is kept, and what it begins with; in memory alone without one. */
  readonly journal?: Journal | undefined
}

/** One account in one region of AWS, in memory: EC2, Auto Scaling, EKS, IAM, SSM and STS. */
export class EmbeddedAws {
  readonly region: string
  readonly accountId: string
  readonly faults: Faults
  readonly cloud: Cloud
  readonly #journal: Journal | undefined
  readonly #kept: KeptCloud | undefined
  readonly #random: Random
  readonly #tokens = new Map<string, { readonly input: string; readonly output: object }>()

  constructor(o: EmbeddedAwsOptions) {
    this.region = o.region
    this.accountId = o.accountId ?? '123456789012'
    this.#random = o.random.split('requests')
    this.cloud = new Cloud({
      clock: o.clock,
      random: o.random.split('cloud'),
      region: o.region,
      accountId: this.accountId,
      log: o.log,
      timing: o.timing ?? 'realistic',
    })
    this.faults = this.cloud.faults
    this.#journal = o.journal
    this.#kept = o.journal === undefined ? undefined : new KeptCloud(this.cloud, o.journal)
  }

  /** Whether the cloud was there before this process. */
  get isResumed(): boolean {
    return this.#kept?.isResumed === true
  }

  /**
   * Undefined when a crash would lose nothing of what the cloud now shows; else resolves when that holds. Rejects with
   * JournalError while the disk refuses.
   */
  durable(): Promise<void> | undefined {
    this.#kept?.collect()
    return this.#journal?.durable()
  }

  /** The port, without a wire: the same pipeline, answers shared with the cloud's own state. */
  api(): AwsApi {
    return {
      region: this.region,
      call: async <S extends AwsService, O extends AwsOperation<S>>(
        service: S,
        operation: O,
        input: AwsInput<S, O>,
        signal?: AbortSignal,
      ): Promise<AwsOutput<S, O>> => {
        signal?.throwIfAborted()
        const call = { requestId: this.requestId(), accessKey: '' }
        return (await this.invoke(service, operation, input as object, call)) as AwsOutput<S, O>
      },
    }
  }

  /** Instances of EKS clusters, as machines for kubelets. */
  machines(): Machines {
    return new InstanceMachines(this.cloud)
  }

  requestId(): string {
    return uuid(this.#random)
  }

  /** One request after decoding and before encoding. @throws {AwsError} */
  async invoke(service: string, operation: string, input: object, call: Call): Promise<object> {
    try {
      const after = await this.cloud.faults.before(service, operation, this.accountId)
      const output = this.#once(service, operation, input, () => this.#handle(service, operation, input, call))
      after?.()
      return output
    } catch (error) {
      throw error instanceof AwsError ? withRequestId(error, call.requestId) : error
    }
  }

  #handle(service: string, operation: string, input: object, call: Call): object {
    const table = Object.hasOwn(operations, service) ? operations[service]! : {}
    const handler = Object.hasOwn(table, operation) ? table[operation]! : undefined
    if (handler === undefined) throw unsupported(service, operation)
    return handler(this.cloud, input as never, call)
  }

  /** A request repeated with its client token gets the first answer again and changes nothing. */
  #once(service: string, operation: string, input: object, handle: () => object): object {
    const { ClientToken, clientRequestToken, ...rest } = input as { ClientToken?: string; clientRequestToken?: string }
    const token = ClientToken ?? clientRequestToken
    if (token === undefined || token === '' || (rest as { DryRun?: boolean }).DryRun === true) return handle()
    const key = `${service}.${operation}.${token}`
    const text = JSON.stringify(rest)
    const known = this.#tokens.get(key)
    if (known !== undefined && known.input !== text)
      throw failure(
        'IdempotentParameterMismatch',
        'The client token you have provided is associated with a request whose parameters do not match this one.',
      )
    if (known !== undefined) return known.output
    const output = handle()
    this.#tokens.set(key, { input: text, output })
    if (this.#tokens.size > tokensMax) this.#tokens.delete(this.#tokens.keys().next().value!)
    return output
  }
}

const tokensMax = 10_000

function withRequestId(error: AwsError, requestId: string): AwsError {
  const { failure: kind, code, message, httpStatus } = error
  return new AwsError({ failure: kind, code, message, httpStatus, requestId }, error.cause)
}

/** Never a 5xx: clients would try again. */
export function unsupported(service: string, operation: string): AwsError {
  const code = service === 'ec2' || service === 'autoscaling' ? 'UnsupportedOperation' : 'UnknownOperationException'
  return failure(
    code,
    `The operation ${service}:${operation} is not supported by the embedded AWS.`,
    service === 'eks' ? 404 : 400,
  )
}
