// A Go program on client-go, as controllers are: informers with WatchList, relisting after 410, leader election and more.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serve, type TestServer } from '../../packages/embedded-kube/test/serve.ts'
import { kubectl } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'
import { runPeer, told } from './outcome.ts'

const source = fileURLToPath(new URL('go', import.meta.url))
const cache = fileURLToPath(new URL('../../node_modules/.cache/plimsoll-clients', import.meta.url))
const hasGo = spawnSync('go', ['version']).status === 0
if (!hasGo) process.stdout.write('go is not installed: the tests of client-go are skipped\n')

/** What go says when it cannot fetch a module: no fault of ours, nor of the programs. */
const unreachable = /dial tcp|proxyconnect|no such host|i\/o timeout|module lookup disabled|TLS handshake|: EOF$/m

describe.skipIf(!hasGo)('client-go', () => {
  const folder = join(cache, 'go-peers')
  let built = false
  const binary = join(folder, 'peers')
  let house: LiveHouse
  let forgetful: TestServer

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    try {
      await promisify(execFile)('go', ['build', '-o', `${folder}/`, '.', './manager'], { cwd: source })
    } catch (error) {
      const { stderr } = error as { readonly stderr: string }
      if (!unreachable.test(stderr)) throw error
      process.stdout.write(
        `Go modules cannot be fetched: the tests of client-go are skipped\n${stderr.slice(0, 500)}\n`,
      )
      return
    }
    built = true
    house = await liveHouse({ programs: { kubectl: kubectl('1.35') } })
    const widgets = fileURLToPath(new URL('../kubectl/manifests/widgets.yaml', import.meta.url))
    await house.sh(`kubectl create -f ${widgets} && kubectl wait --for=condition=established -f ${widgets}`)
    forgetful = await serve({ ringCapacity: 50 })
  }, 900_000)
  beforeEach(({ skip }) => skip(!built))
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
    const printed = await runPeer(binary, ['-kubeconfig', join(house.home, 'config'), '-checks', checks.join(',')])
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
    const printed = await runPeer(binary, ['-kubeconfig', join(forgetful.home, 'config'), '-checks', 'relist'])
    expect(told(printed)).toEqual(['relist: ok'])
    const informer = forgetful.requests.filter(({ url }) => url.includes('/namespaces/go-relist/configmaps?'))
    expect(informer.filter(({ url }) => url.includes('sendInitialEvents=true'))).toHaveLength(2)
  }, 60_000)

  it('runs a controller built on controller-runtime', async () => {
    const printed = await runPeer(join(folder, 'manager'), ['-config', join(house.home, 'config')])
    expect(told(printed)).toEqual(['manager: ok'])
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  }, 60_000)

  it('was built for the Kubernetes that is served', () => {
    expect(readFileSync(join(source, 'go.mod'), 'utf8')).toContain('k8s.io/client-go v0.35.')
  })
})
