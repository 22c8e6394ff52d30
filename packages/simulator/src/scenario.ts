// Scenarios: a few commands, run on the house in virtual time; what comes out is a trace. The files under
// test/scenarios/ hold the commands, a line of dashes, and the trace that they gave.
import {
  ConfigMaps,
  Deployments,
  Nodes,
  parseGoDuration,
  Pods,
  RoleBindings,
  seconds,
  type KubeObject,
  type Ms,
  type ResourceType,
} from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { orderFault } from '@plimsoll/embedded-cluster'
import { House, type KubeManifest } from './house.ts'
import { KubeOutage } from './kube-outage.ts'
import { Trace } from './trace.ts'

export interface ScenarioOptions {
  readonly seed: string
  /** The instant at which virtual time begins. */
  readonly start: Ms
  /** The objects of a manifest that a command names. */
  readonly manifest: (name: string) => readonly KubeManifest[]
}

export interface ScenarioResult {
  readonly trace: string
  readonly timersFired: number
  /** Everything that a line `expect …` demanded and did not find. */
  readonly failures: readonly string[]
}

interface Stage {
  readonly clock: VirtualClock
  readonly house: House
  readonly kube: KubeApi
  readonly trace: Trace
  readonly outage: KubeOutage
  readonly failures: string[]
}

/**
 * Runs the commands, one a line; `#` begins a comment:
 * - `cluster type=t3.medium min=3 max=6 desired=3 authorization=RBAC` first of all; `seed` and `start` come from the options
 * - `apply NAME` creates a manifest's objects
 * - `scale DEPLOYMENT COUNT`, `delete deployment|configmap|rolebinding NAME`
 * - `configmap NAME KEY=TEXT` replaces its data
 * - `group max=6 min=3 desired=3` as `aws autoscaling update-auto-scaling-group` does
 * - `fault insufficient-capacity type=t3.medium`, `fault terminate node/ip-…`, `fault clear`: as `plimsoll fault` does
 * - `outage 1m` keeps the API server from programs in pods for that long
 * - `run 10m` lets time pass
 * - `log NAMESPACE/POD` tells what the pods of that name, or whose names begin so, have said since the last time
 * - `until nodes=6 ready within 5m`, `until pods=15 running within 2m` wait, and fail when the time is over
 * @throws Error for a command that it does not know
 */
export async function runScenario(text: string, o: ScenarioOptions): Promise<ScenarioResult> {
  const commands = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
  const [first, ...rest] = commands
  if (first === undefined || !first.startsWith('cluster ')) throw new Error('a scenario begins with `cluster …`')
  const clock = new VirtualClock({ start: o.start })
  const trace = new Trace(clock)
  const outage = new KubeOutage(clock)
  const cluster = options(first)
  const house = new House({
    clock,
    random: new SeededRandom(o.seed),
    log: silentLog,
    cluster: { name: 'myeks', region: 'ap-northeast-2', version: '1.35' },
    nodeGroup: {
      name: 'ng1',
      instanceType: cluster['type'] ?? 't3.medium',
      min: Number(cluster['min'] ?? 3),
      max: Number(cluster['max'] ?? 3),
      desired: Number(cluster['desired'] ?? 3),
    },
    aroundAws: (api) => trace.around(api),
    aroundKube: (api, user) => (isProgram(user.name) ? outage.around(api) : api),
    ...(cluster['authorization'] === 'RBAC' ? { authorizationMode: 'RBAC' } : {}),
    heartbeats: 'lazy',
  })
  const stage: Stage = { clock, house, kube: house.client(), trace, outage, failures: [] }
  await house.start()
  await trace.follow(stage.kube, { namespace: 'default' })
  for (const command of rest) {
    trace.say('>', command)
    await perform(command, stage, o)
  }
  await house.stop()
  return { trace: trace.text(), timersFired: clock.fired, failures: stage.failures }
}

async function perform(command: string, stage: Stage, o: ScenarioOptions): Promise<void> {
  const { clock, house, kube } = stage
  const [verb = '', ...words] = command.split(/\s+/)
  switch (verb) {
    case 'apply':
      for (const object of o.manifest(words[0]!)) house.install(object)
      return
    case 'scale': {
      const key = { namespace: 'default', name: words[0]! }
      const scale = await kube.readScale(Deployments, key)
      await kube.writeScale(Deployments, key, { ...scale, spec: { replicas: Number(words[1]) } })
      return
    }
    case 'delete':
      await kube.remove(
        resource(words[0] ?? ''),
        { namespace: 'default', name: words[1]! },
        { propagationPolicy: 'Background' },
      )
      return
    case 'configmap': {
      const stored = await kube.get(ConfigMaps, { namespace: 'default', name: words[0]! })
      const [, key = '', text = ''] = /^configmap \S+ (\w+)=(.*)$/.exec(command) ?? []
      await kube.replace(ConfigMaps, { ...stored, data: { [key]: text } })
      return
    }
    case 'outage':
      stage.outage.begin(duration(words[0]))
      return
    case 'log':
      return stage.trace.tellLogs(house, kube, words[0]!)
    case 'group': {
      const { min, max, desired } = options(command)
      await house.aws.api().call('autoscaling', 'UpdateAutoScalingGroup', {
        AutoScalingGroupName: house.groupName,
        ...(min === undefined ? {} : { MinSize: Number(min) }),
        ...(max === undefined ? {} : { MaxSize: Number(max) }),
        ...(desired === undefined ? {} : { DesiredCapacity: Number(desired) }),
      })
      return
    }
    case 'fault': {
      const [name = '', ...rest] = words
      await orderFault(kube, { verb: name, words: rest, namespace: 'default' })
      return
    }
    case 'run':
      return clock.runFor(duration(words[0]))
    case 'until':
      return until(command, stage)
    default:
      throw new Error(`no such command: ${command}`)
  }
}

async function until(command: string, { clock, kube, failures, trace }: Stage): Promise<void> {
  const match = /^until (nodes|pods)=(\d+)(?: (ready|running))? within (\S+)$/.exec(command)
  if (match === null) throw new Error(`cannot wait for: ${command}`)
  const [, what, count, , limit] = match
  let found = -1
  const look = async (): Promise<void> => {
    if (what === 'nodes') {
      const { items } = await kube.list(Nodes)
      found = items.filter((node) =>
        node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
      ).length
      // Those that are still leaving or joining count against the wait.
      if (items.length !== found) found = -1
    } else {
      const { items } = await kube.list(Pods, { namespace: 'default' })
      found = items.filter(
        (pod) => pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined,
      ).length
      if (items.length !== found) found = -1
    }
  }
  const end = clock.now() + duration(limit)
  await look()
  while (found !== Number(count) && clock.now() < end) {
    await clock.runFor(seconds(1))
    await look()
  }
  if (found !== Number(count)) {
    failures.push(command)
    trace.say('!', `not reached: ${command}`)
  }
}

/** Service accounts of kube-system are the controllers'. */
function isProgram(user: string): boolean {
  return /^system:serviceaccount:(?!kube-system:)/.test(user)
}

function resource(name: string): ResourceType<KubeObject> {
  switch (name) {
    case 'deployment':
      return Deployments
    case 'configmap':
      return ConfigMaps
    case 'rolebinding':
      return RoleBindings
    default:
      throw new Error(`cannot delete: ${name}`)
  }
}

function options(command: string): { readonly [key: string]: string } {
  return Object.fromEntries([...command.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key!, value!]))
}

function duration(text: string | undefined): Ms {
  const parsed = parseGoDuration(text ?? '')
  if (parsed === undefined) throw new Error(`not a duration: ${text}`)
  return parsed
}
