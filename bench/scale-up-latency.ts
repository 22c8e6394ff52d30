// From `kubectl scale` to the event TriggeredScaleUp, in real time, with the workshop's cluster and manifest.
import { readFileSync } from 'node:fs'
import { Deployments, Events, Nodes, seconds } from '@plimsoll/model'
import { SeededRandom, silentLog, SystemClock } from '@plimsoll/ports'
import { House, type KubeManifest } from '@plimsoll/simulator'
import { parseAllDocuments } from 'yaml'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'

const root = new URL('..', import.meta.url)

function manifest(path: string): readonly KubeManifest[] {
  const text = readFileSync(new URL(path, root), 'utf8').replaceAll('<YOUR CLUSTER NAME>', 'bench')
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeManifest | null)
    .filter((object) => object !== null)
}

async function run(_size: BenchSize): Promise<BenchResult> {
  const clock = new SystemClock()
  const house = new House({
    clock,
    random: new SeededRandom('bench'),
    log: silentLog,
    timing: 'instant',
    cluster: { name: 'bench', region: 'ap-northeast-2', version: '1.35' },
    nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: 6, desired: 3 },
    manifests: [
      ...manifest('deploy/workshop/base.yaml'),
      ...manifest('deploy/cluster-autoscaler/cluster-autoscaler-autodiscover.yaml'),
      ...manifest('deploy/workshop/nginx.yaml'),
    ],
  })
  await house.start()
  const kube = house.client()
  const ready = async (): Promise<boolean> => {
    const nodes = (await kube.list(Nodes)).items
    const web = await kube.get(Deployments, { namespace: 'default', name: 'nginx-to-scaleout' })
    const autoscaler = await kube.get(Deployments, { namespace: 'kube-system', name: 'cluster-autoscaler' })
    return nodes.length === 3 && web.status?.readyReplicas === 1 && autoscaler.status?.readyReplicas === 1
  }
  while (!(await ready())) await clock.sleep(seconds(0.1))
  // Past the autoscaler's own start.
  await clock.sleep(seconds(3))

  const triggered = new Promise<void>((resolve) => {
    void kube.watch(
      Events,
      { namespace: 'default' },
      {
        event: (event) => {
          if (event.type === 'ADDED' && event.object.reason === 'TriggeredScaleUp') resolve()
        },
        end: () => {},
      },
    )
  })
  const key = { namespace: 'default', name: 'nginx-to-scaleout' }
  const scale = await kube.readScale(Deployments, key)
  const begun = performance.now()
  await kube.writeScale(Deployments, key, { ...scale, spec: { replicas: 15 } })
  await triggered
  const elapsed = performance.now() - begun
  await house.stop()
  return { figures: { elapsed }, answer: 'triggered' }
}

export const scaleUpLatency: BenchCase = { name: 'from scale to TriggeredScaleUp, real time', run }
