// Which addresses stand behind a Service (kubernetes/kubernetes:pkg/controller/endpointslice), in slices of a hundred; and
// the older Endpoints object for clients that still read it (pkg/controller/endpoint).
import {
  EndpointSlices,
  EndpointsResource,
  Services,
  type Endpoints,
  type EndpointSlice,
  type Pod,
  type Service,
} from '@plimsoll/model'
import { ignoreNotFound, isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { Informer, type Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { isPodReady } from '../pods.ts'
import { syncing, type Controller, type ControllerContext } from './controller.ts'
import {
  byPorts,
  endpointOf,
  hasAddress,
  headlessLabel,
  managedByLabel,
  planSlices,
  serviceLabel,
  subsetsOf,
  type PortGroup,
} from './endpoint-plan.ts'
import { EndpointTriggers, triggerAnnotation } from './endpoint-triggers.ts'
import { controllerReference, isNamespaceTerminating } from './pod-control.ts'

const manager = 'endpointslice-controller.k8s.io'
const overCapacity = 'endpoints.kubernetes.io/over-capacity'

export class EndpointSliceController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  /** As the controller that keeps Endpoints upstream, whose role this one has not. */
  readonly #endpointsKube: KubeApi
  readonly #loop: Reconciler<string>
  readonly #slices: Informer<EndpointSlice>
  readonly #members = new Map<string, Set<string>>()
  readonly #triggers = new EndpointTriggers()

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
      this.#triggers.forget(key)
      for (const slice of slices) await this.#kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
      await this.#endpointsKube.remove(EndpointsResource, splitKey(key)).catch(ignoreNotFound)
      return
    }
    // Without a selector somebody else says where the service leads.
    if (service.spec?.selector === undefined || service.spec.type === 'ExternalName') return
    const { pods: cache, nodes } = this.#context.caches
    const pods = [...(this.#members.get(key) ?? [])]
      .sort()
      .map((podKey) => cache.get(splitKey(podKey)))
      .filter((pod) => pod !== undefined && hasAddress(pod)) as Pod[]
    const trigger = this.#triggers.since(key, service, pods)
    const groups = byPorts(service, pods)
    const wanted = groups.map((group) => ({
      ports: group.ports,
      endpoints: group.pods.map((pod) => endpointOf(service, pod, nodes.get({ name: pod.spec.nodeName ?? '' }))),
    }))
    try {
      await this.#write(service, wanted.length === 0 ? [{ ports: [], endpoints: [] }] : wanted, slices, trigger)
      await this.#writeEndpoints(service, groups, trigger)
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error
    }
  }

  async #write(
    service: Service,
    wanted: readonly Pick<EndpointSlice, 'ports' | 'endpoints'>[],
    slices: readonly EndpointSlice[],
    trigger: string | undefined,
  ): Promise<void> {
    const { name, namespace } = service.metadata
    const labels = { ...ownLabels(service), [managedByLabel]: manager, [serviceLabel]: name }
    const plan = planSlices(slices, wanted)
    for (const slice of plan.remove) await this.#kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
    for (const content of plan.create) {
      const ownerReferences = [controllerReference(Services, service)]
      await this.#kube.create(EndpointSlices, {
        metadata: { generateName: `${name}-`, namespace, labels, ...triggered({}, trigger), ownerReferences },
        addressType: 'IPv4',
        ...(content.endpoints.length === 0 ? placeholder : content),
      })
    }
    const written = new Set<EndpointSlice>(plan.remove)
    for (const { slice, content } of plan.update) {
      written.add(slice)
      const metadata = { ...slice.metadata, labels, ...triggered(slice.metadata.annotations, trigger) }
      await this.#kube.replace(EndpointSlices, { ...slice, metadata, ...content })
    }
    for (const slice of slices) {
      if (written.has(slice) || sameLabels(slice.metadata.labels, labels)) continue
      await this.#kube.replace(EndpointSlices, { ...slice, metadata: { ...slice.metadata, labels } })
    }
  }

  async #writeEndpoints(service: Service, groups: readonly PortGroup[], trigger: string | undefined): Promise<void> {
    const { name, namespace } = service.metadata
    const { subsets, truncated } = subsetsOf(service, groups)
    const labels = { ...ownLabels(service), 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' }
    const content = subsets.length === 0 ? {} : { subsets }
    let known: Endpoints
    try {
      known = await this.#endpointsKube.get(EndpointsResource, { namespace, name })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      const noted: { [key: string]: string } = truncated ? { [overCapacity]: 'truncated' } : {}
      await this.#endpointsKube.create(EndpointsResource, {
        metadata: { name, namespace, labels, ...triggered(noted, trigger) },
        ...content,
      })
      return
    }
    const { subsets: before, ...others } = known
    const { [overCapacity]: was, ...annotations } = known.metadata.annotations ?? {}
    const same =
      JSON.stringify(before ?? []) === JSON.stringify(subsets) &&
      sameLabels(known.metadata.labels, labels) &&
      (was === 'truncated') === truncated
    if (same) return
    const noted = truncated ? { ...annotations, [overCapacity]: 'truncated' } : annotations
    const metadata = { ...known.metadata, labels, ...triggered(noted, trigger) }
    await this.#endpointsKube.replace(EndpointsResource, { ...others, metadata, ...content })
  }
}

/** As upstream writes a slice that leads nowhere. */
const placeholder = { endpoints: null, ports: null } as unknown as Pick<EndpointSlice, 'ports' | 'endpoints'>

/** The annotations with the time since when this write was due, or without one. */
function triggered(
  annotations: { readonly [key: string]: string } | undefined,
  trigger: string | undefined,
): { readonly annotations?: { readonly [key: string]: string } | undefined } {
  const { [triggerAnnotation]: _, ...others } = annotations ?? {}
  const all = trigger === undefined ? others : { ...others, [triggerAnnotation]: trigger }
  return { annotations: Object.keys(all).length === 0 ? undefined : all }
}

/** The service's labels, and whether it has an address of its own. */
function ownLabels(service: Service): { readonly [label: string]: string } {
  return { ...service.metadata.labels, ...(service.spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}) }
}

function sameLabels(
  a: { readonly [label: string]: string } | undefined,
  b: { readonly [label: string]: string },
): boolean {
  const keys = Object.keys(a ?? {})
  return keys.length === Object.keys(b).length && keys.every((key) => a![key] === b[key])
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
