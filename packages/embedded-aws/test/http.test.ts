import 'reflect-metadata'
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EmbeddedAws, seedEksWorld, startAwsServer, type AwsServer } from '../src/index.ts'

let server: AwsServer
let aws: EmbeddedAws

beforeAll(async () => {
  aws = new EmbeddedAws({ clock: new SystemClock(), random: new SeededRandom('http'), region: 'ap-northeast-2' })
  seedEksWorld(aws)
  server = await startAwsServer(aws)
})
afterAll(() => server.close())

const scope = (service: string, region = 'ap-northeast-2'): string =>
  `AWS4-HMAC-SHA256 Credential=key/20261123/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly headers?: { [name: string]: string }
  readonly body?: string
}

async function send(o: Sent): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await fetch(`${server.url}${o.path ?? '/'}`, {
    method: o.method ?? 'POST',
    headers: o.headers ?? {},
    ...(o.body === undefined ? {} : { body: o.body }),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

describe('a request finds its service', () => {
  it.each<{ by: string; sent: Sent; contains: string }>([
    {
      by: 'the credential scope',
      sent: { headers: { ...form, authorization: scope('ec2') }, body: 'Action=DescribeRegions&Version=2016-11-15' },
      contains: '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>',
    },
    {
      by: 'a scope without a region',
      sent: { method: 'GET', path: '/clusters', headers: { authorization: scope('eks', '') } },
      contains: '{"clusters":["myeks"]}',
    },
    {
      by: 'the version of an unsigned form',
      sent: {
        headers: form,
        body: 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/x&RoleSessionName=s&WebIdentityToken=t',
      },
      contains: '<AssumeRoleWithWebIdentityResult><Credentials>',
    },
    {
      by: 'the target header',
      sent: {
        headers: { 'x-amz-target': 'AmazonSSM.GetParameter', 'content-type': 'application/x-amz-json-1.1' },
        body: '{"Name":"/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"}',
      },
      contains: '"Value":"ami-',
    },
    {
      by: 'a query string instead of a form',
      sent: { method: 'GET', path: '/?Action=GetCallerIdentity&Version=2011-06-15' },
      contains: '<GetCallerIdentityResult><UserId>',
    },
    {
      by: 'a pre-signed query',
      sent: {
        method: 'GET',
        path: '/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=key%2F20261123%2Fap-northeast-2%2Fsts%2Faws4_request',
      },
      contains: '<Account>123456789012</Account>',
    },
    {
      by: 'the path',
      sent: { method: 'GET', path: '/clusters/myeks/node-groups' },
      contains: '{"nodegroups":["ng1"]}',
    },
  ])('by $by', async ({ sent, contains }) => {
    const { status, headers, body } = await send(sent)
    expect(body).toContain(contains)
    expect(status).toBe(200)
    expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('a request that cannot be answered', () => {
  const ec2 = { ...form, authorization: scope('ec2') }
  it.each<{ when: string; sent: Sent; status: number; contains: string }>([
    {
      when: 'an action that EC2 does not have',
      sent: { headers: ec2, body: 'Action=Dance&Version=2016-11-15' },
      status: 400,
      contains: '<Code>InvalidAction</Code><Message>The action Dance is not valid for this web service.</Message>',
    },
    {
      when: 'a missing parameter',
      sent: { headers: ec2, body: 'Action=TerminateInstances&Version=2016-11-15' },
      status: 400,
      contains: '<Code>MissingParameter</Code><Message>The request must contain the parameter InstanceId</Message>',
    },
    {
      when: 'a bad number',
      sent: { headers: ec2, body: 'Action=DescribeInstances&MaxResults=many' },
      status: 400,
      contains:
        '<Code>InvalidParameterValue</Code><Message>Value (many) for parameter MaxResults is invalid.</Message>',
    },
    {
      when: 'a missing member of Auto Scaling',
      sent: { headers: { ...form, authorization: scope('autoscaling') }, body: 'Action=SetDesiredCapacity' },
      status: 400,
      contains:
        '<Type>Sender</Type><Code>ValidationError</Code><Message>1 validation error detected: Value null at &apos;autoScalingGroupName&apos; failed to satisfy constraint: Member must not be null</Message>',
    },
    {
      when: 'a cluster that is not there',
      sent: { method: 'GET', path: '/clusters/none', headers: { authorization: scope('eks') } },
      status: 404,
      contains: '{"message":"No cluster found for name: none."}',
    },
    {
      when: 'another service',
      sent: { headers: { ...form, authorization: scope('cloudformation') }, body: 'Action=CreateStack' },
      status: 400,
      contains:
        'The embedded AWS serves ec2, autoscaling, iam, sts, ssm, eks; &apos;cloudformation&apos; is not one of them (CreateStack).',
    },
    {
      when: 'no service at all',
      sent: { method: 'GET', path: '/hello' },
      status: 404,
      contains: 'this request names none',
    },
    {
      when: 'a body that is too large',
      sent: { headers: ec2, body: `Action=${'x'.repeat(3_000_000)}` },
      status: 400,
      contains: '<Code>InvalidInput</Code>',
    },
  ])('$when: $status', async ({ sent, status, contains }) => {
    const answered = await send(sent)
    expect(answered.body).toContain(contains)
    expect(answered.status).toBe(status)
  })

  it('breaks the connection when a fault says so', async () => {
    const stop = aws.faults.add({ service: 'sts', drop: 'before', count: 1 })
    await expect(send({ headers: form, body: 'Action=GetCallerIdentity&Version=2011-06-15' })).rejects.toThrow(
      'fetch failed',
    )
    stop()
  })
})

describe('the forward proxy', () => {
  let proxy: AwsServer
  let certPem: string
  beforeAll(async () => {
    const certificate = await selfSigned()
    certPem = certificate.certPem
    proxy = await startAwsServer(aws, { proxy: certificate })
  })
  afterAll(() => proxy.close())

  /** The first line of the answer to CONNECT, and the socket behind it. */
  function tunnel(target: string): Promise<{ status: string; socket: Socket }> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1', () =>
        socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`),
      )
      socket.once('data', (data) => resolve({ status: String(data).split('\r\n')[0]!, socket }))
      socket.once('error', reject)
    })
  }

  it.each(['example.com:443', 'amazonaws.com.example.com:443', 'notamazonaws.com:443'])(
    'is closed to %s',
    async (target) => {
      const { status, socket } = await tunnel(target)
      socket.destroy()
      expect(status).toBe('HTTP/1.1 403 Forbidden')
    },
  )

  it('ends the tunnels of amazonaws.com here, under the certificate given', async () => {
    const servername = 'sts.ap-northeast-2.amazonaws.com'
    const { status, socket } = await tunnel(`${servername}:443`)
    expect(status).toBe('HTTP/1.1 200 Connection Established')
    const secure = tlsConnect({ socket, servername, ca: certPem })
    const answered = new Promise<string>((resolve, reject) => {
      let text = ''
      secure.on('data', (data) => (text += String(data)))
      secure.once('end', () => resolve(text))
      secure.once('error', reject)
    })
    secure.write(
      `GET /?Action=GetCallerIdentity&Version=2011-06-15 HTTP/1.1\r\nhost: ${servername}\r\nconnection: close\r\n\r\n`,
    )
    expect(await answered).toContain('<Account>123456789012</Account>')
  })
})

async function selfSigned(): Promise<{ keyPem: string; certPem: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=amazonaws.com',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new SubjectAlternativeNameExtension(
        ['*.amazonaws.com', '*.ap-northeast-2.amazonaws.com'].map((value) => ({ type: 'dns', value })),
      ),
    ],
  })
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { keyPem: PemConverter.encode(key, 'PRIVATE KEY'), certPem: certificate.toString('pem') }
}
