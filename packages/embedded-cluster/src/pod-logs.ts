import type { ObjectKey } from '@plimsoll/model'
import type { KubeError, Subscription } from '@plimsoll/ports'

/** The query of `GET …/pods/NAME/log`. */
export interface PodLogOptions {
  readonly container?: string | undefined
  readonly follow?: boolean | undefined
  readonly previous?: boolean | undefined
  readonly tailLines?: number | undefined
  readonly sinceSeconds?: number | undefined
  /** RFC 3339. */
  readonly sinceTime?: string | undefined
  readonly timestamps?: boolean | undefined
  readonly limitBytes?: number | undefined
}

export interface PodLogSink {
  /** Whole lines, each with its newline. */
  chunk(text: string): void
  /** Called once, when nothing more will come; never after stop(). */
  end(): void
}

/** The output of containers, as the log subresource serves it. */
export interface PodLogs {
  /** A KubeError `notFound`, or `badRequest` with the API server's own messages */
  read(pod: ObjectKey, options: PodLogOptions, sink: PodLogSink): Subscription | KubeError
}
