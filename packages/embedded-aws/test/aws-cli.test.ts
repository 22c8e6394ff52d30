import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EmbeddedAws, seedEksWorld, startAwsServer, type AwsServer } from '../src/index.ts'

// The walkthrough's aws commands, as typed, by the CLIs that are at hand: the one of AWS_CLI or /usr/bin/aws, and the
// first other one on the PATH.

const run = promisify(execFile)

function findClis(): string[] {
  const first = process.env['AWS_CLI'] ?? '/usr/bin/aws'
  const onPath = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'aws'))
  return [...new Set([first, ...onPath])].filter((path) => existsSync(path)).slice(0, 2)
}

const clis = findClis()
if (clis.length === 0)
  process.stderr.write('No aws CLI here (AWS_CLI, /usr/bin/aws, PATH): its commands were not run.\n')

let server: AwsServer
let aws: EmbeddedAws
let groupName: string

beforeAll(async () => {
  aws = new EmbeddedAws({ clock: new SystemClock(), random: new SeededRandom('cli'), region: 'ap-northeast-2' })
  groupName = seedEksWorld(aws, { endpoint: { url: 'https://127.0.0.1:6443', caPem: 'pem' } }).groupNames['ng1']!
  server = await startAwsServer(aws)
})
afterAll(() => server.close())

/** A line of the walkthrough, in bash, where `aws` is the CLI pointed at our server. */
async function type(cli: string, line: string): Promise<string> {
  const script = `aws() { command "${cli}" --endpoint-url "${server.url}" "$@"; }\n${line}`
  const { stdout } = await run('/bin/bash', ['-c', script], {
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
      AWS_DEFAULT_REGION: 'ap-northeast-2',
      AWS_PAGER: '',
      AWS_EC2_METADATA_DISABLED: 'true',
      CLUSTER_NAME: 'myeks',
      ASG_NAME: groupName,
    },
  })
  return stdout
}

const groups = `aws autoscaling describe-auto-scaling-groups --query "AutoScalingGroups[? Tags[? (Key=='eks:cluster-name') && Value=='myeks']]`
const running = `aws ec2 describe-instances --query "Reservations[*].Instances[*].{PrivateIPAdd:PrivateIpAddress,InstanceName:Tags[?Key=='Name']|[0].Value,Status:State.Name}" --filters Name=instance-state-name,Values=running --output text`

// A Python program takes most of a second to start: few commands, side by side.
describe.each(clis)('%s', (cli) => {
  it('prints tables and text', { timeout: 60_000 }, async () => {
    const [table, instances] = await Promise.all([
      type(cli, `${groups}.[AutoScalingGroupName, MinSize, MaxSize,DesiredCapacity]" --output table`),
      type(cli, running),
    ])
    const rule = `+${'-'.repeat(groupName.length + 4)}+----+----+----+`
    expect(table.split('\n').slice(2, 5)).toEqual([rule, `|  ${groupName}  |  3 |  3 |  3 |`, rule])
    const lines = instances.trimEnd().split('\n').toSorted()
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(line).toMatch(/^myeks-ng1-Node\t192\.168\.[123]\.\d+\trunning$/)
  })
})

describe.runIf(clis.length > 0)('the walkthrough’s other commands', () => {
  it('work as typed', { timeout: 60_000 }, async () => {
    const cli = clis[0]!
    aws.cloud.identities.createServiceRole('spot.amazonaws.com')
    const [yaml, name, endpoint, role] = await Promise.all([
      type(
        cli,
        'aws ec2 describe-instances --filters Name=tag:Name,Values=$CLUSTER_NAME-ng1-Node --query "Reservations[*].Instances[*].Tags[*]" --output yaml 2>&1 || true',
      ),
      type(cli, `${groups}.AutoScalingGroupName" --output text`),
      type(cli, `aws eks describe-cluster --name "\${CLUSTER_NAME}" --query "cluster.endpoint" --output text`),
      type(cli, 'aws iam create-service-linked-role --aws-service-name spot.amazonaws.com 2>&1 || true'),
    ])
    // Version 1 of the CLI knows no yaml.
    expect(yaml).toMatch(
      /argument --output: Invalid choice|^(- - - Key: Name\n      Value: myeks-ng1-Node\n(    - Key: .*\n      Value: .*\n){8}){3}$/,
    )
    expect(name).toBe(`${groupName}\n`)
    expect(endpoint).toBe('https://127.0.0.1:6443\n')
    expect(role).toContain(
      'An error occurred (InvalidInput) when calling the CreateServiceLinkedRole operation: Service role name AWSServiceRoleForEC2Spot has been taken in this account, please try a different suffix.',
    )
    const update =
      'aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${ASG_NAME} --min-size 3 --desired-capacity 3 --max-size 6'
    expect(await type(cli, update)).toBe('')
    expect(aws.cloud.groups.group(groupName).settings).toMatchObject({ minSize: 3, maxSize: 6, desired: 3 })
  })
})
