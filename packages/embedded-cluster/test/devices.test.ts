import {
  DeviceClasses,
  Pods,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
  seconds,
  type Json,
  type ResourceV1ResourceClaim,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { laboratory, machine, type Laboratory } from './laboratory.ts'

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
const spec: ResourceV1ResourceClaim['spec'] = {
  devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] },
}

/** Two nodes with two GPUs each, and a class for them. */
async function cluster(): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < 2; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  await lab.kube.create(DeviceClasses, {
    metadata: { name: 'gpu' },
    spec: { selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] },
  })
  for (const { metadata } of await lab.nodes()) {
    await lab.kube.create(ResourceSlices, {
      metadata: { name: `${metadata.name}-gpus` },
      spec: {
        driver: 'gpu.example.com',
        nodeName: metadata.name,
        pool: { name: metadata.name, generation: 1, resourceSliceCount: 1 },
        devices: [{ name: 'gpu-0' }, { name: 'gpu-1' }],
      },
    })
  }
  return lab
}

function podWith(name: string, claim: object, annotations: object = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'c', image: 'x', resources: { claims: [{ name: 'gpu' }] } }],
      resourceClaims: [{ name: 'gpu', ...claim }],
    },
  } as unknown as Json
}

describe('devices', () => {
  it('are claimed from a template, given to one pod each, and given back', async () => {
    const lab = await cluster()
    await lab.kube.create(ResourceClaimTemplates, { metadata: key('gpu'), spec: { spec } })
    const template = { resourceClaimTemplateName: 'gpu' }
    await lab.apply(...[0, 1, 2, 3, 4].map((i) => podWith(`p-${i}`, template)))
    await lab.clock.runFor(seconds(60))
    const pods = await lab.pods()
    const placed = pods.filter((pod) => pod.status?.phase === 'Running')
    expect(placed).toHaveLength(4)
    const claims = (await lab.kube.list(ResourceClaims)).items
    const devices = claims.flatMap(({ status }) =>
      (status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`),
    )
    expect(devices).toHaveLength(4)
    expect(new Set(devices).size).toBe(4)
    for (const { metadata, status } of claims.filter((one) => one.status?.allocation !== undefined)) {
      expect(metadata.name).toMatch(/^p-\d-gpu-[a-z0-9]{5}$/)
      expect(metadata.finalizers).toEqual(['resource.kubernetes.io/delete-protection'])
      const [consumer] = status!.reservedFor!
      const pod = placed.find(({ metadata: { uid } }) => uid === consumer!.uid)!
      expect(status!.allocation!.devices!.results![0]!.pool).toBe(pod.spec.nodeName)
      expect(pod.status!.resourceClaimStatuses).toEqual([{ name: 'gpu', resourceClaimName: metadata.name }])
    }
    const waiting = pods.find((pod) => pod.spec.nodeName === undefined)!
    expect(waiting.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message).toMatch(
      /^0\/2 nodes are available: 2 cannot allocate all claims\./,
    )
    await lab.kube.remove(Pods, placed[0]!.metadata)
    await lab.clock.runFor(seconds(90))
    expect((await lab.kube.get(Pods, waiting.metadata)).status?.phase).toBe('Running')
    expect((await lab.kube.list(ResourceClaims)).items).toHaveLength(4)
    await lab.cluster.stop()
  })

  it('of one claim are shared by its pods, and free when the last has finished', async () => {
    const lab = await cluster()
    await lab.kube.create(ResourceClaims, { metadata: key('shared'), spec })
    const named = { resourceClaimName: 'shared' }
    const soon = { 'plimsoll.dev/run-duration': '20s' }
    await lab.apply(podWith('one', named, soon), podWith('two', named, soon))
    await lab.clock.runFor(seconds(15))
    const [one, two] = [await lab.kube.get(Pods, key('one')), await lab.kube.get(Pods, key('two'))]
    expect(one.spec.nodeName).toBeDefined()
    expect(two.spec.nodeName).toBe(one.spec.nodeName)
    const held = await lab.kube.get(ResourceClaims, key('shared'))
    expect(held.status?.reservedFor?.map(({ name }) => name).toSorted()).toEqual(['one', 'two'])
    await lab.clock.runFor(seconds(60))
    const free = await lab.kube.get(ResourceClaims, key('shared'))
    expect(free.status?.allocation).toBeUndefined()
    expect(free.metadata.finalizers ?? []).toEqual([])
    await lab.cluster.stop()
  })
})
