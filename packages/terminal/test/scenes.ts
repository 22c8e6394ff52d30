// Clusters that the screens are drawn of.
import { ClusterModel } from '../src/cluster/cluster-model.ts'
import { nodeRows } from '../src/cluster/cluster-view.ts'
import type { Snapshot } from '../src/screen/picture.ts'
import { settle, type FlagValues } from '../src/settings/flags.ts'
import { readSettings, type ViewSettings } from '../src/view-settings.ts'
import { ago, claim, node, noon, onDemand, pod } from './objects.ts'
import { testPrices } from './prices.ts'

export function settingsOf(given: Partial<FlagValues>): ViewSettings {
  const read = readSettings(settle(given, {}, {}))
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  return read.settings
}

export function noNodes(model: ClusterModel): void {
  model.putPod(pod({ name: 'waiting', requests: { cpu: '500m' } }))
}

/** One of each kind: full, cordoned, going, launching, not ready, without a price. */
export function threeNodes(model: ClusterModel): void {
  const zone = (letter: string) => ({ 'topology.kubernetes.io/zone': `us-east-1${letter}` })
  model.putNode(
    node({
      name: 'ip-10-0-1-12.ec2.internal',
      ageSeconds: 9000,
      labels: onDemand('m6a.xlarge', { ...zone('a'), 'eks.amazonaws.com/nodegroup': 'system' }),
    }),
  )
  model.putNode(
    node({
      name: 'ip-10-0-2-77.ec2.internal',
      ageSeconds: 5000,
      taint: 'karpenter.sh/disrupted',
      labels: {
        'node.kubernetes.io/instance-type': 'c6g.large',
        'karpenter.sh/capacity-type': 'spot',
        'karpenter.sh/nodepool': 'general',
        ...zone('b'),
      },
      allocatable: { cpu: '1930m', memory: '3.1Gi', pods: '29' },
    }),
  )
  model.putClaim(
    claim({
      name: 'general-x',
      ageSeconds: 12,
      providerId: 'aws:///us-east-1c/i-0a1b2c3d4e5f67890',
      labels: {
        'node.kubernetes.io/instance-type': 'z9.mega',
        'karpenter.sh/capacity-type': 'spot',
        'karpenter.sh/nodepool': 'general',
        ...zone('c'),
      },
    }),
  )
  const put = (name: string, on: string | undefined, cpu: string, memory: string): void =>
    model.putPod(pod({ name, ...(on === undefined ? {} : { node: on }), requests: { cpu, memory } }))
  for (let i = 0; i < 9; i++) put(`web-${i}`, 'ip-10-0-1-12.ec2.internal', '180m', '140Mi')
  for (let i = 0; i < 12; i++) put(`api-${i}`, 'ip-10-0-2-77.ec2.internal', '150m', '240Mi')
  put('waiting', undefined, '500m', '1Gi')
}

export function fortyNodes(model: ClusterModel): void {
  const names = Array.from({ length: 40 }, (_, i) => `ip-192-168-${i % 3}-${i + 1}.ap-northeast-2.compute.internal`)
  for (const [i, name] of names.entries()) {
    model.putNode(
      node({
        name,
        ageSeconds: 100_000 - i * 60,
        unschedulable: i === 7,
        ...(i === 9 ? { deletionTimestamp: ago(3), finalizers: ['x'] } : {}),
        ...(i === 11 ? { ready: ['Unknown', 75] as const } : {}),
        labels: {
          ...onDemand(i % 4 === 0 ? 't3.medium' : 'm6a.xlarge'),
          'eks.amazonaws.com/nodegroup': i % 4 === 0 ? 'small' : 'large',
          'topology.kubernetes.io/zone': `ap-northeast-2${'abc'[i % 3]}`,
        },
      }),
    )
    for (let p = 0; p <= i % 10; p++)
      model.putPod(pod({ name: `p-${i}-${p}`, node: name, requests: { cpu: '390m', memory: '1Gi' } }))
  }
}

export function snapshotOf(
  scene: (model: ClusterModel) => void,
  settings: ViewSettings,
  more: Partial<Snapshot> = {},
): Snapshot {
  const model = new ClusterModel(settings.summed)
  scene(model)
  return {
    rows: nodeRows(model, settings.prices ? testPrices : undefined),
    pods: model.pods.totals,
    now: noon,
    trouble: undefined,
    notes: [],
    ...more,
  }
}
