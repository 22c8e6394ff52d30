import { describe, expect, it } from 'vitest'
import { ago, claim, node, noon, onDemand, pod, type NodeParts } from '../../test/objects.ts'
import { testPrices } from '../../test/prices.ts'
import { ClusterModel } from '../cluster/cluster-model.ts'
import { nodeRows, type NodeRow } from '../cluster/cluster-view.ts'
import type { NodeClaim } from '../cluster/node-claims.ts'
import { parseColour } from './colour.ts'
import { lineCells, lineText } from './line.ts'
import {
  instanceText,
  nodeBlocks,
  podsText,
  purchaseText,
  readinessText,
  statusText,
  type ColumnOptions,
} from './node-columns.ts'

const summed = ['cpu', 'memory', 'nvidia.com/gpu', 'pods']
const style = { good: parseColour('#04B575')!, ok: parseColour('#FFFF00')!, bad: parseColour('#FF0000')! }

function row(
  parts: Partial<NodeParts>,
  more: { pods?: readonly Parameters<typeof pod>[0][]; claim?: NodeClaim } = {},
): NodeRow {
  const model = new ClusterModel(summed)
  if (more.claim !== undefined) model.putClaim(more.claim)
  model.putNode(node({ name: 'n', ...parts }))
  for (const each of more.pods ?? []) model.putPod(pod({ node: 'n', ...each }))
  return nodeRows(model, testPrices)[0]!
}

function lines(rows: readonly NodeRow[], o: Partial<ColumnOptions> = {}): string[] {
  const resources = [{ name: 'cpu', index: 0 }]
  const blocks = nodeBlocks(rows, { resources, summed, extraLabels: [], style, width: Infinity, now: noon, ...o })
  return blocks.flat().map((line) => lineText(line, 'none'))
}

describe('instance type and price', () => {
  const fargate = { labels: { 'eks.amazonaws.com/compute-type': 'fargate' } }
  const provisioned = { name: 'a', annotations: { CapacityProvisioned: '0.25vCPU 0.5GB' } }
  it.each([
    { when: 'on demand', of: row({ labels: onDemand('m6a.xlarge') }), text: 'm6a.xlarge/$0.1728' },
    {
      when: 'spot',
      of: row({ labels: { 'node.kubernetes.io/instance-type': 'm6a.xlarge', 'karpenter.sh/capacity-type': 'spot' } }),
      text: 'm6a.xlarge/$0.0864',
    },
    {
      when: 'a reservation costs what on demand costs',
      of: row({
        labels: { 'node.kubernetes.io/instance-type': 'm6a.xlarge', 'karpenter.sh/capacity-type': 'reserved' },
      }),
      text: 'm6a.xlarge/$0.1728',
    },
    { when: 'the type has no price', of: row({ labels: onDemand('z9.mega') }), text: 'z9.mega' },
    {
      when: 'nothing says how it was bought',
      of: row({ labels: { 'node.kubernetes.io/instance-type': 'm6a.xlarge' } }),
      text: 'm6a.xlarge',
    },
    {
      when: 'a label gives the price',
      of: row({ labels: onDemand('m6a.xlarge', { 'eks-node-viewer/instance-price': '0.5' }) }),
      text: 'm6a.xlarge/$0.5000',
    },
    {
      when: 'that label holds no number',
      of: row({ labels: onDemand('m6a.xlarge', { 'eks-node-viewer/instance-price': 'cheap' }) }),
      text: 'm6a.xlarge/$0.1728',
    },
    {
      when: 'Auto Mode asks a fee',
      of: row({ labels: onDemand('m6a.xlarge', { 'eks.amazonaws.com/compute-type': 'auto' }) }),
      text: 'm6a.xlarge/$0.1828',
    },
    { when: 'Fargate with one pod', of: row(fargate, { pods: [provisioned] }), text: '0.25vCPU-0.5GB/$0.0150' },
    { when: 'Fargate without', of: row(fargate), text: 'Fargate' },
    { when: 'Fargate with two', of: row(fargate, { pods: [provisioned, { name: 'b' }] }), text: 'Fargate' },
    { when: 'nothing is known', of: row({}), text: '' },
  ])('$when: $text', ({ of, text }) => {
    expect(instanceText(of)).toBe(text)
  })
})

describe('capacity type', () => {
  it.each([
    { labels: { 'karpenter.sh/capacity-type': 'on-demand' }, text: 'On-Demand' },
    { labels: { 'eks.amazonaws.com/capacityType': 'ON_DEMAND' }, text: 'On-Demand' },
    { labels: { 'karpenter.sh/capacity-type': 'spot' }, text: 'Spot' },
    { labels: { 'eks.amazonaws.com/capacityType': 'SPOT' }, text: 'Spot' },
    { labels: { 'karpenter.sh/capacity-type': 'reserved' }, text: 'Reserved' },
    { labels: { 'eks.amazonaws.com/compute-type': 'fargate' }, text: 'Fargate' },
    {
      labels: { 'karpenter.sh/capacity-type': 'spot', 'eks.amazonaws.com/compute-type': 'auto' },
      text: 'Spot/Auto',
    },
    { labels: { 'eks.amazonaws.com/compute-type': 'auto' }, text: '-/Auto' },
    { labels: {}, text: '-' },
  ])('$labels: $text', ({ labels, text }) => {
    expect(purchaseText(row({ labels }).facts)).toBe(text)
  })
})

describe('status', () => {
  it.each([
    { when: 'nothing is the matter', parts: {}, text: '-' },
    { when: 'unschedulable', parts: { unschedulable: true }, text: 'Cordoned' },
    { when: 'disrupted by Karpenter v1', parts: { taint: 'karpenter.sh/disrupted' }, text: 'Cordoned' },
    { when: 'disrupted by Karpenter before', parts: { taint: 'karpenter.sh/disruption' }, text: 'Cordoned' },
    { when: 'tainted otherwise', parts: { taint: 'dedicated' }, text: '-' },
    { when: 'going', parts: { deletionTimestamp: ago(1), finalizers: ['x'] }, text: 'Deleting' },
    {
      when: 'both',
      parts: { unschedulable: true, deletionTimestamp: ago(1), finalizers: ['x'] },
      text: 'Cordoned/Deleting',
    },
  ])('$when: $text', ({ parts, text }) => {
    expect(statusText(row(parts).facts)).toBe(text)
  })
})

describe('readiness', () => {
  const providerId = 'aws:///us-east-1a/i-1'
  const claimed = (initialized: boolean) => ({ claim: claim({ name: 'c', providerId, ageSeconds: 200, initialized }) })
  it.each([
    { when: 'ready', of: row({}), text: 'Ready' },
    { when: 'not ready', of: row({ ready: ['False', 12] }), text: 'NotReady/12s' },
    { when: 'unknown', of: row({ ready: ['Unknown', 130] }), text: 'NotReady/2m10s' },
    { when: 'no condition yet', of: row({ ready: 'no condition', ageSeconds: 7 }), text: 'NotReady/7s' },
    {
      when: 'launched and never ready',
      of: row({ providerId, ready: ['False', 12] }, claimed(false)),
      text: 'NotReady/3m20s',
    },
    {
      when: 'launched, was ready',
      of: row({ providerId, ready: ['False', 12] }, claimed(true)),
      text: 'NotReady/12s',
    },
  ])('$when: $text', ({ of, text }) => {
    expect(readinessText(of.facts, noon)).toBe(text)
  })
})

describe('pods', () => {
  it.each([
    { of: row({}, { pods: [{ name: 'a' }, { name: 'b' }] }), form: 'long', text: '(2/58 pods)' },
    { of: row({}, { pods: [{ name: 'a' }] }), form: 'short', text: '(1/58)' },
    { of: row({ allocatable: { cpu: '1' } }), form: 'long', text: '(0 pods)' },
  ] as const)('$text', ({ of, form, text }) => {
    expect(podsText(of, form)).toBe(text)
  })
})

describe('a line', () => {
  it('has the columns of upstream, and no dash at its end', () => {
    const rows = [row({ labels: onDemand('m6a.xlarge') }, { pods: [{ name: 'a', requests: { cpu: '1650m' } }] })]
    expect(lines(rows)).toEqual([
      'n cpu ███████████████░░░░░░░░░░░░░░░░░░░░  42% (1/58 pods) m6a.xlarge/$0.1728 On-Demand - Ready',
    ])
  })

  it('leaves out a column that no row fills', () => {
    expect(lines([row({})])).toEqual(['n cpu ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   0% (0/58 pods) - - Ready'])
  })

  it('shows at most a full bar, and nothing of a resource that the node does not have', () => {
    const full = row({}, { pods: [{ name: 'a', requests: { cpu: '8', 'nvidia.com/gpu': '1' } }] })
    const resources = [
      { name: 'cpu', index: 0 },
      { name: 'nvidia.com/gpu', index: 2 },
    ]
    expect(lines([full], { resources })).toEqual([
      `n cpu            ${'█'.repeat(35)} 100% (1/58 pods) - - Ready`,
      `  nvidia.com/gpu ${'░'.repeat(35)}   0%`,
    ])
  })

  it.each([
    { label: 'team', text: 'red' },
    { label: 'missing', text: '-' },
    { label: 'eks-node-viewer/node-age', text: '60m' },
    { label: 'eks-node-viewer/node-cpu-usage', text: '26%' },
    { label: 'eks-node-viewer/node-memory-usage', text: '0%' },
    { label: 'eks-node-viewer/node-pods-usage', text: '2%' },
    { label: 'eks-node-viewer/node-nvidia.com/gpu-usage', text: 'N/A' },
  ])('ends in the extra label $label: $text', ({ label, text }) => {
    const of = row({ labels: { team: 'red' } }, { pods: [{ name: 'a', requests: { cpu: '1' } }] })
    expect(lines([of], { extraLabels: [label] })[0]).toMatch(new RegExp(`Ready +${text}$`))
  })

  it('is never wider than the terminal, and lines up in cells', () => {
    const rows = [
      row({
        name: 'ip-192-168-100-200.ap-northeast-2.compute.internal',
        labels: onDemand('m6a.xlarge'),
        ready: ['False', 12],
      }),
      row({ name: '노드-1', labels: onDemand('c6g.large'), unschedulable: true }),
    ]
    const resources = [
      { name: 'cpu', index: 0 },
      { name: 'memory', index: 1 },
    ]
    for (let width = 1; width < 170; width++) {
      const blocks = nodeBlocks(rows, { resources, summed, extraLabels: ['zone'], style, width, now: noon })
      for (const line of blocks.flat()) expect(lineCells(line)).toBeLessThanOrEqual(width)
    }
    const blocks = nodeBlocks(rows, { resources, summed, extraLabels: [], style, width: 100, now: noon })
    const widthTo = (line: (typeof blocks)[number][number]): number =>
      lineCells(
        line.slice(
          0,
          line.findIndex(({ text }) => text === 'cpu'),
        ),
      )
    expect(widthTo(blocks[0]![0]!)).toBe(widthTo(blocks[1]![0]!))
  })
})
