import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AwsError } from '@plimsoll/ports'
import { afterEach, describe, expect, it } from 'vitest'
import { createAwsApi, type AwsClient, type AwsClientOptions } from '../src/index.ts'
import { findRegion } from '../src/region.ts'

interface Received {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Answer {
  readonly status?: number
  readonly type?: string
  readonly headers?: Record<string, string>
  readonly body: string
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Answers by what a test says; `null` breaks the connection. */
async function serve(
  answer: (request: Received, count: number) => Answer | null,
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ url: `${request.method} ${request.url}`, headers: request.headers, body })
      const said = answer(received.at(-1)!, received.length)
      if (said === null) return void response.socket!.destroy()
      response.writeHead(said.status ?? 200, { 'content-type': said.type ?? 'text/xml', ...said.headers })
      response.end(said.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

async function awsAt(endpoint: string, options: Partial<AwsClientOptions> = {}): Promise<AwsClient> {
  const aws = await createAwsApi({
    region: 'eu-west-1',
    endpoint,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
    userAgent: 'cluster-autoscaler/1.36.1',
    ...options,
  })
  closing.push(() => aws.close())
  return aws
}

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>U</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`

function queryError(code: string, status: number): Answer {
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>because ${code}</Message></Error><RequestId>r-2</RequestId></ErrorResponse>`
  return { status, headers: { 'x-amzn-requestid': 'r-2' }, body }
}

function ec2Error(code: string, status: number): Answer {
  const body = `<Response><Errors><Error><Code>${code}</Code><Message>because ${code}</Message></Error></Errors><RequestID>r-3</RequestID></Response>`
  return { status, headers: { 'x-amzn-requestid': 'r-3' }, body }
}

async function failureOf(promise: Promise<unknown>): Promise<AwsError> {
  return promise.then(
    () => {
      throw new Error('it worked')
    },
    (error: unknown) => error as AwsError,
  )
}

describe('a call', () => {
  it('is signed for its service and region, and answered without metadata', async () => {
    const { url, received } = await serve(() => ({ body: identity }))
    const aws = await awsAt(url)
    expect(await aws.call('sts', 'GetCallerIdentity', {})).toEqual({
      Account: '123456789012',
      Arn: 'arn:aws:iam::123456789012:user/x',
      UserId: 'U',
    })
    expect(aws.region).toBe('eu-west-1')
    expect(received[0]!.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d+\/eu-west-1\/sts\/aws4_request/,
    )
    expect(received[0]!.headers['user-agent']).toContain('cluster-autoscaler/1.36.1')
    expect(received[0]!.body).toContain('Action=GetCallerIdentity')
  })

  it('goes to AWS_ENDPOINT_URL', async () => {
    const { url, received } = await serve(() => ({ body: identity }))
    const { AWS_ENDPOINT_URL: before } = process.env
    process.env['AWS_ENDPOINT_URL'] = url
    try {
      const aws = await createAwsApi({
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        userAgent: 'x/1',
      })
      closing.push(() => aws.close())
      await aws.call('sts', 'GetCallerIdentity', {})
    } finally {
      if (before === undefined) delete process.env['AWS_ENDPOINT_URL']
      else process.env['AWS_ENDPOINT_URL'] = before
    }
    expect(received).toHaveLength(1)
  })
})

describe('failures', () => {
  it.each([
    {
      of: 'a query service: the code of the wire, not the name of the shape',
      run: (aws: AwsClient) => aws.call('iam', 'GetRole', { RoleName: 'r' }),
      answer: queryError('NoSuchEntity', 404),
      expected: {
        failure: 'notFound',
        code: 'NoSuchEntity',
        httpStatus: 404,
        requestId: 'r-2',
        message: 'because NoSuchEntity',
      },
    },
    {
      of: 'Auto Scaling',
      run: (aws: AwsClient) =>
        aws.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: 'g', DesiredCapacity: 9 }),
      answer: queryError('ValidationError', 400),
      expected: { failure: 'invalid', code: 'ValidationError', httpStatus: 400 },
    },
    {
      of: 'EC2',
      run: (aws: AwsClient) => aws.call('ec2', 'TerminateInstances', { InstanceIds: ['i-1'] }),
      answer: ec2Error('InvalidInstanceID.NotFound', 400),
      expected: { failure: 'notFound', code: 'InvalidInstanceID.NotFound', requestId: 'r-3' },
    },
    {
      of: 'a REST service',
      run: (aws: AwsClient) => aws.call('eks', 'DescribeCluster', { name: 'c' }),
      answer: {
        status: 404,
        type: 'application/json',
        headers: { 'x-amzn-errortype': 'ResourceNotFoundException', 'x-amzn-requestid': 'r-4' },
        body: '{"message":"No cluster found for name: c."}',
      },
      expected: {
        failure: 'notFound',
        code: 'ResourceNotFoundException',
        requestId: 'r-4',
        message: 'No cluster found for name: c.',
      },
    },
    {
      of: 'a JSON service',
      run: (aws: AwsClient) => aws.call('ssm', 'GetParameter', { Name: 'p' }),
      answer: { status: 400, type: 'application/x-amz-json-1.1', body: '{"__type":"ParameterNotFound"}' },
      expected: { failure: 'notFound', code: 'ParameterNotFound', httpStatus: 400 },
    },
    {
      of: 'permissions',
      run: (aws: AwsClient) => aws.call('ec2', 'DescribeInstances', {}),
      answer: ec2Error('UnauthorizedOperation', 403),
      expected: { failure: 'forbidden', code: 'UnauthorizedOperation' },
    },
  ])('of $of', async ({ run, answer, expected }) => {
    const { url, received } = await serve(() => answer)
    expect(await failureOf(run(await awsAt(url)))).toMatchObject({ name: 'AwsError', ...expected })
    expect(received).toHaveLength(1)
  })

  it('throttled calls are tried three times', async () => {
    const { url, received } = await serve(() => queryError('Throttling', 400))
    const error = await failureOf((await awsAt(url)).call('sts', 'GetCallerIdentity', {}))
    expect(error).toMatchObject({ failure: 'throttled', code: 'Throttling', httpStatus: 400 })
    expect(received).toHaveLength(3)
  })

  it('a broken connection is tried again', async () => {
    const { url, received } = await serve((_, count) => (count === 1 ? null : { body: identity }))
    await (await awsAt(url)).call('sts', 'GetCallerIdentity', {})
    expect(received).toHaveLength(2)
  })

  it('a refused connection names the address', async () => {
    const error = await failureOf((await awsAt('http://127.0.0.1:9')).call('sts', 'GetCallerIdentity', {}))
    expect(error).toMatchObject({
      failure: 'unavailable',
      code: 'ECONNREFUSED',
      httpStatus: 0,
      message: 'sts GetCallerIdentity: no answer: connect ECONNREFUSED 127.0.0.1:9',
    })
  })

  it('an aborted call ends at once', async () => {
    const { url } = await serve(() => ({ body: identity }))
    const stop = AbortSignal.abort()
    const error = await failureOf((await awsAt(url)).call('sts', 'GetCallerIdentity', {}, stop))
    expect(error).toMatchObject({ failure: 'unavailable', code: 'AbortError' })
  })
})

describe('the region', () => {
  const unknown = (): Promise<string> => Promise.reject(new Error('Region is missing'))

  it.each([
    { from: 'AWS_REGION', environment: { AWS_REGION: 'a', AWS_DEFAULT_REGION: 'b' }, profile: 'c', region: 'a' },
    { from: 'AWS_DEFAULT_REGION', environment: { AWS_DEFAULT_REGION: 'b' }, profile: 'c', region: 'b' },
    { from: 'the profile', environment: { AWS_REGION: '' }, profile: 'c', region: 'c' },
  ])('comes from $from', async ({ environment, profile, region }) => {
    expect(await findRegion(() => Promise.resolve(profile), environment)).toBe(region)
  })

  it('comes from instance metadata, with a session token', async () => {
    const { url, received } = await serve((request) => ({
      body: request.url.startsWith('PUT') ? 'session' : 'ap-southeast-2',
    }))
    const environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/` }
    expect(await findRegion(unknown, environment)).toBe('ap-southeast-2')
    expect(received.map((request) => request.url)).toEqual([
      'PUT /latest/api/token',
      'GET /latest/meta-data/placement/region',
    ])
    expect(received[1]!.headers['x-aws-ec2-metadata-token']).toBe('session')
  })

  it.each([
    { when: 'metadata is switched off', environment: { AWS_EC2_METADATA_DISABLED: 'true' } },
    { when: 'nothing answers', environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' } },
  ])('is missed in one line when $when', async ({ environment }) => {
    await expect(findRegion(unknown, environment)).rejects.toThrow(/^no AWS region: set AWS_REGION [^\n]*$/)
  })
})
