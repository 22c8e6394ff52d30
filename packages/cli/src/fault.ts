// `plimsoll fault …`: puts faults on nodes, pods and the cloud of a running cluster, lists them and takes them away. All of
// it goes through the Kubernetes API, so `kubectl annotate` can do the same.
import { createKubeClient } from '@plimsoll/kube-client'
import {
  faultAnnotation,
  faultKinds,
  faultsOf,
  faultText,
  listFaults,
  placeFault,
  problemOf,
  withdrawFaults,
  type Fault,
  type FaultName,
  type FaultScope,
  type FaultTarget,
} from '@plimsoll/embedded-cluster'
import { Nodes, Pods, type Node, type Pod } from '@plimsoll/model'
import { isKubeFailure, SystemClock, type KubeApi } from '@plimsoll/ports'
import { CliError } from './failure.ts'
import { findRunning } from './instance.ts'

export interface FaultRequest {
  /** A fault's name, `list` or `clear`. */
  readonly verb: string
  /** A target, if any, and parameters as name=value. */
  readonly words: readonly string[]
  readonly namespace: string
}

interface Target {
  readonly scope: FaultScope
  readonly where: FaultTarget
  readonly shown: string
}

/** @throws {CliError} */
export async function runFault(
  o: FaultRequest & { readonly root: string; readonly name: string | undefined },
): Promise<void> {
  const { running } = findRunning(o.root, o.name)
  const kube = await createKubeClient({
    access: { kind: 'file', path: running.environment['KUBECONFIG'] ?? '' },
    userAgent: 'plimsoll-fault',
    qps: 0,
    clock: new SystemClock(),
  })
  try {
    for (const line of await performFault(kube, o)) process.stdout.write(`${line}\n`)
  } finally {
    await kube.close()
  }
}

/** Carries the request out; returns what is to be said. @throws {CliError} one line: what was found, what is accepted */
export async function performFault(kube: KubeApi, request: FaultRequest): Promise<readonly string[]> {
  const { verb, words } = request
  if (verb === 'list') {
    if (words.length > 0) throw new CliError('fault list takes no arguments')
    const placed = await listFaults(kube)
    if (placed.length === 0) return ['no faults']
    const width = Math.max(...placed.map(({ on }) => on.length))
    return placed.map(({ on, text }) => `${on.padEnd(width)}  ${text}`)
  }
  const targets = words.filter((word) => !word.includes('='))
  if (targets.length > 1) throw new CliError(`one target is expected, not ${targets.join(' and ')}`)
  if (verb === 'clear') return clear(kube, targets[0], request)

  const name = verb as FaultName
  if (!Object.hasOwn(faultKinds, verb))
    throw new CliError(`there is no fault "${verb}"; there are ${Object.keys(faultKinds).join(', ')}`)
  const target = await targetOf(kube, name, targets[0], request)
  const parameters: Record<string, string> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals === 0) throw new CliError(`"${word}" is no parameter; name=value is expected`)
    if (equals > 0) parameters[word.slice(0, equals)] = word.slice(equals + 1)
  }
  const problem = problemOf(name, parameters, target.scope)
  if (problem !== undefined) throw new CliError(problem)
  const fault: Fault = { name, parameters }
  await placeFault(kube, target.where, fault)
  const ends = faultKinds[name].once === true ? '' : `; \`plimsoll fault clear${target.argument}\` ends it`
  return [`${target.shown}: ${faultText(fault)}${ends}`]
}

async function clear(kube: KubeApi, word: string | undefined, request: FaultRequest): Promise<readonly string[]> {
  const said: string[] = []
  const withdraw = async (target: Target): Promise<void> => {
    for (const text of await withdrawFaults(kube, target.where)) said.push(`${target.shown}: ${text} ended`)
  }
  if (word === 'cloud') await withdraw(board)
  else if (word !== undefined) await withdraw(await objectOf(kube, word, request.namespace))
  else {
    const placed = new Set((await listFaults(kube)).map(({ on }) => on))
    for (const on of placed) await withdraw(on === 'cloud' ? board : await objectOf(kube, on, request.namespace))
  }
  return said.length === 0 ? ['no faults'] : said
}

const board: Target = { scope: 'cloud', where: { kind: 'board' }, shown: 'cloud' }

async function targetOf(
  kube: KubeApi,
  name: FaultName,
  word: string | undefined,
  { namespace }: FaultRequest,
): Promise<Target & { readonly argument: string }> {
  const { scopes } = faultKinds[name]
  if (word === undefined || word === 'cloud') {
    const scope = scopes.find((s) => s === 'machine' || s === 'cloud')
    if (scope !== undefined) return { ...board, scope, argument: ' cloud' }
    throw new CliError(
      `${name}: ${scopes.join(' or ')} is missing, as in \`plimsoll fault ${name} ${examples[scopes[0]!]}\``,
    )
  }
  const scope = scopeOf(word)
  if (scope !== undefined && !scopes.includes(scope))
    throw new CliError(`${name} is no fault of ${scope}s; those are ${faultsOf(scope).join(', ')}`)
  const target = await objectOf(kube, word, namespace)
  return {
    ...target,
    argument: ` ${word}${target.scope === 'pod' && namespace !== 'default' ? ` -n ${namespace}` : ''}`,
  }
}

const examples: Record<FaultScope, string> = {
  node: 'node/NAME',
  pod: 'pod/NAME',
  machine: 'group=NAME',
  cloud: 'type=t3.medium',
}

function scopeOf(word: string): 'node' | 'pod' | undefined {
  if (/^(i-[0-9a-f]+$|no\/|nodes?\/)/.test(word)) return 'node'
  return /^(po|pods?)\//.test(word) ? 'pod' : undefined
}

/** `node/NAME`, an instance id, `pod/NAME`, `pod/NAMESPACE/NAME`. */
async function objectOf(kube: KubeApi, word: string, namespace: string): Promise<Target> {
  const scope = scopeOf(word)
  const [, first, second] = word.split('/')
  if (scope === 'node' && first === undefined) return instance(await nodes(kube), word)
  if (scope === 'node' && first !== undefined && second === undefined) return nodeNamed(await nodes(kube), first)
  if (scope === 'pod' && first !== undefined) {
    const key = second === undefined ? { namespace, name: first } : { namespace: first, name: second }
    return podNamed(kube, key)
  }
  throw new CliError(`${JSON.stringify(word)}: node/NAME, an instance id, pod/NAME or pod/NAMESPACE/NAME is expected`)
}

async function nodes(kube: KubeApi): Promise<readonly Node[]> {
  return (await kube.list(Nodes)).items
}

/** A beginning of the name will do when it is the only one. */
function nodeNamed(all: readonly Node[], name: string): Target {
  const exact = all.filter((node) => node.metadata.name === name)
  const found = exact.length > 0 ? exact : all.filter((node) => node.metadata.name.startsWith(name))
  if (found.length === 1) return nodeTarget(found[0]!)
  const names = (found.length > 1 ? found : all).map((node) => node.metadata.name).join(', ')
  throw new CliError(
    found.length > 1
      ? `several nodes begin with "${name}": ${names}`
      : `there is no node "${name}"; there are ${names === '' ? 'none' : names}`,
  )
}

function instance(all: readonly Node[], id: string): Target {
  const node = all.find((each) => each.spec.providerID?.endsWith(`/${id}`) === true)
  if (node === undefined) throw new CliError(`no node runs on instance ${id}`)
  return nodeTarget(node)
}

function nodeTarget(node: Node): Target {
  const { name } = node.metadata
  return { scope: 'node', where: { kind: 'object', type: Nodes, key: { name } } as never, shown: `node/${name}` }
}

async function podNamed(kube: KubeApi, key: { readonly namespace: string; readonly name: string }): Promise<Target> {
  let pod: Pod
  try {
    pod = await kube.get(Pods, key)
  } catch (error) {
    if (!isKubeFailure(error, 'notFound')) throw error
    const names = (await kube.list(Pods, { namespace: key.namespace })).items.map((each) => each.metadata.name)
    const there = names.length === 0 ? 'none' : names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '')
    throw new CliError(`there is no pod "${key.name}" in namespace ${key.namespace}; there are ${there}`)
  }
  const { namespace, name } = pod.metadata
  return {
    scope: 'pod',
    where: { kind: 'object', type: Pods, key: { namespace, name } } as never,
    shown: `pod/${namespace}/${name}`,
  }
}

/** What `plimsoll fault --help` says below the options: every fault with its parameters, and examples. */
export function faultHelp(): string {
  const titles: readonly (readonly [FaultScope, string])[] = [
    ['node', 'Faults of a node (node/NAME, the beginning of its name, or its instance id):'],
    ['pod', 'Faults of a pod (pod/NAME, with -n or as pod/NAMESPACE/NAME):'],
    ['machine', 'Faults of machines that are to start:'],
    ['cloud', 'Faults of the cloud:'],
  ]
  const lines: string[] = ['']
  for (const [scope, title] of titles) {
    lines.push(title, '')
    for (const name of faultsOf(scope)) {
      const { help, parameters } = faultKinds[name]
      lines.push(`  ${name.padEnd(22)} ${help}`)
      for (const [parameter, { help: meaning }] of Object.entries(parameters)) {
        if (parameter !== 'for') lines.push(`  ${''.padEnd(22)}   ${parameter}=… ${meaning}`)
      }
    }
    lines.push('')
  }
  return [
    ...lines,
    'Those that last take for=DURATION and then end by themselves; others end with `plimsoll fault clear`.',
    '',
    'Examples:',
    '  plimsoll fault not-ready node/ip-192-168-1-10 for=10m      NotReady for ten minutes',
    '  plimsoll fault lease-loss i-0123456789abcdef0              its kubelet hangs, its containers run on',
    '  plimsoll fault terminate node/ip-192-168-1-10              gone without notice',
    '  plimsoll fault memory-pressure node/ip-192-168-1-10 evict=2',
    '  plimsoll fault crash-loop pod/web-5f7c9 exit=3 after=10s',
    '  plimsoll fault insufficient-capacity type=t3.medium zone=ap-northeast-2a',
    '  plimsoll fault never-registers group=ng1 for=1h            machines of ng1 that start within the hour',
    '  plimsoll fault list',
    '  plimsoll fault clear node/ip-192-168-1-10',
    '',
    'The same without this command, also in manifests and pod templates:',
    `  kubectl annotate node NAME ${faultAnnotation}='not-ready for=10m'`,
    '',
  ].join('\n')
}
