// One provisioning pass: which pods go to nodes that are there, which new nodes it takes for the rest, and why some find
// none. Pure and synchronous; equal inputs give equal plans. A what-if is a call with other nodes and pods.
//
// Mirrors kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/scheduler.go (NewScheduler, Solve).
import {
  coreLabels,
  labelKeys,
  normalizeLabelKey,
  requirement,
  Requirements,
  type InstanceType,
  type Labels,
  type Pod,
  type ResourceList,
} from '@plimsoll/model'
import { hasClaims } from '../dynamic-resources/device-state.ts'
import { classOf, type PodClass } from '../pod-class.ts'
import { Dimensions, type RequestVector } from './dimensions.ts'
import type { PlannedClaim, ProvisioningInput, ProvisioningNode, ProvisioningResult, Unplaced } from './input.ts'
import { Packer, type Attempt, type Claim, type OpenNode } from './packer.ts'
import { PodForm } from './pod-form.ts'
import { addDaemons, byWeight, compilePool, type CompiledPool } from './pool.ts'
import { messageOf, minValuesText, obstaclesOf } from './reasons.ts'
import { Queue, queueOrder } from './queue.ts'
import { relax } from './relaxation.ts'
import type { RequirementSets } from './requirement-sets.ts'
import { hostnameOf, isDone, Topology } from './topology.ts'
import { noTaints, toleratesAll } from './taints.ts'
import { vocabularyOf } from './vocabulary.ts'

export function provision(input: ProvisioningInput): ProvisioningResult {
  return new Pass(input).run()
}

const waitsForClaims = 'pod has Dynamic Resource Allocation requirements that are not yet supported by Karpenter'
const cutShort = 'pod didn’t schedule because NodePool couldn’t meet minValues requirements'
const timedOut = 'scheduling simulation timed out'

class Pass {
  readonly #input: ProvisioningInput
  readonly #daemons: readonly Pod[]
  readonly #sets: RequirementSets
  readonly #dimensions: Dimensions
  readonly #pools: readonly CompiledPool[]
  readonly #emptyPools: ProvisioningResult['emptyPools']
  readonly #topology: Topology
  readonly #packer: Packer
  readonly #forms = new Map<PodClass, PodForm>()
  /** By pod. */
  readonly #formOf: PodForm[]
  readonly #vectors = new Map<PodClass, RequestVector>()
  readonly #placing: ReadonlySet<string>
  readonly #nodeSets = new Map<ProvisioningNode, number>()
  #asked: ReadonlySet<string> | undefined = undefined

  constructor(input: ProvisioningInput) {
    this.#input = input
    const { pods, nodes = [] } = input
    // Those with resource claims are overlooked as long as claims are.
    const daemons = (input.daemons ?? []).filter((pod) => input.devices !== undefined || !hasClaims(pod))
    this.#daemons = daemons
    const vocabulary = vocabularyOf(input.registry ?? coreLabels)
    const { sets, names } = vocabulary
    this.#sets = sets
    this.#placing = new Set(pods.map((pod) => pod.metadata.uid ?? ''))
    const ordered = input.pools.toSorted(byWeight)
    const classes = pods.map(classOf)
    for (const { requests } of new Set(classes)) for (const name of requests.scalar.keys()) names.number(name)
    for (const daemon of daemons) for (const name of classOf(daemon).requests.scalar.keys()) names.number(name)
    for (const entry of nodes) for (const name in allocatableOfNode(entry)) names.number(name)
    const compiled = ordered.map((pool, i) => compilePool(pool, i, vocabulary))
    this.#dimensions = new Dimensions(names)
    const problems = compiled.map((pool) => emptiness(pool, this.#sets, input.minValues === 'BestEffort'))
    this.#pools = compiled.filter((_, i) => problems[i] === undefined)
    this.#emptyPools = problems.flatMap((one) => one ?? [])
    for (const pool of this.#pools) addDaemons(pool, daemons, this.#sets, this.#dimensions)
    this.#topology = new Topology(this.#sets, {
      pools: ordered,
      nodes,
      namespaces: input.namespaces ?? new Map<string, Labels>(),
      respects: input.preferences !== 'Ignore',
    })
    const softensTaints = ordered.some((pool) => pool.taints?.some((taint) => taint.effect === 'PreferNoSchedule'))
    this.#formOf = classes.map((one) => this.#formFor(one, softensTaints))
    this.#registerShunned(nodes)
    const open = this.#openNodes(nodes)
    this.#packer = new Packer({
      input,
      sets: this.#sets,
      pools: this.#pools,
      nodes: open,
      topology: this.#topology,
      dimensions: this.#dimensions,
    })
    this.#countPresent(open)
  }

  run(): ProvisioningResult {
    const { pods, expired } = this.#input
    const packer = this.#packer
    const queue = new Queue(this.#order())
    const tried = new Uint8Array(pods.length)
    let ranOut = false
    for (let next = queue.pop(); next >= 0; next = queue.pop()) {
      if (expired?.() === true) {
        ranOut = true
        queue.push(next)
        break
      }
      tried[next] = 1
      const pod = pods[next]!
      if (!this.#try(packer, pod, this.#formOf[next]!)) queue.push(next)
    }
    const unplaced = queue.rest().map((i) => this.#unplaced(pods[i]!, this.#formOf[i]!, ranOut && tried[i] === 0))
    return this.#result(unplaced)
  }

  /** Tries the pod in all its forms, one wish less each time. */
  #try(packer: Packer, pod: Pod, first: PodForm): boolean {
    const anywhere = this.#isAnywhere(pod)
    // Nothing was placed since it last failed: it would again.
    if ((anywhere ? first.failedAt : first.failedApartAt) === packer.version) return false
    if (this.#isLeftOut(pod, first)) return false
    let attempt: Attempt = 'unschedulable'
    for (let form: PodForm | undefined = first; form !== undefined; form = form.relaxed) {
      form.topology ??= this.#topology.bind(form.podClass, form.groups, this.#sets.number(form.strict))
      attempt = packer.place(pod, form, anywhere)
      if (attempt === 'placed') return true
      // It may yet get reserved capacity as it is: then no wish is dropped.
      if (attempt === 'reserved') break
    }
    if (anywhere) {
      first.failedAt = packer.version
      first.failedKind = attempt
    } else {
      first.failedApartAt = packer.version
      first.failedApartKind = attempt
    }
    return false
  }

  #order(): number[] {
    const { pods } = this.#input
    const milliCpu = new Float64Array(pods.length)
    const memory = new Float64Array(pods.length)
    this.#formOf.forEach(({ podClass }, i) => {
      milliCpu[i] = podClass.requests.milliCpu
      memory[i] = podClass.requests.memory
    })
    return queueOrder(pods, milliCpu, memory)
  }

  #formFor(podClass: PodClass, softensTaints: boolean): PodForm {
    let found = this.#forms.get(podClass)
    if (found === undefined) {
      const pod = podClass.sample
      const ladder: Pod[] = [pod]
      for (let next = relax(pod, softensTaints); next !== undefined; next = relax(next, softensTaints))
        ladder.push(next)
      const alternatives = podClass.claims.length === 0 ? undefined : this.#input.volumeAlternatives?.(pod)
      const respects = this.#input.preferences !== 'Ignore'
      for (const one of ladder.reverse()) {
        found = new PodForm({
          pod: one,
          vector: this.#dimensions.vectorOf(podClass.requests),
          policy: respects ? 'all' : 'strict',
          sets: this.#sets,
          alternatives: alternatives ?? [],
          groups: this.#topology.register(one === pod ? podClass : classOf(one)),
          relaxed: found,
        })
      }
      this.#forms.set(podClass, found!)
    }
    return found!
  }

  /** Initialized ones first, then by name. */
  #openNodes(nodes: readonly ProvisioningNode[]): OpenNode[] {
    const open = nodes.filter((entry) => entry.open !== false)
    open.sort((a, b) =>
      a.initialized !== b.initialized ? (a.initialized ? -1 : 1) : a.node.metadata.name < b.node.metadata.name ? -1 : 1,
    )
    const limits = new Map(this.#pools.map((pool) => [pool.pool.name, pool.limits]))
    return open.map((entry) => {
      limits.get(entry.pool ?? '')?.takeNode(this.#dimensions.listOf(entry.capacity ?? entry.node.status?.capacity))
      return {
        entry,
        hostname: hostnameOf(entry),
        taints: entry.taints ?? entry.node.spec.taints ?? noTaints,
        set: this.#labelsOf(entry),
        room: this.#roomOf(entry),
        ports: entry.pods.filter((pod) => this.#stays(pod)).flatMap((pod) => classOf(pod).ports),
      }
    })
  }

  /** As far as anybody asks for them, so that nodes alike share a set. */
  #labelsOf(entry: ProvisioningNode): number {
    let found = this.#nodeSets.get(entry)
    if (found === undefined) {
      const { registry } = this.#sets
      this.#asked ??= this.#askedKeys()
      const asked: { [key: string]: string } = {}
      for (const [key, value] of Object.entries(entry.node.metadata.labels ?? {})) {
        if (this.#asked.has(normalizeLabelKey(key, registry))) asked[key] = value
      }
      found = this.#sets.number(Requirements.fromLabels(asked, registry))
      this.#nodeSets.set(entry, found)
    }
    return found
  }

  /** Known once all forms of all pods are: later sets only name what these name. */
  #askedKeys(): ReadonlySet<string> {
    for (const daemon of this.#daemons) this.#daemonForm(daemon)
    const keys = this.#sets.keys()
    for (const key of this.#topology.keys()) keys.add(key)
    return keys
  }

  #vectorOf(podClass: PodClass): RequestVector {
    let found = this.#vectors.get(podClass)
    if (found === undefined) {
      found = this.#dimensions.vectorOf(podClass.requests)
      this.#vectors.set(podClass, found)
    }
    return found
  }

  #stays(pod: Pod): boolean {
    return !isDone(pod) && !this.#placing.has(pod.metadata.uid ?? '')
  }

  /** What its pods leave, less what daemons will still take that are not there yet. */
  #roomOf(entry: ProvisioningNode): Float64Array {
    const dimensions = this.#dimensions
    const allocatable = allocatableOfNode(entry)
    const room = dimensions.listOf(allocatable)
    const owed = new Float64Array(dimensions.count)
    const labels = this.#labelsOf(entry)
    const taints = entry.taints ?? entry.node.spec.taints ?? noTaints
    for (const daemon of this.#daemons) {
      const form = this.#daemonForm(daemon)
      if (!toleratesAll(daemon.spec.tolerations, taints)) continue
      if (!this.#sets.admits(labels, form.set) || !form.suitsHost(hostnameOf(entry))) continue
      const { amounts } = form.vector
      for (let d = 0; d < owed.length; d++) owed[d]! += amounts[d]!
    }
    for (const pod of entry.pods) {
      if (!this.#stays(pod)) continue
      const { amounts } = this.#vectorOf(classOf(pod))
      const isDaemon = ownedByDaemonSet(pod)
      for (let d = 0; d < room.length; d++) {
        room[d]! -= amounts[d]!
        if (isDaemon) owed[d]! -= amounts[d]!
      }
    }
    for (let d = 0; d < room.length; d++) {
      // What the node does not name it has none of, whoever asks for it.
      if (allocatable[dimensions.names[d]!] === undefined) room[d] = 0
      else room[d]! -= Math.max(0, owed[d]!)
    }
    return room
  }

  readonly #daemonForms = new Map<Pod, PodForm>()

  #daemonForm(pod: Pod): PodForm {
    let found = this.#daemonForms.get(pod)
    if (found === undefined) {
      found = new PodForm({
        pod,
        vector: this.#dimensions.vectorOf(classOf(pod).requests),
        policy: 'strict',
        sets: this.#sets,
        alternatives: [],
        groups: [],
        relaxed: undefined,
      })
      this.#daemonForms.set(pod, found)
    }
    return found
  }

  #registerShunned(nodes: readonly ProvisioningNode[]): void {
    for (const { pods } of nodes) {
      for (const pod of pods) if (this.#stays(pod)) this.#topology.registerShunned(classOf(pod))
    }
  }

  #countPresent(open: readonly OpenNode[]): void {
    const hosts = new Map(open.map((node, host) => [node.entry, host]))
    this.#topology.countPresent({
      placing: this.#placing,
      setOf: (entry) => this.#labelsOf(entry),
      hostOf: (entry) => hosts.get(entry) ?? -1,
    })
  }

  #unplaced(pod: Pod, first: PodForm, untried: boolean): Unplaced {
    if (untried) return { pod, kind: 'expired', message: () => timedOut, obstacles: () => [] }
    if (this.#isLeftOut(pod, first)) {
      const message = this.#packer.devices?.problemOf(first.podClass) ?? waitsForClaims
      return { pod, kind: 'dynamicResources', message: () => message, obstacles: () => [] }
    }
    const kind = this.#isAnywhere(pod) ? first.failedKind : first.failedApartKind
    let last = first
    while (last.relaxed !== undefined && last.relaxed.topology !== undefined) last = last.relaxed
    const names = this.#dimensions.names
    return {
      pod,
      kind,
      message: () => messageOf(this.#packer, last),
      obstacles: () => obstaclesOf(this.#packer, last, names),
    }
  }

  /** Whether it asks for devices that are not handled, or by claims that are not there yet. */
  #isLeftOut(pod: Pod, { podClass }: PodForm): boolean {
    if (!hasClaims(pod)) return false
    const { devices } = this.#packer
    return devices === undefined || devices.problemOf(podClass) !== undefined
  }

  #isAnywhere(pod: Pod): boolean {
    return pod.status?.phase === 'Pending' || this.#input.leaving?.has(pod.spec.nodeName ?? '') === true
  }

  #result(unplaced: Unplaced[]): ProvisioningResult {
    const packer = this.#packer
    const placed = new Map<string, readonly Pod[]>()
    packer.nodes.forEach((node, host) => {
      const pods = packer.nodePods[host]!
      if (pods.length > 0) placed.set(node.entry.node.metadata.name, pods)
    })
    const claims: PlannedClaim[] = []
    for (const claim of packer.claims) {
      const planned = this.#planned(claim)
      const lacking = this.#lackingOnceCut(claim, planned)
      if (lacking.length === 0) {
        claims.push(planned)
        continue
      }
      const message = `${cutShort}, validating minValues, ${minValuesText(lacking)} (NodePool=${claim.pool.pool.name})`
      for (const pod of claim.pods) {
        unplaced.push({ pod, kind: 'minValues', message: () => message, obstacles: () => [] })
      }
    }
    return { claims, placed, unplaced, emptyPools: this.#emptyPools }
  }

  /** Label keys of which the cheapest types, those that a claim may name, offer too few values. */
  #lackingOnceCut(claim: Claim, planned: PlannedClaim): readonly string[] {
    if (!claim.pool.hasMinValues || this.#input.minValues === 'BestEffort') return []
    const kept = new Set(planned.instanceTypes)
    const { universe } = claim.pool
    const rows = claim.rows.slice()
    universe.rows.forEach((row, r) => {
      if (!kept.has(row.type)) rows[r >>> 5]! &= ~(1 << (r & 31))
    })
    return this.#packer.lackingValues(claim.pool, planned.requirements, rows)
  }

  #planned(claim: Claim): PlannedClaim {
    const { pool, rows } = claim
    const reservations = this.#packer.reservations?.held(claim.host) ?? []
    const set = this.#reservedSet(claim.set, reservations)
    const sets = this.#sets
    return new Planned(
      {
        pool: pool.pool,
        pods: claim.pods,
        requirements: sets.get(set),
        minValuesRelaxed: claim.minValuesRelaxed,
        reservations,
        deviceDrivers: this.#packer.devices?.driversOf(claim) ?? [],
      },
      () => pool.universe.typesByPrice(rows, set).slice(0, this.#instanceTypesMax),
      () => this.#requestsOf(claim),
    )
  }

  /** A claim that holds reservations is launched into one of them. */
  #reservedSet(set: number, reservations: readonly string[]): number {
    const { reserved } = this.#input
    if (reserved === undefined || reservations.length === 0) return set
    const { registry } = this.#sets
    const reservedOnly = requirement(labelKeys.capacityType, 'In', ['reserved'], undefined, registry)
    const ids = requirement(reserved.label, 'In', reservations, undefined, registry)
    return this.#sets.number(this.#sets.get(set).with(reservedOnly).and([ids]))
  }

  get #instanceTypesMax(): number {
    return this.#input.instanceTypesMax ?? 600
  }

  #requestsOf(claim: Claim): ReadonlyMap<string, number> {
    const total = claim.requests.slice()
    const groups = claim.pool.daemons.filter(({ rows }) => rows.some((word, w) => (word & claim.rows[w]!) !== 0))
    for (let d = 0; d < total.length; d++) total[d]! += Math.min(...groups.map((group) => group.overhead[d]!))
    return new Map(this.#dimensions.names.flatMap((name, d) => (total[d]! > 0 ? [[name, total[d]!]] : [])))
  }
}

/** What the pass can do nothing with: a pool none of whose types suits its own requirements. */
function emptiness(
  { pool, rows, set, universe }: CompiledPool,
  sets: RequirementSets,
  bestEffort: boolean,
): ProvisioningResult['emptyPools'][number] | undefined {
  if (rows.every((word) => word === 0)) return { pool, minValuesProblem: undefined }
  if (bestEffort) return undefined
  const lacking = [...sets.get(set)].filter(
    ({ key, minValues }) => minValues !== undefined && universe.valueCount(key, rows, minValues) < minValues,
  )
  return lacking.length === 0 ? undefined : { pool, minValuesProblem: minValuesText(lacking.map((one) => one.key)) }
}

/** Instance types are put in order, and sums made, when asked for: of most claims nobody asks. */
class Planned implements PlannedClaim {
  readonly pool: PlannedClaim['pool']
  readonly pods: readonly Pod[]
  readonly requirements: Requirements
  readonly minValuesRelaxed: boolean
  readonly reservations: readonly string[]
  readonly deviceDrivers: readonly string[]
  #types: readonly InstanceType[] | undefined = undefined
  readonly #typesOf: () => readonly InstanceType[]
  readonly #requestsOf: () => ReadonlyMap<string, number>

  constructor(
    o: Omit<PlannedClaim, 'instanceTypes' | 'requests'>,
    typesOf: () => readonly InstanceType[],
    requestsOf: () => ReadonlyMap<string, number>,
  ) {
    this.pool = o.pool
    this.pods = o.pods
    this.requirements = o.requirements
    this.minValuesRelaxed = o.minValuesRelaxed
    this.reservations = o.reservations
    this.deviceDrivers = o.deviceDrivers
    this.#typesOf = typesOf
    this.#requestsOf = requestsOf
  }

  get requests(): ReadonlyMap<string, number> {
    return this.#requestsOf()
  }

  get instanceTypes(): readonly InstanceType[] {
    return (this.#types ??= this.#typesOf())
  }
}

function allocatableOfNode(entry: ProvisioningNode): ResourceList {
  return entry.allocatable ?? entry.node.status?.allocatable ?? {}
}

function ownedByDaemonSet(pod: Pod): boolean {
  return pod.metadata.ownerReferences?.some((owner) => owner.kind === 'DaemonSet') === true
}
