import type { ObjectKey } from '@plimsoll/model'

/** The query of `GET …/pods/NAME/log`. */
export interface PodLogOptions {
  readonly container?: string
  readonly follow?: boolean
  readonly previous?: boolean
  readonly tailLines?: number
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  readonly timestamps?: boolean
  readonly limitBytes?: number
}

export interface PodLogSink {
  /** Whole lines, each with its newline. */
  chunk(text: string): void
  /** Called once, when nothing more will come; never after stop(). */
  end(): void
}

/** The output of containers, as the log subresource serves it. */
export interface PodLogs {
  /** @throws {KubeError} `notFound`, or `badRequest` with the API server's own messages */
  read(pod: ObjectKey, options: PodLogOptions, sink: PodLogSink): { stop(): void }
}
