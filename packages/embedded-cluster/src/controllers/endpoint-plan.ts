// What stands behind a Service, and how it is spread over slices. Pure
// (kubernetes/endpointslice:utils.go, reconciler.go, reconcileByPortMapping; trafficdist/trafficdist.go;
// kubernetes/kubernetes:pkg/controller/endpoint/endpoints_controller.go).
import type {
  Endpoint,
  EndpointAddress,
  EndpointPort,
  EndpointSlice,
  EndpointSubset,
  Node,
  ObjectReference,
  Pod,
  Service,
  ServicePort,
} from '@plimsoll/model'
import { isPodFinished, isPodReady, isSidecar } from '../pods.ts'

export const serviceLabel = 'kubernetes.io/service-name'
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
export const headlessLabel = 'service.kubernetes.io/headless'
/** So many endpoints of a service share a slice. */
const sliceMax = 100
/** The old object holds no more. */
const endpointsMax = 1000

type SliceContent = Pick<EndpointSlice, 'ports' | 'endpoints'>

export interface PortGroup {
  readonly ports: readonly EndpointPort[]
  readonly pods: readonly Pod[]
}

/** Whether the pod can stand behind a service at all. */
export function hasAddress(pod: Pod): boolean {
  return pod.status?.podIP !== undefined && pod.status.podIP !== '' && !isPodFinished(pod)
}

/** Pods may mean different numbers by one port name: those that agree share slices. In a fixed order. */
export function byPorts(service: Service, pods: readonly Pod[]): readonly PortGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; pods: Pod[] }>()
  for (const pod of pods) {
    const ports: EndpointPort[] = []
    for (const port of service.spec?.ports ?? []) {
      const number = targetPort(port, pod)
      if (number === undefined) continue
      ports.push({
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      })
    }
    const key = JSON.stringify(ports)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ports, pods: [pod] })
    else group.pods.push(pod)
  }
  return [...groups.keys()].sort().map((key) => groups.get(key)!)
}

/** The port of the pod that the service's port leads to; a name is looked for among containers that stay. */
function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]) {
    const named = container.ports?.find((p) => p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))
    if (named !== undefined) return named.containerPort
  }
  return undefined
}

export function endpointOf(service: Service, pod: Pod, node: Node | undefined): Endpoint {
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const serving = isPodReady(pod)
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating)
  const { nodeName } = pod.spec
  const hints = ready && zone !== undefined ? hintsOf(service, zone, nodeName) : undefined
  return {
    addresses: [pod.status!.podIP!],
    conditions: { ready, serving, terminating },
    ...hostnameOf(service, pod),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: targetOf(pod),
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints }),
  }
}

function hintsOf(service: Service, zone: string, node: string | undefined): Endpoint['hints'] | undefined {
  const near = service.spec?.trafficDistribution ?? ''
  if (!['PreferClose', 'PreferSameZone', 'PreferSameNode'].includes(near)) return undefined
  const forNodes = near === 'PreferSameNode' && node !== undefined ? { forNodes: [{ name: node }] } : {}
  return { forZones: [{ name: zone }], ...forNodes }
}

/** Pods that the service gives names to. */
function hostnameOf(service: Service, pod: Pod): { readonly hostname?: string } {
  const { hostname, subdomain } = pod.spec
  return hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}
}

function targetOf(pod: Pod): ObjectReference {
  const { namespace, name, uid } = pod.metadata
  return { kind: 'Pod', namespace, name, uid }
}

/** The subsets of the old Endpoints object, cut at what it may hold. */
export function subsetsOf(
  service: Service,
  groups: readonly PortGroup[],
): { readonly subsets: readonly EndpointSubset[]; readonly truncated: boolean } {
  const subsets: EndpointSubset[] = []
  let room = endpointsMax
  let truncated = false
  for (const { ports, pods } of groups) {
    // A service with ports leads nowhere on a pod that has none of them.
    if ((service.spec?.ports?.length ?? 0) > 0 && ports.length === 0) continue
    const unready = service.spec?.publishNotReadyAddresses === true
    const living = unready ? pods : pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
    const isReady = (pod: Pod): boolean => unready || isPodReady(pod)
    const taken = [...living.filter(isReady), ...living.filter((pod) => !isReady(pod))].slice(0, room)
    truncated ||= taken.length < living.length
    room -= taken.length
    const addressOf = (pod: Pod): EndpointAddress => ({
      ip: pod.status!.podIP!,
      ...hostnameOf(service, pod),
      ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
      targetRef: targetOf(pod),
    })
    const byIp = (a: EndpointAddress, b: EndpointAddress): number => (a.ip < b.ip ? -1 : 1)
    const ready = taken.filter(isReady).map(addressOf).sort(byIp)
    const others = taken
      .filter((pod) => !isReady(pod))
      .map(addressOf)
      .sort(byIp)
    if (ready.length + others.length === 0) continue
    subsets.push({
      ...(ready.length === 0 ? {} : { addresses: ready }),
      ...(others.length === 0 ? {} : { notReadyAddresses: others }),
      ...(ports.length === 0 ? {} : { ports: ports.map(unnamed) }),
    })
  }
  return { subsets, truncated }
}

/** The old object leaves an empty name out. */
function unnamed(port: EndpointPort): EndpointPort {
  const { name, ...others } = port
  return name === '' ? others : port
}

export interface SlicePlan {
  readonly create: readonly SliceContent[]
  readonly update: readonly { readonly slice: EndpointSlice; readonly content: SliceContent }[]
  readonly remove: readonly EndpointSlice[]
}

/**
 * The fewest writes that bring the slices to hold the endpoints: each stays in the slice that it is in; those that came
 * fill the slices that are written anyway, then the one that they fit best, then new ones.
 */
export function planSlices(
  slices: readonly EndpointSlice[],
  wanted: readonly SliceContent[],
  max: number = sliceMax,
): SlicePlan {
  const create: SliceContent[] = []
  const update: { slice: EndpointSlice; content: SliceContent }[] = []
  const remove: EndpointSlice[] = []
  const used = new Set<EndpointSlice>()
  for (const { ports, endpoints } of wanted) {
    const left = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]))
    const kept: { readonly slice: EndpointSlice; endpoints: Endpoint[]; changed: boolean }[] = []
    for (const slice of slices) {
      if (JSON.stringify(slice.ports ?? []) !== JSON.stringify(ports ?? [])) continue
      used.add(slice)
      const stay: Endpoint[] = []
      let changed = false
      // A slice that leads nowhere has null in place of a list.
      for (const old of (slice.endpoints as Endpoint[] | null) ?? []) {
        const now = left.get(identityOf(old))
        left.delete(identityOf(old))
        if (now === undefined) changed = true
        else stay.push(now)
        changed ||= now !== undefined && JSON.stringify(now) !== JSON.stringify(old)
      }
      kept.push({ slice, endpoints: stay, changed })
    }
    const fill = (place: (typeof kept)[number]): void => {
      for (const [key, endpoint] of left) {
        if (place.endpoints.length >= max) return
        place.endpoints.push(endpoint)
        left.delete(key)
        place.changed = true
      }
    }
    // The fullest first, so that others run empty.
    const changed = kept.filter((place) => place.changed && place.endpoints.length > 0)
    for (const place of changed.sort((a, b) => b.endpoints.length - a.endpoints.length)) fill(place)
    const fits = kept.filter((place) => place.endpoints.length > 0 && max - place.endpoints.length >= left.size)
    if (left.size > 0 && fits.length > 0) fill(fits.sort((a, b) => b.endpoints.length - a.endpoints.length)[0]!)
    const empty = kept.filter((place) => place.endpoints.length === 0)
    for (const place of empty) if (left.size > 0) fill(place)
    while (left.size > 0) {
      const next = [...left].slice(0, max)
      for (const [key] of next) left.delete(key)
      create.push({ ports, endpoints: next.map(([, endpoint]) => endpoint) })
    }
    for (const { slice, endpoints: now, changed: isChanged } of kept) {
      if (now.length === 0 && endpoints.length > 0) remove.push(slice)
      else if (isChanged) update.push({ slice, content: { ports, endpoints: now } })
    }
    // What leads nowhere is one empty slice.
    if (endpoints.length === 0) {
      remove.push(...kept.slice(1).map((place) => place.slice))
      if (kept.length === 0) create.push({ ports, endpoints: [] })
    }
  }
  remove.push(...slices.filter((slice) => !used.has(slice)))
  return { create, update, remove }
}

function identityOf(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''}/${endpoint.addresses.join(',')}`
}
