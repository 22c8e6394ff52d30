import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  announceInstance,
  claimInstance,
  findRunning,
  instancePaths,
  livingInstances,
  releaseInstance,
  stateRoot,
  type RunningCluster,
} from './instance.ts'

const running: RunningCluster = {
  kubeUrl: 'https://127.0.0.1:6443',
  awsUrl: 'http://127.0.0.1:6444',
  environment: { CLUSTER_NAME: 'myeks' },
}

let root: string
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'plimsoll-state-')), 'plimsoll')
})
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }))

describe('the life of a cluster on disk', () => {
  it('is claimed, announced, found and released', () => {
    const paths = instancePaths(root, 'myeks')
    claimInstance(paths, 'myeks')
    expect(() => findRunning(root, undefined)).toThrow('cluster myeks is still starting')
    announceInstance(paths, 'myeks', running)
    expect(findRunning(root, undefined).running).toEqual(running)
    expect(findRunning(root, 'myeks').pid).toBe(process.pid)
    releaseInstance(paths)
    expect(() => findRunning(root, 'myeks')).toThrow('no cluster myeks is running')
  })

  it('is readable by its owner alone', () => {
    const paths = instancePaths(root, 'myeks')
    claimInstance(paths, 'myeks')
    announceInstance(paths, 'myeks', running)
    for (const folder of [paths.folder, paths.pki, paths.bin]) expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(paths.run).mode & 0o777).toBe(0o600)
  })

  it('cannot be had twice while its process lives', () => {
    const paths = instancePaths(root, 'myeks')
    claimInstance(paths, 'myeks')
    expect(() => claimInstance(paths, 'myeks')).toThrow(
      `cluster myeks is already running (process ${process.pid}); stop it with \`plimsoll down --name myeks\``,
    )
    claimInstance(instancePaths(root, 'other'), 'other')
    expect(livingInstances(root).map((record) => record.name)).toEqual(['myeks', 'other'])
  })

  it('says where it could not be kept', () => {
    const file = join(root, '..', 'file')
    writeFileSync(file, '')
    expect(() => claimInstance(instancePaths(file, 'myeks'), 'myeks')).toThrow(
      `cannot keep the cluster's files in ${file}/myeks (ENOTDIR); XDG_STATE_HOME chooses another place`,
    )
  })

  it('asks which, when several run', () => {
    for (const name of ['a', 'b']) {
      claimInstance(instancePaths(root, name), name)
      announceInstance(instancePaths(root, name), name, running)
    }
    expect(() => findRunning(root, undefined)).toThrow('several clusters are running (a, b); choose one with --name')
    expect(findRunning(root, 'b').name).toBe('b')
  })

  it.each([
    { when: 'its process is gone', record: async () => ({ pid: await deadPid(), name: 'myeks' }) },
    {
      when: 'its pid is used by another process now',
      record: async () => ({ pid: 1, name: 'myeks', processStart: '0x' }),
    },
    { when: 'its record is damaged', record: async () => '{"pid":' },
  ])('is cleaned away, but for its PKI, when $when', async ({ record }) => {
    const paths = instancePaths(root, 'myeks')
    claimInstance(paths, 'myeks')
    writeFileSync(join(paths.pki, 'ca.pem'), 'kept')
    writeFileSync(paths.kubeconfig, 'stale')
    writeFileSync(join(paths.bin, 'aws'), 'stale')
    const left = await record()
    writeFileSync(paths.run, typeof left === 'string' ? left : JSON.stringify(left))

    expect(livingInstances(root)).toEqual([])
    claimInstance(paths, 'myeks')
    expect(livingInstances(root)).toHaveLength(1)
    expect(existsSync(paths.kubeconfig)).toBe(false)
    expect(existsSync(join(paths.bin, 'aws'))).toBe(false)
    expect(readFileSync(join(paths.pki, 'ca.pem'), 'utf8')).toBe('kept')
  })
})

describe('stateRoot', () => {
  it.each([
    { env: { XDG_STATE_HOME: '/var/state' }, root: /^\/var\/state\/plimsoll$/ },
    { env: { XDG_STATE_HOME: 'relative' }, root: /\/\.local\/state\/plimsoll$/ },
    { env: {}, root: /\/\.local\/state\/plimsoll$/ },
  ])('$env', ({ env, root: expected }) => expect(stateRoot(env)).toMatch(expected))
})

function deadPid(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn('true')
    child.on('exit', () => resolve(child.pid!))
  })
}
