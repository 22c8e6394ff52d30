import type { Pod, ResourceV1ResourceClaim } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { estimate } from '../packing/estimate.ts'
import type { NodeTemplate } from '../packing/node-template.ts'
import { ClusterSnapshot } from '../snapshot.ts'
import { testNode, testPod } from '../test-objects.ts'
import { DeviceState } from './device-state.ts'
import { copyClaimNames, copyClaims, copySlices, type NodeCopy } from './node-copy.ts'
import { claimingPod, exactly, testClaim, testClass, testSlice } from './test-devices.ts'

const copy: NodeCopy = { from: testNode('n1'), to: testNode('n2'), suffix: 'x' }

function daemon(name: string): Pod {
  return testPod(name, {
    spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
    status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'd-gpu' }] },
  })
}

/** A node with two devices, one of which its daemon has. */
function world(extra: readonly Parameters<typeof testSlice>[1][] = []): {
  state: DeviceState
  claim: () => ResourceV1ResourceClaim
} {
  const state = new DeviceState()
  state.setClass(testClass('gpu'))
  state.setSlice(testSlice('s', { nodeName: 'n1', pool: 'p', devices: ['d0', 'd1'] }))
  for (const [i, slice] of extra.entries()) state.setSlice(testSlice(`e${i}`, slice))
  return { state, claim: () => state.claim('default', 'd-gpu')! }
}

describe('a copy of a node', () => {
  it('has devices of its own, taken as those of the first', () => {
    const { state, claim } = world()
    state.setClaim(testClaim('d-gpu', undefined, { owner: daemon('d') }))
    expect(state.place(daemon('d'), copy.from)).toBeUndefined()
    for (const slice of copySlices(state.slicesOf('n1'), copy)) state.setSlice(slice)
    const twin: Pod = { ...copyClaimNames(daemon('d'), 'x'), metadata: daemon('e').metadata }
    const claims = copyClaims([claim()], { from: daemon('d'), to: twin }, copy, new Set(['p']))
    if ('problem' in claims) throw new Error(claims.problem)
    for (const one of claims) state.setClaim(one)
    expect(state.nodeUnfit(twin, copy.to)).toBeUndefined()
    expect(state.nodeUnfit(twin, copy.from)?.reason).toBe('resourceclaim not available on the node')
    const asks = (count: number): Pod => {
      const requests = [{ name: 'r', exactly: exactly({ count }) }]
      state.setClaim(testClaim(`c-${count}`, { requests }))
      return testPod(`q-${count}`, { spec: { resourceClaims: [{ name: 'r', resourceClaimName: `c-${count}` }] } })
    }
    expect(state.nodeUnfit(asks(1), copy.to)).toBeUndefined()
    expect(state.nodeUnfit(asks(2), copy.to)?.reason).toBe('cannot allocate all claims')
  })

  it("shares claims that are not the pod's own", () => {
    const shared = testClaim('shared')
    expect(copyClaims([shared], { from: daemon('d'), to: daemon('e') }, copy, new Set())).toEqual([shared])
  })

  it('cannot have devices from elsewhere twice', () => {
    const { state, claim } = world([{ allNodes: true, pool: 'all', devices: ['z'] }])
    state.setClaim(testClaim('d-gpu', undefined, { owner: daemon('d') }))
    state.place(daemon('d'), testNode('n3'))
    expect(copyClaims([claim()], { from: daemon('d'), to: daemon('e') }, copy, new Set(['p']))).toEqual({
      problem:
        "claim default/d-gpu has an allocation one, from a pool that isn't node-local on n1 - can't be sanitized",
    })
    expect(copyClaims([claim()], { from: daemon('d'), to: daemon('e') }, copy, new Set(['p', 'all']))).toEqual({
      problem: "claim default/d-gpu is allocated, but not node-local on n1 - can't be sanitized",
    })
  })
})

describe('an estimate of new nodes', () => {
  const names = Array.from({ length: 8 }, (_, i) => `d${i}`)
  const slice = testSlice('s', { nodeName: 'n1', pool: 'p', devices: names })
  const owned = testClaim('d-gpu', undefined, { owner: daemon('d') })
  const held: ResourceV1ResourceClaim = {
    ...owned,
    status: {
      allocation: {
        devices: { results: [{ request: 'one', driver: slice.spec.driver, pool: 'p', device: 'd0' }] },
        nodeSelector: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
        },
      },
      reservedFor: [{ resource: 'pods', name: 'd', uid: daemon('d').metadata.uid }],
    },
  }
  it.each<{ what: string; template: NodeTemplate; nodes: number }>([
    { what: 'no devices', template: { node: copy.from, pods: [] }, nodes: 0 },
    { what: 'eight devices', template: { node: copy.from, pods: [], devices: { slices: [slice] } }, nodes: 3 },
    {
      what: 'eight devices, one of which its daemon has',
      template: { node: copy.from, pods: [daemon('d')], devices: { slices: [slice], claims: [held] } },
      nodes: 4,
    },
    {
      what: 'eight devices, and a daemon that has one from elsewhere',
      template: {
        node: copy.from,
        pods: [daemon('d')],
        devices: {
          slices: [slice],
          claims: [
            {
              ...held,
              status: {
                ...held.status,
                allocation: {
                  devices: {
                    results: [{ request: 'one', driver: slice.spec.driver, pool: 'elsewhere', device: 'd0' }],
                  },
                },
              },
            },
          ],
        },
      },
      nodes: 4,
    },
  ])('for 24 pods with a claim each, of nodes with $what: $nodes', ({ template, nodes }) => {
    const devices = new DeviceState()
    devices.setClass(testClass('gpu'))
    const pods = Array.from({ length: 24 }, (_, i) => {
      devices.setClaim(testClaim(`c${i}`))
      return claimingPod(`p${i}`, `c${i}`)
    })
    const before = devices.claims()
    const snapshot = new ClusterSnapshot({ devices })
    expect(estimate(snapshot, [{ pods }], template, { nodes: [] }).nodeCount).toBe(nodes)
    expect(devices.claims()).toEqual(before)
    expect(devices.slices()).toEqual([])
  })
})
