// Which addresses stand behind a Service (kubernetes/kubernetes:pkg/controller/endpointslice), in slices of a hundred; and
// the older Endpoints object for clients that still read it.
import {
  EndpointSlices,
  EndpointsResource,
  Services,
  type Draft,
  type Endpoint,
  type Endpoints,
  type EndpointSlice,
  type ObjectReference,
  type Pod,
  type Service,
  type ServicePort,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { Informer, type Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodFinished, isPodReady } from '../pods.ts'
import { syncing, type Controller, type ControllerContext } from './controller.ts'
import { controllerReference } from './pod-control.ts'

const serviceLabel = 'kubernetes.io/service-name'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const manager = 'endpointslice-controller.k8s.io'
const sliceMax = 100
/** The old object holds no more. */
const endpointsMax = 1000

export class EndpointSliceController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  /** As the controller that keeps Endpoints upstream, whose role this one has not. */
  readonly #endpointsKube: KubeApi
  readonly #loop: Reconciler<string>
  readonly #slices: Informer<EndpointSlice>
  readonly #members = new Map<string, Set<string>>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#kube = context.kube('endpointslice-controller')
    this.#endpointsKube = context.kube('endpoint-controller')
    this.#loop = syncing(context, 'endpointslice', (key) => this.#sync(key))
    this.#slices = new Informer(this.#kube, EndpointSlices, {
      clock: context.clock,
      log: context.log,
      random: context.random.split('endpointslices'),
      indexes: {
        service: (slice) => {
          const name = slice.metadata.labels?.[serviceLabel]
          return name === undefined || slice.metadata.labels?.[managedByLabel] !== manager
            ? []
            : [`${slice.metadata.namespace}/${name}`]
        },
      },
    })
    const { caches } = context
    onChange(caches.services, (now, was) => {
      const key = keyOfObject(now ?? was!)
      if (now === undefined) this.#members.delete(key)
      else if (was === undefined || was.spec?.selector !== now.spec?.selector) this.#recount(now, key)
      this.#loop.add(key)
    })
    onChange(caches.pods, (now, was) => this.#podChanged(now, was))
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#slices.start(signal)
    await this.#loop.run(signal)
  }

  #recount(service: Service, key: string): void {
    const members = new Set<string>()
    for (const pod of this.#context.caches.pods.byIndex('namespace', service.metadata.namespace)) {
      if (selects(service, pod)) members.add(keyOfObject(pod))
    }
    this.#members.set(key, members)
  }

  #podChanged(now: Pod | undefined, was: Pod | undefined): void {
    const pod = now ?? was!
    if (now !== undefined && was !== undefined && sameEndpoint(now, was)) return
    const services = this.#context.caches.services.byIndex('namespace', pod.metadata.namespace)
    const podKey = keyOfObject(pod)
    for (const service of services) {
      const key = keyOfObject(service)
      const members = this.#members.get(key)
      if (members === undefined) continue
      const belongs = now !== undefined && selects(service, now)
      if (!belongs && !members.has(podKey)) continue
      if (belongs) members.add(podKey)
      else members.delete(podKey)
      this.#loop.add(key)
    }
  }

  async #sync(key: string): Promise<void> {
    const service = this.#context.caches.services.get(splitKey(key))
    const slices = this.#slices.byIndex('service', key)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
      for (const slice of slices) await this.#kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
      await this.#endpointsKube.remove(EndpointsResource, splitKey(key)).catch(ignoreNotFound)
      return
    }
    // Without a selector somebody else says where the service leads.
    if (service.spec?.selector === undefined || service.spec.type === 'ExternalName') return
    const pods = [...(this.#members.get(key) ?? [])]
      .sort()
      .map((podKey) => this.#context.caches.pods.get(splitKey(podKey)))
      .filter((pod) => pod !== undefined && pod.status?.podIP !== undefined && !isPodFinished(pod)) as Pod[]
    const groups = byPorts(service, pods)
    const wanted: Pick<EndpointSlice, 'ports' | 'endpoints'>[] = []
    for (const { ports, pods: members } of groups) {
      const endpoints = members.map((pod) => this.#endpointOf(service, pod))
      for (let i = 0; i < Math.max(1, endpoints.length); i += sliceMax) {
        wanted.push({ endpoints: endpoints.slice(i, i + sliceMax), ports })
      }
    }
    await this.#write(service, wanted, slices)
    await this.#writeEndpoints(service, groups)
  }

  #endpointOf(service: Service, pod: Pod): Endpoint {
    const node = this.#context.caches.nodes.get({ name: pod.spec.nodeName ?? '' })
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
    const terminating = pod.metadata.deletionTimestamp !== undefined
    const serving = isPodReady(pod)
    return {
      addresses: [pod.status!.podIP!],
      conditions: {
        ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
        serving,
        terminating,
      },
      nodeName: pod.spec.nodeName,
      targetRef: targetOf(pod),
      ...(zone === undefined ? {} : { zone }),
    }
  }

  async #write(
    service: Service,
    wanted: readonly Pick<EndpointSlice, 'ports' | 'endpoints'>[],
    slices: readonly EndpointSlice[],
  ): Promise<void> {
    for (const [i, content] of wanted.entries()) {
      const known = slices[i]
      if (known === undefined) {
        const draft: Draft<EndpointSlice> = {
          metadata: {
            generateName: `${service.metadata.name}-`,
            namespace: service.metadata.namespace,
            labels: {
              ...service.metadata.labels,
              [managedByLabel]: manager,
              [serviceLabel]: service.metadata.name,
              ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
            },
            ownerReferences: [controllerReference(Services, service)],
          },
          addressType: 'IPv4',
          ...content,
        }
        await this.#kube.create(EndpointSlices, draft)
      } else if (
        JSON.stringify([known.endpoints, known.ports]) !== JSON.stringify([content.endpoints, content.ports])
      ) {
        await this.#kube.replace(EndpointSlices, { ...known, ...content })
      }
    }
    for (const slice of slices.slice(wanted.length)) {
      await this.#kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
    }
  }

  async #writeEndpoints(service: Service, groups: readonly PortGroup[]): Promise<void> {
    const { name, namespace } = service.metadata
    const subsets = groups
      .filter(({ pods }) => pods.length > 0)
      .map(({ ports, pods }) => {
        const addressOf = (pod: Pod): object => ({
          ip: pod.status!.podIP!,
          nodeName: pod.spec.nodeName,
          targetRef: targetOf(pod),
        })
        const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).slice(0, endpointsMax)
        const ready = living.filter((pod) => service.spec?.publishNotReadyAddresses === true || isPodReady(pod))
        const others = living.filter((pod) => !ready.includes(pod))
        return {
          ...(ready.length === 0 ? {} : { addresses: ready.map(addressOf) }),
          ...(others.length === 0 ? {} : { notReadyAddresses: others.map(addressOf) }),
          ports,
        }
      })
      .filter((subset) => 'addresses' in subset || 'notReadyAddresses' in subset) as unknown as Endpoints['subsets']
    const labels = { ...service.metadata.labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' }
    const content = subsets === undefined || subsets.length === 0 ? {} : { subsets }
    try {
      const known = await this.#endpointsKube.get(EndpointsResource, { namespace, name })
      const { subsets: before, ...others } = known
      if (JSON.stringify(before ?? []) !== JSON.stringify(subsets ?? [])) {
        await this.#endpointsKube.replace(EndpointsResource, { ...others, ...content })
      }
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      await this.#endpointsKube.create(EndpointsResource, { metadata: { name, namespace, labels }, ...content })
    }
  }
}

interface PortGroup {
  readonly ports: NonNullable<EndpointSlice['ports']>
  readonly pods: readonly Pod[]
}

/** Pods may mean different numbers by one port name: those that agree share slices. */
function byPorts(service: Service, pods: readonly Pod[]): readonly PortGroup[] {
  const groups = new Map<string, { ports: NonNullable<EndpointSlice['ports']>; pods: Pod[] }>()
  for (const pod of pods) {
    const ports = (service.spec?.ports ?? [])
      .map((port) => ({ port, number: targetPort(port, pod) }))
      .filter(({ number }) => number !== undefined)
      .map(({ port, number }) => ({ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP' }))
    const key = JSON.stringify(ports)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ports, pods: [pod] })
    else group.pods.push(pod)
  }
  if (groups.size === 0) return [{ ports: [], pods: [] }]
  return [...groups.keys()].sort().map((key) => groups.get(key)!)
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target
  for (const container of pod.spec.containers) {
    const named = container.ports?.find((p) => p.name === target)
    if (named !== undefined) return named.containerPort
  }
  return undefined
}

function targetOf(pod: Pod): ObjectReference {
  const { namespace, name, uid } = pod.metadata
  return { kind: 'Pod', namespace, name, uid }
}

function selects(service: Service, pod: Pod): boolean {
  const selector = service.spec?.selector
  if (selector === undefined) return false
  for (const key in selector) if (pod.metadata.labels?.[key] !== selector[key]) return false
  return true
}

function sameEndpoint(now: Pod, was: Pod): boolean {
  return (
    now.metadata.labels === was.metadata.labels &&
    now.status?.podIP === was.status?.podIP &&
    isPodReady(now) === isPodReady(was) &&
    now.metadata.deletionTimestamp === was.metadata.deletionTimestamp &&
    now.status?.phase === was.status?.phase
  )
}
