import {
  ms,
  PersistentVolumeClaims,
  Pods,
  PriorityClasses,
  RuntimeClasses,
  ServiceAccounts,
  StorageClasses,
  type Draft,
  type Pod,
} from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'

const namespace = 'default'

function cluster(): KubeApi {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('admission') })
  bootstrap(server)
  return server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
}

function pod(spec: object = {}): Draft<Pod> {
  const whole = { containers: [{ name: 'c', image: 'x' }], ...spec }
  return { metadata: { name: 'p', namespace }, spec: whole } as unknown as Draft<Pod>
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

describe('priority', () => {
  it.each([
    {
      spec: { priorityClassName: 'system-node-critical', priority: 5 },
      said: 'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 2000001000 from the given PriorityClass name',
    },
    {
      spec: { priorityClassName: 'system-node-critical', preemptionPolicy: 'Never' },
      said: 'the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name',
    },
    { spec: { priorityClassName: 'none' }, said: 'no PriorityClass with name none was found' },
  ])('refuses $spec', async ({ spec, said }) => {
    expect(await refusal(cluster().create(Pods, pod(spec)))).toBe(`pods "p" is forbidden: ${said}`)
  })

  it('has one default', async () => {
    const kube = cluster()
    await kube.create(PriorityClasses, { metadata: { name: 'usual' }, value: 7, globalDefault: true })
    expect(
      await refusal(kube.create(PriorityClasses, { metadata: { name: 'other' }, value: 9, globalDefault: true })),
    ).toBe(
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    )
    expect((await kube.create(Pods, pod())).spec).toMatchObject({ priority: 7, priorityClassName: 'usual' })
  })
})

describe('a runtime class', () => {
  const gvisor = {
    metadata: { name: 'gvisor' },
    handler: 'runsc',
    overhead: { podFixed: { cpu: '250m' } },
    scheduling: { nodeSelector: { sandbox: 'yes' }, tolerations: [{ key: 'sandbox', operator: 'Exists' }] },
  }

  it('adds its overhead, node selector and tolerations', async () => {
    const kube = cluster()
    await kube.create(RuntimeClasses, gvisor)
    const made = await kube.create(Pods, pod({ runtimeClassName: 'gvisor', nodeSelector: { disk: 'ssd' } }))
    expect(made.spec).toMatchObject({
      overhead: { cpu: '250m' },
      nodeSelector: { disk: 'ssd', sandbox: 'yes' },
      tolerations: [{ key: 'sandbox', operator: 'Exists' }, {}, {}],
    })
  })

  it.each([
    {
      spec: { nodeSelector: { sandbox: 'no' } },
      said: 'conflict: runtimeClass.scheduling.nodeSelector[sandbox] = yes; pod.spec.nodeSelector[sandbox] = no',
    },
    {
      spec: { overhead: { cpu: '1' } },
      said: "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    },
    {
      spec: { runtimeClassName: undefined, overhead: { cpu: '1' } },
      said: 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    },
    { spec: { runtimeClassName: 'none' }, said: 'pod rejected: RuntimeClass "none" not found' },
  ])('refuses $spec', async ({ spec, said }) => {
    const kube = cluster()
    await kube.create(RuntimeClasses, gvisor)
    expect(await refusal(kube.create(Pods, pod({ runtimeClassName: 'gvisor', ...spec })))).toBe(
      `pods "p" is forbidden: ${said}`,
    )
  })
})

describe('claims and accounts', () => {
  it('get the newest default class, and a finalizer while they are used', async () => {
    const kube = cluster()
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    const made = await kube.create(PersistentVolumeClaims, { metadata: { name: 'data', namespace }, spec })
    expect(made.spec.storageClassName).toBe('gp3')
    expect(made.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection'])
  })

  it('grow only when bound, and of a class that lets them', async () => {
    const kube = cluster()
    await kube.create(StorageClasses, { metadata: { name: 'fixed' }, provisioner: 'ebs.csi.aws.com' })
    const key = { name: 'data', namespace }
    const spec = {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fixed',
      volumeName: 'v',
      resources: { requests: { storage: '1Gi' } },
    }
    const made = await kube.create(PersistentVolumeClaims, { metadata: key, spec })
    const grow = (): Promise<unknown> => {
      const body = { spec: { resources: { requests: { storage: '2Gi' } } } }
      return kube.patch(PersistentVolumeClaims, key, { type: 'merge', body })
    }
    expect(await refusal(grow())).toContain('"data" is ')
    await kube.replace(PersistentVolumeClaims, { ...made, status: { phase: 'Bound' } }, { subresource: 'status' })
    expect(await refusal(grow())).toBe(
      'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    )
    await kube.patch(StorageClasses, { name: 'fixed' }, { type: 'merge', body: { allowVolumeExpansion: true } })
    expect(await refusal(grow())).toBe('')
  })

  it('lend their image pull secrets to pods that have none', async () => {
    const kube = cluster()
    const body = { imagePullSecrets: [{ name: 'registry' }] }
    await kube.patch(ServiceAccounts, { name: 'default', namespace }, { type: 'merge', body })
    expect((await kube.create(Pods, pod({ imagePullSecrets: [] }))).spec.imagePullSecrets).toEqual([
      { name: 'registry' },
    ])
  })
})
