// Controllers that die at any await and come back: what they know is in the API server, nothing is made twice.
import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  controllerOf,
  ControllerRevisions,
  CronJobs,
  DaemonSets,
  Deployments,
  EndpointSlices,
  Jobs,
  ms,
  Nodes,
  Pods,
  ReplicaSets,
  seconds,
  Services,
  StatefulSets,
  timestamp,
  type KubeObject,
  type Pod,
} from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'
import { describe, expect, it } from 'vitest'
import { Caches, onChange } from '../src/caches.ts'
import type { Controller, ControllerContext } from '../src/controllers/controller.ts'
import { CronJobController } from '../src/controllers/cronjob.ts'
import { DaemonSetController } from '../src/controllers/daemonset.ts'
import { DeploymentController } from '../src/controllers/deployment.ts'
import { EndpointSliceController } from '../src/controllers/endpoint-slice.ts'
import { OwnerGarbageCollector } from '../src/controllers/garbage-collector.ts'
import { JobController } from '../src/controllers/job.ts'
import { replicaSetController } from '../src/controllers/replicaset.ts'
import { StatefulSetController } from '../src/controllers/statefulset.ts'
import { isPodFinished } from '../src/pods.ts'

const never = new Promise<never>(() => {})
const start = ms(Date.parse('2024-03-10T09:00:00Z'))

const controllers: { readonly [name: string]: (context: ControllerContext) => Controller } = {
  deployment: (context) => new DeploymentController(context),
  replicaset: replicaSetController,
  statefulset: (context) => new StatefulSetController(context),
  daemonset: (context) => new DaemonSetController(context),
  job: (context) => new JobController(context),
  cronjob: (context) => new CronJobController(context),
  endpointslice: (context) => new EndpointSliceController(context),
  'garbage-collector': (context) => new OwnerGarbageCollector(context),
}

/** The same calls, of which one is the last: it is lost, or carried out without an answer. */
function mortal(kube: KubeApi, die: () => 'before' | 'after' | undefined, isDead: () => boolean): KubeApi {
  return new Proxy(kube, {
    get: (target, name) => {
      const method = (target as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[String(name)]!
      return async (...args: unknown[]) => {
        if (isDead()) return never
        const death = name === 'watch' || name === 'list' ? undefined : die()
        if (death === 'before') return never
        const answer = await method.apply(target, args)
        return death === 'after' || isDead() ? never : answer
      }
    },
  })
}

interface World {
  readonly clock: VirtualClock
  readonly kube: KubeApi
  /** From now on nobody dies. */
  readonly heal: () => void
  readonly deaths: () => number
}

async function world(seed: string): Promise<World> {
  const clock = new VirtualClock({ start })
  const random = new SeededRandom(seed)
  const server = new ApiServer({ clock, random: random.split('server') })
  bootstrap(server)
  const kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  let healed = false
  let deaths = 0

  const live = async (name: string): Promise<void> => {
    const fate = random.split(`fate/${name}`)
    for (;;) {
      const stop = new AbortController()
      let left = 1 + Math.floor(fate.next() * 10)
      const dead = new Promise<void>((resolve) => {
        const die = (): 'before' | 'after' | undefined => {
          if (healed || --left > 0) return undefined
          deaths++
          const when = fate.next() < 0.5 ? 'before' : 'after'
          // The write that dies with it is still carried out.
          void Promise.resolve().then(() => {
            stop.abort(new Error('killed'))
            resolve()
          })
          return when
        }
        const user = { name: `system:serviceaccount:kube-system:${name}`, groups: ['system:masters'] }
        const own = mortal(server.client(user, name), die, () => stop.signal.aborted)
        const caches = new Caches({ kube, clock, random: random.split('caches'), log: silentLog })
        const context: ControllerContext = { caches, clock, random, log: silentLog, reader: kube, kube: () => own }
        const controller = controllers[name]!(context)
        void caches.start(stop.signal).then(
          () => controller.run(stop.signal).catch(() => {}),
          () => {},
        )
      })
      await dead
      await clock.sleep(ms(Math.floor(fate.next() * 2000)))
    }
  }
  await beOtherThings(kube, clock)
  for (const name of Object.keys(controllers)) void live(name)
  return { clock, kube, heal: () => void (healed = true), deaths: () => deaths }
}

/** Three nodes on which pods run as soon as they are there, and end as they are told. */
async function beOtherThings(kube: KubeApi, clock: VirtualClock): Promise<void> {
  const names = ['n0', 'n1', 'n2']
  for (const name of names) {
    await kube.create(Nodes, { metadata: { name } })
    await kube.patch(Nodes, { name }, { type: 'merge', body: { spec: { taints: null } } })
  }
  let turn = 0
  const change = async (pod: Pod): Promise<void> => {
    const { metadata, spec } = pod
    if (metadata.deletionTimestamp !== undefined) {
      await kube.remove(Pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } })
    } else if (spec.nodeName === undefined) {
      const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
      const aimed = terms?.[0]?.matchFields?.[0]?.values?.[0]
      await kube.bind({ namespace: metadata.namespace, name: metadata.name }, aimed ?? names[turn++ % 3]!)
    } else if (!isPodFinished(pod)) {
      const at = timestamp(clock.now())
      const running = pod.status?.phase === 'Running'
      const ends = controllerOf(pod)?.kind === 'Job'
      if (running && !ends) return
      const ready = running ? 'False' : 'True'
      const phase = running ? 'Succeeded' : 'Running'
      const conditions = [{ type: 'Ready', status: ready, lastTransitionTime: at }]
      const body = { status: { phase, podIP: '10.0.0.1', conditions } }
      await kube.patch(Pods, metadata, { type: 'merge', body }, { subresource: 'status' })
    }
  }
  const pods = new Informer(kube, Pods, { clock })
  onChange(pods, (now) => {
    if (now === undefined) return
    clock.after(ms(700), () => {
      const current = pods.get(now.metadata)
      if (current?.metadata.resourceVersion === now.metadata.resourceVersion) void change(current).catch(() => {})
    })
  })
  await pods.start(new AbortController().signal)
}

const template = (app: string, image = 'app:1', restartPolicy = 'Always'): object => ({
  metadata: { labels: { app } },
  spec: { restartPolicy, containers: [{ name: 'main', image }] },
})
const workload = (app: string, spec: object = {}): never =>
  ({
    metadata: { name: app, namespace: 'default' },
    spec: { selector: { matchLabels: { app } }, template: template(app), ...spec },
  }) as never

describe('controllers that are killed at any await', () => {
  it.each(['one', 'two', 'three', 'four'])('converge, and make nothing twice (seed %s)', async (seed) => {
    const { clock, kube, heal, deaths } = await world(seed)
    const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
    await kube.create(Deployments, workload('web', { replicas: 4 }))
    await kube.create(StatefulSets, workload('db', { replicas: 3, serviceName: 'db' }))
    await kube.create(DaemonSets, workload('agent'))
    await kube.create(Services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    })
    await kube.create(Jobs, {
      metadata: { name: 'parts', namespace: 'default' },
      spec: {
        completions: 6,
        parallelism: 2,
        completionMode: 'Indexed',
        template: template('parts', 'w:1', 'Never'),
      },
    } as never)
    await kube.create(Jobs, {
      metadata: { name: 'work', namespace: 'default' },
      spec: { completions: 5, parallelism: 3, template: template('work', 'w:1', 'Never') },
    } as never)
    await kube.create(CronJobs, {
      metadata: { name: 'tick', namespace: 'default' },
      spec: {
        schedule: '* * * * *',
        successfulJobsHistoryLimit: 10,
        jobTemplate: { spec: { template: template('tick', 'w:1', 'Never') } },
      },
    } as never)
    await kube.create(Deployments, workload('gone', { replicas: 2 }))
    await clock.runFor(seconds(40))
    await kube.remove(Deployments, key('gone'), { propagationPolicy: 'Foreground' })
    const image = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:2' }] as const
    for (const [type, name] of [
      [Deployments, 'web'],
      [StatefulSets, 'db'],
      [DaemonSets, 'agent'],
    ] as const) {
      await kube.patch<KubeObject>(type, key(name), { type: 'json', body: image })
    }
    await clock.runFor(seconds(170))
    heal()
    await clock.runFor(seconds(120))

    const running = async (app: string): Promise<string[]> =>
      (await kube.list(Pods, { labelSelector: `app=${app}` })).items
        .filter((pod) => !isPodFinished(pod))
        .map((pod) => pod.spec.containers[0]!.image!)
    expect(await running('web')).toEqual(Array(4).fill('app:2'))
    expect(await running('db')).toEqual(Array(3).fill('app:2'))
    expect(await running('agent')).toEqual(Array(3).fill('app:2'))
    expect(await running('gone')).toEqual([])
    const sets = (await kube.list(ReplicaSets)).items.map((set) => `${controllerOf(set)!.name} ${set.spec.replicas}`)
    expect(sets.sort()).toEqual(['web 0', 'web 4'])
    const revisions = (await kube.list(ControllerRevisions)).items.map((r) => `${controllerOf(r)!.name} ${r.revision}`)
    expect(revisions.sort()).toEqual(['agent 1', 'agent 2', 'db 1', 'db 2'])
    expect((await kube.get(Jobs, key('parts'))).status).toMatchObject({ succeeded: 6, completedIndexes: '0-5' })
    expect((await kube.get(Jobs, key('work'))).status).toMatchObject({ succeeded: 5 })
    for (const name of ['parts', 'work']) {
      const pods = (await kube.list(Pods, { labelSelector: `job-name=${name}` })).items
      expect(pods).toHaveLength(name === 'parts' ? 6 : 5)
      expect(pods.flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([])
    }
    // One a minute from 9:01 to 9:05: what died at its minute makes up for it, as none took a whole minute to come back.
    const ticks = (await kube.list(Jobs)).items.filter((job) => job.metadata.name.startsWith('tick-'))
    expect(ticks.map((job) => Number(job.metadata.name.slice(5)) - start / 60_000)).toEqual([1, 2, 3, 4, 5])
    expect((await kube.get(CronJobs, key('tick'))).status!.active).toBeUndefined()
    const slices = (await kube.list(EndpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })).items
    expect(slices.flatMap((slice) => slice.endpoints)).toHaveLength(4)
    expect(deaths()).toBeGreaterThan(20)
  })
})
