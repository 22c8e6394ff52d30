// Services: where they lead, and what namespaces must have (pkg/controller/{endpoint,endpointslice,endpointslicemirroring},
// kubernetes/cloud-provider:controllers/service).
import {
  ConfigMaps,
  EndpointSlices,
  EndpointsResource,
  Namespaces,
  Pods,
  seconds,
  ServiceAccounts,
  Services,
  type EndpointSlice,
  type Json,
} from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

async function readyCluster(nodes = 3): Promise<Laboratory> {
  const lab = await laboratory()
  for (let n = 0; n < nodes; n++) lab.machines.on(machine(n))
  await lab.clock.runFor(seconds(90))
  return lab
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name })
const service = (name: string, spec: object, metadata: object = {}): Json =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name, ...metadata }, spec }) as unknown as Json
const slicesOf = async (lab: Laboratory, name: string): Promise<readonly EndpointSlice[]> =>
  (await lab.kube.list(EndpointSlices, { labelSelector: `kubernetes.io/service-name=${name}` })).items

describe('a service', () => {
  it('has slices of a hundred, and one write for one pod that goes', async () => {
    const lab = await readyCluster(8)
    await lab.apply(deployment('web', 130, { container: { resources: { requests: { cpu: '10m' } } } }))
    await lab.apply(service('web', { selector: { app: 'web' }, ports: [{ port: 80 }] }))
    await lab.clock.runFor(seconds(120))
    const sizes = (await slicesOf(lab, 'web')).map((slice) => slice.endpoints.length).sort((a, b) => a - b)
    expect(sizes).toEqual([30, 100])
    let writes = 0
    await lab.kube.watch(
      EndpointSlices,
      {},
      {
        event: (event) => {
          if (event.type === 'MODIFIED') writes++
        },
        end: () => {},
      },
    )
    const [pod] = await lab.pods()
    await lab.kube.remove(Pods, pod!.metadata, { gracePeriodSeconds: 0 })
    await lab.clock.runFor(seconds(60))
    // Gone, its successor there, and ready.
    expect(writes).toBeLessThanOrEqual(4)
    expect((await slicesOf(lab, 'web')).flatMap((slice) => slice.endpoints)).toHaveLength(130)
    await lab.cluster.stop()
  })

  it('says of each pod whether it is ready, serving and terminating', async () => {
    const lab = await readyCluster()
    const slow = { annotations: { 'plimsoll.dev/exit-duration': '20s' } }
    await lab.apply(
      deployment('web', 1, {
        template: slow,
        container: { readinessProbe: { httpGet: { port: 80 }, initialDelaySeconds: 20 } },
      }),
      service('web', { selector: { app: 'web' }, ports: [{ port: 80 }], trafficDistribution: 'PreferSameZone' }),
      service('early', { selector: { app: 'web' }, ports: [{ port: 80 }], publishNotReadyAddresses: true }),
    )
    const conditions = async (name: string): Promise<unknown> =>
      (await slicesOf(lab, name)).flatMap((slice) => slice.endpoints.map((endpoint) => endpoint.conditions))
    await lab.clock.runFor(seconds(12))
    expect(await conditions('web')).toEqual([{ ready: false, serving: false, terminating: false }])
    expect(await conditions('early')).toEqual([{ ready: true, serving: false, terminating: false }])
    expect((await lab.kube.get(EndpointsResource, key('web'))).subsets![0]!.notReadyAddresses).toHaveLength(1)
    await lab.clock.runFor(seconds(40))
    expect(await conditions('web')).toEqual([{ ready: true, serving: true, terminating: false }])
    const [endpoint] = (await slicesOf(lab, 'web'))[0]!.endpoints
    expect(endpoint!.hints).toEqual({ forZones: [{ name: endpoint!.zone }] })
    await lab.kube.remove(Pods, (await lab.pods())[0]!.metadata)
    await lab.clock.runFor(seconds(1))
    expect(await conditions('web')).toContainEqual({ ready: false, serving: true, terminating: true })
    await lab.cluster.stop()
  })

  it('without a cluster IP gives its pods names', async () => {
    const lab = await readyCluster()
    await lab.apply(service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] }), {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        serviceName: 'db',
        replicas: 2,
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'main', image: 'db:1' }] } },
      },
    } as unknown as Json)
    await lab.clock.runFor(seconds(60))
    const [slice] = await slicesOf(lab, 'db')
    expect(slice!.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '' })
    expect(slice!.endpoints.map((endpoint) => endpoint.hostname ?? '').sort()).toEqual(['db-0', 'db-1'])
    await lab.cluster.stop()
  })

  it('whose endpoints somebody keeps by hand has slices that mirror them', async () => {
    const lab = await laboratory()
    await lab.apply(service('outside', { ports: [{ port: 80 }] }))
    await lab.kube.create(EndpointsResource, {
      metadata: { name: 'outside', namespace: 'default' },
      subsets: [
        { addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 8080 }] },
      ],
    })
    await lab.clock.runFor(seconds(5))
    const [slice] = await slicesOf(lab, 'outside')
    expect(slice).toMatchObject({
      ports: [{ port: 8080, protocol: 'TCP', name: '' }],
      endpoints: [
        { addresses: ['192.0.2.1'], conditions: { ready: true } },
        { addresses: ['192.0.2.2'], conditions: { ready: false } },
      ],
      metadata: { labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' } },
    })
    await lab.kube.remove(EndpointsResource, key('outside'))
    await lab.clock.runFor(seconds(5))
    expect(await slicesOf(lab, 'outside')).toEqual([])
    await lab.cluster.stop()
  })

  it.each([
    { annotations: {}, host: /^a[0-9a-f]{31}-\d{10}\.ap-northeast-2\.elb\.amazonaws\.com$/ },
    {
      annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' },
      host: /^a[0-9a-f]{31}-[0-9a-f]{16}\.elb\.ap-northeast-2\.amazonaws\.com$/,
    },
  ])('of type LoadBalancer has a host name after a while: $annotations', async ({ annotations, host }) => {
    const lab = await readyCluster(1)
    await lab.apply(service('web', { type: 'LoadBalancer', ports: [{ port: 80 }] }, { annotations }))
    await lab.clock.runFor(seconds(0))
    expect((await lab.kube.get(Services, key('web'))).status).toEqual({ loadBalancer: {} })
    await lab.clock.runFor(seconds(30))
    const made = await lab.kube.get(Services, key('web'))
    expect(made.status!.loadBalancer!.ingress![0]!.hostname).toMatch(host)
    expect(made.metadata.finalizers).toEqual(['service.kubernetes.io/load-balancer-cleanup'])
    await lab.kube.remove(Services, key('web'))
    await lab.clock.runFor(seconds(5))
    expect((await lab.events('Service/web')).map((event) => event.message)).toEqual([
      'Ensuring load balancer',
      'Ensured load balancer',
      'Deleting load balancer',
      'Deleted load balancer',
    ])
    await expect(lab.kube.get(Services, key('web'))).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })
})

describe('a namespace', () => {
  it('gets back what every namespace must have', async () => {
    const lab = await laboratory()
    await lab.kube.create(Namespaces, { metadata: { name: 'team' } })
    const account = { namespace: 'team', name: 'default' }
    const certificate = { namespace: 'team', name: 'kube-root-ca.crt' }
    const { uid } = (await lab.kube.get(ServiceAccounts, account)).metadata
    const { data } = await lab.kube.get(ConfigMaps, certificate)
    await lab.kube.remove(ServiceAccounts, account)
    await lab.kube.remove(ConfigMaps, certificate)
    await lab.clock.runFor(seconds(5))
    expect((await lab.kube.get(ServiceAccounts, account)).metadata.uid).not.toBe(uid)
    expect((await lab.kube.get(ConfigMaps, certificate)).data).toEqual(data)
    await lab.kube.patch(ConfigMaps, certificate, { type: 'merge', body: { data: { 'ca.crt': 'forged' } } })
    await lab.clock.runFor(seconds(5))
    expect((await lab.kube.get(ConfigMaps, certificate)).data).toEqual(data)
    await lab.kube.remove(Namespaces, { name: 'team' })
    await lab.clock.runFor(seconds(5))
    await expect(lab.kube.get(Namespaces, { name: 'team' })).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })
})
