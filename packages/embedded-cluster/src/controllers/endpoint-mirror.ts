// Endpoints that somebody keeps by hand for a Service without a selector are shown as slices too
// (kubernetes/kubernetes:pkg/controller/endpointslicemirroring).
import {
  EndpointSlices,
  EndpointsResource,
  type EndpointAddress,
  type Endpoints,
  type EndpointSlice,
  type Endpoint,
} from '@plimsoll/model'
import { ignoreNotFound } from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { managedByLabel, planSlices, serviceLabel } from './endpoint-plan.ts'
import { controllerReference } from './pod-control.ts'

const manager = 'endpointslicemirroring-controller.k8s.io'
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror'
const electionAnnotation = 'control-plane.alpha.kubernetes.io/leader'
const addressesMax = 1000

export class EndpointMirrorController extends WorkloadController {
  readonly #endpoints: Informer<Endpoints>
  readonly #slices: Informer<EndpointSlice>

  constructor(context: ControllerContext) {
    super(context, { loop: 'endpointslicemirroring', account: 'endpointslicemirroring-controller' })
    const { clock, log, random, caches } = context
    const options = { clock, log, random: random.split('endpoint-mirror') }
    this.#endpoints = new Informer(this.kube, EndpointsResource, options)
    this.#slices = new Informer(this.kube, EndpointSlices, {
      ...options,
      selection: { labelSelector: `${managedByLabel}=${manager}` },
      indexes: { service: (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.[serviceLabel] ?? ''}`] },
    })
    onChange(this.#endpoints, (now, was) => this.loop.add(keyOfObject(now ?? was!)))
    onChange(caches.services, (now, was) => {
      const key = keyOfObject(now ?? was!)
      const had = was?.spec?.selector !== undefined
      const has = now?.spec?.selector !== undefined
      if (now === undefined || was === undefined || had !== has) this.loop.add(key)
    })
  }

  override async run(signal: AbortSignal): Promise<void> {
    await this.#endpoints.start(signal)
    await this.#slices.start(signal)
    await super.run(signal)
  }

  protected override async sync(key: string): Promise<void> {
    const endpoints = this.#endpoints.get(splitKey(key))
    const service = this.context.caches.services.get(splitKey(key))
    const slices = this.#slices.byIndex('service', key)
    const mirrored =
      endpoints !== undefined &&
      service !== undefined &&
      service.spec?.selector === undefined &&
      endpoints.metadata.labels?.[skipLabel] !== 'true' &&
      endpoints.metadata.annotations?.[electionAnnotation] === undefined
    if (!mirrored) {
      for (const slice of slices) await this.kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
      return
    }
    const { name, namespace, labels } = endpoints.metadata
    const plan = planSlices(slices, contentsOf(endpoints), addressesMax)
    for (const slice of plan.remove) await this.kube.remove(EndpointSlices, slice.metadata).catch(ignoreNotFound)
    for (const { slice, content } of plan.update) await this.kube.replace(EndpointSlices, { ...slice, ...content })
    for (const content of plan.create) {
      await this.kube.create(EndpointSlices, {
        metadata: {
          generateName: `${name}-`,
          namespace,
          labels: { ...labels, [managedByLabel]: manager, [serviceLabel]: name },
          ownerReferences: [controllerReference(EndpointsResource, endpoints)],
        },
        addressType: 'IPv4',
        ...content,
      })
    }
  }
}

function contentsOf(endpoints: Endpoints): readonly Pick<EndpointSlice, 'ports' | 'endpoints'>[] {
  let room = addressesMax
  return (endpoints.subsets ?? []).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [...addresses.map((a) => endpointAt(a, true)), ...notReadyAddresses.map((a) => endpointAt(a, false))]
    const taken = all.slice(0, room)
    room -= taken.length
    const named = ports.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }))
    return { ports: named, endpoints: taken }
  })
}

function endpointAt({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  }
}
