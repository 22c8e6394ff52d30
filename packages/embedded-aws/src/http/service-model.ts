import type { NormalizedSchema } from '@smithy/core/schema'
import { compileShape, type Shape } from '../codec/shape.ts'

export type Protocol = 'ec2Query' | 'awsQuery' | 'awsJson1_1' | 'restJson1'

/** What is said of a service on the wire before its schemas are known. */
export interface ServiceFacts {
  /** As in credential scopes. */
  readonly name: string
  readonly protocol: Protocol
  /** The `Version` of query requests. */
  readonly version: string
  readonly xmlNamespace: string
  /** The prefix of X-Amz-Target. */
  readonly target: string
}

export const services: readonly ServiceFacts[] = [
  {
    name: 'ec2',
    protocol: 'ec2Query',
    version: '2016-11-15',
    xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    target: 'AmazonEC2',
  },
  {
    name: 'autoscaling',
    protocol: 'awsQuery',
    version: '2011-01-01',
    xmlNamespace: 'http://autoscaling.amazonaws.com/doc/2011-01-01/',
    target: 'AutoScaling_2011_01_01',
  },
  {
    name: 'iam',
    protocol: 'awsQuery',
    version: '2010-05-08',
    xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    target: 'AWSIdentityManagementV20100508',
  },
  {
    name: 'sts',
    protocol: 'awsQuery',
    version: '2011-06-15',
    xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    target: 'AWSSecurityTokenServiceV20110615',
  },
  { name: 'ssm', protocol: 'awsJson1_1', version: '2014-11-06', xmlNamespace: '', target: 'AmazonSSM' },
  { name: 'eks', protocol: 'restJson1', version: '2017-11-01', xmlNamespace: '', target: 'AWSWesleyFrontend' },
]

export interface OperationModel {
  readonly name: string
  readonly input: () => Shape
  readonly output: () => Shape
  /** REST: the verb, the path pattern, the status of success. */
  readonly http: readonly [method: string, pattern: string, status: number] | undefined
}

export interface ServiceModel extends ServiceFacts {
  readonly operations: ReadonlyMap<string, OperationModel>
}

type Exports = { readonly [name: string]: unknown }

/** The SDK's client packages hold the schemas; each is loaded when its service is first asked for (EC2: 0.3 s). */
const packages: { readonly [service: string]: () => Promise<Exports> } = {
  autoscaling: () => import('@aws-sdk/client-auto-scaling'),
  ec2: () => import('@aws-sdk/client-ec2'),
  eks: () => import('@aws-sdk/client-eks'),
  iam: () => import('@aws-sdk/client-iam'),
  ssm: () => import('@aws-sdk/client-ssm'),
  sts: () => import('@aws-sdk/client-sts'),
}

const models = new Map<string, Promise<ServiceModel>>()

export function serviceModel(facts: ServiceFacts): Promise<ServiceModel> {
  let model = models.get(facts.name)
  if (model === undefined) models.set(facts.name, (model = load(facts)))
  return model
}

/** [9, namespace, name, traits, input, output] */
type OperationSchema = readonly [
  9,
  string,
  string,
  { readonly http?: readonly [string, string, number] },
  unknown,
  unknown,
]

async function load(facts: ServiceFacts): Promise<ServiceModel> {
  const [{ NormalizedSchema }, exports] = await Promise.all([import('@smithy/core/schema'), packages[facts.name]!()])
  const compile = (schema: unknown): Shape => compileShape(NormalizedSchema.of(schema as never) as NormalizedSchema)
  const operations = new Map<string, OperationModel>()
  for (const value of Object.values(exports)) {
    if (!Array.isArray(value) || value[0] !== 9) continue
    const [, , name, traits, input, output] = value as unknown as OperationSchema
    operations.set(name, {
      name,
      input: () => compile(input),
      output: () => compile(output),
      http: traits.http,
    })
  }
  return { ...facts, operations }
}
