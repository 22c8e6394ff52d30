import { assert, type Pod, type TopologySpreadConstraint } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeviceState } from '../dynamic-resources/device-state.ts'
import { ClusterSnapshot } from '../snapshot.ts'
import { holdings, holdingsWith, holdingsWithout, misallocation, type NaiveDevices } from './naive-devices.ts'
import { amountOf, podRefusal, refusals, type NaiveCluster, type NaiveNode, type Refusal } from './naive-scheduler.ts'
import {
  features,
  featuresWith,
  namespaces,
  RandomCluster,
  spreadDefaults,
  type Feature,
  type Has,
} from './random-cluster.ts'
import { deviceClasses, drawDevices, models } from './random-devices.ts'
import { drawStorage, DrawnLister } from './random-storage.ts'
import { Draws } from './random.ts'
import { decides } from './without.ts'

/** Everything by seeds, so that fast-check shrinks a case by leaving things out. */
interface Case {
  readonly features: readonly Feature[]
  readonly nodes: readonly number[]
  readonly steps: readonly number[]
  readonly probes: readonly number[]
  readonly storage: number
}

const seed = fc.noShrink(fc.nat())
const parts = {
  features: fc.subarray([...features], { maxLength: 8 }),
  nodes: fc.array(seed, { minLength: 1, maxLength: 5, size: 'max' }),
  steps: fc.array(seed, { maxLength: 16, size: 'max' }),
  probes: fc.array(seed, { minLength: 1, maxLength: 3, size: 'max' }),
  storage: seed,
}
const anyCase: fc.Arbitrary<Case> = fc.record(parts)

const nodeNames = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']

/** A snapshot, and beside it plain lists that forks copy whole. */
class Play {
  readonly #random: RandomCluster
  readonly #saved: { readonly nodes: readonly NaiveNode[]; readonly given: NaiveDevices }[] = []
  readonly snapshot: ClusterSnapshot
  readonly #has: Has
  readonly #storage: DrawnLister
  readonly #devices = new DeviceState()
  /** Which devices the claims got is the engine's choice; that it may choose so is checked with every change. */
  #given: NaiveDevices
  readonly #spreadDefaults: readonly TopologySpreadConstraint[]
  #nodes: readonly NaiveNode[] = []
  #podCount = 0

  constructor(has: Has, storage: Draws) {
    this.#has = has
    const { slices, claims } = drawDevices(storage, has, nodeNames)
    this.#given = { models, slices, claims }
    for (const deviceClass of deviceClasses) this.#devices.setClass(deviceClass)
    for (const slice of slices) this.#devices.setSlice(slice)
    for (const claim of claims) this.#devices.setClaim(claim)
    this.#storage = new DrawnLister(drawStorage(storage, has, nodeNames))
    this.#random = new RandomCluster(has)
    this.#spreadDefaults = has.spreadDefaults ? spreadDefaults : []
    this.snapshot = new ClusterSnapshot({
      spreadDefaults: this.#spreadDefaults,
      volumes: this.#storage,
      devices: this.#devices,
    })
    for (const [name, labels] of Object.entries(namespaces)) this.snapshot.setNamespace(name, labels)
  }

  get cluster(): NaiveCluster {
    const { storage } = this.#storage
    return { nodes: this.#nodes, namespaces, spreadDefaults: this.#spreadDefaults, storage, devices: this.#given }
  }

  pod(draws: Draws): Pod {
    return this.#random.pod(draws, `p${this.#podCount++}`)
  }

  addNode(draws: Draws): void {
    const taken = new Set(this.#nodes.map(({ node }) => node.metadata.name))
    const name = nodeNames.find((free) => !taken.has(free))
    if (name === undefined) return
    const node = this.#random.node(draws, name)
    const pods = draws.list(0, 3, () => this.pod(draws))
    this.snapshot.addNode(node, pods)
    this.#nodes = [...this.#nodes, { node, pods }]
    // With several pods at once there are several ways; each alone is followed in addPod.
    this.#follow(pods.length === 1 ? holdingsWith(this.#given, pods[0]!, node) : undefined)
  }

  /** What happens is drawn; true when it is time to look whether both still agree. */
  step(draws: Draws): boolean {
    const kind = draws.below(25)
    if (kind < 3) return true
    if (kind === 24) this.#storage.storage = drawStorage(draws, this.#has, nodeNames)
    else if (kind < 5) this.addNode(draws)
    else if (kind < 8) this.#fork()
    else if (kind < 11) this.#unfork(draws.of('revert', 'revert', 'commit'))
    else if (this.#nodes.length > 0) this.#change(draws, kind)
    return false
  }

  /** Nodes or pods come and go, and no fork stays open for long. */
  churn(draws: Draws, what: 'nodes' | 'pods'): void {
    if (this.#saved.length > 3) while (this.#saved.length > 0) this.#unfork(draws.of('revert', 'commit'))
    if (what === 'nodes') {
      if (this.#nodes.length > 3) this.#change(draws, 11)
      this.addNode(draws)
    } else if (this.#nodes.length > 0) {
      for (let n = 0; n < 6; n++) this.#change(draws, 20)
    }
  }

  #fork(): void {
    this.snapshot.fork()
    this.#saved.push({ nodes: this.#nodes, given: this.#given })
  }

  #unfork(how: 'revert' | 'commit'): void {
    const before = this.#saved.pop()
    if (before === undefined) return
    this.snapshot[how]()
    if (how === 'commit') return
    this.#nodes = before.nodes
    this.#follow(holdings(before.given))
    this.#given.claims.forEach((claim, i) => assert(claim === before.given.claims[i], 'a revert brings back the claim'))
  }

  #change(draws: Draws, kind: number): void {
    const at = draws.of(...this.#nodes)
    const { name } = at.node.metadata
    const put = (next: NaiveNode): void => {
      this.#nodes = this.#nodes.map((node) => (node === at ? next : node))
    }
    if (kind < 12) {
      this.snapshot.removeNode(name)
      this.#follow(holdingsWithout(this.#given, at.pods))
      this.#nodes = this.#nodes.filter((node) => node !== at)
    } else if (kind < 14) {
      const node = this.#random.changedNode(draws, at.node)
      this.snapshot.replaceNode(node)
      put({ ...at, node })
    } else if (kind < 20 || at.pods.length === 0) {
      const pod = this.pod(draws)
      this.snapshot.addPod(pod, name)
      this.#follow(holdingsWith(this.#given, pod, at.node))
      put({ ...at, pods: [...at.pods, pod] })
    } else if (kind < 22) {
      const pod = draws.of(...at.pods)
      this.snapshot.removePod(pod.metadata.namespace, pod.metadata.name, name)
      this.#follow(holdingsWithout(this.#given, [pod]))
      put({ ...at, pods: at.pods.filter((other) => other !== pod) })
    } else {
      const old = draws.of(...at.pods)
      const pod = this.#random.changedPod(draws, old)
      this.snapshot.replacePod(pod, name)
      put({ ...at, pods: at.pods.map((other) => (other === old ? pod : other)) })
    }
  }

  /** Takes over which devices claims have now, once that is seen to be right. */
  #follow(expected: string | undefined): void {
    const now = { ...this.#given, claims: this.#devices.claims() }
    if (expected !== undefined) agree('claims', holdings(now), expected)
    const wrong = misallocation(now)
    assert(wrong === undefined, `devices are given out rightly: ${wrong}`)
    this.#given = now
  }

  /** Both hold the same nodes with the same pods in the same order, and sum up the same. */
  holdsTheSame(): void {
    const states = this.snapshot.nodes()
    agree('nodes', states.map(({ name }) => name).join(), this.#nodes.map(({ node }) => node.metadata.name).join())
    states.forEach(({ name, node, pods, requested }, i) => {
      const its = this.#nodes[i]!
      assert(node === its.node, `${name} is in its last state`)
      assert(pods.length === its.pods.length && pods.every((pod, p) => pod === its.pods[p]), `${name} has its pods`)
      const total = (resource: string): number => its.pods.reduce((sum, pod) => sum + amountOf(pod, resource), 0)
      agree(`${name}, cpu requested`, requested.milliCpu, total('cpu'))
      agree(`${name}, memory requested`, requested.memory, total('memory'))
    })
  }
}

function agree<T>(what: string, found: T, expected: T): void {
  assert(found === expected, `${what}: the engine says ${String(found)}, brute force ${String(expected)}`)
}

function presence<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value]
}

function text(refused: readonly Refusal[]): string {
  return refused.map(({ plugin, reason, resolvable }) => `${plugin}: ${reason}${resolvable ? '' : '!'}`).join('; ')
}

function tally(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ')
}

function sorted(names: readonly string[]): string {
  return names.toSorted().join()
}

/** How often each thing was seen: a property that never sees a thing says nothing about it. */
type Seen = Map<string, number>

function saw(seen: Seen, what: string, times: number = 1): void {
  seen.set(what, (seen.get(what) ?? 0) + times)
}

/** One pod on all nodes: the engine's every answer against the obvious one. */
function compare({ snapshot, cluster }: Play, pod: Pod, seen: Seen): void {
  const fits: string[] = []
  const counts = new Map<string, number>()
  const ofPod = podRefusal(cluster, pod)
  agree(`${pod.metadata.name} anywhere`, text(presence(snapshot.checkPod(pod))), text(presence(ofPod)))
  if (ofPod !== undefined) saw(seen, ofPod.reason.replace(/"[^"]*"|default\/\S+/g, '_'))
  for (const at of cluster.nodes) {
    const { name } = at.node.metadata
    const all = ofPod === undefined ? refusals(cluster, pod, at) : [[ofPod], ...refusals(cluster, pod, at)]
    const first = all[0] ?? []
    agree(`${pod.metadata.name} on ${name}`, text(snapshot.checkAll(pod, name)), text(first))
    agree(`${pod.metadata.name} fits ${name}`, snapshot.fits(pod, name), all.length === 0)
    const explained = snapshot.explain(pod, name)
    agree(`${pod.metadata.name} on ${name}, in full`, text(explained), text(all.flat()))
    if (all.length === 0) fits.push(name)
    for (const { reason } of first) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    for (const refused of all) for (const { reason } of refused) saw(seen, reason)
  }
  saw(seen, 'fits', fits.length)
  // Callers ask of the pod as a whole first.
  if (ofPod === undefined) {
    const survey = snapshot.survey(pod)
    agree('survey fits', sorted(survey.fits.map(({ name }) => name)), sorted(fits))
    agree('survey reasons', tally(survey.reasons), fits.length > 0 ? '' : tally(counts))
  }
  agree('first fit', snapshot.firstFit(pod), fits[0])
  const names = cluster.nodes.map(({ node }) => node.metadata.name)
  const after = names[names.length >> 1]
  const around = [...names.slice((names.length >> 1) + 1), ...names]
  const next = around.find((name) => fits.includes(name))
  agree(`first fit after ${after}`, snapshot.firstFit(pod, { startAfter: after }), next)
}

function play(drawn: Case, seen: Seen, churn?: 'nodes' | 'pods'): void {
  const play = new Play(featuresWith(drawn.features), new Draws(drawn.storage))
  for (const node of drawn.nodes) play.addNode(new Draws(node))
  const probes = drawn.probes.map((probe) => play.pod(new Draws(probe)))
  let probe = 0
  const look = (): void => compare(play, probes[probe++ % probes.length]!, seen)
  look()
  for (const step of drawn.steps) {
    const draws = new Draws(step)
    if (churn !== undefined && draws.oneIn(2)) play.churn(draws, churn)
    else if (play.step(draws)) look()
  }
  for (const _ of probes) look()
  play.holdsTheSame()
  // Two features of the case, in turn: would some answer have been another without it?
  const turn = drawn.nodes[0]!
  for (const feature of new Set([turn, turn + 1].map((n) => drawn.features[n % drawn.features.length]))) {
    if (feature !== undefined && probes.some((pod) => decides(feature, play.cluster, pod))) saw(seen, feature)
  }
}

function property(numRuns: number): Seen {
  const seen: Seen = new Map()
  fc.assert(
    fc.property(anyCase, (drawn) => play(drawn, seen)),
    { numRuns, seed: 20260102 },
  )
  return seen
}

const reasons = [
  'fits',
  "node(s) didn't satisfy plugin(s) [NodeAffinity]",
  'node(s) were unschedulable',
  "node(s) didn't match the requested node name",
  'node(s) had untolerated taint(s)',
  "node(s) didn't match Pod's node affinity/selector",
  "node(s) didn't have free ports for the requested pod ports",
  'Too many pods',
  'Insufficient cpu',
  'Insufficient memory',
  'Insufficient ephemeral-storage',
  'Insufficient example.com/gpu',
  'Insufficient hugepages-2Mi',
  'node(s) had no available disk',
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
  'node(s) exceed max volume count',
  "node(s) didn't match PersistentVolume's node affinity",
  "node(s) didn't find available persistent volumes to bind",
  'node(s) did not have enough free storage',
  'node(s) had no available volume zone',
  "node(s) didn't match pod topology spread constraints",
  "node(s) didn't match pod topology spread constraints (missing required label)",
  "node(s) didn't match pod affinity rules",
  "node(s) didn't match pod anti-affinity rules",
  "node(s) didn't satisfy existing pods anti-affinity rules",
  'cannot allocate all claims',
  'resourceclaim not available on the node',
]

/** Of pods as a whole; names are left out. */
const podReasons = [
  'persistentvolumeclaim _ not found',
  'waiting for ephemeral volume controller to create the persistentvolumeclaim _',
  'persistentvolumeclaim _ bound to non-existent persistentvolume _',
  'persistentvolumeclaim _ is being deleted',
  'PVC _ was not created for pod _ (pod is not owner)',
  'pod has unbound immediate PersistentVolumeClaims',
  'persistentvolume _ not found',
  'could not find ResourceClaim _',
  'resourceclaim _ is being deleted',
]

describe('the engine against brute force', () => {
  // A quick look while working: npx vitest run packages/engine/src/oracle -t 2,000
  it('agrees on 2,000 small clusters', () => {
    expect(property(2000).get('fits')).toBeGreaterThan(1000)
  })

  // Slots run out, holes are closed, and what was remembered is forgotten only after many changes.
  it.each(['nodes', 'pods'] as const)('agrees through long lives in which %s come and go', (what) => {
    const seen: Seen = new Map()
    const longCase = fc.record({ ...parts, steps: fc.array(seed, { minLength: 2000, maxLength: 2000, size: 'max' }) })
    fc.assert(
      fc.property(longCase, (drawn) => play(drawn, seen, what)),
      { numRuns: 12, seed: 20260103 },
    )
    expect(seen.get('fits')).toBeGreaterThan(1000)
  })

  it('agrees on 50,000 small clusters', { timeout: 600_000 }, () => {
    const seen = property(50_000)
    const seldom = (what: readonly string[], least: number): string[] =>
      what.filter((one) => (seen.get(one) ?? 0) < least)
    expect(seldom(reasons, 500)).toEqual([])
    expect(seldom(podReasons, 50)).toEqual([])
    expect(seldom(features, 10)).toEqual([])
  })
})
