// What Cluster Proportional Autoscaler costs beside a large cluster that does not rest: its share of one core, and one
// write for each change of the result.
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
]
