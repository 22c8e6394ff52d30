// kubernetes/kubernetes:pkg/controller/ttlafterfinished/ttlafterfinished_controller.go
import { instant, Jobs, ms, type Ms } from '@plimsoll/model'
import { ignoreNotFound } from '@plimsoll/ports'
import { onChange } from '../caches.ts'
import { keyOfObject, splitKey } from '../machinery/reference.ts'
import { WorkloadController, type ControllerContext } from './controller.ts'
import { finishOf } from './job.ts'

/** Removes finished Jobs when their time is over, whoever ran them. */
export class TtlAfterFinishedController extends WorkloadController {
  constructor(context: ControllerContext) {
    super(context, { loop: 'ttl-after-finished', account: 'ttl-after-finished-controller' })
    onChange(context.caches.jobs, (now) => {
      if (now?.spec.ttlSecondsAfterFinished !== undefined && finishOf(now) !== undefined)
        this.loop.add(keyOfObject(now))
    })
  }

  protected override async sync(key: string): Promise<Ms | undefined> {
    const job = this.context.caches.jobs.get(splitKey(key))
    const ttl = job?.spec.ttlSecondsAfterFinished
    const end = job === undefined ? undefined : instant(finishOf(job)?.lastTransitionTime)
    if (job === undefined || ttl === undefined || end === undefined) return undefined
    if (job.metadata.deletionTimestamp !== undefined) return undefined
    const left = end + ttl * 1000 - this.context.clock.now()
    if (left > 0) return ms(left)
    const preconditions = { uid: job.metadata.uid }
    await this.kube.remove(Jobs, job.metadata, { propagationPolicy: 'Foreground', preconditions }).catch(ignoreNotFound)
    return undefined
  }
}
