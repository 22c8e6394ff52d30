import { labelKeys, requirement, Requirements, type Pod, type PodSpec, type RequirementOperator } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { testNode, testPod } from '../test-objects.ts'
import type { ProvisioningInput, ProvisioningNode, ProvisioningResult } from './input.ts'
import { nodeClaimParts } from './node-claim.ts'
import { provision } from './provision.ts'
import { reservationLabel, testOffering, testPool, testRegistry, testType } from './test-pools.ts'

const { zone, hostname, capacityType, instanceType } = labelKeys

function pass(input: Partial<ProvisioningInput>): ProvisioningResult {
  return provision({ pods: [], pools: [testPool('default')], registry: testRegistry, ...input })
}

/** Where each pod went: a node's name, or the number of a claim. */
function placements({ claims, placed }: ProvisioningResult): { [pod: string]: string | number } {
  const found: { [pod: string]: string | number } = {}
  for (const [node, pods] of placed) for (const pod of pods) found[pod.metadata.name] = node
  claims.forEach((claim, i) => {
    for (const pod of claim.pods) found[pod.metadata.name] = i
  })
  return found
}

function pods(count: number, prefix: string, o: Parameters<typeof testPod>[1] = {}): Pod[] {
  return Array.from({ length: count }, (_, i) => testPod(`${prefix}${i}`, { requests: { cpu: '100m' }, ...o }))
}

function message(input: Partial<ProvisioningInput>): string {
  const { unplaced } = pass(input)
  return unplaced.map((one) => one.message()).join(' | ')
}

function present(
  name: string,
  o: Parameters<typeof testNode>[1] = {},
  more: Partial<ProvisioningNode> = {},
): ProvisioningNode {
  return { node: testNode(name, o), pods: [], initialized: true, ...more }
}

function required(...terms: (readonly [string, RequirementOperator, ...string[]])[][]): Partial<PodSpec> {
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: terms.map((term) => ({
            matchExpressions: term.map(([key, operator, ...values]) => ({ key, operator, values })),
          })),
        },
      },
    },
  }
}

function spreading(key: string, more: { readonly [field: string]: unknown } = {}): Partial<PodSpec> {
  const constraint = {
    topologyKey: key,
    maxSkew: 1,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 'web' } },
    ...more,
  }
  return { topologySpreadConstraints: [constraint] } as Partial<PodSpec>
}

function apart(key: string, app = 'web'): Partial<PodSpec> {
  const term = { topologyKey: key, labelSelector: { matchLabels: { app } } }
  return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
}

function together(key: string, app = 'web'): Partial<PodSpec> {
  const term = { topologyKey: key, labelSelector: { matchLabels: { app } } }
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
}

const web = { app: 'web' }
const dedicated = { key: 'dedicated', value: 'x', effect: 'NoSchedule' }
const soft = { key: 'soft', effect: 'PreferNoSchedule' }

describe("a pod that fits nowhere is told upstream's reason", () => {
  const set =
    'karpenter.sh/initialized In [true], karpenter.sh/nodepool In [default], karpenter.sh/registered In [true]'
  const small = 'resources={"cpu":"100m","pods":"1"}'
  const one = (o: Parameters<typeof testPod>[1] = {}): Pod[] => pods(1, 'p', o)
  const inZone = (value: string): Pod[] => one({ spec: { nodeSelector: { [zone]: value } } })
  const cheapSpot = testType('spotty', { offerings: ['a/spot', 'b/on-demand'] })

  it.each<[string, Partial<ProvisioningInput>, string]>([
    ['no pool', { pods: one(), pools: [] }, 'nodepool requirements filtered out all available instance types'],
    [
      'no type suits the pool itself',
      { pods: one(), pools: [testPool('default', { requirements: [requirement(zone, 'In', ['z'])] })] },
      'nodepool requirements filtered out all available instance types',
    ],
    [
      'a taint',
      { pods: one(), pools: [testPool('default', { taints: [dedicated, soft] })] },
      'did not tolerate taint (taint=dedicated=x:NoSchedule)',
    ],
    [
      'an unknown label',
      { pods: one({ spec: { nodeSelector: { team: 'x' } } }) },
      'incompatible requirements, label "team" does not have known values',
    ],
    [
      'a typing error in a label',
      { pods: one({ spec: { nodeSelector: { zone: 'a' } } }) },
      'incompatible requirements, label "zone" does not have known values (typo of "topology.kubernetes.io/zone"?)',
    ],
    [
      'a value that the pool does not have',
      { pods: inZone('a'), pools: [testPool('default', { requirements: [requirement(zone, 'In', ['b', 'c'])] })] },
      'incompatible requirements, key topology.kubernetes.io/zone, topology.kubernetes.io/zone In [a] not in topology.kubernetes.io/zone In [b c]',
    ],
    [
      'a host by name',
      { pods: one({ spec: { nodeSelector: { [hostname]: 'n1' } } }) },
      'incompatible requirements, key kubernetes.io/hostname, kubernetes.io/hostname In [n1] not in kubernetes.io/hostname In [hostname-placeholder-0001]',
    ],
    [
      'labels, room and offering',
      {
        pods: one({ requests: { cpu: '100' }, spec: { nodeSelector: { [zone]: 'z' } } }),
      },
      `no instance type met the scheduling requirements or had enough resources or had a required offering, requirements=${set}, topology.kubernetes.io/zone In [z], resources={"cpu":"100","pods":"1"}`,
    ],
    [
      'labels and room',
      { pods: one({ requests: { cpu: '100' }, spec: { nodeSelector: { [instanceType]: 'huge' } } }) },
      `no instance type met the scheduling requirements or had enough resources, requirements=${set}, node.kubernetes.io/instance-type In [huge], resources={"cpu":"100","pods":"1"}`,
    ],
    [
      'labels alone',
      { pods: one({ spec: { nodeSelector: { [instanceType]: 'huge' } } }) },
      `no instance type met all requirements, requirements=${set}, node.kubernetes.io/instance-type In [huge], ${small}`,
    ],
    [
      'room',
      { pods: one({ requests: { cpu: '5', memory: '512Mi' } }) },
      `no instance type has enough resources, requirements=${set}, resources={"cpu":"5","memory":"512Mi","pods":"1"}`,
    ],
    [
      'room, and m and M confused',
      { pods: one({ requests: { cpu: '100M' } }) },
      `no instance type has enough resources, requirements=${set}, resources={"cpu":"100M","pods":"1"} (CPU request >= 1 Million, m vs M typo?)`,
    ],
    [
      'an offering in another zone',
      {
        pods: one({ spec: { nodeSelector: { [zone]: 'a', [capacityType]: 'on-demand' } } }),
        pools: [testPool('default', { instanceTypes: [cheapSpot] })],
      },
      `no instance type had enough resources or had a required offering, requirements=karpenter.sh/capacity-type In [on-demand], ${set}, topology.kubernetes.io/zone In [a], ${small}`,
    ],
    [
      'room in one type, an offering in another',
      {
        pods: one({ requests: { cpu: '6' }, spec: { nodeSelector: { [zone]: 'a' } } }),
        pools: [
          testPool('default', {
            instanceTypes: [testType('s'), testType('l', { capacity: { cpu: '8' }, offerings: ['b/on-demand'] })],
          }),
        ],
      },
      `no instance type has enough resources, requirements=${set}, topology.kubernetes.io/zone In [a], resources={"cpu":"6","pods":"1"}`,
    ],
    [
      'room and an offering only in types that do not meet the requirements',
      {
        pods: one({ requests: { cpu: '6' }, spec: { nodeSelector: { [instanceType]: 's' } } }),
        pools: [testPool('default', { instanceTypes: [testType('s'), testType('l', { capacity: { cpu: '8' } })] })],
      },
      `no instance type which had enough resources and the required offering met the scheduling requirements, requirements=${set}, node.kubernetes.io/instance-type In [s], resources={"cpu":"6","pods":"1"}`,
    ],
    [
      'limits',
      { pods: one(), pools: [testPool('default', { limits: { cpu: '3' } })] },
      'all available instance types exceed limits for nodepool (NodePool=default)',
    ],
    [
      'a limit of nodes',
      { pods: one(), pools: [testPool('default', { limits: { nodes: '0' } })] },
      'node limits have been exhausted for nodepool (NodePool=default)',
    ],
    [
      'several pools, one reason each',
      {
        pods: one(),
        pools: [testPool('a', { taints: [dedicated] }), testPool('b', { limits: { nodes: '0' } })],
      },
      'node limits have been exhausted for nodepool (NodePool=b); did not tolerate taint (taint=dedicated=x:NoSchedule)',
    ],
    [
      'minValues',
      {
        pods: one({ spec: { nodeSelector: { [instanceType]: 'medium' } } }),
        pools: [
          testPool('default', {
            requirements: [requirement(instanceType, 'Exists', [], 2)],
            instanceTypes: [testType('medium'), testType('other')],
          }),
        ],
      },
      `minValues requirement is not met for label(s) (label(s)=[node.kubernetes.io/instance-type]), requirements=${set}, node.kubernetes.io/instance-type In [medium] minValues 2, ${small}`,
    ],
    [
      'minValues once the list is cut',
      {
        pods: one(),
        instanceTypesMax: 1,
        pools: [
          testPool('default', {
            requirements: [requirement(instanceType, 'Exists', [], 2)],
            instanceTypes: [testType('medium'), testType('other')],
          }),
        ],
      },
      'pod didn’t schedule because NodePool couldn’t meet minValues requirements, validating minValues, minValues requirement is not met for label(s) (label(s)=[node.kubernetes.io/instance-type]) (NodePool=default)',
    ],
    [
      'volumes',
      {
        pods: one({ spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } }),
        pools: [testPool('default', { requirements: [requirement(zone, 'In', ['a'])] })],
        volumeAlternatives: () => [Requirements.of(requirement(zone, 'In', ['b']))],
      },
      'incompatible volume requirements, key topology.kubernetes.io/zone, topology.kubernetes.io/zone In [b] not in topology.kubernetes.io/zone In [a]',
    ],
    [
      'company that nobody gives',
      { pods: one({ labels: { app: 'other' }, spec: together(zone) }) },
      'unsatisfiable topology constraint for pod affinity, key=topology.kubernetes.io/zone (counts = a: 0, b: 0, c: 0, podDomains = topology.kubernetes.io/zone Exists, nodeDomains = topology.kubernetes.io/zone Exists',
    ],
    [
      'spreading into zones that are closed',
      {
        pods: pods(2, 'p', { labels: web, spec: { ...spreading(zone), nodeSelector: undefined } }),
        pools: [testPool('default', { requirements: [requirement(zone, 'In', ['a'])], limits: { nodes: '1' } })],
        nodes: [present('n', { labels: { [zone]: 'z' }, taints: [dedicated] })],
      },
      'node limits have been exhausted for nodepool (NodePool=default)',
    ],
    [
      'everybody keeps away',
      {
        pods: pods(2, 'p', { labels: web, spec: apart(zone) }),
        pools: [testPool('default', { requirements: [requirement(zone, 'In', ['a', 'b'])] })],
      },
      'unsatisfiable topology constraint for pod anti-affinity, key=topology.kubernetes.io/zone (counts = a: 1, b: 1, podDomains = topology.kubernetes.io/zone Exists, nodeDomains = topology.kubernetes.io/zone In [a b]',
    ],
    [
      'device claims',
      { pods: one({ spec: { resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] } }) },
      'pod has Dynamic Resource Allocation requirements that are not yet supported by Karpenter',
    ],
    [
      'reserved capacity that is taken',
      {
        pods: pods(2, 'p', { labels: web, spec: apart(hostname) }),
        pools: [
          testPool('default', { instanceTypes: [testType('r', { offerings: ['a/reserved/r1', 'a/on-demand'] })] }),
        ],
        reserved: { label: reservationLabel, mode: 'Strict' },
      },
      'one or more instance types with compatible reserved offerings are available, but could not be reserved',
    ],
    [
      'daemons that differ among types',
      {
        pods: one({ requests: { cpu: '5' } }),
        pools: [
          testPool('default', {
            instanceTypes: [testType('s', { labels: { size: 's' } }), testType('l', { labels: { size: 'l' } })],
            labels: {},
          }),
        ],
        daemons: [
          testPod('d', { requests: { cpu: '1' }, spec: { nodeSelector: { [instanceType]: 's' } } }),
          testPod('e', { requests: { cpu: '2' }, spec: { nodeSelector: { [instanceType]: 'l' } } }),
        ],
      },
      `no instance type has enough resources, requirements=${set}, resources=min={"cpu":"6","pods":"2"}, max={"cpu":"7","pods":"2"}`,
    ],
    [
      'host ports of a daemon',
      {
        pods: one({ spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] } }),
        daemons: [
          testPod('d', {
            spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] },
          }),
        ],
      },
      `no instance type met the scheduling requirements or had enough resources or had a required offering, requirements=${set}, resources={"pods":"1"}`,
    ],
  ])('%s', (_, input, text) => {
    expect(message(input)).toBe(text)
  })

  it('names 25 domains and counts the others', () => {
    const many = Array.from({ length: 30 }, (_, i) => `z${String(i).padStart(2, '0')}/on-demand`)
    const pools = [testPool('default', { instanceTypes: [testType('t', { offerings: many })] })]
    const text = message({ pods: pods(1, 'p', { spec: together(zone) }), pools })
    expect(text).toContain('z24: 0 and 5 other(s), podDomains')
  })
})

describe('the order of things', () => {
  it('takes the heaviest pool, of equals the later in the alphabet', () => {
    const pools = [testPool('a', { weight: 5 }), testPool('b', { weight: 5 }), testPool('c', { weight: 1 })]
    expect(pass({ pods: pods(1, 'p'), pools }).claims.map((claim) => claim.pool.name)).toEqual(['b'])
  })

  it('tries large pods first, then old ones, then by uid; priority plays no role', () => {
    const cpu = (name: string, milli: number, more: Parameters<typeof testPod>[1] = {}): Pod =>
      testPod(name, { requests: { cpu: `${milli}m`, memory: '1Mi' }, ...more })
    const old = cpu('old', 100)
    const result = pass({
      pods: [
        cpu('b', 100),
        cpu('a', 100),
        { ...old, metadata: { ...old.metadata, creationTimestamp: '2025-01-01T00:00:00Z' } },
        cpu('large', 200),
        testPod('wide', { requests: { cpu: '100m', memory: '2Mi' } }),
        cpu('important', 50, { priority: 1000 }),
      ],
    })
    expect(result.claims[0]!.pods.map((pod) => pod.metadata.name)).toEqual([
      'large',
      'wide',
      'old',
      'a',
      'b',
      'important',
    ])
  })

  it('fills nodes first, initialized ones before others, then by name; then claims with the fewest pods', () => {
    const node = (name: string, initialized: boolean): ProvisioningNode => present(name, { pods: '1' }, { initialized })
    const result = pass({
      pods: [...pods(3, 'p'), ...pods(2, 'x', { labels: web, spec: apart(hostname) }), ...pods(3, 'y')],
      nodes: [node('n1', false), node('n3', true), node('n2', true)],
    })
    // The anti-affine come after the plain p, by uid.
    expect(placements(result)).toEqual({ p0: 'n2', p1: 'n3', p2: 'n1', x0: 0, x1: 1, y0: 0, y1: 1, y2: 0 })
  })

  it('comes back to a pod when others have made a place for it', () => {
    // The follower is larger and tried first, when nobody is there to follow.
    const follower = testPod('follower', { requests: { cpu: '1' }, spec: together(zone) })
    const result = pass({
      pods: [follower, ...pods(1, 'leader', { labels: web, spec: { nodeSelector: { [zone]: 'b' } } })],
    })
    expect(placements(result)).toEqual({ leader0: 0, follower: 0 })
  })

  it('asks a claim again that may have come to suit: one pod leaves a label out, the next may then set it', () => {
    const of = (name: string, cpu: string, spec: Partial<PodSpec>): Pod => testPod(name, { requests: { cpu }, spec })
    const result = pass({
      pods: [
        of('first', '2', {}),
        of('team-x', '1', { nodeSelector: { team: 'x' } }),
        of('not-y', '500m', required([['team', 'NotIn', 'y']])),
      ],
    })
    expect(placements(result)).toEqual({ first: 0, 'not-y': 0, 'team-x': 0 })
  })

  it('asks a claim again when spreading points elsewhere by then', () => {
    const instanceTypes = [
      testType('small', { capacity: { cpu: '1' }, offerings: ['a/on-demand'] }),
      testType('large', { capacity: { cpu: '8' }, offerings: ['b/on-demand'] }),
    ]
    const of = (name: string, cpu: string): Pod =>
      testPod(name, { requests: { cpu }, labels: web, spec: spreading(zone) })
    const result = pass({
      pods: [testPod('first', { requests: { cpu: '4' } }), of('wide', '2'), of('narrow', '500m')],
      pools: [testPool('default', { instanceTypes })],
    })
    // The wide one is sent to zone a first, where nothing is large enough.
    expect(placements(result)).toEqual({ first: 0, narrow: 1, wide: 0 })
  })

  it('stops when time is up and keeps what is placed', () => {
    let asked = 0
    const result = pass({ pods: pods(5, 'p'), expired: () => ++asked > 3 })
    expect(placements(result)).toEqual({ p0: 0, p1: 0, p2: 0 })
    expect(result.unplaced.map(({ pod, kind }) => `${pod.metadata.name} ${kind}`).sort()).toEqual([
      'p3 expired',
      'p4 expired',
    ])
  })
})

describe('rules', () => {
  it('charges limits with the largest type that may come', () => {
    const instanceTypes = [testType('s', { capacity: { cpu: '2' } }), testType('l', { capacity: { cpu: '8' } })]
    const spread = { labels: web, spec: apart(hostname) }
    const at = (cpu: string): number =>
      pass({ pods: pods(3, 'p', spread), pools: [testPool('default', { instanceTypes, limits: { cpu } })] }).claims
        .length
    // 8 for the first; then what is left decides which types may come.
    expect([at('1'), at('2'), at('8'), at('10'), at('16'), at('17'), at('18')]).toEqual([0, 1, 1, 2, 2, 2, 3])
  })

  it('counts nodes that are there against their limit, and those that are planned', () => {
    const pools = [testPool('default', { limits: { nodes: '2' } }), testPool('a-last')]
    const nodes = [present('n', { pods: '0' }, { pool: 'default' })]
    const result = pass({ pods: pods(2, 'p', { labels: web, spec: apart(hostname) }), pools, nodes })
    expect(result.claims.map((claim) => claim.pool.name)).toEqual(['default', 'a-last'])
  })

  it('denies labels that a node lacks; a new node may be asked for well-known ones', () => {
    const nodes = [present('n')]
    const inZone = pass({ pods: pods(1, 'p', { spec: { nodeSelector: { [zone]: 'a' } } }), nodes })
    expect(placements(inZone)).toEqual({ p0: 0 })
    const absent = pass({ pods: pods(1, 'p', { spec: required([['team', 'DoesNotExist']]) }), nodes })
    expect(placements(absent)).toEqual({ p0: 'n' })
  })

  it('takes PreferNoSchedule for a taint until nothing else is left to give up', () => {
    const pools = [testPool('soft', { weight: 9, taints: [soft] }), testPool('plain', { limits: { nodes: '1' } })]
    const result = pass({ pods: pods(2, 'p', { labels: web, spec: apart(hostname) }), pools })
    expect(result.claims.map((claim) => claim.pool.name)).toEqual(['plain', 'soft'])
  })

  it('drops wishes one by one: alternatives, company, distance, places, soft spreading', () => {
    const preference = (weight: number, value: string) => ({
      weight,
      preference: { matchExpressions: [{ key: zone, operator: 'In', values: [value] }] },
    })
    const wishing = (terms: Partial<PodSpec>, ...wishes: [number, string][]): Pod =>
      testPod('p', {
        requests: { cpu: '100m' },
        spec: {
          affinity: {
            nodeAffinity: {
              ...terms.affinity?.nodeAffinity,
              preferredDuringSchedulingIgnoredDuringExecution: wishes.map(([weight, value]) =>
                preference(weight, value),
              ),
            },
          },
        },
      })
    const zoneOf = (pod: Pod, more: Partial<ProvisioningInput> = {}): string =>
      pass({ pods: [pod], ...more })
        .claims[0]!.requirements.get(zone)
        .values.join()
    expect(zoneOf(wishing({}, [1, 'a'], [9, 'b']))).toBe('b')
    // The heaviest cannot be had.
    expect(zoneOf(wishing({}, [1, 'a'], [9, 'z']))).toBe('a')
    expect(zoneOf(wishing({}, [1, 'y'], [9, 'z']))).toBe('')
    expect(zoneOf(wishing({}, [1, 'a']), { preferences: 'Ignore' })).toBe('')
    // Alternatives go before wishes: the second term is reached while the wish still holds, then the wish goes.
    expect(zoneOf(wishing(required([[zone, 'In', 'z']], [[zone, 'In', 'c']]), [1, 'a']))).toBe('c')
  })

  it('a host never has too few pods elsewhere: spreading over hosts counts from zero', () => {
    const spec = spreading(hostname)
    const result = pass({ pods: pods(4, 'p', { labels: web, spec }) })
    expect(result.claims).toHaveLength(4)
  })

  it('spreading compares domains that the pod itself may go to, whatever its volumes say', () => {
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]
    const spec = { ...spreading(zone), volumes }
    const volumeAlternatives = (): Requirements[] => [Requirements.of(requirement(zone, 'In', ['a']))]
    const result = pass({ pods: pods(2, 'p', { labels: web, spec }), volumeAlternatives })
    // The second may not: zones b and c stay empty, and the pod itself could go there.
    expect(Object.keys(placements(result))).toEqual(['p0'])
    const bound = { ...spreading(zone), nodeSelector: { [zone]: 'a' } }
    expect(Object.keys(placements(pass({ pods: pods(2, 'p', { labels: web, spec: bound }) })))).toEqual(['p0', 'p1'])
  })

  it('minDomains that are not there make every count too high', () => {
    const spec = spreading(zone, { minDomains: 4 })
    expect(pass({ pods: pods(6, 'p', { labels: web, spec }) }).unplaced).toHaveLength(3)
    const three = spreading(zone, { minDomains: 3 })
    expect(pass({ pods: pods(6, 'p', { labels: web, spec: three }) }).unplaced).toHaveLength(0)
  })

  it('groups that differ in minDomains alone are two', () => {
    const many = pods(3, 'm', { labels: web, spec: spreading(zone, { minDomains: 4 }) })
    const few = pods(3, 'f', { labels: web, spec: spreading(zone) })
    const result = pass({ pods: [...few, ...many] })
    expect(Object.keys(placements(result)).sort()).toEqual(['f0', 'f1', 'f2'])
  })

  it('matchLabelKeys spread each revision by itself', () => {
    const spec = spreading(zone, { matchLabelKeys: ['rev'] })
    const revision = (rev: string): Pod[] => pods(1, rev, { labels: { ...web, rev }, spec })
    const zones = pass({ pods: [...revision('1'), ...revision('2')] }).claims.map((claim) =>
      claim.requirements.get(zone).values.join(),
    )
    expect(zones).toEqual(['a'])
  })

  it.each([
    { policy: undefined, placed: 1 },
    { policy: 'Ignore', placed: 1 },
    { policy: 'Honor', placed: 2 },
  ])('nodeTaintsPolicy $policy: zones behind a taint count or not', ({ policy, placed }) => {
    const pools = [
      testPool('open', { requirements: [requirement(zone, 'In', ['a'])] }),
      testPool('closed', { requirements: [requirement(zone, 'In', ['b'])], taints: [dedicated] }),
    ]
    const spec = spreading(zone, { nodeTaintsPolicy: policy })
    expect(Object.keys(placements(pass({ pods: pods(2, 'p', { labels: web, spec }), pools })))).toHaveLength(placed)
  })

  it.each([
    { policy: undefined, first: 'a' },
    { policy: 'Ignore', first: 'b' },
  ])('nodeAffinityPolicy $policy decides whether pods on other nodes count', ({ policy, first }) => {
    const there = testPod('there', { labels: web, spec: { nodeName: 'n' } })
    const node = present('n', { labels: { [zone]: 'a', team: 'y' }, pods: '1' }, { pods: [there] })
    const spec = { ...spreading(zone, { nodeAffinityPolicy: policy }), nodeSelector: { team: 'x' } }
    const pools = [testPool('default', { labels: { team: 'x' }, requirements: [requirement(zone, 'In', ['a', 'b'])] })]
    const { claims } = pass({ pods: pods(2, 'p', { labels: web, spec }), pools, nodes: [node] })
    // With the pod in zone a counted, the first goes to b.
    expect(claims[0]!.requirements.get(zone).values.join()).toBe(first)
  })

  it('those who shun others are shunned by them, wherever they may end up', () => {
    const shy = testPod('shy', { requests: { cpu: '2' }, labels: { app: 'shy' }, spec: apart(zone) })
    const plain = pods(1, 'web', { labels: web })
    // The shy one's zone is not known: every zone is closed to web.
    expect(Object.keys(placements(pass({ pods: [shy, ...plain] })))).toEqual(['shy'])
    const pinned = { ...shy, spec: { ...shy.spec, nodeSelector: { [zone]: 'a' } } }
    const { claims } = pass({ pods: [pinned, ...plain] })
    expect(claims.map((claim) => claim.requirements.get(zone).values)).toEqual([['a'], ['b', 'c']])
  })

  it('seekers found one domain together', () => {
    const result = pass({ pods: pods(15, 'p', { labels: web, spec: together(zone) }) })
    expect(result.claims.map((claim) => claim.requirements.get(zone).values)).toEqual([['a'], ['a']])
  })

  it('seekers go where their like already run', () => {
    const there = testPod('there', { labels: web, spec: { nodeName: 'n' } })
    const node = present('n', { labels: { [zone]: 'c' }, pods: '1' }, { pods: [there] })
    const { claims } = pass({ pods: pods(1, 'p', { labels: web, spec: together(zone) }), nodes: [node] })
    expect(claims[0]!.requirements.get(zone).values).toEqual(['c'])
  })

  it('daemons take room, by instance type, and are added to the requests by the least of them', () => {
    const daemons = [
      testPod('d', { requests: { cpu: '3' }, spec: { nodeSelector: { [instanceType]: 'a' } } }),
      testPod('e', { requests: { cpu: '1' }, spec: { nodeSelector: { 'karpenter.sh/initialized': 'true' } } }),
    ]
    const pools = [testPool('default', { instanceTypes: [testType('a'), testType('b')] })]
    const { claims } = pass({ pods: pods(1, 'p', { requests: { cpu: '2' } }), daemons, pools })
    expect(claims[0]!.instanceTypes.map((type) => type.name)).toEqual(['b'])
    expect(claims[0]!.requests).toEqual(
      new Map([
        ['cpu', 3000],
        ['pods', 2],
      ]),
    )
  })

  it('daemons still to come take room of a node that is there; those that came do not twice', () => {
    const daemon = testPod('d', { requests: { cpu: '2' } })
    const own = {
      ...daemon.metadata,
      uid: 'x',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'd' }],
    }
    const running = { ...daemon, metadata: own }
    const at = (there: Pod[]): unknown =>
      placements(
        pass({
          pods: pods(1, 'p', { requests: { cpu: '2' } }),
          daemons: [daemon],
          nodes: [present('n', { cpu: '4' }, { pods: there })],
        }),
      )
    expect([at([]), at([running])]).toEqual([{ p0: 'n' }, { p0: 'n' }])
    const full = pass({
      pods: pods(1, 'p', { requests: { cpu: '3' } }),
      daemons: [daemon],
      nodes: [present('n', { cpu: '4' })],
      pools: [],
    })
    expect(full.unplaced).toHaveLength(1)
  })

  it('a pod being moved counts where it goes, not where it is', () => {
    const moving = testPod('m', { labels: web, requests: { cpu: '1' }, spec: { ...apart(hostname), nodeName: 'n1' } })
    const nodes = [present('n1', {}, { pods: [moving], open: false }), present('n2')]
    expect(placements(pass({ pods: [moving], nodes }))).toEqual({ m: 'n2' })
  })

  it('settling nodes take pods that wait or must leave, no others', () => {
    const at = (phase: string, nodeName?: string): unknown =>
      placements(
        pass({
          pods: [testPod('p', { status: { phase }, spec: { nodeName } })],
          nodes: [present('n', {}, { settling: true })],
          leaving: new Set(['old']),
        }),
      )['p']
    expect([at('Pending'), at('Running', 'old'), at('Running', 'other')]).toEqual(['n', 'n', 0])
  })

  it('volumes that cannot be attached keep a pod off a node', () => {
    const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }
    const nodes = [present('n1'), present('n2')]
    const result = pass({
      pods: pods(2, 'p', { spec }),
      nodes,
      attaches: (_pod, { node }, placed) => node.metadata.name === 'n2' && placed.length < 1,
    })
    expect(placements(result)).toEqual({ p0: 'n2', p1: 0 })
  })

  it('BestEffort lowers minValues and says so', () => {
    const pools = [
      testPool('default', {
        requirements: [requirement(instanceType, 'Exists', [], 3)],
        instanceTypes: [testType('a'), testType('b')],
      }),
    ]
    const { claims } = pass({ pods: pods(1, 'p'), pools, minValues: 'BestEffort' })
    expect(claims[0]!.minValuesRelaxed).toBe(true)
    expect(claims[0]!.requirements.get(instanceType).minValues).toBe(2)
    expect(pass({ pods: pods(1, 'p'), pools }).emptyPools.map((one) => one.minValuesProblem)).toEqual([
      'minValues requirement is not met for label(s) (label(s)=[node.kubernetes.io/instance-type])',
    ])
  })

  it('reserved capacity: held once per place; Fallback takes other capacity, Strict waits without dropping wishes', () => {
    const pools = [
      testPool('default', { instanceTypes: [testType('r', { offerings: ['a/reserved/r1', 'a/on-demand'] })] }),
      testPool('a-lighter'),
    ]
    const two = pods(2, 'p', { labels: web, spec: apart(hostname) })
    const fallback = pass({ pods: two, pools, reserved: { label: reservationLabel, mode: 'Fallback' } })
    expect(fallback.claims.map((claim) => claim.reservations)).toEqual([['r1'], []])
    expect(fallback.claims[0]!.requirements.get(capacityType).values).toEqual(['reserved'])
    const strict = pass({ pods: two, pools, reserved: { label: reservationLabel, mode: 'Strict' } })
    expect(strict.claims).toHaveLength(1)
    expect(strict.unplaced.map((one) => one.kind)).toEqual(['reserved'])
  })

  it('offerings with a capacity of their own are a choice by themselves', () => {
    const roomy = { ...testOffering('b/on-demand'), capacityOverride: { cpu: '16' } }
    const type = { ...testType('t'), offerings: [testOffering('a/on-demand'), roomy] }
    const pools = [testPool('default', { instanceTypes: [type] })]
    const fits = (where: string): number =>
      pass({ pods: pods(1, 'p', { requests: { cpu: '10' }, spec: { nodeSelector: { [zone]: where } } }), pools }).claims
        .length
    expect([fits('a'), fits('b')]).toEqual([0, 1])
  })

  it('what one pod demands of a label that the pool leaves open binds the next', () => {
    const pools = [testPool('default', { requirements: [requirement('team', 'Exists')] })]
    const of = (team: string): Pod[] => pods(1, team, { spec: { nodeSelector: { team } } })
    expect(placements(pass({ pods: [...of('x'), ...of('y')], pools }))).toEqual({ x0: 0, y0: 1 })
  })
})

describe('explaining', () => {
  it('names for each instance type what refuses it, with the numbers', () => {
    const instanceTypes = [
      testType('small', { capacity: { cpu: '1' } }),
      testType('spot', { offerings: ['a/spot'] }),
      testType('elsewhere', { offerings: ['b/on-demand'] }),
    ]
    const pools = [testPool('default', { instanceTypes }), testPool('closed', { taints: [dedicated] })]
    const spec = { nodeSelector: { [zone]: 'a', [capacityType]: 'on-demand' } }
    const { unplaced } = pass({ pods: pods(1, 'p', { requests: { cpu: '2' }, spec }), pools })
    const seen = unplaced[0]!
      .obstacles()
      .map(({ pool, instanceType: type, obstacles }) => [pool, type, ...obstacles.map((one) => one.constraint)])
    expect(seen).toEqual([
      ['default', 'small', 'resources'],
      ['default', 'spot', 'requirements', 'offering'],
      ['default', 'elsewhere', 'requirements', 'offering'],
      ['closed', undefined, 'taints'],
    ])
    expect(unplaced[0]!.obstacles()[0]!.obstacles[0]).toEqual({
      constraint: 'resources',
      lacking: [{ resource: 'cpu', wants: 2000, has: 1000 }],
      message: 'cpu: wants 2000, has 1000',
    })
  })
})

describe('a NodeClaim', () => {
  it('names the types by price, the capacity types that they come in, and no simulated labels', () => {
    const instanceTypes = [
      testType('dear', { offerings: ['a/on-demand=9'] }),
      testType('cheap', { offerings: ['a/spot=1', 'b/on-demand=5'] }),
    ]
    const pools = [
      testPool('default', {
        instanceTypes,
        requirements: [requirement('team', 'In', ['x', 'y']), requirement(zone, 'In', ['a'])],
        labels: { tier: '1' },
        nodeClass: { label: 'karpenter.k8s.aws/ec2nodeclass', name: 'main' },
      }),
    ]
    const daemons = [testPod('d', { requests: { cpu: '1', memory: '1Gi' } })]
    const [claim] = pass({ pods: pods(2, 'p', { requests: { cpu: '500m', memory: '512Mi' } }), pools, daemons }).claims
    expect(nodeClaimParts(claim!, { below: () => 0 }, testRegistry)).toEqual({
      labels: {
        tier: '1',
        team: 'x',
        'karpenter.sh/nodepool': 'default',
        'karpenter.k8s.aws/ec2nodeclass': 'main',
      },
      annotations: { 'karpenter.sh/nodeclaim-min-values-relaxed': 'false' },
      requirements: [
        { key: 'karpenter.k8s.aws/ec2nodeclass', operator: 'In', values: ['main'] },
        { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['on-demand', 'spot'] },
        { key: 'karpenter.sh/nodepool', operator: 'In', values: ['default'] },
        { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['cheap', 'dear'] },
        { key: 'team', operator: 'In', values: ['x', 'y'] },
        { key: 'tier', operator: 'In', values: ['1'] },
        { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a'] },
      ],
      requests: { cpu: '2', memory: '2Gi', pods: '3' },
    })
    expect(claim!.instanceTypes.map((type) => type.name)).toEqual(['cheap', 'dear'])
  })
})

it('gives the same plan again, in whatever order pods, pools and nodes are named', () => {
  const all = [
    ...pods(20, 'a', { labels: web, spec: spreading(zone) }),
    ...pods(20, 'b', { labels: web, spec: apart(hostname) }),
    ...pods(20, 'c', { labels: { app: 'c' }, spec: together(zone, 'c') }),
  ]
  const pools = [testPool('x'), testPool('y'), testPool('z', { weight: 1, limits: { cpu: '20' } })]
  const nodes = [present('n1'), present('n2')]
  const plan = (input: Partial<ProvisioningInput>): unknown => [
    placements(pass(input)),
    pass(input).claims.map((claim) => claim.requirements.text()),
  ]
  const turned = { pods: all.toReversed(), pools: pools.toReversed(), nodes: nodes.toReversed() }
  expect(plan(turned)).toEqual(plan({ pods: all, pools, nodes }))
})

describe('a plan for many pods of five kinds', () => {
  const kinds: readonly Parameters<typeof testPod>[1][] = [
    { labels: { app: 'a' } },
    { labels: web, spec: spreading(zone) },
    { labels: web, spec: spreading(hostname) },
    { labels: { app: 'c' }, spec: together(zone, 'c') },
    { labels: { app: 'nginx' }, spec: apart(hostname, 'nginx') },
  ]
  const each = 60
  const all = kinds.flatMap((kind, k) =>
    Array.from({ length: each }, (_, i) =>
      testPod(`p${k}-${i}`, { ...kind, requests: { cpu: `${100 * (1 + ((i * 7 + k) % 15))}m`, memory: '256Mi' } }),
    ),
  )
  const instanceTypes = ['2', '4', '8', '16'].map((cpu) =>
    testType(`cpu-${cpu}`, { capacity: { cpu, memory: '64Gi', pods: '20' } }),
  )
  const { claims, unplaced } = pass({ pods: all, pools: [testPool('default', { instanceTypes })] })
  const ofKind = (k: number, list: readonly Pod[]): number =>
    list.filter((pod) => pod.metadata.name.startsWith(`p${k}-`)).length

  it('places every pod, once', () => {
    expect(unplaced).toEqual([])
    expect(new Set(claims.flatMap((claim) => claim.pods)).size).toBe(all.length)
  })

  it('has a node for each of those that shun each other, and no more pods on a node than its smallest type holds', () => {
    expect(claims.length).toBeGreaterThanOrEqual(each)
    for (const { pods: placed, instanceTypes: types, requests } of claims) {
      expect(ofKind(4, placed)).toBeLessThanOrEqual(1)
      for (const type of types) {
        expect(requests.get('cpu')).toBeLessThanOrEqual(Number(type.capacity['cpu']) * 1000)
        expect(placed.length).toBeLessThanOrEqual(20)
      }
    }
  })

  it('uses every zone and keeps the company together', () => {
    const zonesOf = (k: number): Set<string> =>
      new Set(
        claims.filter((claim) => ofKind(k, claim.pods) > 0).map((claim) => claim.requirements.get(zone).values.join()),
      )
    expect([...zonesOf(1)].sort()).toEqual(['a', 'b', 'c'])
    expect(zonesOf(3).size).toBe(1)
  })
})
