import type { Device, DeviceClaim, Node, Pod, ResourceV1ResourceClaim } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { ClusterSnapshot } from '../snapshot.ts'
import { testNode, testPod } from '../test-objects.ts'
import { DeviceState } from './device-state.ts'
import { cel, claimingPod, exactly, testClaim, testClass, testDriver, testSlice } from './test-devices.ts'

const node = testNode('n1', { labels: { zone: 'a' } })
const other = testNode('n2', { labels: { zone: 'b' } })

function stateWith(
  o: {
    readonly slices?: readonly Parameters<typeof testSlice>[1][]
    readonly claims?: readonly ResourceV1ResourceClaim[]
  } = {},
): DeviceState {
  const state = new DeviceState()
  state.setClass(testClass('gpu', `device.driver == "${testDriver}"`))
  for (const [i, slice] of (o.slices ?? [{ nodeName: 'n1', devices: ['d0', 'd1'] }]).entries()) {
    state.setSlice(testSlice(`slice-${i}`, slice))
  }
  for (const claim of o.claims ?? []) state.setClaim(claim)
  return state
}

function namesOf(claim: ResourceV1ResourceClaim | undefined): readonly string[] | undefined {
  return claim?.status?.allocation?.devices?.results?.map(({ device }) => device)
}

/** What one pod with one such claim gets on the node. */
function devicesFor(
  devices: DeviceClaim,
  slices: readonly Parameters<typeof testSlice>[1][],
  on: Node = node,
): unknown {
  const state = stateWith({ slices, claims: [testClaim('c', devices)] })
  const pod = claimingPod('p', 'c')
  return state.place(pod, on)?.reason ?? namesOf(state.claim('default', 'c'))
}

describe('a pod with a claim', () => {
  it('gets the first free device, and the next one the next', () => {
    const state = stateWith({ claims: [testClaim('a'), testClaim('b'), testClaim('c')] })
    expect(state.place(claimingPod('p', 'a'), node)).toBeUndefined()
    expect(state.place(claimingPod('q', 'b'), node)).toBeUndefined()
    expect(namesOf(state.claim('default', 'a'))).toEqual(['d0'])
    expect(namesOf(state.claim('default', 'b'))).toEqual(['d1'])
    expect(state.nodeUnfit(claimingPod('r', 'c'), node)).toEqual({
      plugin: 'DynamicResources',
      reason: 'cannot allocate all claims',
      resolvable: false,
    })
  })

  it('leaves its devices to others when it goes', () => {
    const state = stateWith({ claims: [testClaim('a', { requests: [{ name: 'r', exactly: exactly({ count: 2 }) }] })] })
    const pod = claimingPod('p', 'a')
    state.setClaim(testClaim('b'))
    state.place(pod, node)
    expect(state.nodeUnfit(claimingPod('q', 'b'), node)?.reason).toBe('cannot allocate all claims')
    state.release(pod)
    expect(state.claim('default', 'a')?.status).toEqual({})
    expect(state.nodeUnfit(claimingPod('q', 'b'), node)).toBeUndefined()
  })

  it('that is shared is allocated once, reserved for each, and bound to where it is', () => {
    const state = stateWith({ claims: [testClaim('a')] })
    const [p, q] = [claimingPod('p', 'a'), claimingPod('q', 'a')]
    state.place(p, node)
    expect(state.nodeUnfit(q, other)?.reason).toBe('resourceclaim not available on the node')
    state.place(q, node)
    const claim = state.claim('default', 'a')!
    expect(claim.status).toEqual({
      allocation: {
        devices: { results: [{ request: 'one', driver: testDriver, pool: 'slice-0', device: 'd0' }] },
        nodeSelector: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
        },
      },
      reservedFor: [
        { resource: 'pods', name: 'p', uid: 'default-p' },
        { resource: 'pods', name: 'q', uid: 'default-q' },
      ],
    })
    state.release(p)
    expect(state.isTaken(`${testDriver}/slice-0/d0`)).toBe(true)
    state.release(q)
    expect(state.isTaken(`${testDriver}/slice-0/d0`)).toBe(false)
  })

  it('is one of at most 256', () => {
    const state = stateWith({ claims: [testClaim('a')] })
    for (let i = 0; i < 256; i++) expect(state.place(claimingPod(`p${i}`, 'a'), node)).toBeUndefined()
    expect(state.podUnfit(claimingPod('p256', 'a'))?.reason).toBe('resourceclaim in use')
    expect(state.podUnfit(claimingPod('p0', 'a'))).toBeUndefined()
  })
})

describe('claims of a pod', () => {
  const template: Pod = testPod('p', {
    spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
    status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'p-gpu-x' }] },
  })
  it.each<{ when: string; pod: Pod; claims: readonly ResourceV1ResourceClaim[]; reason: string | undefined }>([
    {
      when: 'one is missing',
      pod: claimingPod('p', 'nope'),
      claims: [],
      reason: 'could not find ResourceClaim "default/nope"',
    },
    {
      when: 'the template has made none yet',
      pod: testPod('p', { spec: template.spec }),
      claims: [],
      reason: 'pod "default/p": ResourceClaim not created yet',
    },
    {
      when: 'the entry says nothing',
      pod: testPod('p', { spec: { resourceClaims: [{ name: 'gpu' }] } }),
      claims: [],
      reason: 'pod "default/p", spec.resourceClaim "gpu": none of the supported fields are set',
    },
    {
      when: 'none is needed after all',
      pod: testPod('p', { spec: template.spec, status: { resourceClaimStatuses: [{ name: 'gpu' }] } }),
      claims: [],
      reason: undefined,
    },
    {
      when: 'the template made one',
      pod: template,
      claims: [testClaim('p-gpu-x', undefined, { owner: template })],
      reason: undefined,
    },
    {
      when: "the template's claim is another pod's",
      pod: template,
      claims: [testClaim('p-gpu-x', undefined, { owner: testPod('q') })],
      reason: 'ResourceClaim default/p-gpu-x was not created for pod default/p (pod is not owner)',
    },
    {
      when: 'one is being deleted',
      pod: claimingPod('p', 'c'),
      claims: [
        { ...testClaim('c'), metadata: { ...testClaim('c').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
      ],
      reason: 'resourceclaim "c" is being deleted',
    },
    {
      when: 'the class is missing',
      pod: claimingPod('p', 'c'),
      claims: [testClaim('c', { requests: [{ name: 'r', exactly: exactly({ deviceClassName: 'tpu' }) }] })],
      reason: 'request r: device class tpu does not exist',
    },
    {
      when: 'the class of an alternative is missing',
      pod: claimingPod('p', 'c'),
      claims: [
        testClaim('c', { requests: [{ name: 'r', firstAvailable: [{ name: 'big', deviceClassName: 'tpu' }] }] }),
      ],
      reason: 'request r/big: device class tpu does not exist',
    },
    {
      when: 'a request asks for nothing known',
      pod: claimingPod('p', 'c'),
      claims: [testClaim('c', { requests: [{ name: 'r' }] })],
      reason: 'resource claim default/c, request r: unknown request type',
    },
  ])('when $when', ({ pod, claims, reason }) => {
    const state = stateWith({ claims })
    expect(state.podUnfit(pod)?.reason).toBe(reason)
    expect(state.nodeUnfit(pod, node)?.reason).toBe(reason)
  })
})

const labelled: readonly Device[] = [
  { name: 'd0', attributes: { numa: { int: 0 }, model: { string: 'a' } }, capacity: { memory: { value: '40Gi' } } },
  { name: 'd1', attributes: { numa: { int: 1 }, model: { string: 'a' } }, capacity: { memory: { value: '80Gi' } } },
  { name: 'd2', attributes: { numa: { int: 1 }, model: { string: 'b' } }, capacity: { memory: { value: '80Gi' } } },
]
const here = [{ nodeName: 'n1', devices: labelled }]

describe('requests', () => {
  it.each<{ what: string; claim: DeviceClaim; slices?: readonly Parameters<typeof testSlice>[1][]; gets: unknown }>([
    { what: 'count devices', claim: { requests: [{ name: 'r', exactly: exactly({ count: 2 }) }] }, gets: ['d0', 'd1'] },
    {
      what: 'select by attribute',
      claim: {
        requests: [
          { name: 'r', exactly: exactly({ selectors: [cel(`device.attributes["${testDriver}"].numa == 1`)] }) },
        ],
      },
      gets: ['d1'],
    },
    {
      what: 'select by capacity',
      claim: {
        requests: [
          {
            name: 'r',
            exactly: exactly({
              selectors: [cel(`device.capacity["${testDriver}"].memory.compareTo(quantity("80Gi")) >= 0`)],
            }),
          },
        ],
      },
      gets: ['d1'],
    },
    {
      what: 'take all that match',
      claim: {
        requests: [
          {
            name: 'r',
            exactly: exactly({
              allocationMode: 'All',
              selectors: [cel(`device.attributes["${testDriver}"].numa == 1`)],
            }),
          },
        ],
      },
      gets: ['d1', 'd2'],
    },
    {
      what: 'for all need one at least',
      claim: { requests: [{ name: 'r', exactly: exactly({ allocationMode: 'All', selectors: [cel('false')] }) }] },
      gets: 'cannot allocate all claims',
    },
    {
      what: 'take the first alternative that can be had',
      claim: {
        requests: [
          {
            name: 'r',
            firstAvailable: [
              { name: 'many', deviceClassName: 'gpu', count: 4 },
              { name: 'two', deviceClassName: 'gpu', count: 2 },
              { name: 'one', deviceClassName: 'gpu' },
            ],
          },
        ],
      },
      gets: ['d0', 'd1'],
    },
    {
      what: 'share an attribute',
      claim: {
        requests: [{ name: 'r', exactly: exactly({ count: 2 }) }],
        constraints: [{ matchAttribute: `${testDriver}/numa` }],
      },
      gets: ['d1', 'd2'],
    },
    {
      what: 'share an attribute where the constraint says so',
      claim: {
        requests: [
          { name: 'x', exactly: exactly() },
          { name: 'y', exactly: exactly() },
          { name: 'z', exactly: exactly() },
        ],
        constraints: [{ matchAttribute: `${testDriver}/numa`, requests: ['y', 'z'] }],
      },
      gets: ['d0', 'd1', 'd2'],
    },
    {
      what: 'are kept apart',
      claim: {
        requests: [{ name: 'r', exactly: exactly({ count: 2 }) }],
        constraints: [{ distinctAttribute: `${testDriver}/model` }],
      },
      gets: ['d0', 'd2'],
    },
    {
      what: 'are kept apart, all of one request',
      claim: {
        requests: [{ name: 'r', exactly: exactly({ count: 3 }) }],
        constraints: [{ distinctAttribute: `${testDriver}/model` }],
      },
      slices: [
        {
          nodeName: 'n1',
          devices: ['a', 'b', 'b'].map((model, i) => ({ name: `d${i}`, attributes: { model: { string: model } } })),
        },
      ],
      gets: 'cannot allocate all claims',
    },
    {
      what: 'need the attribute that a constraint names',
      claim: {
        requests: [{ name: 'r', exactly: exactly() }],
        constraints: [{ matchAttribute: `${testDriver}/missing` }],
      },
      gets: 'cannot allocate all claims',
    },
    {
      what: 'that cannot be compiled are an error',
      claim: { requests: [{ name: 'r', exactly: exactly({ selectors: [cel('foo')] }) }] },
      gets: 'claim default/c: selector #0: CEL compile error: compilation failed: unknown variable: foo',
    },
    {
      what: 'that cannot be evaluated are an error',
      claim: {
        requests: [{ name: 'r', exactly: exactly({ selectors: [cel('device.attributes["x"].y == 1')] }) }],
      },
      gets: 'claim default/c: selector #0: CEL runtime error: no such key: y',
    },
    {
      what: 'for more than 32 devices are an error',
      claim: { requests: [{ name: 'r', exactly: exactly({ count: 33 }) }] },
      gets: 'claim default/c: number of requested devices 33 exceeds the claim limit of 32',
    },
    {
      what: 'for all of a pool in the making are an error',
      claim: { requests: [{ name: 'r', exactly: exactly({ allocationMode: 'All' }) }] },
      slices: [{ nodeName: 'n1', devices: ['d0'], pool: 'p', count: 2 }],
      gets: `claim default/c, request r: asks for all devices, but resource pool ${testDriver}/p is currently being updated`,
    },
    {
      what: 'for all against a constraint are an error',
      claim: {
        requests: [{ name: 'r', exactly: exactly({ allocationMode: 'All' }) }],
        constraints: [{ matchAttribute: `${testDriver}/numa` }],
      },
      gets: `claim default/c, request r: cannot add device ${testDriver}/slice-0/d1 because a claim constraint would not be satisfied`,
    },
  ])('$what', ({ claim, slices, gets }) => {
    expect(devicesFor(claim, slices ?? here)).toEqual(gets)
  })
})

const one: DeviceClaim = { requests: [{ name: 'r', exactly: exactly() }] }

describe('slices', () => {
  it.each<{ what: string; slices: readonly Parameters<typeof testSlice>[1][]; gets: unknown }>([
    {
      what: 'of another node are out of reach',
      slices: [{ nodeName: 'n2', devices: ['d'] }],
      gets: 'cannot allocate all claims',
    },
    { what: 'may be for all nodes', slices: [{ allNodes: true, devices: ['d'] }], gets: ['d'] },
    {
      what: 'may select nodes',
      slices: [
        {
          nodeSelector: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
          },
          devices: ['d'],
        },
      ],
      gets: ['d'],
    },
    {
      what: 'may select others',
      slices: [
        {
          nodeSelector: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] }],
          },
          devices: ['d'],
        },
      ],
      gets: 'cannot allocate all claims',
    },
    {
      what: 'may leave it to each device',
      slices: [
        {
          perDeviceNodeSelection: true,
          devices: [
            { name: 'a', nodeName: 'n2' },
            { name: 'b', nodeName: 'n1' },
          ],
        },
      ],
      gets: ['b'],
    },
    {
      what: 'of an old generation do not count',
      slices: [
        { nodeName: 'n1', pool: 'p', devices: ['old'], generation: 1 },
        { nodeName: 'n1', pool: 'p', devices: ['new'], generation: 2 },
      ],
      gets: ['new'],
    },
    {
      what: 'are old when the new ones are elsewhere',
      slices: [
        { nodeName: 'n1', pool: 'p', devices: ['old'], generation: 1, count: 2 },
        { nodeName: 'n2', pool: 'p', devices: ['new'], generation: 2 },
      ],
      gets: 'cannot allocate all claims',
    },
    {
      what: 'must all be there',
      slices: [{ nodeName: 'n1', pool: 'p', devices: ['d'], count: 2 }],
      gets: 'cannot allocate all claims',
    },
    {
      what: 'may be elsewhere',
      slices: [
        { nodeName: 'n1', pool: 'p', devices: ['d'], count: 2 },
        { nodeName: 'n2', pool: 'p', devices: ['e'], count: 2 },
      ],
      gets: ['d'],
    },
    {
      what: 'with a name twice make the pool invalid',
      slices: [
        { nodeName: 'n1', pool: 'p', devices: ['d'], count: 2 },
        { nodeName: 'n1', pool: 'p', devices: ['d'], count: 2 },
      ],
      gets: 'invalid resource pools were encountered',
    },
    {
      what: 'that draw on unknown counters make the pool invalid',
      slices: [{ nodeName: 'n1', devices: [{ name: 'd', consumesCounters: [{ counterSet: 'x', counters: {} }] }] }],
      gets: 'invalid resource pools were encountered',
    },
    {
      what: 'come by pool, those with binding conditions last',
      slices: [
        { nodeName: 'n1', pool: 'a', devices: [{ name: 'waits', bindingConditions: ['x'] }] },
        { nodeName: 'n1', pool: 'b', devices: ['simple'] },
      ],
      gets: ['simple'],
    },
    {
      what: 'have tainted devices',
      slices: [
        { nodeName: 'n1', devices: [{ name: 'bad', taints: [{ key: 'k', effect: 'NoSchedule' }] }, { name: 'good' }] },
      ],
      gets: ['good'],
    },
    {
      what: 'have devices with taints that do not matter',
      slices: [{ nodeName: 'n1', devices: [{ name: 'd', taints: [{ key: 'k', effect: 'None' }] }] }],
      gets: ['d'],
    },
  ])('$what', ({ slices, gets }) => {
    expect(devicesFor(one, slices)).toEqual(gets)
  })

  it('that come and go are seen, everywhere and on one node', () => {
    const state = stateWith({ slices: [], claims: [testClaim('c')] })
    const reason = (): string | undefined => state.nodeUnfit(claimingPod('p', 'c'), node)?.reason
    for (const where of [{ nodeName: 'n1' }, { allNodes: true }]) {
      expect(reason()).toBe('cannot allocate all claims')
      state.setSlice(testSlice('s', { ...where, devices: ['d'] }))
      expect(reason()).toBeUndefined()
      state.removeSlice('s')
    }
    expect(reason()).toBe('cannot allocate all claims')
  })

  it('with tainted devices serve those who tolerate', () => {
    const slices = [
      { nodeName: 'n1', devices: [{ name: 'd', taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }] },
    ]
    const asking = (toleration: object): unknown =>
      devicesFor({ requests: [{ name: 'r', exactly: exactly({ tolerations: [toleration] }) }] }, slices)
    expect(asking({ key: 'k', operator: 'Exists' })).toEqual(['d'])
    expect(asking({ key: 'k', value: 'v' })).toEqual(['d'])
    expect(asking({ key: 'k', value: 'w' })).toBe('cannot allocate all claims')
    expect(asking({ key: 'k', operator: 'Exists', effect: 'NoSchedule' })).toBe('cannot allocate all claims')
  })
})

describe('partitionable devices', () => {
  const draws = (name: string, memory: string): Device => ({
    name,
    consumesCounters: [{ counterSet: 'gpu-0', counters: { memory: { value: memory } } }],
  })
  const slices = [
    {
      nodeName: 'n1',
      pool: 'p',
      count: 2,
      sharedCounters: [{ name: 'gpu-0', counters: { memory: { value: '40Gi' } } }],
    },
    {
      nodeName: 'n1',
      pool: 'p',
      count: 2,
      devices: [draws('whole', '40Gi'), draws('half-0', '20Gi'), draws('half-1', '20Gi')],
    },
  ]
  const asking = (count: number): DeviceClaim => ({ requests: [{ name: 'r', exactly: exactly({ count }) }] })

  it('draw on what they have together', () => {
    expect(devicesFor(asking(1), slices)).toEqual(['whole'])
    expect(devicesFor(asking(2), slices)).toEqual(['half-0', 'half-1'])
    expect(devicesFor(asking(3), slices)).toBe('cannot allocate all claims')
  })

  it('leave less when one that only another node reaches is in use', () => {
    const spread = [
      slices[0]!,
      { nodeName: 'n1', pool: 'p', count: 3, devices: [draws('here', '30Gi')] },
      { nodeName: 'n2', pool: 'p', count: 3, devices: [draws('there', '20Gi')] },
    ].map((slice) => ({ ...slice, count: 3 }))
    const state = stateWith({ slices: spread, claims: [testClaim('a'), testClaim('b')] })
    expect(state.nodeUnfit(claimingPod('q', 'b'), node)).toBeUndefined()
    expect(state.place(claimingPod('p', 'a'), other)).toBeUndefined()
    expect(state.nodeUnfit(claimingPod('q', 'b'), node)?.reason).toBe('cannot allocate all claims')
  })

  it('leave less when they are in use', () => {
    const state = stateWith({ slices, claims: [testClaim('a', asking(2)), testClaim('b', asking(1))] })
    const [p, q] = [claimingPod('p', 'a'), claimingPod('q', 'b')]
    state.place(p, node)
    expect(state.nodeUnfit(q, node)?.reason).toBe('cannot allocate all claims')
    state.release(p)
    state.place(q, node)
    expect(namesOf(state.claim('default', 'b'))).toEqual(['whole'])
  })
})

describe('shared devices', () => {
  const slices = [
    {
      nodeName: 'n1',
      devices: [
        {
          name: 'nic',
          allowMultipleAllocations: true,
          capacity: {
            bandwidth: {
              value: '10G',
              requestPolicy: { default: '1G', validRange: { min: '1G', max: '8G', step: '1G' } },
            },
          },
        },
      ],
    },
  ]
  const asking = (requests?: { readonly [name: string]: string }): DeviceClaim => ({
    requests: [{ name: 'r', exactly: exactly(requests === undefined ? {} : { capacity: { requests } }) }],
  })
  it('give to each what it asks for, until there is no more', () => {
    const state = stateWith({
      slices,
      claims: [
        testClaim('a', asking({ bandwidth: '3500M' })),
        testClaim('b', asking()),
        testClaim('c', asking({ bandwidth: '6G' })),
        testClaim('d', asking({ bandwidth: '5G' })),
      ],
    })
    const id = `${testDriver}/slice-0/nic`
    state.place(claimingPod('p', 'a'), node)
    state.place(claimingPod('q', 'b'), node)
    expect(state.consumed(id)).toEqual(new Map([['bandwidth', 5_000_000_000n * 1_000_000_000n]]))
    expect(state.claim('default', 'a')!.status!.allocation!.devices!.results).toEqual([
      {
        request: 'r',
        driver: testDriver,
        pool: 'slice-0',
        device: 'nic',
        shareID: '00000000-0000-4000-8000-000000000001',
        consumedCapacity: { bandwidth: '4G' },
      },
    ])
    expect(state.isTaken(id)).toBe(false)
    expect(state.nodeUnfit(claimingPod('r', 'c'), node)?.reason).toBe('cannot allocate all claims')
    expect(state.place(claimingPod('s', 'd'), node)).toBeUndefined()
  })
  it.each([
    { asks: { latency: '1' }, what: 'what the device does not have' },
    { asks: { bandwidth: '9G' }, what: 'more than the policy allows' },
  ])('refuse $what', ({ asks }) => {
    expect(devicesFor(asking(asks), slices)).toBe('cannot allocate all claims')
  })
})

describe('administrators', () => {
  it('look into devices that others have, and take nothing', () => {
    const admin = { requests: [{ name: 'r', exactly: exactly({ adminAccess: true, count: 2 }) }] }
    const state = stateWith({ claims: [testClaim('a'), testClaim('admin', admin), testClaim('b')] })
    state.place(claimingPod('p', 'a'), node)
    expect(state.place(claimingPod('q', 'admin'), node)).toBeUndefined()
    expect(namesOf(state.claim('default', 'admin'))).toEqual(['d0', 'd1'])
    expect(state.place(claimingPod('r', 'b'), node)).toBeUndefined()
    expect(namesOf(state.claim('default', 'b'))).toEqual(['d1'])
  })
})

describe('a snapshot with devices', () => {
  it('asks for them last, takes them as pods come, and gives them back', () => {
    const devices = stateWith({ claims: [testClaim('a'), testClaim('b'), testClaim('c'), testClaim('d')] })
    const snapshot = new ClusterSnapshot({ devices })
    snapshot.addNode(node)
    snapshot.addNode(other)
    snapshot.fork()
    for (const name of ['a', 'b']) {
      const pod = claimingPod(`p-${name}`, name)
      expect(snapshot.firstFit(pod)).toBe('n1')
      snapshot.addPod(pod, 'n1')
    }
    const third = claimingPod('p-c', 'c')
    expect(snapshot.checkAll(third, 'n1')).toEqual([
      { plugin: 'DynamicResources', reason: 'cannot allocate all claims', resolvable: false },
    ])
    snapshot.fork()
    snapshot.removePod('default', 'p-a', 'n1')
    expect(snapshot.fits(third, 'n1')).toBe(true)
    snapshot.removeNode('n1')
    snapshot.addNode(node)
    snapshot.addPod(third, 'n1')
    expect(namesOf(devices.claim('default', 'c'))).toEqual(['d0'])
    expect(devices.claim('default', 'b')?.status).toEqual({})
    snapshot.revert()
    expect(devices.claim('default', 'c')).toEqual(testClaim('c'))
    expect(namesOf(devices.claim('default', 'b'))).toEqual(['d1'])
    expect(snapshot.fits(third, 'n1')).toBe(false)
    snapshot.revert()
    expect(devices.claims()).toEqual(['a', 'b', 'c', 'd'].map((name) => testClaim(name)))
    expect(snapshot.fits(third, 'n1')).toBe(true)
    expect(snapshot.checkPod(claimingPod('p-x', 'x'))?.reason).toBe('could not find ResourceClaim "default/x"')
  })

  it('knows a pod from one of its name that is no more', () => {
    const template = testPod('web-0', {
      spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
      status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'web-0-gpu' }] },
    })
    const again: Pod = { ...template, metadata: { ...template.metadata, uid: 'another' } }
    const devices = stateWith({ claims: [testClaim('web-0-gpu', undefined, { owner: template })] })
    const snapshot = new ClusterSnapshot({ devices })
    snapshot.addNode(node)
    expect(snapshot.fits(template, 'n1')).toBe(true)
    expect(snapshot.check(again, 'n1')?.reason).toContain('(pod is not owner)')
    devices.setClaim(testClaim('web-0-gpu', undefined, { owner: again }))
    expect(snapshot.fits(template, 'n1')).toBe(false)
    expect(snapshot.fits(again, 'n1')).toBe(true)
  })
})
