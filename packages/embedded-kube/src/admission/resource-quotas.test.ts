import {
  ms,
  PersistentVolumeClaims,
  Pods,
  ResourceQuotas,
  Services,
  type Draft,
  type Pod,
  type ResourceQuota,
  type ResourceQuotaSpec,
} from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'

const namespace = 'default'

function cluster(): KubeApi {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('quotas') })
  bootstrap(server)
  return server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
}

/** A quota as the quota controller leaves it: with nothing used. */
async function quota(kube: KubeApi, name: string, spec: ResourceQuotaSpec): Promise<void> {
  const made = await kube.create(ResourceQuotas, { metadata: { name, namespace }, spec })
  const used = Object.fromEntries(Object.keys(spec.hard ?? {}).map((key) => [key, '0']))
  await kube.replace(ResourceQuotas, { ...made, status: { hard: spec.hard, used } }, { subresource: 'status' })
}

function pod(name: string, container: object = {}, spec: object = {}): Draft<Pod> {
  return {
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'x', ...container }], ...spec },
  } as unknown as Draft<Pod>
}

async function used(kube: KubeApi, name: string): Promise<ResourceQuota['status']> {
  return (await kube.get(ResourceQuotas, { namespace, name })).status
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof KubeError) return error.message
    throw error
  }
  return ''
}

describe('a quota', () => {
  it('is charged for each pod and refuses the one too many', async () => {
    const kube = cluster()
    await quota(kube, 'q', { hard: { pods: '2', 'requests.cpu': '1', 'limits.memory': '1Gi' } })
    const resources = { requests: { cpu: '300m' }, limits: { memory: '256Mi' } }
    // Both at once, as clients do.
    await Promise.all(['a', 'b'].map((name) => kube.create(Pods, pod(name, { resources }))))
    expect((await used(kube, 'q'))?.used).toEqual({ pods: '2', 'requests.cpu': '600m', 'limits.memory': '512Mi' })
    expect(await refusal(kube.create(Pods, pod('c', { resources })))).toBe(
      'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    )
    const big = { requests: { cpu: '500m' }, limits: { memory: '1Gi' } }
    expect(await refusal(kube.create(Pods, pod('c', { resources: big })))).toBe(
      'pods "c" is forbidden: exceeded quota: q, requested: limits.memory=1Gi,pods=1,requests.cpu=500m, used: limits.memory=512Mi,pods=2,requests.cpu=600m, limited: limits.memory=1Gi,pods=2,requests.cpu=1',
    )
    expect((await used(kube, 'q'))?.used?.['pods']).toBe('2')
  })

  it('wants to be told what it counts', async () => {
    const kube = cluster()
    await quota(kube, 'q', { hard: { 'limits.cpu': '1', 'requests.memory': '1Gi' } })
    expect(await refusal(kube.create(Pods, pod('a')))).toBe(
      'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c',
    )
  })

  it('refuses while nobody has counted', async () => {
    const kube = cluster()
    const made = await kube.create(ResourceQuotas, {
      metadata: { name: 'q', namespace },
      spec: { hard: { pods: '1' } },
    })
    await kube.create(Pods, pod('before'))
    await kube.replace(ResourceQuotas, { ...made, status: { hard: { pods: '1' } } }, { subresource: 'status' })
    expect(await refusal(kube.create(Pods, pod('a')))).toBe(
      'pods "a" is forbidden: status unknown for quota: q, resources: pods',
    )
  })

  it.each([
    { scope: { scopes: ['BestEffort'] }, plain: 1, asking: 0 },
    { scope: { scopes: ['NotBestEffort'] }, plain: 0, asking: 1 },
    { scope: { scopes: ['Terminating'] }, plain: 0, asking: 1 },
    { scope: { scopes: ['NotTerminating'] }, plain: 1, asking: 0 },
    { scope: { scopes: ['PriorityClass'] }, plain: 0, asking: 1 },
    {
      scope: {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['system-node-critical'] }],
        },
      },
      plain: 1,
      asking: 0,
    },
  ])('of scope $scope takes in $plain plain and $asking other pods', async ({ scope, plain, asking }) => {
    const kube = cluster()
    await quota(kube, 'q', { hard: { pods: '5' }, ...scope })
    await kube.create(Pods, pod('plain'))
    expect((await used(kube, 'q'))?.used?.['pods']).toBe(String(plain))
    const spec = { activeDeadlineSeconds: 60, priorityClassName: 'system-node-critical' }
    await kube.create(Pods, pod('asking', { resources: { requests: { cpu: '1' } } }, spec))
    expect((await used(kube, 'q'))?.used?.['pods']).toBe(String(plain + asking))
  })

  it('counts services, their ports, claims by class, and objects of any kind', async () => {
    const kube = cluster()
    await quota(kube, 'q', {
      hard: {
        services: '5',
        'services.nodeports': '3',
        'services.loadbalancers': '1',
        'requests.storage': '30Gi',
        'gp3.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
        'count/services': '5',
        secrets: '0',
      },
    })
    const ports = [1, 2].map((port) => ({ name: `p${port}`, port }))
    await kube.create(Services, { metadata: { name: 'a', namespace }, spec: { type: 'LoadBalancer', ports } })
    expect(
      await refusal(kube.create(Services, { metadata: { name: 'b', namespace }, spec: { type: 'NodePort', ports } })),
    ).toBe(
      'services "b" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=2, limited: services.nodeports=3',
    )
    const plain = await kube.create(Services, { metadata: { name: 'b', namespace }, spec: { ports } })
    expect(
      await refusal(kube.replace(Services, { ...plain, spec: { ...plain.spec, type: 'LoadBalancer' } })),
    ).toContain('requested: services.loadbalancers=1,services.nodeports=2')
    const claim = (name: string, storage: string): Promise<unknown> =>
      kube.create(PersistentVolumeClaims, {
        metadata: { name, namespace },
        spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'gp3', resources: { requests: { storage } } },
      })
    await claim('a', '20Gi')
    expect(await refusal(claim('b', '20Gi'))).toBe(
      'persistentvolumeclaims "b" is forbidden: exceeded quota: q, requested: gp3.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=20Gi, used: gp3.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=20Gi, limited: gp3.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=30Gi',
    )
    expect((await used(kube, 'q'))?.used).toMatchObject({ 'count/services': '2', 'requests.storage': '20Gi' })
  })

  it('is not charged for a dry run', async () => {
    const kube = cluster()
    await quota(kube, 'q', { hard: { pods: '1' } })
    await kube.create(Pods, pod('a'), { dryRun: true })
    expect((await used(kube, 'q'))?.used?.['pods']).toBe('0')
    await kube.create(Pods, pod('a'))
    expect(await refusal(kube.create(Pods, pod('b'), { dryRun: true }))).toContain('exceeded quota: q')
  })
})
