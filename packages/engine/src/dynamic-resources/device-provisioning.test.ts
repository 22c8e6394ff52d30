import {
  Requirements,
  requirement,
  type DeviceClaim,
  type ResourceSlice,
  type ResourceSliceTemplate,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testNode, testPod } from '../test-objects.ts'
import { AttributeBindings } from './attribute-bindings.ts'
import type { DeviceHost, HostInstanceType } from './device-host.ts'
import { DeviceProvisioning, slicesThatCount, type HostAllocation } from './device-provisioning.ts'
import { DeviceState } from './device-state.ts'
import { anyClaim, anySlices } from './random-devices.ts'
import { cel, claimingPod, exactly, testClaim, testClass, testDriver, testSlice } from './test-devices.ts'

const gpu = testClass('gpu', `device.driver == "${testDriver}"`)
const zone = 'topology.kubernetes.io/zone'

function provisioning(
  o: {
    readonly slices?: readonly ResourceSlice[]
    readonly claims?: readonly ResourceV1ResourceClaim[]
    readonly movingPods?: readonly string[]
  } = {},
): DeviceProvisioning {
  return new DeviceProvisioning({
    slices: o.slices ?? [],
    claims: o.claims ?? [],
    classNamed: (name) => (name === 'gpu' ? gpu : undefined),
    movingPods: new Set(o.movingPods),
  })
}

function template(
  ...devices: readonly (string | NonNullable<ResourceSliceTemplate['devices']>[number])[]
): ResourceSliceTemplate {
  return {
    driver: testDriver,
    pool: 'own',
    devices: devices.map((device) => (typeof device === 'string' ? { name: device } : device)),
  }
}

function type(name: string, ...templates: readonly ResourceSliceTemplate[]): HostInstanceType {
  return { name, templates, bindings: AttributeBindings.none }
}

function host(id: string, o: Partial<DeviceHost> = {}): DeviceHost {
  return { id, requirements: Requirements.none, instanceTypes: [type('small', template('d0'))], ...o }
}

function count(count: number): DeviceClaim {
  return { requests: [{ name: 'r', exactly: exactly({ count }) }] }
}

function inZones(...zones: readonly string[]): Requirements {
  return Requirements.of(requirement(zone, 'In', zones))
}

function zonal(name: string, zoneName: string, ...devices: readonly string[]): ResourceSlice {
  return testSlice(name, {
    devices,
    nodeSelector: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: [zoneName] }] }],
    },
  })
}

/** The types that will do, or why none. */
function typesOf(allocation: HostAllocation): readonly string[] | string {
  return allocation.kind === 'allocated' ? allocation.instanceTypes : allocation.reason
}

function take(allocation: HostAllocation): HostAllocation {
  if (allocation.kind === 'allocated') allocation.commit()
  return allocation
}

const noType = 'no instance type can satisfy the allocation'

describe('a claim of an unborn node', () => {
  it('keeps the types whose devices suffice', () => {
    const devices = provisioning()
    const claim = host('claim-1', {
      instanceTypes: [type('none'), type('one', template('d0')), type('two', template('d0', 'd1'))],
    })
    expect(typesOf(devices.allocate(claim, [testClaim('a', count(1))]))).toEqual(['one', 'two'])
    expect(typesOf(devices.allocate(claim, [testClaim('a', count(2))]))).toEqual(['two'])
    expect(typesOf(devices.allocate(claim, [testClaim('a', count(3))]))).toBe(noType)
    expect(typesOf(devices.allocate(claim, []))).toEqual(['none', 'one', 'two'])
  })

  it('gives devices of templates once, for each type and host apart', () => {
    const devices = provisioning()
    const types = [type('one', template('d0')), type('two', template('d0', 'd1'))]
    const first = host('claim-1', { instanceTypes: types })
    expect(typesOf(take(devices.allocate(first, [testClaim('a')])))).toEqual(['one', 'two'])
    expect(typesOf(take(devices.allocate(first, [testClaim('b')])))).toEqual(['two'])
    expect(typesOf(devices.allocate(first, [testClaim('c')]))).toBe(noType)
    expect(typesOf(devices.allocate(host('claim-2', { instanceTypes: types }), [testClaim('c')]))).toEqual([
      'one',
      'two',
    ])
    devices.releaseTypes('claim-1', ['one'])
    expect(typesOf(devices.allocate(first, [testClaim('c')]))).toEqual(['one'])
    expect(devices.driversOf('claim-1')).toEqual([testDriver])
    expect(devices.driversOf('claim-2')).toEqual([])
  })

  it('shares its claims with pods on it, not with others', () => {
    const devices = provisioning()
    const claim = testClaim('a')
    take(devices.allocate(host('claim-1'), [claim]))
    expect(typesOf(devices.allocate(host('claim-1'), [claim]))).toEqual(['small'])
    expect(typesOf(devices.allocate(host('claim-2'), [claim]))).toBe(
      'claim is bound to a different in-flight NodeClaim',
    )
  })

  it('never has the devices of a node, and those in reach of its labels first', () => {
    const devices = provisioning({
      slices: [
        testSlice('local', { nodeName: 'n1', devices: ['x'] }),
        testSlice('all', { allNodes: true, devices: ['y'] }),
      ],
    })
    take(devices.allocate(host('claim-1', { instanceTypes: [type('bare')] }), [testClaim('a')]))
    expect(typesOf(devices.allocate(host('claim-2', { instanceTypes: [type('bare')] }), [testClaim('b')]))).toBe(noType)
    const node = (name: string): DeviceHost =>
      host(`provider-${name}`, { nodeName: name, instanceTypes: [type('bare')] })
    expect(typesOf(devices.allocate(node('n2'), [testClaim('b')]))).toBe(noType)
    expect(typesOf(devices.allocate(node('n1'), [testClaim('b')]))).toEqual(['bare'])
  })

  it('has of a pool that nodes share only what is its own', () => {
    const slices = ['n1', 'n2'].map((nodeName) => {
      return testSlice(`s-${nodeName}`, { nodeName, pool: 'p', count: 2, devices: [`d-${nodeName}`] })
    })
    const node = host('provider-1', { nodeName: 'n1', instanceTypes: [type('bare')] })
    expect(typesOf(provisioning({ slices }).allocate(node, [testClaim('a')]))).toEqual(['bare'])
    expect(typesOf(provisioning({ slices }).allocate(node, [testClaim('a', count(2))]))).toBe(noType)
  })

  it('is narrowed to where the devices are, once for all types', () => {
    const slices = [zonal('s-a', 'a', 'x'), zonal('s-b', 'b', 'y')]
    const devices = provisioning({ slices })
    const two = host('claim-1', { instanceTypes: [type('t1'), type('t2')], requirements: inZones('a', 'b') })
    const allocation = devices.allocate(two, [testClaim('a')])
    expect(typesOf(allocation)).toEqual(['t1', 't2'])
    expect(allocation.kind === 'allocated' && allocation.requirements.equals(inZones('a'))).toBe(true)
    expect(typesOf(devices.allocate(two, [testClaim('a', count(2))]))).toBe(noType)
    const elsewhere = host('claim-2', { instanceTypes: [type('t1')], requirements: inZones('c') })
    expect(typesOf(devices.allocate(elsewhere, [testClaim('a')]))).toBe(noType)
  })

  it('goes back on a place that leads nowhere', () => {
    const rooted = (name: string, root: string): { name: string; attributes: { root: { string: string } } } => {
      return { name, attributes: { root: { string: root } } }
    }
    const at = (name: string, zoneName: string, devices: Parameters<typeof testSlice>[1]['devices']): ResourceSlice =>
      testSlice(name, { ...zonal(name, zoneName).spec, pool: name, generation: 1, devices: devices ?? [] })
    const slices = [at('s-a', 'a', [rooted('x', '1')]), at('s-b', 'b', [rooted('y', '2'), rooted('z', '2')])]
    const pair = { ...count(2), constraints: [{ matchAttribute: `${testDriver}/root` }] }
    const bare = host('claim-1', { instanceTypes: [type('t')], requirements: inZones('a', 'b') })
    const allocation = provisioning({ slices }).allocate(bare, [testClaim('c', pair)])
    expect(allocation.kind === 'allocated' && allocation.requirements.equals(inZones('b'))).toBe(true)
  })

  it('has devices of the cluster once for each of its types, and all types where the first has them', () => {
    const devices = provisioning({ slices: [zonal('s-a', 'a', 'x'), zonal('s-b', 'b', 'y')] })
    const requirements = inZones('a', 'b')
    take(devices.allocate(host('claim-1', { instanceTypes: [type('t2')], requirements }), [testClaim('a')]))
    // x is taken for t2 only; t1 takes it too, and then t2 cannot be elsewhere.
    const both = host('claim-1', { instanceTypes: [type('t1'), type('t2')], requirements })
    expect(typesOf(devices.allocate(both, [testClaim('b')]))).toEqual(['t1'])
  })

  it('reserves devices of the cluster for itself until its last type that has them goes', () => {
    const slices = [testSlice('all', { allNodes: true, devices: ['y'] })]
    const devices = provisioning({ slices })
    const types = [type('t1'), type('t2')]
    take(devices.allocate(host('claim-1', { instanceTypes: types }), [testClaim('a')]))
    const other = host('claim-2', { instanceTypes: types })
    devices.releaseTypes('claim-1', ['t1'])
    expect(typesOf(devices.allocate(other, [testClaim('b')]))).toBe(noType)
    devices.releaseTypes('claim-1', ['t2'])
    expect(typesOf(devices.allocate(other, [testClaim('b')]))).toEqual(['t1', 't2'])
  })
})

const asked = (name: string, zoneName: string): ResourceV1ResourceClaim => ({
  ...testClaim(name),
  status: {
    allocation: {
      devices: { results: [{ request: 'one', driver: testDriver, pool: 'all', device: 'y' }] },
      nodeSelector: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: [zoneName] }] }],
      },
    },
    reservedFor: [{ resource: 'pods', name: 'p', uid: 'uid-p' }],
  },
})

describe('a claim that has its devices', () => {
  const slices = [testSlice('all', { allNodes: true, devices: ['y'] })]

  it('asks for the nodes that reach them', () => {
    const devices = provisioning({ slices, claims: [asked('a', 'a')] })
    const allocation = devices.allocate(host('claim-1', { requirements: inZones('a', 'b') }), [asked('a', 'a')])
    expect(allocation.kind === 'allocated' && allocation.requirements.equals(inZones('a'))).toBe(true)
    expect(typesOf(devices.allocate(host('claim-1', { requirements: inZones('b') }), [asked('a', 'a')]))).toBe(
      'in-cluster allocation topology is incompatible with NodeClaim requirements',
    )
  })

  it('keeps them from others, unless its pods are on the move', () => {
    const bare = host('claim-1', { instanceTypes: [type('bare')] })
    const staying = provisioning({ slices, claims: [asked('a', 'a')] })
    expect(typesOf(staying.allocate(bare, [testClaim('b')]))).toBe(noType)
    const moving = provisioning({ slices, claims: [asked('a', 'a')], movingPods: ['uid-p'] })
    expect(typesOf(moving.allocate(bare, [testClaim('b')]))).toEqual(['bare'])
    // And it is allocated anew itself, wherever.
    expect(typesOf(moving.allocate({ ...bare, requirements: inZones('b') }, [asked('a', 'a')]))).toEqual(['bare'])
  })

  it('of this pass says where it may go', () => {
    const devices = provisioning({ slices: [zonal('s-a', 'a', 'x')] })
    take(devices.allocate(host('claim-1', { requirements: inZones('a', 'b') }), [testClaim('a')]))
    const elsewhere = host('claim-2', { requirements: inZones('b') })
    expect(typesOf(devices.allocate(elsewhere, [testClaim('a')]))).toBe(
      'in-memory allocation topology is incompatible with NodeClaim requirements',
    )
    expect(typesOf(devices.allocate(host('claim-2', { requirements: inZones('a') }), [testClaim('a')]))).toEqual([
      'small',
    ])
  })
})

describe('what is refused', () => {
  const many = (n: number): ResourceSliceTemplate => template(...Array.from({ length: n }, (_, i) => `d${i}`))
  const all = { requests: [{ name: 'r', exactly: exactly({ allocationMode: 'All' }) }] }
  it.each<{
    what: string
    claim: DeviceClaim
    types?: readonly HostInstanceType[]
    slices?: readonly ResourceSlice[]
    reason: string
  }>([
    {
      what: 'an unknown class',
      claim: { requests: [{ name: 'r', exactly: exactly({ deviceClassName: 'tpu' }) }] },
      reason:
        'validating claim "c": claim "c" request "r": DeviceClass "tpu" not found: deviceclasses.resource.k8s.io "tpu" not found',
    },
    {
      what: 'distinctAttribute',
      claim: { ...count(1), constraints: [{ distinctAttribute: 'a/b' }] },
      reason: 'validating claim "c": claim "c": DistinctAttribute constraints not done yet',
    },
    {
      what: 'a selector that does not compile',
      claim: { requests: [{ name: 'r', exactly: exactly({ selectors: [cel('foo')] }) }] },
      reason:
        'validating claim "c": claim "c" request "r": CEL expression "foo" failed to compile: compilation failed: unknown variable: foo',
    },
    {
      what: 'a request of no known kind',
      claim: { requests: [{ name: 'r' }] },
      reason: 'validating claim "c": claim "c" request "r": only Exactly and FirstAvailable requests are supported',
    },
    {
      what: 'more than 32 devices',
      claim: count(33),
      reason: 'validating claim "c": claim "c" requests 33 total devices, exceeding maximum of 32',
    },
    {
      what: 'all devices where every type has more than 32',
      claim: all,
      types: [type('huge', many(33))],
      reason:
        'validating claim "c": claim "c": all instance types pruned, no instance type can satisfy this claim without exceeding the maximum of 32 devices',
    },
    {
      what: 'all devices where a pool is incomplete',
      claim: all,
      slices: [testSlice('s', { allNodes: true, devices: ['x'], count: 2 })],
      reason: `validating claim "c": claim "c" request "r": pool ${testDriver}/s is incomplete (missing slices)`,
    },
    {
      what: 'all devices where a pool is invalid',
      claim: all,
      slices: [testSlice('s', { allNodes: true, devices: ['x', 'x'] })],
      reason: `validating claim "c": claim "c" request "r": pool ${testDriver}/s is invalid (duplicate device names)`,
    },
    {
      what: 'all devices where there are none',
      claim: all,
      types: [type('bare')],
      reason: noType,
    },
    {
      what: 'a selector that cannot be evaluated: it selects nothing',
      claim: { requests: [{ name: 'r', exactly: exactly({ selectors: [cel('device.attributes["x"].y == 1')] }) }] },
      reason: noType,
    },
  ])('$what', ({ claim, types, slices, reason }) => {
    const devices = provisioning(slices === undefined ? {} : { slices })
    const on = host('claim-1', types === undefined ? {} : { instanceTypes: types })
    expect(typesOf(devices.allocate(on, [testClaim('c', claim)]))).toBe(reason)
  })

  it('types with too many devices, not those with enough', () => {
    const types = [type('huge', many(33)), type('good', many(32))]
    expect(typesOf(provisioning().allocate(host('claim-1', { instanceTypes: types }), [testClaim('c', all)]))).toEqual([
      'good',
    ])
  })
})

describe('alternatives', () => {
  it('may differ from type to type', () => {
    const claim = testClaim('c', {
      requests: [
        {
          name: 'r',
          firstAvailable: [
            { name: 'two', deviceClassName: 'gpu', count: 2 },
            { name: 'one', deviceClassName: 'gpu', count: 1 },
          ],
        },
      ],
    })
    const devices = provisioning()
    const types = [type('one', template('d0')), type('two', template('d0', 'd1', 'd2'))]
    const on = host('claim-1', { instanceTypes: types })
    expect(typesOf(take(devices.allocate(on, [claim])))).toEqual(['one', 'two'])
    expect(typesOf(devices.allocate(on, [testClaim('d', count(1))]))).toEqual(['two'])
    expect(typesOf(devices.allocate(on, [testClaim('d', count(2))]))).toBe(noType)
  })
})

describe('counters', () => {
  const draws = (
    name: string,
    slots: string,
  ): { name: string; consumesCounters: { counterSet: string; counters: { slots: { value: string } } }[] } => ({
    name,
    consumesCounters: [{ counterSet: 'set', counters: { slots: { value: slots } } }],
  })
  const set = [{ name: 'set', counters: { slots: { value: '3' } } }]

  it('of a template are drawn on for each type', () => {
    const devices = provisioning()
    const templates = [
      template(draws('a', '2'), draws('b', '2'), draws('c', '1')),
      { driver: testDriver, pool: 'own', sharedCounters: set },
    ]
    const on = host('claim-1', { instanceTypes: [type('t', ...templates)] })
    expect(typesOf(take(devices.allocate(on, [testClaim('x')])))).toEqual(['t'])
    expect(typesOf(take(devices.allocate(on, [testClaim('y')])))).toEqual(['t'])
    expect(typesOf(devices.allocate(on, [testClaim('z')]))).toBe(noType)
  })

  it.each([
    { slots: '3', others: noType },
    { slots: '4', others: ['t1'] },
  ])('of the cluster are charged with the most that any type takes: of $slots', ({ slots, others }) => {
    const sharedCounters = [{ name: 'set', counters: { slots: { value: slots } } }]
    const slices = [
      testSlice('counters', { allNodes: true, pool: 'p', count: 2, sharedCounters }),
      testSlice('devices', {
        allNodes: true,
        pool: 'p',
        count: 2,
        devices: [draws('a', '1'), draws('b', '2'), draws('c', '1')],
      }),
    ]
    const devices = provisioning({ slices })
    const on = host('claim-1', { instanceTypes: [type('t1'), type('t2', template('own'))] })
    // t1 takes a and b; t2 the same.
    take(devices.allocate(on, [testClaim('x', count(2))]))
    const other = host('claim-2', { instanceTypes: [type('t1')] })
    expect(typesOf(devices.allocate(other, [testClaim('y')]))).toEqual(others)
    devices.releaseTypes('claim-1', ['t1'])
    expect(typesOf(devices.allocate(other, [testClaim('y')]))).toEqual(others)
    devices.releaseTypes('claim-1', ['t2'])
    expect(typesOf(devices.allocate(other, [testClaim('y')]))).toEqual(['t1'])
  })
})

describe('pools of the cluster', () => {
  const bare = host('claim-1', { instanceTypes: [type('t')] })
  const everywhere = (name: string, o: Parameters<typeof testSlice>[1]): ResourceSlice =>
    testSlice(name, { allNodes: true, pool: 'p', ...o })
  it.each<{ what: string; slices: readonly ResourceSlice[]; types: readonly string[] | string }>([
    { what: 'whole', slices: [everywhere('s', { devices: ['x'] })], types: ['t'] },
    { what: 'in the making', slices: [everywhere('s', { devices: ['x'], count: 2 })], types: noType },
    { what: 'with a device twice', slices: [everywhere('s', { devices: ['x', 'x'] })], types: noType },
    {
      what: 'of an older generation beside a new one that is empty',
      slices: [everywhere('s', { devices: ['x'] }), everywhere('t', { generation: 2 })],
      types: noType,
    },
    {
      what: 'of an older generation that was not whole beside a new one that is',
      slices: [everywhere('s', { devices: ['x'], count: 3 }), everywhere('t', { devices: ['y'], generation: 2 })],
      types: ['t'],
    },
    {
      what: 'with unknown counters',
      slices: [everywhere('s', { devices: [{ name: 'x', consumesCounters: [{ counterSet: 'none', counters: {} }] }] })],
      types: noType,
    },
    {
      what: 'whose slices are for single devices to place',
      slices: [testSlice('s', { perDeviceNodeSelection: true, devices: [{ name: 'x', allNodes: true }] })],
      types: noType,
    },
  ])('$what: $types', ({ slices, types }) => {
    expect(typesOf(provisioning({ slices }).allocate(bare, [testClaim('a')]))).toEqual(types)
  })

  it('have counters on which devices out of reach draw too', () => {
    const draws = { consumesCounters: [{ counterSet: 'set', counters: { slots: { value: '2' } } }] }
    const slices = [
      everywhere('counters', { count: 3, sharedCounters: [{ name: 'set', counters: { slots: { value: '3' } } }] }),
      testSlice('here', { nodeName: 'n1', pool: 'p', count: 3, devices: [{ name: 'x', ...draws }] }),
      testSlice('there', { nodeName: 'n2', pool: 'p', count: 3, devices: [{ name: 'y', ...draws }] }),
    ]
    const node = (nodeName: string): DeviceHost =>
      host(`provider-${nodeName}`, { nodeName, instanceTypes: [type('t')] })
    const devices = provisioning({ slices })
    expect(typesOf(devices.allocate(node('n1'), [testClaim('a')]))).toEqual(['t'])
    take(devices.allocate(node('n2'), [testClaim('b')]))
    expect(typesOf(devices.allocate(node('n1'), [testClaim('a')]))).toBe(noType)
  })
})

describe('shared devices', () => {
  const nic = {
    name: 'nic',
    allowMultipleAllocations: true,
    capacity: { bandwidth: { value: '10G', requestPolicy: { default: '4G' } } },
  }
  it('of the cluster have what earlier claims left', () => {
    const devices = provisioning({ slices: [testSlice('all', { allNodes: true, devices: [nic] })] })
    const bare = (id: string): DeviceHost => host(id, { instanceTypes: [type('t1'), type('t2')] })
    take(devices.allocate(bare('claim-1'), [testClaim('a')]))
    expect(typesOf(take(devices.allocate(bare('claim-2'), [testClaim('b')])))).toEqual(['t1', 't2'])
    expect(typesOf(devices.allocate(bare('claim-3'), [testClaim('c')]))).toBe(noType)
    devices.releaseTypes('claim-1', ['t1', 't2'])
    expect(typesOf(devices.allocate(bare('claim-3'), [testClaim('c')]))).toEqual(['t1', 't2'])
  })

  it('are charged for claims that are there already, less those that move', () => {
    const part = (name: string, uid: string, bandwidth: string): ResourceV1ResourceClaim => ({
      ...testClaim(name),
      status: {
        allocation: {
          devices: {
            results: [
              {
                request: 'one',
                driver: testDriver,
                pool: 'all',
                device: 'nic',
                shareID: uid,
                consumedCapacity: { bandwidth },
              },
            ],
          },
        },
        reservedFor: [{ resource: 'pods', name: uid, uid }],
      },
    })
    const claims = [part('a', 'p', '4G'), part('b', 'q', '4G')]
    const slices = [testSlice('all', { allNodes: true, devices: [nic] })]
    const bare = host('claim-1', { instanceTypes: [type('t1')] })
    expect(typesOf(provisioning({ slices, claims }).allocate(bare, [testClaim('c')]))).toBe(noType)
    const moving = provisioning({ slices, claims, movingPods: ['p'] })
    expect(typesOf(moving.allocate(bare, [testClaim('c')]))).toEqual(['t1'])
  })
})

describe('matchAttribute', () => {
  const rooted = (name: string, root?: string): { name: string; attributes?: { root: { string: string } } } => ({
    name,
    ...(root === undefined ? {} : { attributes: { root: { string: root } } }),
  })
  const pair: DeviceClaim = { ...count(2), constraints: [{ matchAttribute: `${testDriver}/root` }] }
  const bound = (...groups: readonly (readonly string[])[]): AttributeBindings =>
    new AttributeBindings(
      groups.map((names) => ({
        attribute: `${testDriver}/root`,
        devices: names.map((device) => ({ driver: testDriver, pool: 'own', device })),
      })),
    )
  it.each([
    {
      what: 'values that are equal',
      devices: [rooted('a', 'x'), rooted('b', 'y'), rooted('c', 'x')],
      bindings: bound(),
      fits: true,
    },
    { what: 'values that differ', devices: [rooted('a', 'x'), rooted('b', 'y')], bindings: bound(), fits: false },
    { what: 'no values', devices: [rooted('a'), rooted('b')], bindings: bound(), fits: false },
    { what: 'devices that are bound', devices: [rooted('a'), rooted('b')], bindings: bound(['a', 'b']), fits: true },
    {
      what: 'devices bound through others',
      devices: [rooted('a'), rooted('c')],
      bindings: bound(['a', 'b'], ['b', 'c']),
      fits: true,
    },
    {
      what: 'devices bound to others',
      devices: [rooted('a'), rooted('c')],
      bindings: bound(['a', 'b'], ['c', 'd']),
      fits: false,
    },
    { what: 'a value and a bond', devices: [rooted('a', 'x'), rooted('b')], bindings: bound(['a', 'b']), fits: false },
  ])('$what: $fits', ({ devices, bindings, fits }) => {
    const on = host('claim-1', { instanceTypes: [{ name: 't', templates: [template(...devices)], bindings }] })
    expect(typesOf(provisioning().allocate(on, [testClaim('c', pair)]))).toEqual(fits ? ['t'] : noType)
  })
})

describe('claims of a pod', () => {
  it('are those it names and those made for it', () => {
    const devices = provisioning({ claims: [testClaim('a'), testClaim('p-x')] })
    expect(devices.claimsOf(claimingPod('p', 'a'))).toEqual([testClaim('a')])
    expect(devices.claimsOf(claimingPod('p', 'b'))).toEqual({ problem: 'resourceclaim "default/b" not found' })
    const templated = testPod('p', {
      spec: {
        resourceClaims: [
          { name: 'x', resourceClaimTemplateName: 't' },
          { name: 'y', resourceClaimTemplateName: 't' },
        ],
      },
      status: { resourceClaimStatuses: [{ name: 'x', resourceClaimName: 'p-x' }, { name: 'y' }] },
    })
    expect(devices.claimsOf(templated)).toEqual([testClaim('p-x')])
  })
})

describe('slices that count', () => {
  it('are those of initialized nodes, and of none', () => {
    const owned = (name: string, node: string): ResourceSlice => {
      const slice = testSlice(name, { nodeName: node })
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: node, uid: node }]
      return { ...slice, metadata: { ...slice.metadata, ownerReferences } }
    }
    const slices = [owned('a', 'n1'), owned('b', 'n2'), testSlice('c', { allNodes: true })]
    expect(slicesThatCount(slices, new Set(['n1'])).map(({ metadata }) => metadata.name)).toEqual(['a', 'c'])
  })
})

/** What Karpenter's search and kube-scheduler's see alike: no shared devices, taints, administrators, capacity or all-requests. */
function plainSlices(slices: readonly ResourceSlice[]): readonly ResourceSlice[] {
  return slices.map((slice) => ({
    ...slice,
    spec: {
      ...slice.spec,
      // Of the node or of another: what is everywhere comes before what is promised, and so in another order.
      allNodes: undefined,
      nodeName: slice.spec.allNodes === true ? 'n1' : slice.spec.nodeName,
      devices: slice.spec.devices?.map(({ name, attributes, consumesCounters }) => ({
        name,
        attributes,
        consumesCounters,
      })),
    },
  }))
}

function plainClaim({ requests = [], constraints = [] }: DeviceClaim): DeviceClaim {
  const plain = { deviceClassName: 'gpu', allocationMode: 'ExactCount' }
  return {
    requests: requests.map(({ name, exactly: one, firstAvailable }) => ({
      name,
      ...(one === undefined ? {} : { exactly: { ...plain, count: one.count ?? 1, selectors: one.selectors } }),
      ...(firstAvailable === undefined
        ? {}
        : {
            firstAvailable: firstAvailable.map((sub) => {
              return { ...plain, name: sub.name, count: sub.count ?? 1, selectors: sub.selectors }
            }),
          }),
    })),
    constraints: constraints.filter(({ matchAttribute }) => matchAttribute !== undefined),
  }
}

describe('both searches', () => {
  it('agree about devices of a node, whether they are published or promised', () => {
    const seen = { found: 0, refused: 0 }
    fc.assert(
      fc.property(anySlices, fc.array(anyClaim, { minLength: 1, maxLength: 4 }), (random, specs) => {
        const slices = plainSlices(random)
        const claims = specs.map((spec, i) => testClaim(`c${i}`, plainClaim(spec)))
        const state = new DeviceState()
        state.setClass(gpu)
        for (const slice of slices) state.setSlice(slice)
        for (const claim of claims) state.setClaim(claim)
        const published = provisioning({ slices, claims })
        const node = host('provider', { nodeName: 'n1', instanceTypes: [type('t')] })
        // What the node has of its own promised, once it may be had there.
        const own = slices.filter(({ spec }) => spec.nodeName === 'n1' && spec.pool.resourceSliceCount === 2)
        const promised = provisioning({ slices: slices.filter(({ spec }) => spec.nodeName !== 'n1'), claims })
        const templates = own.map(({ spec }): ResourceSliceTemplate => {
          return {
            driver: spec.driver,
            pool: spec.pool.name,
            devices: spec.devices,
            sharedCounters: spec.sharedCounters,
          }
        })
        const unborn = host('claim', { instanceTypes: [type('t', ...templates)] })
        for (const [i, claim] of claims.entries()) {
          const answers = [
            state.place(claimingPod(`p${i}`, `c${i}`), testNode('n1')) === undefined,
            take(published.allocate(node, [claim])).kind === 'allocated',
            take(promised.allocate(unborn, [claim])).kind === 'allocated',
          ]
          expect(answers).toEqual(Array(3).fill(answers[0]))
          seen[answers[0] === true ? 'found' : 'refused']++
        }
        published.releaseTypes('provider', ['t'])
        const again = provisioning({ slices, claims })
        const fresh = claims.map(({ spec }, i) => testClaim(`d${i}`, spec.devices))
        for (const claim of fresh)
          expect(typesOf(published.allocate(node, [claim]))).toEqual(typesOf(again.allocate(node, [claim])))
      }),
      { numRuns: 500, seed: 20260103 },
    )
    expect(Math.min(seen.found, seen.refused)).toBeGreaterThan(100)
  })
})
