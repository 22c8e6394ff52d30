import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { childEnvironment, clusterEnvironment, quoted, shellExports } from './environment.ts'
import { awsShim, forwardShim, installedCommand, writeShim } from './shims.ts'

const environment = clusterEnvironment({
  name: 'myeks',
  region: 'ap-northeast-2',
  accountId: '123456789012',
  kubeconfig: "/home/o'neil/state/kubeconfig",
  kubeCache: '/cache',
  awsUrl: 'http://127.0.0.1:6444',
  chartsUrl: 'http://127.0.0.1:6445',
  images: { amd64: 'ami-1' },
})

let folder: string
let bin: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll env '))
  bin = join(folder, 'bin')
  mkdirSync(bin)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function sh(script: string, env: Record<string, string> = {}): string {
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', ...env } })
}

/** A command that tells how it was called. */
function plant(directory: string, name: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), `#!/bin/sh\nprintf '%s' "${directory}"; printf '|%s' "$@"\n`)
  chmodSync(join(directory, name), 0o755)
}

describe('plimsoll env', () => {
  const exports = (): string => shellExports(environment, bin)

  it('sets every variable, whatever stands in it', () => {
    for (const [name, value] of Object.entries(environment)) {
      expect(sh(`${exports()}printf %s "$${name}"`)).toBe(value)
    }
    expect(environment).toMatchObject({
      CLUSTER_NAME: 'myeks',
      AWS_DEFAULT_REGION: 'ap-northeast-2',
      AWS_PAGER: '',
      AWS_PARTITION: 'aws',
      AMD_AMI_ID: 'ami-1',
      PLIMSOLL_CHARTS_URL: 'http://127.0.0.1:6445',
      PLIMSOLL_CHARTS_OCI: 'oci://127.0.0.1:6445/charts',
    })
    expect(environment).not.toHaveProperty('ARM_AMI_ID')
  })

  it('puts the shims first on PATH, once', () => {
    expect(sh(`${exports()}${exports()}printf %s "$PATH"`)).toBe(`${bin}:/usr/bin:/bin`)
  })

  it("drops what would lead to the user's own account", () => {
    expect(sh(`${exports()}printf %s "\${AWS_PROFILE-none}"`, { AWS_PROFILE: 'work' })).toBe('none')
    const child = childEnvironment({ AWS_PROFILE: 'work', PATH: '/usr/bin' }, environment, bin)
    expect(child).not.toHaveProperty('AWS_PROFILE')
    expect(child['PATH']).toBe(`${bin}:/usr/bin`)
  })

  it.each(["it's", '$(false)', '`x`', 'a b', 'new\nline', '"', ''])('quotes %j', (text) => {
    expect(sh(`printf %s ${quoted(text)}`)).toBe(text)
  })
})

describe('the aws shim', () => {
  const url = 'http://127.0.0.1:6444'
  const real = (): string => join(folder, 'real')

  beforeEach(() => writeShim(bin, 'aws', awsShim(bin)))

  const aws = (args: string, env: Record<string, string> = { AWS_ENDPOINT_URL: url }): string =>
    sh(`aws ${args}`, { PATH: `${bin}:${folder}/empty:${real()}:/usr/bin:/bin`, ...env })

  it.each([
    {
      args: `ec2 describe-instances --query 'a b'`,
      called: `|--endpoint-url|${url}|ec2|describe-instances|--query|a b`,
    },
    { args: '--endpoint-url http://other sts x', called: '|--endpoint-url|http://other|sts|x' },
    { args: 'sts x --endpoint-url=http://other', called: '|sts|x|--endpoint-url=http://other' },
  ])('$args', ({ args, called }) => {
    plant(real(), 'aws')
    expect(aws(args)).toBe(`${real()}${called}`)
  })

  it('is the plain command when no endpoint is set', () => {
    plant(real(), 'aws')
    expect(aws('sts x', {})).toBe(`${real()}|sts|x`)
  })

  it('says so when there is no AWS CLI', () => {
    expect(sh(`PATH=${quoted(bin)} aws sts x 2>&1; echo $?`)).toBe(
      'aws: the AWS CLI is not installed (Debian and Ubuntu: apt install awscli)\n127\n',
    )
  })
})

describe('commands that a user has', () => {
  it('are found beyond our own shims and npm', () => {
    const npm = join(folder, 'node_modules', '.bin')
    const own = join(folder, 'usr')
    writeShim(bin, 'kubectl', forwardShim('/somewhere/kubectl'))
    plant(npm, 'kubectl')
    const path = `${bin}:${npm}:${own}`
    expect(installedCommand('kubectl', path, bin)).toBeUndefined()
    plant(own, 'kubectl')
    expect(installedCommand('kubectl', path, bin)).toBe(join(own, 'kubectl'))
  })

  it('are forwarded to with their arguments', () => {
    plant(join(folder, 'real'), 'kubectl')
    writeShim(bin, 'kubectl', forwardShim(join(folder, 'real', 'kubectl'), 'first'))
    expect(sh('kubectl get "a b"', { PATH: `${bin}:/usr/bin:/bin` })).toBe(`${folder}/real|first|get|a b`)
  })
})
