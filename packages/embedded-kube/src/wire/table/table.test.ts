import { ms } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import type { StoredObject } from '../../object.ts'
import { Registry } from '../../registry.ts'
import { printerOf, rowOf } from './index.ts'

const now = ms(Date.parse('2026-01-01T01:00:00Z'))
const registry = new Registry()

function cells(group: string, plural: string, object: object): Record<string, unknown> {
  const info = registry.resources().find((r) => r.group === group && r.plural === plural)!
  const printer = printerOf(info)
  const values = printer.cells({ metadata: meta, ...object } as unknown as StoredObject, now)
  expect(values).toHaveLength(printer.columns.length)
  return Object.fromEntries(printer.columns.map((column, i) => [column.name, values[i]]))
}

const meta = { name: 'x', namespace: 'web', creationTimestamp: '2026-01-01T00:55:00Z', uid: 'u', resourceVersion: '7' }
const running = (name: string): object => ({ name, ready: true, restartCount: 0, state: { running: {} } })
const waiting = (name: string, reason: string): object => ({ name, restartCount: 0, state: { waiting: { reason } } })
const ended = (name: string, exitCode: number, reason?: string): object => ({
  name,
  restartCount: 0,
  state: { terminated: { exitCode, reason } },
})

describe('pods', () => {
  const two = { containers: [{ name: 'a' }, { name: 'b' }] }
  const withInit = { containers: [{ name: 'a' }], initContainers: [{ name: 'i' }, { name: 'j' }] }
  const withSidecar = {
    containers: [{ name: 'a' }],
    initContainers: [{ name: 's', restartPolicy: 'Always' }, { name: 'i' }],
  }
  it.each([
    { when: 'pending', spec: two, status: { phase: 'Pending' }, shown: 'Pending 0/2' },
    {
      when: 'gated',
      spec: two,
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      shown: 'SchedulingGated 0/2',
    },
    {
      when: 'starting',
      spec: two,
      status: {
        phase: 'Pending',
        containerStatuses: [waiting('a', 'ContainerCreating'), waiting('b', 'ContainerCreating')],
      },
      shown: 'ContainerCreating 0/2',
    },
    {
      when: 'running',
      spec: two,
      status: { phase: 'Running', containerStatuses: [running('a'), running('b')] },
      shown: 'Running 2/2',
    },
    {
      when: 'one crashes',
      spec: two,
      status: { phase: 'Running', containerStatuses: [running('a'), waiting('b', 'CrashLoopBackOff')] },
      shown: 'CrashLoopBackOff 1/2',
    },
    {
      when: 'one is done',
      spec: two,
      status: {
        phase: 'Running',
        containerStatuses: [ended('a', 0, 'Completed'), running('b')],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
      shown: 'Running 1/2',
    },
    {
      when: 'one is done and the pod not ready',
      spec: two,
      status: { phase: 'Running', containerStatuses: [ended('a', 0, 'Completed'), running('b')] },
      shown: 'NotReady 1/2',
    },
    {
      when: 'done',
      spec: two,
      status: { phase: 'Succeeded', containerStatuses: [ended('a', 0, 'Completed'), ended('b', 0, 'Completed')] },
      shown: 'Completed 0/2',
    },
    {
      when: 'failed without a reason',
      spec: two,
      status: { phase: 'Failed', containerStatuses: [ended('a', 3), running('b')] },
      shown: 'ExitCode:3 1/2',
    },
    { when: 'evicted', spec: two, status: { phase: 'Failed', reason: 'Evicted' }, shown: 'Evicted 0/2' },
    {
      when: 'initializing',
      spec: withInit,
      status: { phase: 'Pending', initContainerStatuses: [ended('i', 0), waiting('j', 'PodInitializing')] },
      shown: 'Init:1/2 0/1',
    },
    {
      when: 'an init container fails',
      spec: withInit,
      status: { phase: 'Pending', initContainerStatuses: [waiting('i', 'CrashLoopBackOff')] },
      shown: 'Init:CrashLoopBackOff 0/1',
    },
    {
      when: 'an init container exits',
      spec: withInit,
      status: { phase: 'Pending', initContainerStatuses: [ended('i', 1)] },
      shown: 'Init:ExitCode:1 0/1',
    },
    {
      when: 'a sidecar runs',
      spec: withSidecar,
      status: {
        phase: 'Running',
        initContainerStatuses: [{ ...running('s'), started: true }, ended('i', 0)],
        containerStatuses: [running('a')],
      },
      shown: 'Running 2/2',
    },
    {
      when: 'being deleted',
      spec: two,
      status: { phase: 'Running', containerStatuses: [running('a'), running('b')] },
      deletionTimestamp: '2026-01-01T01:00:30Z',
      shown: 'Terminating 2/2',
    },
    {
      when: 'on a lost node',
      spec: two,
      status: { phase: 'Running', reason: 'NodeLost' },
      deletionTimestamp: '2026-01-01T01:00:30Z',
      shown: 'Unknown 0/2',
    },
  ])('$when: $shown', ({ spec, status, deletionTimestamp, shown }) => {
    const row = cells('', 'pods', { metadata: { ...meta, deletionTimestamp }, spec, status })
    expect(`${String(row['Status'])} ${String(row['Ready'])}`).toBe(shown)
  })

  it('says when it last restarted', () => {
    const restarted = {
      ...running('a'),
      restartCount: 3,
      lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:55:00Z' } },
    }
    const row = cells('', 'pods', {
      spec: { containers: [{ name: 'a' }], nodeName: 'n1' },
      status: { phase: 'Running', containerStatuses: [restarted], podIP: '10.0.0.1' },
    })
    expect(row).toMatchObject({
      Restarts: '3 (5m ago)',
      Age: '5m',
      IP: '10.0.0.1',
      Node: 'n1',
      'Nominated Node': '<none>',
    })
  })

  it('marks rows of pods that are done', () => {
    const info = registry.find('', 'v1', 'pods')!
    const pod = { metadata: meta, spec: {}, status: { phase: 'Succeeded' } } as unknown as StoredObject
    expect(rowOf(printerOf(info), pod, now, 'None', 'v1')['conditions']).toMatchObject([{ type: 'Completed' }])
  })
})

describe('nodes', () => {
  it.each([
    { conditions: [{ type: 'Ready', status: 'True' }], spec: {}, status: 'Ready' },
    { conditions: [{ type: 'Ready', status: 'Unknown' }], spec: {}, status: 'NotReady' },
    { conditions: [], spec: {}, status: 'Unknown' },
    {
      conditions: [{ type: 'Ready', status: 'True' }],
      spec: { unschedulable: true },
      status: 'Ready,SchedulingDisabled',
    },
  ])('$status', ({ conditions, spec, status }) => {
    expect(cells('', 'nodes', { spec, status: { conditions } })['Status']).toBe(status)
  })
  it('lists roles and addresses', () => {
    const row = cells('', 'nodes', {
      metadata: { ...meta, labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'agent' } },
      status: { addresses: [{ type: 'InternalIP', address: '10.0.0.7' }], nodeInfo: { kubeletVersion: 'v1.35.0' } },
    })
    expect(row).toMatchObject({
      Roles: 'agent,worker',
      'Internal-IP': '10.0.0.7',
      'External-IP': '<none>',
      Version: 'v1.35.0',
      'OS-Image': '<unknown>',
    })
  })
})

describe('others', () => {
  it.each([
    {
      of: ['apps', 'deployments'],
      object: {
        spec: {
          replicas: 15,
          selector: { matchLabels: { app: 'nginx' } },
          template: { spec: { containers: [{ name: 'n', image: 'i' }] } },
        },
        status: { readyReplicas: 12, updatedReplicas: 15, availableReplicas: 12 },
      },
      row: { Ready: '12/15', 'Up-to-date': 15, Available: 12, Containers: 'n', Images: 'i', Selector: 'app=nginx' },
    },
    {
      of: ['batch', 'jobs'],
      object: {
        spec: { completions: 3 },
        status: {
          succeeded: 3,
          startTime: '2026-01-01T00:55:00Z',
          completionTime: '2026-01-01T00:56:10Z',
          conditions: [{ type: 'Complete', status: 'True' }],
        },
      },
      row: { Status: 'Complete', Completions: '3/3', Duration: '70s' },
    },
    { of: ['batch', 'jobs'], object: { spec: { parallelism: 4 } }, row: { Completions: '0/1 of 4', Duration: '' } },
    {
      of: ['policy', 'poddisruptionbudgets'],
      object: { spec: { maxUnavailable: '50%' }, status: { disruptionsAllowed: 1 } },
      row: { 'Min Available': 'N/A', 'Max Unavailable': '50%', 'Allowed Disruptions': 1 },
    },
    {
      of: ['', 'services'],
      object: {
        spec: {
          type: 'LoadBalancer',
          clusterIP: '10.100.0.9',
          ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
        },
      },
      row: { 'External-IP': '<pending>', 'Port(s)': '80:30080/TCP', 'Cluster-IP': '10.100.0.9' },
    },
    {
      of: ['', 'events'],
      object: {
        involvedObject: { kind: 'Pod', name: 'p' },
        type: 'Warning',
        reason: 'FailedScheduling',
        message: '0/3 nodes are available\n',
        firstTimestamp: '2026-01-01T00:50:00Z',
        lastTimestamp: '2026-01-01T00:59:00Z',
        count: 4,
        source: { component: 'default-scheduler' },
      },
      row: {
        'Last Seen': '60s',
        'First Seen': '10m',
        Object: 'pod/p',
        Message: '0/3 nodes are available',
        Source: 'default-scheduler',
        Count: 4,
      },
    },
    {
      of: ['storage.k8s.io', 'storageclasses'],
      object: {
        metadata: { ...meta, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
        provisioner: 'ebs.csi.aws.com',
        allowVolumeExpansion: true,
      },
      row: { Name: 'x (default)', ReclaimPolicy: 'Delete', VolumeBindingMode: 'Immediate', AllowVolumeExpansion: true },
    },
    {
      of: ['autoscaling', 'horizontalpodautoscalers'],
      object: {
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'web' },
          minReplicas: 1,
          maxReplicas: 5,
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 50 } } }],
        },
        status: { currentMetrics: [{ type: 'Resource', resource: { current: { averageUtilization: 20 } } }] },
      },
      row: { Reference: 'Deployment/web', Targets: 'cpu: 20%/50%', MinPods: '1', MaxPods: 5, Replicas: 0 },
    },
    { of: ['rbac.authorization.k8s.io', 'roles'], object: {}, row: { 'Created At': '2026-01-01T00:55:00Z' } },
  ])('$of', ({ of: [group, plural], object, row }) => {
    expect(cells(group!, plural!, object)).toMatchObject(row)
  })

  it('every built-in kind has as many cells as columns, even for an empty object', () => {
    for (const info of registry.resources())
      expect(cells(info.group, info.plural, {})).toHaveProperty(printerOf(info).columns[0]!.name)
  })
})
