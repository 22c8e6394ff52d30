import { ms } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { ObjectInput, StoredObject } from '../object.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'kubectl/v1', warnings: [] }

function world(): { server: ApiServer; create: (kind: string, object: object) => StoredObject } {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('defaults') })
  bootstrap(server)
  return {
    server,
    create: (kind, object) => {
      const info = server.registry.resources().find((i) => i.kind === kind)!
      return server.create(context, info, info.namespaced ? 'default' : undefined, object as ObjectInput)
    },
  }
}

const selector = { matchLabels: { app: 'x' } }
const template = (spec: object = {}): object => ({
  metadata: { labels: { app: 'x' } },
  spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
})
const metadata = { name: 'x' }

describe('what objects are filled with', () => {
  it.each([
    {
      kind: 'Deployment',
      object: { metadata, spec: { selector, template: template(), strategy: {} } },
      filled: {
        spec: {
          replicas: 1,
          revisionHistoryLimit: 10,
          progressDeadlineSeconds: 600,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
          template: {
            spec: {
              restartPolicy: 'Always',
              dnsPolicy: 'ClusterFirst',
              schedulerName: 'default-scheduler',
              terminationGracePeriodSeconds: 30,
              securityContext: {},
              containers: [{ imagePullPolicy: 'Always', resources: {}, terminationMessagePolicy: 'File' }],
            },
          },
        },
      },
    },
    {
      kind: 'DaemonSet',
      object: { metadata, spec: { selector, template: template() } },
      filled: {
        spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } },
      },
    },
    {
      kind: 'StatefulSet',
      object: { metadata, spec: { selector, serviceName: 's', template: template() } },
      filled: { spec: { podManagementPolicy: 'OrderedReady', updateStrategy: { rollingUpdate: { partition: 0 } } } },
    },
    {
      kind: 'Job',
      object: { metadata, spec: { template: template({ restartPolicy: 'Never' }) } },
      filled: {
        spec: { completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false },
        metadata: { generation: 1 },
      },
    },
    {
      kind: 'CronJob',
      object: {
        metadata,
        spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template({ restartPolicy: 'Never' }) } } },
      },
      filled: { spec: { concurrencyPolicy: 'Allow', successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 } },
    },
    {
      kind: 'Service',
      object: { metadata, spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } },
      filled: {
        spec: {
          type: 'ClusterIP',
          sessionAffinity: 'None',
          clusterIP: expect.stringMatching(/^10\.100\.\d+\.\d+$/),
          ipFamilies: ['IPv4'],
          ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
        },
      },
    },
    {
      kind: 'Service',
      object: { metadata, spec: { type: 'NodePort', ports: [{ port: 80 }] } },
      filled: { spec: { externalTrafficPolicy: 'Cluster', ports: [{ nodePort: expect.any(Number) }] } },
    },
    {
      kind: 'Secret',
      object: { metadata, stringData: { a: 'é' } },
      filled: { type: 'Opaque', data: { a: 'w6k=' } },
    },
    {
      kind: 'Node',
      object: { metadata, status: { capacity: { cpu: '2000m', memory: 1024 } } },
      filled: {
        spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
        status: { capacity: { cpu: '2', memory: '1024' } },
      },
    },
    {
      kind: 'Namespace',
      object: { metadata },
      filled: {
        metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      },
    },
    { kind: 'StorageClass', object: { metadata, provisioner: 'p' }, filled: { reclaimPolicy: 'Delete' } },
    { kind: 'PriorityClass', object: { metadata, value: 5 }, filled: { preemptionPolicy: 'PreemptLowerPriority' } },
    {
      kind: 'HorizontalPodAutoscaler',
      object: {
        metadata,
        spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } },
      },
      filled: { spec: { minReplicas: 1, metrics: [{ type: 'Resource' }] } },
    },
  ])('$kind', ({ kind, object, filled }) => {
    expect(world().create(kind, object)).toMatchObject(filled)
  })

  it('gives a pod its priority, tolerations, service account, token and quality of service', () => {
    const { create } = world()
    const pod = create('Pod', {
      metadata,
      spec: {
        priorityClassName: 'system-node-critical',
        containers: [{ name: 'c', image: 'nginx:1.2', resources: { limits: { cpu: 0.5, memory: '1Gi' } } }],
      },
      status: { phase: 'Running' },
    })
    expect(pod).toMatchObject({
      spec: {
        priority: 2_000_001_000,
        preemptionPolicy: 'PreemptLowerPriority',
        serviceAccountName: 'default',
        serviceAccount: 'default',
        enableServiceLinks: true,
        tolerations: [
          { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
          { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        ],
        containers: [
          {
            imagePullPolicy: 'IfNotPresent',
            resources: { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
            volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }],
          },
        ],
        volumes: [{ name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/), projected: { defaultMode: 420 } }],
      },
      status: { phase: 'Pending', qosClass: 'Guaranteed' },
    })
  })

  it('gives every namespace its service account and the certificate authority', () => {
    const { server, create } = world()
    server.certificateAuthority = 'PEM'
    create('Namespace', { metadata: { name: 'new' } })
    const find = (plural: string, name: string): StoredObject =>
      server.get(context, server.resource({ group: '', version: 'v1', plural }), { namespace: 'new', name })
    expect(find('serviceaccounts', 'default').metadata.namespace).toBe('new')
    expect(find('configmaps', 'kube-root-ca.crt')).toMatchObject({ data: { 'ca.crt': 'PEM' } })
  })

  it.each([
    { image: 'nginx', policy: 'Always' },
    { image: 'nginx:latest', policy: 'Always' },
    { image: 'nginx:1', policy: 'IfNotPresent' },
    { image: 'host:5000/nginx', policy: 'Always' },
    { image: 'host:5000/nginx:1', policy: 'IfNotPresent' },
    { image: 'nginx@sha256:0123', policy: 'IfNotPresent' },
  ])('pulls $image $policy', ({ image, policy }) => {
    const pod = world().create('Pod', { metadata, spec: { containers: [{ name: 'c', image }] } })
    expect((pod.spec as { containers: object[] }).containers[0]).toMatchObject({ imagePullPolicy: policy })
  })
})
