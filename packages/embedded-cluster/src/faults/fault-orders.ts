// Orders for faults in the words of the command line, which scenarios speak as well: put, list, clear.
import { Nodes, Pods, setOwn, type Node, type Pod } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { listFaults, placeFault, withdrawFaults, type FaultTarget } from './fault-board.ts'
import { faultKinds, faultsOf, faultText, problemOf, type Fault, type FaultName, type FaultScope } from './fault.ts'

/** An order that cannot be carried out: one line that says what was found and what is accepted. */
export class FaultOrderError extends Error {
  override readonly name = 'FaultOrderError'
}

export interface FaultOrder {
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

/** Carries the order out; returns what is to be said. @throws {FaultOrderError} one line: what was found, what is accepted */
export async function orderFault(kube: KubeApi, order: FaultOrder): Promise<readonly string[]> {
  const { verb, words } = order
  if (verb === 'list') {
    if (words.length > 0) throw new FaultOrderError('fault list takes no arguments')
    const placed = await listFaults(kube)
    if (placed.length === 0) return ['no faults']
    const width = Math.max(...placed.map(({ on }) => on.length))
    return placed.map(({ on, text }) => `${on.padEnd(width)}  ${text}`)
  }
  const targets = words.filter((word) => !word.includes('='))
  if (targets.length > 1) throw new FaultOrderError(`one target is expected, not ${targets.join(' and ')}`)
  if (verb === 'clear') return clear(kube, targets[0], order)

  const name = verb as FaultName
  if (!Object.hasOwn(faultKinds, verb))
    throw new FaultOrderError(`there is no fault "${verb}"; there are ${Object.keys(faultKinds).join(', ')}`)
  const target = await targetOf(kube, name, targets[0], order)
  const parameters: Record<string, string> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals === 0) throw new FaultOrderError(`"${word}" is no parameter; name=value is expected`)
    if (equals > 0) setOwn(parameters, word.slice(0, equals), word.slice(equals + 1))
  }
  const problem = problemOf(name, parameters, target.scope)
  if (problem !== undefined) throw new FaultOrderError(problem)
  const fault: Fault = { name, parameters }
  await placeFault(kube, target.where, fault)
  const ends = faultKinds[name].once === true ? '' : `; \`plimsoll fault clear${target.argument}\` ends it`
  return [`${target.shown}: ${faultText(fault)}${ends}`]
}

async function clear(kube: KubeApi, word: string | undefined, order: FaultOrder): Promise<readonly string[]> {
  const said: string[] = []
  const withdraw = async (target: Target): Promise<void> => {
    for (const text of await withdrawFaults(kube, target.where)) said.push(`${target.shown}: ${text} ended`)
  }
  if (word === 'cloud') await withdraw(board)
  else if (word !== undefined) await withdraw(await objectOf(kube, word, order.namespace))
  else {
    const placed = new Set((await listFaults(kube)).map(({ on }) => on))
    for (const on of placed) await withdraw(on === 'cloud' ? board : await objectOf(kube, on, order.namespace))
  }
  return said.length === 0 ? ['no faults'] : said
}

const board: Target = { scope: 'cloud', where: { kind: 'board' }, shown: 'cloud' }

async function targetOf(
  kube: KubeApi,
  name: FaultName,
  word: string | undefined,
  { namespace }: FaultOrder,
): Promise<Target & { readonly argument: string }> {
  const { scopes } = faultKinds[name]
  if (word === undefined || word === 'cloud') {
    const scope = scopes.find((s) => s === 'machine' || s === 'cloud')
    if (scope !== undefined) return { ...board, scope, argument: ' cloud' }
    throw new FaultOrderError(
      `${name}: ${scopes.join(' or ')} is missing, as in \`plimsoll fault ${name} ${examples[scopes[0]!]}\``,
    )
  }
  const scope = scopeOf(word)
  if (scope !== undefined && !scopes.includes(scope))
    throw new FaultOrderError(`${name} is no fault of ${scope}s; those are ${faultsOf(scope).join(', ')}`)
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
  throw new FaultOrderError(
    `${JSON.stringify(word)}: node/NAME, an instance id, pod/NAME or pod/NAMESPACE/NAME is expected`,
  )
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
  throw new FaultOrderError(
    found.length > 1
      ? `several nodes begin with "${name}": ${names}`
      : `there is no node "${name}"; there are ${names === '' ? 'none' : names}`,
  )
}

function instance(all: readonly Node[], id: string): Target {
  const node = all.find((each) => each.spec.providerID?.endsWith(`/${id}`) === true)
  if (node === undefined) throw new FaultOrderError(`no node runs on instance ${id}`)
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
    throw new FaultOrderError(`there is no pod "${key.name}" in namespace ${key.namespace}; there are ${there}`)
  }
  const { namespace, name } = pod.metadata
  return {
    scope: 'pod',
    where: { kind: 'object', type: Pods, key: { namespace, name } } as never,
    shown: `pod/${namespace}/${name}`,
  }
}
