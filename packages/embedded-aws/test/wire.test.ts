import { AutoScalingClient } from '@aws-sdk/client-auto-scaling'
import { EC2Client } from '@aws-sdk/client-ec2'
import { EKSClient } from '@aws-sdk/client-eks'
import { IAMClient } from '@aws-sdk/client-iam'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import { SeededRandom, type Random } from '@plimsoll/ports'
import { NormalizedSchema, operation as operationSchema } from '@smithy/core/schema'
import { afterAll, describe, expect, it } from 'vitest'
import { decodeInput } from '../src/http/endpoint.ts'
import { refusal, success } from '../src/http/envelope.ts'
import { routeOperation, type HttpRequest } from '../src/http/route.ts'
import { serviceModel, services, type ServiceModel } from '../src/http/service-model.ts'
import { failure } from '../src/state/failure.ts'

// The SDK's own protocol objects are the oracle: what they serialise we must read, what we write they must read.

interface SdkRequest {
  readonly method: string
  readonly path: string
  readonly query: { readonly [name: string]: string | string[] }
  readonly headers: { readonly [name: string]: string }
  readonly body: unknown
}

interface SdkProtocol {
  serializeRequest(operation: unknown, input: unknown, context: unknown): Promise<SdkRequest>
  deserializeResponse(operation: unknown, context: unknown, response: unknown): Promise<{ $metadata?: unknown }>
}

interface SdkClient {
  readonly config: { readonly protocol: SdkProtocol }
  destroy(): void
}

const config = { region: 'ap-northeast-2', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }
const clients: { readonly [service: string]: SdkClient } = {
  autoscaling: new AutoScalingClient(config) as unknown as SdkClient,
  ec2: new EC2Client(config) as unknown as SdkClient,
  eks: new EKSClient(config) as unknown as SdkClient,
  iam: new IAMClient(config) as unknown as SdkClient,
  ssm: new SSMClient(config) as unknown as SdkClient,
  sts: new STSClient(config) as unknown as SdkClient,
}
const packages: { readonly [service: string]: () => Promise<object> } = {
  autoscaling: () => import('@aws-sdk/client-auto-scaling'),
  ec2: () => import('@aws-sdk/client-ec2'),
  eks: () => import('@aws-sdk/client-eks'),
  iam: () => import('@aws-sdk/client-iam'),
  ssm: () => import('@aws-sdk/client-ssm'),
  sts: () => import('@aws-sdk/client-sts'),
}

const texts = [
  'plain',
  'already &amp; escaped &lt;',
  'a & b < c > d "e" \'f\'',
  '+50% = x',
  '$Latest',
  'tschüß 漢字 🚢 ende',
  'one\ntwo\rthree',
  'a.1.b',
]

/** A value of the schema, most members set down to some depth; undefined where none can be carried by the wire. */
function anyValue(schema: NormalizedSchema, random: Random, depth: number): unknown {
  if (schema.isStructSchema()) {
    const members = [...schema.structIterator()]
    const chosen = schema.isUnionSchema() ? [members[random.below(members.length)]!] : members
    const requiredCount = (schema.getSchema() as unknown as readonly unknown[])[6] as number | undefined
    const value: { [name: string]: unknown } = {}
    for (const [index, [name, member]] of chosen.entries()) {
      const isRequired = index < (requiredCount ?? 0) || member.isIdempotencyToken()
      const nested = member.isStructSchema() || member.isListSchema() || member.isMapSchema()
      const inHeader = (member.getMergedTraits() as { httpHeader?: string }).httpHeader !== undefined
      const left = inHeader || (!isRequired && ((nested && depth <= 0) || random.below(10) === 0))
      const inner = left ? undefined : anyValue(member, random, depth - 1)
      if (inner !== undefined) value[name] = inner
      else if (isRequired) return undefined
    }
    return Object.keys(value).length > 0 ? value : undefined
  }
  if (schema.isListSchema()) {
    const items = [0, 1].map(() => anyValue(schema.getValueSchema(), random, depth - 1))
    return items.some((item) => item === undefined) ? undefined : items
  }
  if (schema.isMapSchema()) {
    const inner = anyValue(schema.getValueSchema(), random, depth - 1)
    return inner === undefined ? undefined : { [`key ${random.below(9)}`]: inner, 'other & key': inner }
  }
  if (schema.isBooleanSchema()) return random.below(2) === 1
  if (schema.isNumericSchema()) return random.below(1000)
  if (schema.isTimestampSchema()) return new Date(1_764_000_000_000 + random.below(1000) * 1000)
  if (schema.isBlobSchema()) return Uint8Array.from([0, 255, random.below(256)])
  if (schema.isStringSchema()) return texts[random.below(texts.length)]!
  return undefined
}

async function wire(service: string): Promise<{
  readonly model: ServiceModel
  readonly protocol: SdkProtocol
  readonly operations: readonly { readonly name: string; readonly schema: ReturnType<typeof operationSchema> }[]
}> {
  const model = await serviceModel(services.find((s) => s.name === service)!)
  const operations = Object.values(await packages[service]!())
    .filter((value: unknown): value is readonly unknown[] => Array.isArray(value) && value[0] === 9)
    .map(([, namespace, name, traits, input, output]) => ({
      name: name as string,
      schema: operationSchema(namespace as string, name as string, traits as never, input as never, output as never),
    }))
  return { model, protocol: clients[service]!.config.protocol, operations }
}

const context = { endpoint: () => Promise.resolve({ protocol: 'http:', hostname: 'localhost', path: '/', query: {} }) }

function received(request: SdkRequest): HttpRequest {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query))
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, one)
  const body =
    request.body instanceof Uint8Array ? new TextDecoder().decode(request.body) : ((request.body ?? '') as string)
  return { method: request.method, path: request.path, query, headers: request.headers, body, isEncrypted: false }
}

const random = new SeededRandom('wire')

afterAll(() => {
  for (const client of Object.values(clients)) client.destroy()
})

describe.each(services.map((service) => service.name))('%s', (service) => {
  it('reads every request that the SDK writes', async () => {
    const { model, protocol, operations } = await wire(service)
    expect(operations.length).toBe(model.operations.size)
    for (const { name, schema } of operations) {
      const inputSchema = NormalizedSchema.of(schema.input as never) as NormalizedSchema
      const input = (anyValue(inputSchema, random, 4) ?? {}) as object
      const request = received(await protocol.serializeRequest(schema, input, context))
      const form = new URLSearchParams(request.body)
      const routed = routeOperation(model, request, form)
      expect(routed?.operation.name).toBe(name)
      expect({ name, input: decodeInput(model, routed!, request, form) }).toEqual({ name, input })
    }
  })

  it('writes every response so that the SDK reads it', async () => {
    const { model, protocol, operations } = await wire(service)
    for (const { name, schema } of operations) {
      const outputSchema = NormalizedSchema.of(schema.output as never) as NormalizedSchema
      const output = (anyValue(outputSchema, random, 4) ?? {}) as object
      const shape = model.operations.get(name)!.output()
      const answered = success(model, { name, output: shape }, output, 'request-1')
      const { $metadata: _, ...read } = await protocol.deserializeResponse(schema, context, {
        statusCode: answered.status,
        headers: { ...answered.headers },
        body: new TextEncoder().encode(answered.body),
      })
      expect({ name, output: read }).toEqual({ name, output })
    }
  })

  it('refuses so that the SDK knows the code', async () => {
    const { model, protocol, operations } = await wire(service)
    const answered = refusal(model, failure('SomethingIsWrong', 'a < b & c', 400), 'request-1')
    await expect(
      protocol.deserializeResponse(operations[0]!.schema, context, {
        statusCode: answered.status,
        headers: { ...answered.headers },
        body: new TextEncoder().encode(answered.body),
      }),
    ).rejects.toMatchObject({ name: 'SomethingIsWrong', message: 'a < b & c' })
  })
})
