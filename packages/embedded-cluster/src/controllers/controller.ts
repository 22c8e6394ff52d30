import { controllerOf, type KubeObject, type Ms } from '@plimsoll/model'
import type { Clock, KubeApi, KubeReader, Log, Random } from '@plimsoll/ports'
import { EventRecorder, Reconciler, type Informer } from '@plimsoll/runtime'
import { onChange, type Caches } from '../caches.ts'
import { keyOfObject } from '../machinery/reference.ts'

/** What every controller is given. */
export interface ControllerContext {
  readonly caches: Caches
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The API server as the controller manager itself, which may list and watch everything. */
  readonly reader: Pick<KubeReader, 'list' | 'watch'>
  /** The API server as a controller's own service account in kube-system. */
  readonly kube: (serviceAccount: string) => KubeApi
}

export interface Controller {
  /** Works until the signal is aborted. Called when the caches are filled. */
  run(signal: AbortSignal): Promise<void>
}

/** A controller that brings objects of one kind, by key, to where they want to be: an account, a recorder of events, a loop. */
export abstract class WorkloadController implements Controller {
  protected readonly context: ControllerContext
  protected readonly kube: KubeApi
  protected readonly events: EventRecorder
  protected readonly loop: Reconciler<string>

  /** `account`: the service account in kube-system; `component`: the source of its events, where it differs. */
  constructor(
    context: ControllerContext,
    o: { readonly loop: string; readonly account: string; readonly component?: string },
  ) {
    this.context = context
    this.kube = context.kube(o.account)
    this.events = recorderFor(context, this.kube, o.component ?? o.account)
    this.loop = syncing(context, o.loop, (key) => this.sync(key))
  }

  run(signal: AbortSignal): Promise<void> {
    return this.loop.run(signal)
  }

  /** One look at one object; may say after how long to look again. */
  protected abstract sync(key: string): Promise<Ms | undefined | void>
}

export function recorderFor(context: ControllerContext, kube: KubeApi, component: string): EventRecorder {
  return new EventRecorder({ kube, clock: context.clock, component })
}

/** A loop over keys, with one worker unless told otherwise; `sync` may say after how long it wants to look again. */
export function syncing(
  context: ControllerContext,
  name: string,
  sync: (key: string) => Promise<Ms | undefined | void>,
  workers = 1,
): Reconciler<string> {
  return new Reconciler<string>({
    name,
    clock: context.clock,
    log: context.log,
    workers,
    reconcile: async (key) => {
      const again = await sync(key)
      return again === undefined ? undefined : { requeueAfter: again }
    },
  })
}

/** Looks at an owner when it came or changed, and when something that it controls came, changed or went. */
export function followOwned<O extends KubeObject, D extends KubeObject>(
  loop: Reconciler<string>,
  kind: string,
  o: { readonly owners: Informer<O>; readonly owned: Informer<D> },
): void {
  onChange(o.owners, (now) => {
    if (now !== undefined) loop.add(keyOfObject(now))
  })
  onChange(o.owned, (now, was) => {
    const object = now ?? was!
    const owner = controllerOf(object)
    if (owner?.kind === kind) loop.add(`${object.metadata.namespace}/${owner.name}`)
  })
}
