import {
  labelKeys,
  requirement,
  Requirements,
  usdPerHour,
  type InstanceType,
  type Pod,
  type ResourceSlice,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { DeviceProvisioning } from '../dynamic-resources/device-provisioning.ts'
import { claimingPod, exactly, testClaim, testClass, testDriver, testSlice } from '../dynamic-resources/test-devices.ts'
import { testNode, testPod } from '../test-objects.ts'
import type { ProvisioningInput, ProvisioningResult } from './input.ts'
import { nodeClaimParts } from './node-claim.ts'
import { provision } from './provision.ts'

const gpu = testClass('gpu', `device.driver == "${testDriver}"`)

function type(name: string, price: number, gpus: number): InstanceType {
  const own = (key: string, ...values: readonly string[]): ReturnType<typeof requirement> =>
    requirement(key, 'In', values)
  return {
    name,
    requirements: Requirements.of(
      own(labelKeys.instanceType, name),
      own(labelKeys.zone, 'a', 'b'),
      own(labelKeys.capacityType, 'on-demand'),
      own(labelKeys.arch, 'amd64'),
      own(labelKeys.os, 'linux'),
    ),
    offerings: ['a', 'b'].map((zone) => ({
      requirements: Requirements.of(own(labelKeys.zone, zone), own(labelKeys.capacityType, 'on-demand')),
      price: usdPerHour(price),
      available: true,
    })),
    capacity: { cpu: '8', memory: '32Gi', pods: '20' },
    dynamicResources:
      gpus === 0
        ? undefined
        : {
            resourceSliceTemplates: [
              {
                driver: testDriver,
                pool: 'own',
                devices: Array.from({ length: gpus }, (_, i) => ({ name: `gpu-${i}` })),
              },
            ],
          },
  }
}

const types = [type('plain', 1, 0), type('one', 2, 1), type('four', 5, 4)]

function pass(
  pods: readonly Pod[],
  o: {
    readonly claims?: readonly ResourceV1ResourceClaim[]
    readonly slices?: readonly ResourceSlice[]
    readonly nodes?: ProvisioningInput['nodes']
    readonly ignores?: boolean
    readonly daemons?: readonly Pod[]
  } = {},
): ProvisioningResult {
  const { claims = [], slices = [], nodes, ignores = false, daemons } = o
  const classNamed = (name: string): typeof gpu | undefined => (name === 'gpu' ? gpu : undefined)
  return provision({
    pods,
    pools: [{ name: 'general', requirements: Requirements.none, instanceTypes: types }],
    nodes,
    daemons,
    devices: ignores ? undefined : new DeviceProvisioning({ slices, claims, classNamed }),
  })
}

function shape({ claims, placed, unplaced }: ProvisioningResult): unknown {
  return {
    claims: claims.map(({ pods, instanceTypes, deviceDrivers }) => [
      pods.map(({ metadata }) => metadata.name),
      instanceTypes.map(({ name }) => name),
      deviceDrivers,
    ]),
    placed: [...placed].map(([node, pods]) => [node, pods.map(({ metadata }) => metadata.name)]),
    unplaced: unplaced.map(({ pod, message }) => [pod.metadata.name, message()]),
  }
}

function wanting(name: string, count: number): ResourceV1ResourceClaim {
  return testClaim(name, { requests: [{ name: 'r', exactly: exactly({ count }) }] })
}

describe('provisioning of pods with resource claims', () => {
  it('makes nodes of types that have the devices', () => {
    const claims = [wanting('a', 1), wanting('b', 2), wanting('c', 2)]
    const pods = ['a', 'b', 'c'].map((name) => claimingPod(`p-${name}`, name))
    expect(shape(pass(pods, { claims }))).toEqual({
      claims: [
        [['p-a', 'p-b'], ['four'], [testDriver]],
        [['p-c'], ['four'], [testDriver]],
      ],
      placed: [],
      unplaced: [],
    })
  })

  it('keeps every type that will do', () => {
    expect(shape(pass([claimingPod('p', 'a')], { claims: [wanting('a', 1)] }))).toEqual({
      claims: [[['p'], ['one', 'four'], [testDriver]]],
      placed: [],
      unplaced: [],
    })
  })

  it('names the drivers that a node waits for', () => {
    const { claims } = pass([claimingPod('p', 'a')], { claims: [wanting('a', 1)] })
    const random = { below: (): number => 0 }
    const drivers = claims.map(
      (claim) => nodeClaimParts(claim, random).annotations['karpenter.sh/requested-dra-drivers'],
    )
    expect(drivers).toEqual([testDriver])
  })

  it('says why there is no node', () => {
    const claims = [wanting('many', 5)]
    const pods = [claimingPod('p', 'many'), claimingPod('q', 'missing')]
    expect(shape(pass(pods, { claims }))).toEqual({
      claims: [],
      placed: [],
      unplaced: [
        ['p', 'allocating dynamic resources, no instance type can satisfy the allocation'],
        ['q', 'resourceclaim "default/missing" not found'],
      ],
    })
    expect(shape(pass(pods, { claims, ignores: true }))).toMatchObject({
      unplaced: [
        ['p', 'pod has Dynamic Resource Allocation requirements that are not yet supported by Karpenter'],
        ['q', 'pod has Dynamic Resource Allocation requirements that are not yet supported by Karpenter'],
      ],
    })
  })

  it.each([
    { ignores: true, cpu: 0 },
    { ignores: false, cpu: 3000 },
  ])('counts daemons with claims unless claims are ignored: $ignores', ({ ignores, cpu }) => {
    const daemon = claimingPod('daemon', 'own')
    const daemons = [
      { ...daemon, spec: { ...daemon.spec, containers: [{ name: 'd', resources: { requests: { cpu: '3' } } }] } },
    ]
    const { claims } = pass([testPod('p')], { ignores, daemons })
    expect(claims.map(({ requests }) => requests.get('cpu') ?? 0)).toEqual([cpu])
  })

  it('goes where devices of the cluster are', () => {
    const zonal = testSlice('zonal', {
      devices: ['x'],
      nodeSelector: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: labelKeys.zone, operator: 'In', values: ['b'] }] }],
      },
    })
    const { claims } = pass([claimingPod('p', 'a')], { claims: [wanting('a', 1)], slices: [zonal] })
    expect(claims.map(({ requirements }) => requirements.get(labelKeys.zone).values)).toEqual([['b']])
    expect(claims[0]!.instanceTypes.map(({ name }) => name)).toEqual(['plain', 'one', 'four'])
  })

  it('fills nodes: published devices once they are initialized, promised ones before', () => {
    const labels = { [labelKeys.instanceType]: 'one', [labelKeys.zone]: 'a', [labelKeys.nodePool]: 'general' }
    const node = (name: string, initialized: boolean): NonNullable<ProvisioningInput['nodes']>[number] => ({
      node: testNode(name, { labels }),
      pods: [],
      initialized,
      pool: 'general',
    })
    const claims = ['a', 'b', 'c'].map((name) => wanting(name, 1))
    const pods = ['a', 'b', 'c'].map((name) => claimingPod(`p-${name}`, name))
    const slices = [testSlice('s', { nodeName: 'ready', devices: ['x'] })]
    const nodes = [node('coming', false), node('ready', true)]
    expect(shape(pass(pods, { claims, slices, nodes }))).toEqual({
      claims: [[['p-c'], ['one', 'four'], [testDriver]]],
      placed: [
        ['ready', ['p-a']],
        ['coming', ['p-b']],
      ],
      unplaced: [],
    })
  })
})
