// The cloud's load balancers: a Service of that type gets a host name once one is there
// (kubernetes/cloud-provider:controllers/service/controller.go; kubernetes/cloud-provider-aws:pkg/providers/v1/aws.go).
import { Services, type Service } from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import type { EventRecorder, Reconciler } from '@plimsoll/runtime'
import { onChange } from '../caches.ts'
import { Lifetime } from '../machinery/lifetime.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import type { Timing } from '../timing.ts'
import { recorderFor, syncing, type Controller, type ControllerContext } from './controller.ts'

const cleanupFinalizer = 'service.kubernetes.io/load-balancer-cleanup'
const typeAnnotation = 'service.beta.kubernetes.io/aws-load-balancer-type'

export class ServiceLoadBalancerController implements Controller {
  readonly #context: ControllerContext
  readonly #kube: KubeApi
  readonly #timing: Timing
  readonly #events: EventRecorder
  readonly #loop: Reconciler<string>
  readonly #life: Lifetime
  /** Uids of the services whose load balancer is being made. */
  readonly #making = new Set<string>()

  /** `kube`: as the cloud's controller manager. */
  constructor(context: ControllerContext, o: { readonly kube: KubeApi; readonly timing: Timing }) {
    this.#context = context
    this.#kube = o.kube
    this.#timing = o.timing
    this.#events = recorderFor(context, o.kube, 'service-controller')
    this.#loop = syncing(context, 'service', (key) => this.#sync(key))
    this.#life = new Lifetime(context.clock)
    onChange(context.caches.services, (now) => {
      if (now !== undefined && (isBalanced(now) || isHeld(now))) this.#loop.add(keyOfObject(now))
    })
  }

  run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#life.end(), { once: true })
    return this.#loop.run(signal)
  }

  async #sync(key: string): Promise<void> {
    const service = this.#context.caches.services.get(splitKey(key))
    if (service === undefined) return
    if (!isBalanced(service) || service.metadata.deletionTimestamp !== undefined) {
      await this.#release(service)
      return
    }
    if ((service.status?.loadBalancer?.ingress?.length ?? 0) > 0) return
    const { uid } = service.metadata
    if (this.#making.has(uid)) return
    this.#making.add(uid)
    this.#events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer')
    if (!isHeld(service)) await this.#setFinalizers(service, [...(service.metadata.finalizers ?? []), cleanupFinalizer])
    const random = this.#context.random.split(`load-balancer/${uid}`)
    this.#life.after(this.#timing.loadBalancer(random), () => {
      this.#announce(key, uid).catch((error: unknown) => {
        this.#context.log.error('Failed to announce load balancer', { service: key, err: error })
      })
    })
  }

  async #announce(key: string, uid: string): Promise<void> {
    this.#making.delete(uid)
    const service = this.#context.caches.services.get(splitKey(key))
    if (service?.metadata.uid !== uid || !isBalanced(service)) return
    if (service.metadata.deletionTimestamp !== undefined) return
    const hostname = hostnameOf(service, this.#region())
    const body = { status: { loadBalancer: { ingress: [{ hostname }] } } }
    await this.#kube.patch(Services, service.metadata, { type: 'merge', body }, { subresource: 'status' })
    this.#events.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer')
  }

  /** No longer wanted: the load balancer goes, and what told of it. */
  async #release(service: Service): Promise<void> {
    if (!isHeld(service)) return
    this.#events.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')
    this.#making.delete(service.metadata.uid)
    if (service.metadata.deletionTimestamp === undefined && service.status?.loadBalancer?.ingress !== undefined) {
      const body = { status: { loadBalancer: { ingress: null } } }
      await this.#kube.patch(Services, service.metadata, { type: 'merge', body }, { subresource: 'status' })
    }
    this.#events.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer')
    await this.#setFinalizers(
      service,
      (service.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer),
    )
  }

  async #setFinalizers(service: Service, finalizers: readonly string[]): Promise<void> {
    const body = { metadata: { finalizers: finalizers.length === 0 ? null : finalizers } }
    await this.#kube.patch(Services, service.metadata, { type: 'merge', body }).catch((error: unknown) => {
      if (!isKubeFailure(error, 'notFound')) throw error
    })
  }

  #region(): string {
    for (const node of this.#context.caches.nodes.items()) {
      const region = node.metadata.labels?.['topology.kubernetes.io/region']
      if (region !== undefined) return region
    }
    return 'us-west-2'
  }
}

/** A class names another controller. */
function isBalanced(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && service.spec.loadBalancerClass === undefined
}

function isHeld(service: Service): boolean {
  return service.metadata.finalizers?.includes(cleanupFinalizer) === true
}

/** As AWS names them: a classic one unless the service asks for a network load balancer. */
function hostnameOf(service: Service, region: string): string {
  const name = `a${service.metadata.uid.replaceAll('-', '')}`.slice(0, 32)
  const type = service.metadata.annotations?.[typeAnnotation]
  let h = 0x811c9dc5
  for (const letter of name) h = Math.imul(h ^ letter.charCodeAt(0), 0x01000193)
  if (type === undefined) return `${name}-${String(h >>> 0).padStart(10, '1')}.${region}.elb.amazonaws.com`
  return `${name}-${(h >>> 0).toString(16).padStart(16, '0')}.elb.${region}.amazonaws.com`
}
