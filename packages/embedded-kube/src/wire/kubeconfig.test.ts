import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { kubeconfig, mergeKubeconfig, type KubeconfigEntry } from './kubeconfig.ts'

const entry: KubeconfigEntry = {
  name: 'myeks',
  server: 'https://127.0.0.1:6443',
  ca: 'CA PEM',
  credential: { kind: 'certificate', certificate: 'CERT', key: 'KEY' },
}

describe('kubeconfig', () => {
  it('has one context, which is current', () => {
    expect(parse(kubeconfig(entry))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      clusters: [{ name: 'myeks', cluster: { server: entry.server, 'certificate-authority-data': btoa('CA PEM') } }],
      users: [{ name: 'myeks', user: { 'client-certificate-data': btoa('CERT'), 'client-key-data': btoa('KEY') } }],
      contexts: [{ name: 'myeks', context: { cluster: 'myeks', user: 'myeks' } }],
      'current-context': 'myeks',
    })
  })
  it('runs the aws CLI for a token of EKS', () => {
    const credential = { kind: 'eks', clusterName: 'myeks', region: 'ap-northeast-2' } as const
    expect(parse(kubeconfig({ ...entry, credential })).users[0].user.exec).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'aws',
      args: ['--region', 'ap-northeast-2', 'eks', 'get-token', '--cluster-name', 'myeks'],
    })
  })
})

describe('mergeKubeconfig', () => {
  const existing = kubeconfig({ ...entry, name: 'other', credential: { kind: 'token', token: 't' } })
  it('adds an entry and keeps the others', () => {
    const merged = parse(mergeKubeconfig(existing, entry)) as Record<string, { name: string }[]>
    for (const list of ['clusters', 'users', 'contexts']) {
      expect(merged[list]!.map(({ name }) => name)).toEqual(['other', 'myeks'])
    }
    expect(merged['current-context']).toBe('myeks')
  })
  it('replaces an entry of the same name', () => {
    const once = mergeKubeconfig(existing, entry)
    const twice = mergeKubeconfig(once, { ...entry, server: 'https://127.0.0.1:7443' })
    expect(parse(twice).clusters).toHaveLength(2)
    expect(parse(twice).clusters[1].cluster.server).toBe('https://127.0.0.1:7443')
  })
  it('starts from an empty file', () => {
    expect(mergeKubeconfig('', entry)).toBe(kubeconfig(entry))
  })
  it('refuses a file that is not YAML', () => {
    expect(() => mergeKubeconfig('a: [', entry)).toThrow(/not valid YAML/)
  })
})
