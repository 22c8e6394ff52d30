// A Go program on client-go, as controllers are: informers with WatchList, relisting after 410, leader election and more.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serve, type TestServer } from '../../packages/embedded-kube/test/serve.ts'
import { kubectl } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'
import { goBuildMs, goPrograms } from './go-programs.ts'
import { runPeer, told } from './outcome.ts'

const source = fileURLToPath(new URL('go', import.meta.url))

describe('client-go', () => {
  let folder: string | undefined
  let house: LiveHouse
  let forgetful: TestServer

  beforeAll(async () => {
    folder = await goPrograms('go-peers', ['.', './manager'])
    if (folder === undefined) return
    house = await liveHouse({ programs: { kubectl: kubectl('1.35') } })
    const widgets = fileURLToPath(new URL('../kubectl/manifests/widgets.yaml', import.meta.url))
    await house.sh(`kubectl create -f ${widgets} && kubectl wait --for=condition=established -f ${widgets}`)
    forgetful = await serve({ ringCapacity: 50 })
  }, goBuildMs)
  beforeEach(({ skip }) => skip(folder === undefined))
  afterAll(async () => {
    await house?.close()
    await forgetful?.close()
  })

  const checks = [
    'discovery',
    'typed',
    'dynamic',
    'apply',
    'informers',
    'metadata',
    'leader-election',
    'eviction',
    'events',
    'logs',
    'token',
    'scale',
  ]

  it('is served as by a real cluster', async () => {
    const printed = await runPeer(join(folder!, 'peers'), [
      '-kubeconfig',
      join(house.home, 'config'),
      '-checks',
      checks.join(','),
    ])
    expect(told(printed)).toEqual(checks.map((check) => `${check}: ok`))
    const watches = house.requests.filter(({ url }) => url.includes('/namespaces/go-informers/configmaps?'))
    // The first view came through the watch itself: nothing was listed before.
    expect(watches.some(({ url }) => url.includes('sendInitialEvents=true'))).toBe(true)
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
    expect(house.requests.filter(({ status }) => status === 406 || status === 415).map(({ url }) => url)).toEqual([
      // A strategic merge patch of a custom resource.
      '/apis/example.com/v1/namespaces/go-dynamic/widgets/a',
    ])
  }, 90_000)

  it('begins anew when the server has forgotten where it was', async () => {
    const printed = await runPeer(join(folder!, 'peers'), [
      '-kubeconfig',
      join(forgetful.home, 'config'),
      '-checks',
      'relist',
    ])
    expect(told(printed)).toEqual(['relist: ok'])
    const informer = forgetful.requests.filter(({ url }) => url.includes('/namespaces/go-relist/configmaps?'))
    expect(informer.filter(({ url }) => url.includes('sendInitialEvents=true'))).toHaveLength(2)
  }, 60_000)

  it('runs a controller built on controller-runtime', async () => {
    const printed = await runPeer(join(folder!, 'manager'), ['-config', join(house.home, 'config')])
    expect(told(printed)).toEqual(['manager: ok'])
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  }, 60_000)

  it('was built for the Kubernetes that is served', () => {
    expect(readFileSync(join(source, 'go.mod'), 'utf8')).toContain('k8s.io/client-go v0.35.')
  })
})
