// Everybody at once: three kubectls, two Helms, client-go, python and client-node in one house, while deployments are
// scaled, nodes drained and custom resources changed. Nobody may be answered with a failure of ours, and whoever watched
// must hold in the end what a list shows.
import { CoreV1Api, KubeConfig, makeInformer, type KubernetesObject } from '@kubernetes/client-node'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helm, kubectl } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'
import { goBuildMs, goPrograms } from '../peers/go-programs.ts'
import { runPeer, told } from '../peers/outcome.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const hasPython = spawnSync('/usr/bin/python3', ['-c', 'import kubernetes']).status === 0

/** What programs of people are refused in the sessions below, on purpose. */
const askedFor = [400, 404, 409, 415, 422, 429]

describe('all clients in one house', () => {
  let house: LiveHouse
  let folder: string | undefined
  beforeAll(async () => {
    folder = await goPrograms('mixed', ['.'])
    house = await liveHouse({
      programs: {
        k32: kubectl('1.32'),
        k34: kubectl('1.34'),
        k35: kubectl('1.35'),
        helm3: helm('3'),
        helm4: helm('4'),
      },
    })
    const widgets = join(root, 'test/kubectl/manifests/widgets.yaml')
    await house.sh(`k35 create -f ${widgets} && k35 wait --for=condition=established -f ${widgets}`)
  }, goBuildMs)
  afterAll(() => house?.close())

  it('goes on for long without an error of ours', async () => {
    const config = new KubeConfig()
    config.loadFromFile(join(house.home, 'config'))
    const core = config.makeApiClient(CoreV1Api)
    const watched = {
      '/api/v1/pods': () => core.listPodForAllNamespaces(),
      '/api/v1/nodes': () => core.listNode(),
      '/api/v1/configmaps': () => core.listConfigMapForAllNamespaces(),
    }
    const informers = Object.entries(watched).map(([path, list]) => {
      const informer = makeInformer<KubernetesObject>(config, path, list)
      informer.on('error', () => void setTimeout(() => void informer.start(), 100))
      return { list, informer }
    })
    for (const { informer } of informers) await informer.start()

    const chart = join(root, 'test/helm/chart')
    const sessions: Promise<unknown>[] = []
    for (const k of ['k32', 'k34', 'k35']) sessions.push(kubectlSession(k))
    for (const major of ['3', '4']) sessions.push(helmSession(major))
    sessions.push(drains())
    if (folder !== undefined) sessions.push(goSession(join(folder, 'peers')))
    if (hasPython) sessions.push(pythonSession())
    await Promise.all(sessions)

    const revisions = (items: readonly KubernetesObject[]): string[] =>
      items.map(({ metadata: m }) => `${m!.namespace}/${m!.name} ${m!.resourceVersion}`).toSorted()
    for (const { informer, list } of informers) {
      const difference = async (): Promise<readonly string[]> => {
        const [held, listed] = [revisions(informer.list()), revisions((await list()).items)]
        return [...held.filter((one) => !listed.includes(one)), ...listed.filter((one) => !held.includes(one))]
      }
      await expect.poll(difference, { timeout: 15_000 }).toEqual([])
      await informer.stop()
    }
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
    expect(house.requests.filter(({ status }) => status >= 400 && !askedFor.includes(status))).toEqual([])
    expect(house.requests.length).toBeGreaterThan(1000)

    async function kubectlSession(k: string): Promise<void> {
      const sh = (command: string): Promise<string> => house.sh(`${k} --cache-dir ${k}-cache -n ${k} ${command}`)
      await sh(`create namespace ${k}`)
      await sh('create deployment web --image=nginx --replicas=2')
      for (let round = 0; round < 6; round++) {
        await sh(`scale deployment web --replicas=${2 + (round % 3)}`)
        await sh('rollout status deployment/web --timeout=20s')
        await sh(`set image deployment/web nginx=nginx:${round}`)
        await sh('rollout status deployment/web --timeout=20s')
        await sh(`apply -f ${root}/test/kubectl/manifests/widget.yaml`)
        await sh(`patch widget first --type=merge -p '{"spec":{"size":${round}}}'`)
        await sh(`apply --server-side --force-conflicts -f ${root}/test/kubectl/manifests/guestbook.yaml`)
        await sh(`get all,cm,widgets,events -o wide`)
        await sh(`describe deployment web`)
        await sh(`delete pods -l app=web --wait=false`)
        await sh(`create configmap round-${round} --from-literal=a=${round}`)
      }
      await sh('rollout undo deployment/web')
      await sh('rollout status deployment/web --timeout=20s')
      await sh('delete configmap round-0 round-1')
      await sh(`delete namespace ${k} --timeout=30s`)
    }

    async function helmSession(major: string): Promise<void> {
      const name = `r${major}`
      const h = (command: string): Promise<string> => house.sh(`helm${major} ${command} -n ${name} --timeout 40s`)
      // Definitions are the cluster's: only one of the two may bring them.
      const crds = major === '3' ? '' : '--skip-crds'
      if (major === '4') await house.sh('k35 wait --for=create crd/widgets.shop.example.com --timeout=40s')
      await h(`install ${name} ${chart} --create-namespace --wait ${crds}`)
      for (const replicas of [3, 1]) await h(`upgrade ${name} ${chart} --set replicas=${replicas} --wait`)
      await h(`rollback ${name} 1 --wait`)
      await h(`uninstall ${name} --wait`)
    }

    /** One node after the other, as when the machines of a cluster are renewed. */
    async function drains(): Promise<void> {
      const nodes = (await house.sh('k35 get nodes -o name')).split('\n')
      for (const node of nodes) {
        await house.sh(`k35 drain ${node} --ignore-daemonsets --delete-emptydir-data --force --timeout=40s`)
        await house.sh(`k34 uncordon ${node}`)
      }
    }

    async function goSession(peer: string): Promise<void> {
      const checks = ['typed', 'dynamic', 'apply', 'informers', 'leader-election', 'events', 'scale']
      const printed = await runPeer(peer, ['-kubeconfig', join(house.home, 'config'), '-checks', checks.join(',')])
      expect(told(printed)).toEqual(checks.map((check) => `${check}: ok`))
    }

    async function pythonSession(): Promise<void> {
      const script = join(root, 'test/peers/python/peer.py')
      const printed = await runPeer('/usr/bin/python3', [script, join(house.home, 'config')])
      expect(told(printed).filter((line) => !line.endsWith(': ok'))).toEqual([])
    }
  }, 240_000)
})
