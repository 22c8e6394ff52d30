import type { Node, Pod } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ago, claim, node, pod } from '../../test/objects.ts'
import { testPrices } from '../../test/prices.ts'
import { parseAmount } from './amount.ts'
import { ClusterModel } from './cluster-model.ts'
import { nodeRows, totalsOf } from './cluster-view.ts'
import type { NodeClaim } from './node-claims.ts'
import { naturalOrder } from './natural-order.ts'
import { parseFargateSize } from './pod-usage.ts'

const resources = ['cpu', 'memory', 'pods']

function modelOf(
  ...objects: readonly (readonly ['node', Node] | readonly ['pod', Pod] | readonly ['claim', NodeClaim])[]
) {
  const model = new ClusterModel(resources)
  for (const [kind, object] of objects) {
    if (kind === 'node') model.putNode(object)
    else if (kind === 'pod') model.putPod(object)
    else model.putClaim(object)
  }
  return model
}

const only = (model: ClusterModel) => {
  const records = model.records()
  expect(records).toHaveLength(1)
  return records[0]!
}

describe('pods', () => {
  it('count on a node that is known later than they', () => {
    const model = modelOf(
      ['pod', pod({ name: 'a', node: 'n', requests: { cpu: '250m' } })],
      ['node', node({ name: 'n' })],
    )
    expect(only(model).usage).toMatchObject({ pods: 1, requested: [250, 0, 1] })
  })

  it('are counted anew when they are resized in place', () => {
    const model = modelOf(
      ['node', node({ name: 'n' })],
      ['pod', pod({ name: 'a', node: 'n', requests: { cpu: '250m' } })],
    )
    model.putPod(pod({ name: 'a', node: 'n', requests: { cpu: '1' } }))
    expect(only(model).usage.requested).toEqual([1000, 0, 1])
  })

  it('count as init containers, sidecars and overhead make them', () => {
    const plain = pod({ name: 'a', node: 'n', requests: { cpu: '100m' } })
    const model = modelOf(
      ['node', node({ name: 'n' })],
      [
        'pod',
        {
          ...plain,
          spec: {
            ...plain.spec,
            overhead: { cpu: '10m' },
            initContainers: [{ name: 'setup', resources: { requests: { cpu: '700m' } } }],
          },
        },
      ],
    )
    expect(only(model).usage.requested[0]).toBe(710)
  })

  it.each([
    { what: 'succeeded', parts: { phase: 'Succeeded' } },
    { what: 'failed', parts: { phase: 'Failed' } },
    { what: 'on their way out', parts: { deletionTimestamp: ago(1) } },
  ])('that are $what do not count', ({ parts }) => {
    const model = modelOf(['node', node({ name: 'n' })], ['pod', pod({ name: 'a', node: 'n' })])
    model.putPod(pod({ name: 'a', node: 'n', ...parts }))
    expect(only(model).usage.pods).toBe(0)
    expect(model.pods.totals).toEqual({ pods: 0, pending: 0, running: 0, bound: 0 })
  })

  it('without a node are pending and not bound', () => {
    const model = modelOf(['pod', pod({ name: 'a' })], ['pod', pod({ name: 'b', node: 'n', phase: 'Pending' })])
    expect(model.pods.totals).toEqual({ pods: 2, pending: 2, running: 0, bound: 1 })
  })
})

describe('machines', () => {
  it('are one row from NodeClaim to Node', () => {
    const providerId = 'aws:///us-east-1a/i-0abc'
    const model = modelOf(['claim', claim({ name: 'c', providerId })])
    expect(only(model).facts).toMatchObject({
      name: 'i-0abc',
      nodeName: undefined,
      allocatable: [3920, 14 * 2 ** 30, 58],
    })
    model.putNode(node({ name: 'n', providerId }))
    expect(only(model).facts).toMatchObject({ name: 'n', nodeName: 'n' })
    model.removeClaim(claim({ name: 'c', providerId }))
    expect(only(model).facts.name).toBe('n')
    model.removeNode(node({ name: 'n', providerId }))
    expect(model.records()).toEqual([])
  })

  it('that are not bought yet are not shown', () => {
    expect(modelOf(['claim', claim({ name: 'c' })]).records()).toEqual([])
  })

  it('without a provider id are shown, each for itself', () => {
    const model = modelOf(
      ['node', node({ name: 'a', providerId: undefined })],
      ['node', node({ name: 'b', providerId: undefined })],
    )
    expect(model.records().map(({ facts }) => facts.name)).toEqual(['a', 'b'])
  })

  it('are gone when they are being deleted and nothing holds them', () => {
    const model = modelOf(['node', node({ name: 'n' })])
    model.putNode(node({ name: 'n', deletionTimestamp: ago(1), finalizers: ['karpenter.sh/termination'] }))
    expect(only(model).facts.deleting).toBe(true)
    model.putNode(node({ name: 'n', deletionTimestamp: ago(1) }))
    expect(model.records()).toEqual([])
  })
})

describe('Fargate', () => {
  it.each([
    ['0.25vCPU 0.5GB', { vcpu: 0.25, gigabytes: 0.5 }],
    ['2vCPU 4GB', { vcpu: 2, gigabytes: 4 }],
    ['much', undefined],
    [undefined, undefined],
  ])('%s', (text, size) => {
    expect(parseFargateSize(text)).toEqual(size)
  })

  it('says its size while the node has exactly one pod', () => {
    const annotations = { CapacityProvisioned: '0.25vCPU 0.5GB' }
    const model = modelOf(['node', node({ name: 'n' })], ['pod', pod({ name: 'a', node: 'n', annotations })])
    expect(only(model).usage.fargate).toEqual({ vcpu: 0.25, gigabytes: 0.5 })
    model.putPod(pod({ name: 'b', node: 'n' }))
    expect(only(model).usage.fargate).toBeUndefined()
  })
})

// Whatever happens in whatever order, what is kept is what a fresh look at the objects would give.
describe('sums', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const providerId = fc.constantFrom('aws:///z/i-1', 'aws:///z/i-2', undefined)
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('pod' as const),
      remove: fc.boolean(),
      name: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5'),
      node: fc.option(name, { nil: undefined }),
      cpu: fc.integer({ min: 0, max: 3000 }),
      phase: fc.constantFrom('Pending', 'Running', 'Unknown', 'Succeeded', 'Failed'),
      leaving: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('node' as const),
      remove: fc.boolean(),
      name,
      providerId,
      cpu: fc.integer({ min: 0, max: 64 }),
    }),
    fc.record({ kind: fc.constant('claim' as const), remove: fc.boolean(), name, providerId }),
  )

  it('kept event by event equal those of the objects that are there in the end', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const model = new ClusterModel(resources)
        const pods = new Map<string, Pod>()
        const nodes = new Map<string, Node>()
        const claims = new Map<string, NodeClaim>()
        for (const e of events) {
          if (e.kind === 'pod') {
            const object = pod({
              name: e.name,
              phase: e.phase,
              requests: { cpu: `${e.cpu}m`, memory: `${e.cpu}Mi` },
              ...(e.node === undefined ? {} : { node: e.node }),
              ...(e.leaving ? { deletionTimestamp: ago(1) } : {}),
            })
            if (e.remove) pods.delete(e.name)
            else pods.set(e.name, object)
            if (e.remove) model.removePod(object)
            else model.putPod(object)
          } else if (e.kind === 'node') {
            const object = node({ name: e.name, providerId: e.providerId, allocatable: { cpu: String(e.cpu) } })
            if (e.remove) nodes.delete(e.name)
            else nodes.set(e.name, object)
            if (e.remove) model.removeNode(object)
            else model.putNode(object)
          } else {
            const object = claim({ name: e.name, ...(e.providerId === undefined ? {} : { providerId: e.providerId }) })
            if (e.remove) claims.delete(e.name)
            else claims.set(e.name, object)
            if (e.remove) model.removeClaim(object)
            else model.putClaim(object)
          }
          // Looking in between must not matter.
          if (events.length % 2 === 0) model.records()
        }
        const living = [...pods.values()].filter(
          (each) => each.metadata.deletionTimestamp === undefined && !/Succeeded|Failed/.test(each.status!.phase!),
        )
        const cpuOf = (each: Pod): number => parseAmount('cpu', each.spec.containers[0]!.resources!.requests!['cpu']!)
        for (const { facts, usage } of model.records()) {
          const own = living.filter((each) => each.spec.nodeName !== undefined && each.spec.nodeName === facts.nodeName)
          expect(usage.pods).toBe(own.length)
          expect(usage.running).toBe(own.filter((each) => each.status!.phase === 'Running').length)
          expect(usage.requested[0]).toBe(own.map(cpuOf).reduce((a, b) => a + b, 0))
          expect(usage.requested[2]).toBe(own.length)
        }
        expect(model.pods.totals).toEqual({
          pods: living.length,
          pending: living.filter((each) => each.status!.phase === 'Pending').length,
          running: living.filter((each) => each.status!.phase === 'Running').length,
          bound: living.filter((each) => each.spec.nodeName !== undefined).length,
        })

        const fresh = new ClusterModel(resources)
        for (const each of claims.values()) fresh.putClaim(each)
        for (const each of nodes.values()) fresh.putNode(each)
        for (const each of pods.values()) fresh.putPod(each)
        const seen = (from: ClusterModel) =>
          nodeRows(from, testPrices)
            .map(({ facts, usage }) => ({ facts, pods: usage.pods, requested: usage.requested }))
            .toSorted((a, b) => naturalOrder(a.facts.name, b.facts.name))
        expect(seen(model)).toEqual(seen(fresh))
        expect(totalsOf(nodeRows(model, testPrices), 3)).toEqual(totalsOf(nodeRows(fresh, testPrices), 3))
      }),
      { numRuns: 150 },
    )
  })
})
