// The packer against the rules said simply, over random small clusters with everything in them at once.
import {
  coreLabels,
  extendLabelRegistry,
  labelKeys,
  requirement,
  Requirements,
  usdPerHour,
  type InstanceType,
  type Offering,
  type Pod,
  type PodSpec,
  type RequirementOperator,
  type Taint,
  type Toleration,
} from '@plimsoll/model'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { testNode, testPod } from '../test-objects.ts'
import type { ProvisioningInput, ProvisioningNode, ProvisioningPool } from './input.ts'
import { provisionNaively, type NaiveResult } from './naive-provisioner.ts'
import { provision } from './provision.ts'

const reservationLabel = 'example.com/reservation'
const registry = extendLabelRegistry(coreLabels, { wellKnown: ['size', reservationLabel] })
const { zone, capacityType, hostname, instanceType } = labelKeys

const zones = ['a', 'b', 'c']
const maybe = <T>(arbitrary: fc.Arbitrary<T>, often = 3): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: often })
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const some = (values: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...values], { minLength: 1 })
const expression = fc
  .oneof(
    fc.tuple(fc.constant(zone), fc.constantFrom('In', 'NotIn'), some(zones)),
    fc.tuple(fc.constant(capacityType), fc.constantFrom('In', 'NotIn'), some(['spot', 'on-demand'])),
    fc.tuple(fc.constant('team'), fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'), some(['x', 'y'])),
    fc.tuple(fc.constant('size'), fc.constantFrom('In', 'Gt', 'Lt'), fc.constantFrom(['1'], ['2'])),
    fc.tuple(fc.constant(hostname), fc.constantFrom('In', 'NotIn'), fc.constantFrom(['n1'])),
  )
  .map(([key, operator, values]) => ({
    key,
    operator,
    values: operator === 'Exists' || operator === 'DoesNotExist' ? [] : values,
  }))
const labels = fc.constantFrom({ app: 'p' }, { app: 'q' }, { app: 'r', tier: '1' })
const selector = maybe(fc.constantFrom({ app: 'p' }, { app: 'q' }, { tier: '1' }), 9).map((matchLabels) =>
  matchLabels === undefined ? undefined : { matchLabels },
)
const topologyKey = fc.constantFrom(zone, zone, hostname, hostname, capacityType, 'team')
const affinityTerm = fc.record({
  topologyKey,
  labelSelector: selector,
  namespaces: rarely(fc.constantFrom(['default'], ['other'])),
  namespaceSelector: rarely(fc.constantFrom({}, { matchLabels: { env: 'prod' } })),
})
const weighted = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<{ weight: number; it: T }[]> =>
  fc.array(fc.record({ weight: fc.constantFrom(1, 10), it: arbitrary }), { minLength: 1, maxLength: 2 })
const spreadConstraint = fc.record({
  topologyKey,
  maxSkew: fc.constantFrom(1, 1, 2),
  whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'DoNotSchedule', 'ScheduleAnyway'),
  labelSelector: selector,
  minDomains: rarely(fc.constantFrom(2, 4)),
  nodeTaintsPolicy: rarely(fc.constant('Honor')),
  nodeAffinityPolicy: rarely(fc.constant('Ignore')),
  matchLabelKeys: rarely(fc.constant(['tier'])),
})
const toleration: fc.Arbitrary<Toleration> = fc.constantFrom(
  { key: 'dedicated', operator: 'Exists' },
  { key: 'dedicated', value: 'x', effect: 'NoSchedule' },
  { operator: 'Exists', effect: 'PreferNoSchedule' },
)
const taint: fc.Arbitrary<Taint> = fc.constantFrom(
  { key: 'dedicated', value: 'x', effect: 'NoSchedule' },
  { key: 'soft', effect: 'PreferNoSchedule' },
)
const requests = fc
  .record({
    cpu: fc.constantFrom('100m', '500m', '1', '1', '2'),
    memory: fc.constantFrom('128Mi', '1024Mi', '2048Mi'),
    gpu: rarely(fc.constant('1')),
  })
  .map(({ cpu, memory, gpu }) => ({ cpu, memory, ...(gpu === undefined ? {} : { 'example.com/gpu': gpu }) }))

const podShape = fc
  .record({
    labels,
    namespace: fc.constantFrom('default', 'default', 'default', 'other'),
    requests,
    nodeSelector: rarely(fc.constantFrom({ [zone]: 'a' }, { team: 'x' }, { [capacityType]: 'spot' })),
    required: rarely(fc.array(fc.array(expression, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 })),
    preferred: rarely(weighted(fc.array(expression, { minLength: 1, maxLength: 2 }))),
    affinity: rarely(fc.array(affinityTerm, { minLength: 1, maxLength: 2 })),
    softAffinity: rarely(weighted(affinityTerm)),
    anti: rarely(fc.array(affinityTerm, { minLength: 1, maxLength: 2 })),
    softAnti: rarely(weighted(affinityTerm)),
    spread: rarely(fc.array(spreadConstraint, { minLength: 1, maxLength: 2 })),
    tolerations: maybe(fc.array(toleration, { maxLength: 2 }), 1),
    port: rarely(fc.constantFrom(80, 443)),
    claim: rarely(fc.constantFrom('data-1', 'data-2')),
    pending: fc.constantFrom('Pending', 'Pending', 'Running'),
  })
  .map((o) => (name: string, more: Partial<PodSpec> = {}, owner?: string): Pod => {
    const nodeAffinity =
      o.required === undefined && o.preferred === undefined
        ? undefined
        : {
            requiredDuringSchedulingIgnoredDuringExecution:
              o.required === undefined
                ? undefined
                : { nodeSelectorTerms: o.required.map((matchExpressions) => ({ matchExpressions })) },
            preferredDuringSchedulingIgnoredDuringExecution: o.preferred?.map(({ weight, it: matchExpressions }) => ({
              weight,
              preference: { matchExpressions },
            })),
          }
    const soft = (list: typeof o.softAnti) =>
      list?.map(({ weight, it: podAffinityTerm }) => ({ weight, podAffinityTerm }))
    const base = testPod(name, {
      namespace: o.namespace,
      labels: o.labels,
      requests: o.requests,
      status: { phase: o.pending },
      spec: {
        nodeSelector: o.nodeSelector,
        tolerations: o.tolerations,
        topologySpreadConstraints: o.spread as PodSpec['topologySpreadConstraints'],
        affinity: {
          nodeAffinity,
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: o.affinity,
            preferredDuringSchedulingIgnoredDuringExecution: soft(o.softAffinity),
          },
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: o.anti,
            preferredDuringSchedulingIgnoredDuringExecution: soft(o.softAnti),
          },
        },
        volumes: o.claim === undefined ? undefined : [{ name: 'v', persistentVolumeClaim: { claimName: o.claim } }],
        ...more,
      } as Partial<PodSpec>,
    })
    const [container] = base.spec.containers
    const ports = o.port === undefined ? undefined : [{ containerPort: o.port, hostPort: o.port }]
    return {
      ...base,
      metadata: {
        ...base.metadata,
        ...(owner === undefined
          ? {}
          : { ownerReferences: [{ apiVersion: 'apps/v1', kind: owner, name: 'o', uid: 'o', controller: true }] }),
      },
      spec: { ...base.spec, containers: [{ ...container!, ports }] },
    }
  })

const offering = fc
  .record({
    zone: fc.constantFrom(...zones),
    capacityType: fc.constantFrom('spot', 'on-demand', 'reserved'),
    price: fc.constantFrom(1, 2, 3),
    available: fc.constantFrom(true, true, true, false),
    reservation: fc.constantFrom('r1', 'r2'),
    places: fc.constantFrom(1, 2),
    memory: rarely(fc.constantFrom('512Mi', '4096Mi')),
  })
  .map((o): Offering => ({
    requirements: Requirements.of(
      requirement(zone, 'In', [o.zone]),
      requirement(capacityType, 'In', [o.capacityType]),
      o.capacityType === 'reserved'
        ? requirement(reservationLabel, 'In', [o.reservation])
        : requirement(reservationLabel, 'DoesNotExist'),
    ),
    price: usdPerHour(o.price),
    available: o.available,
    reservationCapacity: o.capacityType === 'reserved' ? o.places : undefined,
    capacityOverride: o.memory === undefined ? undefined : { memory: o.memory },
  }))

const typesOf: fc.Arbitrary<InstanceType[]> = fc
  .array(
    fc.record({
      cpu: fc.constantFrom('1', '2', '4'),
      memory: fc.constantFrom('1024Mi', '2048Mi', '8192Mi'),
      pods: fc.constantFrom('2', '10'),
      gpu: rarely(fc.constant('1')),
      size: fc.constantFrom('1', '2', '3'),
      offerings: fc.array(offering, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) =>
    list.map((o, i): InstanceType => {
      const values = (key: string): string[] => [
        ...new Set(
          o.offerings.map((one) => one.requirements.get(key).values[0]!).filter((value) => value !== undefined),
        ),
      ]
      const ids = values(reservationLabel)
      return {
        name: `t${i}`,
        requirements: Requirements.of(
          requirement(instanceType, 'In', [`t${i}`]),
          requirement('size', 'In', [o.size]),
          requirement(zone, 'In', values(zone)),
          requirement(capacityType, 'In', values(capacityType)),
          requirement(reservationLabel, ids.length > 0 ? 'In' : 'DoesNotExist', ids),
        ),
        offerings: o.offerings,
        capacity: {
          cpu: o.cpu,
          memory: o.memory,
          pods: o.pods,
          ...(o.gpu === undefined ? {} : { 'example.com/gpu': '1' }),
        },
        overhead: { kubeReserved: { cpu: '100m' } },
      }
    }),
  )

const poolRequirement = fc
  .oneof(
    fc.tuple(fc.constant(zone), fc.constantFrom('In', 'NotIn'), some(zones), fc.constant(undefined)),
    fc.tuple(fc.constant('team'), fc.constantFrom('In', 'Exists'), some(['x', 'y']), fc.constant(undefined)),
    fc.tuple(fc.constant(instanceType), fc.constant('Exists'), fc.constant([]), fc.constantFrom(1, 2, 3)),
    fc.tuple(fc.constant('size'), fc.constant('Gt'), fc.constant(['1']), fc.constantFrom(undefined, 2)),
    fc.tuple(
      fc.constant(capacityType),
      fc.constant('In'),
      some(['spot', 'on-demand', 'reserved']),
      fc.constant(undefined),
    ),
  )
  .map(([key, operator, values, minValues]) =>
    requirement(key, operator as RequirementOperator, operator === 'Exists' ? [] : values, minValues),
  )

const pools = fc
  .array(
    fc.record({
      requirements: fc.array(poolRequirement, { maxLength: 2 }),
      team: rarely(fc.constantFrom('x', 'y')),
      taints: rarely(fc.array(taint, { minLength: 1, maxLength: 2 })),
      weight: fc.constantFrom(0, 0, 5),
      limits: rarely(fc.constantFrom({ cpu: '5' }, { nodes: '1' }, { cpu: '8', nodes: '2' }, { memory: '4096Mi' })),
      instanceTypes: typesOf,
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map((o, i): ProvisioningPool => ({
      ...o,
      name: `pool-${i}`,
      requirements: Requirements.of(...o.requirements),
      labels: o.team === undefined ? undefined : { team: o.team },
    })),
  )

const nodes = fc
  .array(
    fc.record({
      zone: maybe(fc.constantFrom(...zones)),
      capacityType: maybe(fc.constantFrom('spot', 'on-demand')),
      team: rarely(fc.constantFrom('x', 'y')),
      size: fc.constantFrom('1', '2'),
      cpu: fc.constantFrom('2', '4'),
      taints: rarely(fc.array(taint, { minLength: 1, maxLength: 1 })),
      pods: fc.array(podShape, { maxLength: 3 }),
      daemon: rarely(podShape),
      initialized: fc.boolean(),
      open: fc.constantFrom(true, true, false),
      registered: fc.constantFrom(true, true, false),
      settling: fc.constantFrom(false, false, true),
      pool: fc.constantFrom('pool-0', 'pool-1', undefined),
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map((o, i): ProvisioningNode => {
      const name = `n${i}`
      const own = { [zone]: o.zone, [capacityType]: o.capacityType, team: o.team, size: o.size }
      const node = testNode(name, {
        cpu: o.cpu,
        memory: '8192Mi',
        pods: '5',
        labels: JSON.parse(JSON.stringify(own)) as { [key: string]: string },
        taints: o.taints ?? [],
      })
      const bound = { nodeName: name }
      return {
        node,
        pods: [
          ...o.pods.map((make, p) => make(`${name}-p${p}`, bound)),
          ...(o.daemon === undefined ? [] : [o.daemon(`${name}-d`, bound, 'DaemonSet')]),
        ],
        initialized: o.initialized,
        open: o.open,
        registered: o.registered,
        settling: o.settling,
        pool: o.pool,
        capacity: { cpu: o.cpu, memory: '8192Mi' },
      }
    }),
  )

const volumes = new Map([
  ['data-1', [Requirements.of(requirement(zone, 'In', ['b']))]],
  ['data-2', [Requirements.of(requirement(zone, 'In', ['c'])), Requirements.of(requirement(zone, 'In', ['a', 'b']))]],
])

const anyInput: fc.Arbitrary<ProvisioningInput> = fc
  .record({
    shapes: fc.array(podShape, { minLength: 1, maxLength: 5 }),
    picks: fc.array(fc.nat(4), { minLength: 1, maxLength: 14 }),
    pools,
    nodes,
    daemons: fc.array(podShape, { maxLength: 2 }),
    minValues: fc.constantFrom('Strict', 'BestEffort'),
    preferences: fc.constantFrom('Respect', 'Respect', 'Ignore'),
    reserved: fc.constantFrom('Strict', 'Fallback', undefined),
    moving: fc.boolean(),
    instanceTypesMax: fc.constantFrom(600, 2),
  })
  .map((o): ProvisioningInput => {
    const pods = o.picks.map((pick, i) => o.shapes[pick % o.shapes.length]!(`p${i}`))
    // What moves is counted where it goes, not where it is.
    const moved = o.moving ? (o.nodes[0]?.pods.slice(0, 1) ?? []) : []
    return {
      pods: [...pods, ...moved],
      pools: o.pools,
      nodes: o.nodes,
      daemons: o.daemons.map((make, i) => make(`daemon-${i}`)),
      minValues: o.minValues as 'Strict',
      preferences: o.preferences as 'Respect',
      reserved: o.reserved === undefined ? undefined : { label: reservationLabel, mode: o.reserved as 'Strict' },
      instanceTypesMax: o.instanceTypesMax,
      registry,
      namespaces: new Map([
        ['default', { env: 'prod' }],
        ['other', { env: 'dev' }],
      ]),
      volumeAlternatives: (pod) => volumes.get(pod.spec.volumes?.[0]?.persistentVolumeClaim?.claimName ?? '') ?? [],
      leaving: new Set(['n0']),
    }
  })

function shown(input: ProvisioningInput): NaiveResult {
  const { claims, placed, unplaced } = provision(input)
  const names = (pods: readonly Pod[]): string[] => pods.map((pod) => pod.metadata.name)
  return {
    claims: claims.map((claim) => ({
      pool: claim.pool.name,
      pods: names(claim.pods),
      types: claim.instanceTypes.map((type) => type.name),
      requirements: claim.requirements.text(),
      relaxed: claim.minValuesRelaxed,
      reservations: claim.reservations,
    })),
    placed: Object.fromEntries([...placed].map(([node, pods]) => [node, names(pods)])),
    unplaced: unplaced.map(({ pod, kind }) => `${pod.metadata.name} ${kind}`),
  }
}

it('places as the rules say', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      expect(shown(input)).toEqual(provisionNaively(input))
    }),
    { numRuns: 1000 },
  )
})

it('gives every pod without a node a reason', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      for (const one of provision(input).unplaced) {
        expect(one.message()).toMatch(/./)
        one.obstacles()
      }
    }),
    { numRuns: 100 },
  )
})
