// Why a pod got no new node, worked out afterwards for the few that did not: upstream's sentence, and for those who want
// to know more, each instance type with the constraint that refused it and the numbers.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/nodeclaim.go (InstanceTypeFilterError),
// scheduler.go (addToNewNodeClaim) and topology.go (topologyError).
import {
  formatQuantity,
  has,
  incompatibilityText,
  labelKeys,
  requirement,
  requirementText,
  sumQuantities,
  type Pod,
  type Requirement,
  type Requirements,
} from '@plimsoll/model'
import { hasClaims } from '../dynamic-resources/device-state.ts'
import type { HostAllocation } from '../dynamic-resources/device-provisioning.ts'
import { portsCollide } from '../host-ports.ts'
import { classOf, type PodClass } from '../pod-class.ts'
import { hasBit } from './bits.ts'
import { cpu } from './dimensions.ts'
import type { Allotted } from './host-devices.ts'
import type { Obstacle, TypeObstacles } from './obstacle.ts'
import type { Claim, Packer } from './packer.ts'
import type { PodForm } from './pod-form.ts'
import { rowsWithoutCollision, type CompiledPool } from './pool.ts'
import { taintProblem } from './taints.ts'
import type { Rule } from './topology.ts'

const noPools = 'nodepool requirements filtered out all available instance types'

/** Upstream's sentence for a pod that fits nowhere, in the form in which it was tried last. */
export function messageOf(packer: Packer, form: PodForm): string {
  if (packer.pools.length === 0) return noPools
  const texts: string[] = []
  for (const pool of packer.pools) {
    const { text, reserved } = poolMessage(packer, form, pool)
    texts.push(text)
    if (reserved) break
  }
  return texts.join('; ')
}

interface PoolMessage {
  readonly text: string
  /** Pools after this one are not asked. */
  readonly reserved: boolean
}

function poolMessage(packer: Packer, form: PodForm, pool: CompiledPool): PoolMessage {
  const plain = (text: string): PoolMessage => ({ text, reserved: false })
  const {
    limits,
    pool: { name },
  } = pool
  if (limits?.nodesExhausted === true) return plain(nodesExhausted(name))
  const claim = packer.draft(pool)
  if (limits !== undefined) {
    const within = limits.rowsWithin()
    for (let w = 0; w < claim.rows.length; w++) claim.rows[w]! &= within[w]!
    if (claim.rows.every((word) => word === 0)) return plain(limitsExceeded(name))
  }
  const untolerated = taintProblem(form.pod.spec.tolerations, pool.taints)
  if (untolerated !== '') return plain(untolerated)
  const incompatible = requirementProblem(packer, form, claim)
  if (incompatible !== undefined) return plain(`incompatible requirements, ${incompatible}`)
  const { sets } = packer
  const merged = sets.merge(claim.set, form.set)
  let last = plain('')
  for (const alternative of form.alternatives.length === 0 ? [undefined] : form.alternatives) {
    let set = merged
    if (alternative !== undefined) {
      const problem = incompatibleText(packer, claim, merged, alternative)
      if (problem !== undefined) {
        last = plain(`incompatible volume requirements, ${problem}`)
        continue
      }
      set = sets.merge(merged, alternative.set)
    }
    const devices = devicesOf(packer, form, claim)
    if (devices?.kind === 'refused') {
      last = plain(`allocating dynamic resources, ${devices.reason}`)
      continue
    }
    if (devices !== undefined) {
      const asked = sets.number(devices.requirements)
      const problems = sets.problems(set, asked)
      if (problems !== undefined) {
        last = plain(`incompatible dynamic resource requirements, ${incompatibilityText(problems)}`)
        continue
      }
      set = sets.merge(set, asked)
    }
    const heeded = topologyProblem(packer, form, claim, set)
    if (typeof heeded === 'string') {
      last = plain(heeded)
      continue
    }
    const filtered =
      filterProblem(packer, form, claim, heeded) ?? (devices && typesProblem(packer, form, claim, heeded, devices))
    last = filtered === undefined ? { text: reservedOut, reserved: true } : plain(filtered)
  }
  return last
}

const reservedOut =
  'one or more instance types with compatible reserved offerings are available, but could not be reserved'

function nodesExhausted(pool: string): string {
  return `node limits have been exhausted for nodepool (NodePool=${pool})`
}

function limitsExceeded(pool: string): string {
  return `all available instance types exceed limits for nodepool (NodePool=${pool})`
}

function requirementProblem(packer: Packer, form: PodForm, claim: Claim): string | undefined {
  return incompatibleText(packer, claim, claim.set, form)
}

function incompatibleText(
  packer: Packer,
  claim: Claim,
  existing: number,
  incoming: { readonly set: number; readonly hostname: Requirement | undefined },
): string | undefined {
  const problems = [...(packer.sets.problems(existing, incoming.set) ?? [])]
  if (incoming.hostname !== undefined && !has(incoming.hostname, claim.hostname)) {
    const own = requirement(labelKeys.hostname, 'In', [claim.hostname])
    problems.push({ kind: 'disjoint', key: labelKeys.hostname, incoming: incoming.hostname, existing: own })
  }
  return problems.length === 0 ? undefined : incompatibilityText(problems)
}

/** The set with the topologies heeded, or what forbids that. */
function topologyProblem(packer: Packer, form: PodForm, claim: Claim, set: number): number | string {
  const { sets } = packer
  const { byKey, seeking } = form.topology!
  for (const rule of seeking) {
    const { group, choosesItself } = rule
    const allowed = form.strict.find(labelKeys.hostname)
    const suits = allowed === undefined || has(allowed, claim.hostname)
    if (!choosesItself || !suits || !group.mayFound(allowed, (host) => packer.hostnameOf(host))) {
      return topologyText(packer, form, rule, requirement(labelKeys.hostname, 'In', [claim.hostname]))
    }
  }
  let result = set
  for (const { key, rules } of byKey) {
    let node = sets.get(set).find(key)
    const pod = form.strict.find(key)
    let open: readonly string[] = []
    for (const rule of rules) {
      open = rule.group.openDomains(pod, node, rule.choosesItself)
      if (open.length === 0) return topologyText(packer, form, rule, node)
      node = requirement(key, 'In', open)
    }
    const spreading = rules.find(({ group }) => group.kind === 'spread')
    const chosen = spreading === undefined ? open : [spreading.group.emptiest(open)]
    const one = sets.oneOf(key, chosen)
    const next = sets.merge(result, one)
    if (next < 0) return incompatibilityText(sets.problems(result, one)!)
    result = next
  }
  return result
}

const kinds = { spread: 'topology spread', affinity: 'pod affinity', antiAffinity: 'pod anti-affinity' } as const
const countsShown = 25

function topologyText(packer: Packer, form: PodForm, { group }: Rule, node: Requirement | undefined): string {
  const counts = group.onHosts
    ? packer.hostnames().map((name, host): [string, number] => [name, group.hostCount(host)])
    : group.domains.map((domain, i): [string, number] => [domain, group.counts[i]!])
  counts.sort(([a], [b]) => (a < b ? -1 : 1))
  const shown = counts.slice(0, countsShown).map(([name, count]) => `${name}: ${count}`)
  const rest = counts.length > countsShown ? ` and ${counts.length - countsShown} other(s)` : ''
  const any = requirement(group.key, 'Exists')
  return (
    `unsatisfiable topology constraint for ${kinds[group.kind]}, key=${group.key} ` +
    `(counts = ${shown.join(', ')}${rest}, podDomains = ${requirementText(form.strict.find(group.key) ?? any)}, ` +
    `nodeDomains = ${requirementText(node ?? any)}`
  )
}

/** What the pod's devices make of the claim; undefined for pods without resource claims. */
function devicesOf(packer: Packer, form: PodForm, claim: Claim): HostAllocation | undefined {
  return hasClaims(form.pod) ? packer.devices?.onClaim(claim, form.podClass) : undefined
}

function typesProblem(packer: Packer, form: PodForm, claim: Claim, set: number, devices: Allotted): string | undefined {
  const supported = { ...claim, rows: claim.rows.slice() }
  const some = packer.devices!.keep(devices, claim, supported.rows)
  if (some && filterProblem(packer, form, supported, set) === undefined) return undefined
  return 'no instance type satisfies both scheduling and dynamic resource requirements'
}

/** Why none of the claim's types will do with that set; undefined: some would. */
function filterProblem(packer: Packer, form: PodForm, claim: Claim, set: number): string | undefined {
  const { universe, daemons } = claim.pool
  const requirements = packer.sets.get(set)
  const { ports } = form.podClass
  const meeting = universe.meeting(requirements)
  const offered = universe.offered(requirements)
  const free = rowsWithoutCollision(claim.pool, ports)
  const met = { requirements: false, fits: false, offering: false }
  const pairs = { withOffering: false, fitsAndOffering: false }
  const remaining = new Uint32Array(universe.words)
  universe.types.forEach((_, typeIndex) => {
    let eligible = false
    const own = { requirements: false, fits: false, offering: false }
    universe.rows.forEach((row, r) => {
      if (row.typeIndex !== typeIndex || !hasBit(claim.rows, r) || !hasBit(free, r)) return
      eligible = true
      const room = claim.pool.room.of(r)
      const fits = form.vector.amounts.every((amount, d) => claim.requests[d]! + amount <= (room[d] ?? 0))
      own.requirements ||= hasBit(meeting, r)
      own.offering ||= hasBit(offered, r)
      own.fits ||= hasBit(offered, r) && fits
      if (hasBit(meeting, r) && hasBit(offered, r) && fits) remaining[r >>> 5]! |= 1 << (r & 31)
    })
    if (!eligible) return
    met.requirements ||= own.requirements
    met.fits ||= own.fits
    met.offering ||= own.offering
    pairs.withOffering ||= own.requirements && own.offering && !own.fits
    pairs.fitsAndOffering ||= own.fits && own.offering && !own.requirements
  })
  const any = remaining.some((word) => word !== 0)
  const lacking = any ? packer.lackingValues(claim.pool, requirements, remaining) : []
  if (any && lacking.length === 0) return undefined
  const colliding = daemons.filter((group) => !portsCollide(group.ports, ports) && group.daemons.length > 0)
  const tail = `, requirements=${requirements.text(packer.sets.registry)}, resources=${resourcesText(
    form.podClass,
    colliding.map((group) => group.daemons),
  )}`
  if (any) return `${minValuesText(lacking)}${tail}`
  const typo =
    met.requirements && !met.fits && met.offering && form.vector.amounts[cpu]! >= 1e9
      ? ' (CPU request >= 1 Million, m vs M typo?)'
      : ''
  return `${category(met, pairs)}${tail}${typo}`
}

export function minValuesText(keys: readonly string[]): string {
  return `minValues requirement is not met for label(s) (label(s)=[${keys.join(' ')}])`
}

function category(
  met: { readonly requirements: boolean; readonly fits: boolean; readonly offering: boolean },
  pairs: { readonly withOffering: boolean; readonly fitsAndOffering: boolean },
): string {
  const { requirements, fits, offering } = met
  if (!requirements && !fits && !offering) {
    return 'no instance type met the scheduling requirements or had enough resources or had a required offering'
  }
  if (!requirements && !fits) return 'no instance type met the scheduling requirements or had enough resources'
  if (!requirements && !offering) return 'no instance type met the scheduling requirements or had a required offering'
  if (!fits && !offering) return 'no instance type had enough resources or had a required offering'
  if (!requirements) return 'no instance type met all requirements'
  if (!fits) return 'no instance type has enough resources'
  // Upstream asks for room only where there is an offering, so that its sentences about room without one never come.
  if (pairs.fitsAndOffering) {
    return 'no instance type which had enough resources and the required offering met the scheduling requirements'
  }
  if (pairs.withOffering) {
    return 'no instance type which met the scheduling requirements and the required offering had the required resources'
  }
  return 'no instance type met the requirements/resources/offering tuple'
}

type Amounts = Map<string, string>

/** What the pod and its daemons ask for, as JSON; as a range where instance types run different daemons. */
function resourcesText(pod: PodClass, daemons: readonly (readonly Pod[])[]): string {
  const own = requestTexts([pod.sample])
  const overheads = daemons.map(requestTexts)
  if (overheads.length === 0) return listText(own)
  const pick = (better: (a: string, b: string) => boolean, keepAll: boolean): Amounts => {
    const result: Amounts = new Map(overheads[0])
    for (const other of overheads.slice(1)) {
      for (const [name, text] of other) {
        const known = result.get(name)
        if (known === undefined ? keepAll : better(text, known)) result.set(name, text)
      }
      if (!keepAll) for (const name of result.keys()) if (!other.has(name)) result.delete(name)
    }
    return result
  }
  const nano = (text: string): bigint => sumQuantities([text]).nano
  const least = listText(
    merged(
      pick((a, b) => nano(a) < nano(b), false),
      own,
    ),
  )
  const most = listText(
    merged(
      pick((a, b) => nano(a) > nano(b), true),
      own,
    ),
  )
  return least === most ? least : `min=${least}, max=${most}`
}

function merged(a: Amounts, b: Amounts): Amounts {
  const result = new Map(a)
  for (const [name, text] of b) result.set(name, formatQuantity(sumQuantities([result.get(name) ?? '0', text])))
  return result
}

/** The sums by resource in the form in which the pods write them. */
function requestTexts(pods: readonly Pod[]): Amounts {
  const result: Amounts = new Map()
  for (const pod of pods) {
    const { requests } = classOf(pod)
    for (const [name, sample] of namedResources(pod)) {
      const amount =
        name === 'cpu'
          ? `${requests.milliCpu}m`
          : name === 'memory'
            ? String(requests.memory)
            : name === 'ephemeral-storage'
              ? String(requests.ephemeralStorage)
              : String(requests.scalar.get(name) ?? 0)
      const { format } = sumQuantities([sample])
      const sum = sumQuantities([result.get(name) ?? '0', amount])
      result.set(name, formatQuantity({ nano: sum.nano, format }))
    }
  }
  result.set('pods', String(pods.length))
  return result
}

function namedResources(pod: Pod): Amounts {
  const names: Amounts = new Map()
  const { containers, initContainers = [], overhead, resources } = pod.spec
  const lists = [...containers, ...initContainers].map((container) => container.resources?.requests)
  for (const list of [...lists, resources?.requests, overhead]) {
    for (const name in list) if (!names.has(name)) names.set(name, String(list[name]))
  }
  return names
}

function listText(amounts: Amounts): string {
  return JSON.stringify(Object.fromEntries([...amounts].sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** Every instance type of every pool, with all that refuses it; types that would take the pod are left out. */
export function obstaclesOf(packer: Packer, form: PodForm, resourceNames: readonly string[]): TypeObstacles[] {
  return packer.pools.flatMap((pool) => poolObstacles(packer, form, pool, resourceNames))
}

function poolObstacles(
  packer: Packer,
  form: PodForm,
  pool: CompiledPool,
  resourceNames: readonly string[],
): TypeObstacles[] {
  const { name } = pool.pool
  const whole = (obstacle: Obstacle): TypeObstacles[] => [
    { pool: name, instanceType: undefined, obstacles: [obstacle] },
  ]
  if (pool.limits?.nodesExhausted === true) return whole({ constraint: 'limits', message: nodesExhausted(name) })
  const claim = packer.draft(pool)
  const untolerated = taintProblem(form.pod.spec.tolerations, pool.taints)
  if (untolerated !== '') return whole({ constraint: 'taints', message: untolerated })
  const problems = packer.sets.problems(claim.set, form.set)
  const incompatible = requirementProblem(packer, form, claim)
  if (incompatible !== undefined) {
    const keys = problems?.map((problem) => problem.key) ?? [labelKeys.hostname]
    return whole({ constraint: 'requirements', keys, message: incompatible })
  }
  let set = packer.sets.merge(claim.set, form.set)
  if (form.alternatives.length > 0) {
    const suiting = form.alternatives.find((one) => incompatibleText(packer, claim, set, one) === undefined)
    if (suiting === undefined) {
      const message = form.alternatives.map((one) => incompatibleText(packer, claim, set, one)).join('; ')
      return whole({ constraint: 'volumes', message })
    }
    set = packer.sets.merge(set, suiting.set)
  }
  const heeded = topologyProblem(packer, form, claim, set)
  if (typeof heeded === 'string') return whole({ constraint: 'topology', message: heeded })
  const requirements = packer.sets.get(heeded)
  const within = pool.limits?.rowsWithin()
  const found = new Map<string, TypeObstacles>()
  const fitting = new Set<string>()
  const remaining = new Uint32Array(pool.universe.words)
  pool.universe.rows.forEach((row, r) => {
    const obstacles = rowObstacles(form, claim, requirements, within, r, resourceNames)
    if (obstacles.length === 0) {
      fitting.add(row.type.name)
      remaining[r >>> 5]! |= 1 << (r & 31)
    } else if (!found.has(row.type.name)) {
      found.set(row.type.name, { pool: name, instanceType: row.type.name, obstacles })
    }
  })
  const result = [...found.values()].filter((one) => !fitting.has(one.instanceType!))
  const lacking = packer.lackingValues(pool, requirements, remaining)
  if (fitting.size > 0 && lacking.length > 0) {
    return [...whole({ constraint: 'minValues', message: minValuesText(lacking) }), ...result]
  }
  return result
}

function rowObstacles(
  form: PodForm,
  claim: Claim,
  requirements: Requirements,
  within: Uint32Array | undefined,
  r: number,
  resourceNames: readonly string[],
): Obstacle[] {
  const { pool } = claim
  const { universe } = pool
  const row = universe.rows[r]!
  const obstacles: Obstacle[] = []
  if (within !== undefined && !hasBit(within, r)) {
    obstacles.push({ constraint: 'limits', message: `its capacity exceeds what is left of the pool's limits` })
  }
  if (!hasBit(universe.meeting(requirements), r)) {
    const keys = universe.unmetKeys(requirements, r)
    const texts = keys.map(
      (key) =>
        `${requirementText(requirements.get(key))} is asked for, the type has ${requirementText(row.type.requirements.get(key))}`,
    )
    obstacles.push({ constraint: 'requirements', keys, message: texts.join('; ') })
  }
  const lacking = resourceNames.flatMap((resource, d) => {
    const wants = form.vector.amounts[d]! + (row.allocatable[d] ?? 0) - (pool.room.of(r)[d] ?? 0)
    const offers = row.allocatable[d] ?? 0
    return wants > offers ? [{ resource, wants, has: offers }] : []
  })
  if (lacking.length > 0) {
    const texts = lacking.map(({ resource, wants, has: offers }) => `${resource}: wants ${wants}, has ${offers}`)
    obstacles.push({ constraint: 'resources', lacking, message: texts.join('; ') })
  }
  if (!hasBit(universe.offered(requirements), r)) {
    const available = row.offerings.map((offering) => [...offering.requirements].map(requirementText).join(', '))
    obstacles.push({
      constraint: 'offering',
      available,
      message: `no available offering suits ${requirements.text()}`,
    })
  }
  if (!hasBit(rowsWithoutCollision(pool, form.podClass.ports), r) && hasBit(pool.rows, r)) {
    obstacles.push({ constraint: 'ports', message: 'a daemon takes one of its host ports' })
  }
  return obstacles
}
