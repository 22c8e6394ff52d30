import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { ms, Pods, seconds, timestamp, type Pod } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { createLog, Informer } from '@plimsoll/runtime'
import { describe, expect, it } from 'vitest'
import { LoopTrigger, UnschedulablePodSignal } from './loop-trigger.ts'

const never = { lastScaleUpLoop: -Infinity, lastDeletionLoop: -Infinity }

interface World {
  readonly clock: VirtualClock
  readonly kube: KubeApi
  readonly lines: string[]
  readonly wait: (next: number, activity?: typeof never) => Promise<{ readonly waited: number; readonly cause: string }>
  readonly pending: (name: string) => Promise<Pod>
}

async function world(): Promise<World> {
  const clock = new VirtualClock({ start: ms(Date.parse('2024-03-10T09:00:00Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('x') })
  bootstrap(server)
  const kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  const lines: string[] = []
  const signal = new UnschedulablePodSignal()
  const pods = new Informer(kube, Pods, { clock })
  await pods.start(new AbortController().signal)
  signal.watch(pods, clock)
  const log = createLog({ clock, write: (line) => lines.push(line), verbosity: 0 })
  const trigger = new LoopTrigger({ clock, log, scanInterval: seconds(10), signal })
  return {
    clock,
    kube,
    lines,
    wait: async (next, activity = never) => {
      const from = clock.now()
      let to = -1
      void trigger.wait(next, activity, new AbortController().signal).then(() => (to = clock.now()))
      await clock.runUntil(() => to >= 0, seconds(60))
      return { waited: to - from, cause: lines.at(-1)!.split('] ')[1]! }
    },
    pending: async (name) => {
      const made = await kube.create(Pods, {
        metadata: { name, namespace: 'default' },
        spec: { containers: [{ name: 'c', image: 'x' }] },
      })
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        lastTransitionTime: timestamp(clock.now()),
      }
      return kube.patch(
        Pods,
        made.metadata,
        { type: 'merge', body: { status: { conditions: [condition] } } },
        { subresource: 'status' },
      )
    },
  }
}

describe('when the next loop begins (CA-11 to CA-13)', () => {
  it('after the scan interval, when nothing happens', async () => {
    const { wait } = await world()
    expect(await wait(5)).toEqual({ waited: 10_000, cause: 'Autoscaler loop triggered by a 10s timer' })
  })

  it('at once, twice, after a loop that did something', async () => {
    const { wait } = await world()
    const scaledUp = { ...never, lastScaleUpLoop: 3 }
    expect(await wait(4, scaledUp)).toEqual({
      waited: 0,
      cause: 'Autoscaler loop triggered immediately after a scale up',
    })
    expect((await wait(5, scaledUp)).waited).toBe(0)
    expect((await wait(6, scaledUp)).waited).toBe(10_000)
    const deleted = { ...never, lastDeletionLoop: 6 }
    expect(await wait(7, deleted)).toEqual({
      waited: 0,
      cause: 'Autoscaler loop triggered immediately after a scale down',
    })
  })

  it('when a pod becomes unschedulable, also before anybody waits; several are one signal', async () => {
    const { wait, pending, clock } = await world()
    clock.after(seconds(3), () => void pending('a'))
    const cause = 'Autoscaler loop triggered by unschedulable pod appearing'
    expect(await wait(5)).toEqual({ waited: 3000, cause })
    await pending('b')
    await pending('c')
    expect(await wait(6)).toEqual({ waited: 0, cause })
    expect((await wait(7)).waited).toBe(10_000)
  })

  it('an old condition is no signal', async () => {
    const { wait, pending, clock, kube } = await world()
    const pod = await pending('a')
    await wait(5)
    await clock.runFor(seconds(11))
    await kube.patch(Pods, pod.metadata, { type: 'merge', body: { metadata: { labels: { x: 'y' } } } })
    expect((await wait(6)).waited).toBe(10_000)
  })
})
