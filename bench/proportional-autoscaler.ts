// What Cluster Proportional Autoscaler costs beside a large cluster that does not rest: its share of one core, and one
// write for each change of the result.
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { Deployments, ms, Nodes, type Node } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type KubeApi, type WatchSink } from '@plimsoll/ports'
import { runProportionalAutoscaler } from '@plimsoll/proportional-autoscaler'
import { conditions, fleet } from './api-server-process.ts'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'
import type { Cost } from './proportional-autoscaler-process.ts'
import { message, withServer } from './served.ts'

const program = fileURLToPath(new URL('./proportional-autoscaler-process.ts', import.meta.url))
const flags = ['--namespace=default', '--configmap=cpa', '--target=deployment/web', '--watch-nodes']

interface Stirring {
  /** Nodes written every second. */
  readonly written: number
  /** Of these, how many turn ready or not ready, all the same way, and back in the next second. */
  readonly turned: number
}

function follow(stirring: Stirring): (size: BenchSize) => Promise<BenchResult> {
  return (size) =>
    withServer(async (served) => {
      const part = size === 'full' ? 1 : 0.01
      const seconds = size === 'full' ? 20 : 2
      const nodes = 10_000 * part
      await served.tell({ do: 'fleet', nodes, nodesPerReplica: 20 * part })
      const child = fork(program, [JSON.stringify(served.greeting), ...flags], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      const cost = async (): Promise<Cost> => {
        child.send('cost')
        return (await message(child)) as Cost
      }
      await message(child)
      await new Promise((resolve) => setTimeout(resolve, 2000))
      const before = await cost()
      const { delivered: writes } = await served.tell({
        do: 'stir',
        seconds,
        written: stirring.written * part,
        turned: stirring.turned * part,
      })
      const after = await cost()
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
      return {
        figures: {
          'share of a core, %': ((after.cpuMs - before.cpuMs) / (seconds * 1000)) * 100,
          'RSS, MiB': after.rssMiB,
          'writes of the scale': writes,
          'changes of the result': stirring.turned === 0 ? 0 : seconds,
        },
        answer: `${nodes} nodes`,
      }
    })
}

/** The same without a wire: what remains when nodes come as objects, as they do in the embedded cluster. */
async function inProcess(size: BenchSize): Promise<BenchResult> {
  const count = size === 'full' ? 10_000 : 100
  const seconds = 20
  const clock = new VirtualClock({ start: ms(0) })
  const api = new ApiServer({ clock, random: new SeededRandom('bench') })
  bootstrap(api)
  const kube = api.client({ name: 'bench', groups: ['system:masters'] }, 'bench')
  await fleet(kube, count, count / 500)
  let sink: WatchSink<Node> | undefined
  const autoscaler = runProportionalAutoscaler({
    args: flags,
    environment: {},
    clock,
    random: new SeededRandom('bench'),
    identity: 'bench',
    signal: new AbortController().signal,
    out: () => {},
    error: () => {},
    connect: () =>
      Promise.resolve({
        ...served(kube),
        watch: (_type, _options, events) => {
          sink = events as unknown as WatchSink<Node>
          return Promise.resolve({ stop: () => {} })
        },
      }),
    serve: () => Promise.resolve(() => {}),
  })
  void autoscaler
  await clock.runFor(ms(500))
  const nodes = (await kube.list(Nodes)).items
  // In one second a few turn, in the next back; all of them are written.
  const rounds = [false, true].map((ready) =>
    nodes.map((node, i): Node => {
      const metadata = { ...node.metadata, resourceVersion: `${i}${ready ? 'b' : 'a'}` }
      const turned = i < Math.ceil(count / 250)
      return { ...node, metadata, status: { ...node.status, conditions: conditions(turned ? ready : true) } }
    }),
  )
  const generation = async (): Promise<number> =>
    (await kube.get(Deployments, { namespace: 'default', name: 'web' })).metadata.generation ?? 0
  const written = await generation()
  const begun = process.cpuUsage()
  for (let second = 0; second < seconds; second++) {
    for (const object of rounds[second % 2]!) sink!.event({ type: 'MODIFIED', object })
    await clock.runFor(ms(1000))
  }
  const { user, system } = process.cpuUsage(begun)
  const writes = (await generation()) - written
  return {
    figures: {
      'share of a core, %': ((user + system) / 1000 / (seconds * 1000)) * 100,
      'writes of the scale': writes,
      'changes of the result': seconds,
    },
    answer: `${count} nodes, ${writes} writes`,
  }
}

function served(kube: KubeApi): KubeApi {
  return {
    get: (type, key) => kube.get(type, key),
    list: (type, options) => kube.list(type, options),
    readScale: (type, key) => kube.readScale(type, key),
    writeScale: (type, key, scale) => kube.writeScale(type, key, scale),
  } as KubeApi
}

export const proportionalAutoscaler: readonly BenchCase[] = [
  {
    name: 'Cluster Proportional Autoscaler: 10,000 nodes, whose number changes every second',
    run: follow({ written: 40, turned: 40 }),
  },
  {
    name: 'Cluster Proportional Autoscaler: 10,000 nodes, 1,000 of them written every second',
    run: follow({ written: 1000, turned: 40 }),
  },
  {
    name: 'Cluster Proportional Autoscaler: 10,000 nodes, all of them written every second',
    run: follow({ written: 10_000, turned: 40 }),
  },
  {
    name: 'Cluster Proportional Autoscaler: 10,000 nodes, all of them written every second, without a wire',
    run: inProcess,
  },
]
