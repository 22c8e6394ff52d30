import {
  ms,
  PersistentVolumeClaims,
  Pods,
  type Draft,
  type LimitRange,
  type LimitRangeItem,
  type Pod,
  type ResourceType,
} from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'

const namespace = 'default'
const LimitRanges: ResourceType<LimitRange> = {
  group: '',
  version: 'v1',
  plural: 'limitranges',
  kind: 'LimitRange',
  namespaced: true,
}

async function cluster(...limits: readonly LimitRangeItem[]): Promise<KubeApi> {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('ranges') })
  bootstrap(server)
  const kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  await kube.create(LimitRanges, { metadata: { name: 'r', namespace }, spec: { limits } })
  return kube
}

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> }

function pod(...resources: readonly Resources[]): Draft<Pod> {
  const containers = resources.map((one, i) => ({ name: `c${i}`, image: 'x', resources: one }))
  return { metadata: { name: 'p', namespace }, spec: { containers } } as unknown as Draft<Pod>
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

describe('a limit range', () => {
  it('fills in what containers leave open and says so', async () => {
    const kube = await cluster({
      type: 'Container',
      default: { cpu: '500m', memory: '128Mi' },
      defaultRequest: { cpu: '100m' },
    })
    const made = await kube.create(Pods, pod({}, { requests: { cpu: '200m' }, limits: { memory: '1Gi' } }))
    expect(made.spec.containers.map(({ resources }) => resources)).toEqual([
      { limits: { cpu: '500m', memory: '128Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
      { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '200m', memory: '1Gi' } },
    ])
    expect(made.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; cpu limit for container c1',
    })
    expect(made.status?.qosClass).toBe('Burstable')
  })

  it('takes the most as the default limit, and the least as the default request', async () => {
    const kube = await cluster({ type: 'Container', max: { cpu: '1' }, min: { memory: '64Mi' } })
    const made = await kube.create(Pods, pod({}))
    expect(made.spec.containers[0]!.resources).toEqual({
      limits: { cpu: '1' },
      requests: { cpu: '1', memory: '64Mi' },
    })
  })

  it.each([
    {
      item: { type: 'Container', max: { cpu: '1' } },
      resources: [{ limits: { cpu: '2' } }],
      said: 'maximum cpu usage per Container is 1, but limit is 2',
    },
    {
      item: { type: 'Container', min: { cpu: '100m', memory: '64Mi' } },
      resources: [{ requests: { cpu: '50m', memory: '1Mi' } }],
      said: '[minimum cpu usage per Container is 100m, but request is 50m, minimum memory usage per Container is 64Mi, but request is 1Mi]',
    },
    {
      item: { type: 'Container', maxLimitRequestRatio: { memory: '2' } },
      resources: [{ requests: { memory: '100Mi' }, limits: { memory: '300Mi' } }],
      said: 'memory max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    },
    {
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '1500m' } },
      resources: [{}],
      said: 'cpu max limit to request ratio per Container is 1500m, but no request is specified or request is 0',
    },
    {
      item: { type: 'Pod', max: { cpu: '1' } },
      resources: [{ limits: { cpu: '600m' } }, { limits: { cpu: '600m' } }],
      said: 'maximum cpu usage per Pod is 1, but limit is 1200m',
    },
    {
      item: { type: 'Pod', max: { cpu: '1' } },
      resources: [{ requests: { cpu: '600m' } }],
      said: 'maximum cpu usage per Pod is 1.  No limit is specified',
    },
  ] satisfies readonly { item: LimitRangeItem; resources: readonly Resources[]; said: string }[])(
    'refuses: $said',
    async ({ item, resources, said }) => {
      const kube = await cluster(item)
      expect(await refusal(kube.create(Pods, pod(...resources)))).toBe(`pods "p" is forbidden: ${said}`)
    },
  )

  it('bounds the size of claims', async () => {
    const kube = await cluster({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } })
    const claim = (storage: string): Promise<unknown> =>
      kube.create(PersistentVolumeClaims, {
        metadata: { name: 'data', namespace },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
      })
    expect(await refusal(claim('10Gi'))).toBe(
      'persistentvolumeclaims "data" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 10Gi',
    )
    expect(await refusal(claim('1Mi'))).toContain('minimum storage usage per PersistentVolumeClaim is 1Gi')
    expect(await refusal(claim('2Gi'))).toBe('')
  })
})
