import type { KubeObject, Status } from '@plimsoll/model'
import type { KubeError, WatchEvent } from '@plimsoll/ports'
import { errorOfStatus, unavailable } from './failures.ts'

/** Cuts a stream of bytes into lines; characters and lines may be cut anywhere. */
export class LineReader {
  readonly #decoder = new TextDecoder()
  #pending: string[] = []

  /** The lines that are complete with this chunk, the empty ones left out. */
  take(chunk: Uint8Array): string[] {
    const text = this.#decoder.decode(chunk, { stream: true })
    const parts = text.split('\n')
    if (parts.length === 1) {
      this.#pending.push(text)
      return []
    }
    parts[0] = this.#pending.join('') + parts[0]!
    this.#pending = [parts.pop()!]
    return parts.filter((line) => line !== '')
  }
}

interface WireEvent {
  readonly type: string
  readonly object: KubeObject | Status
}

const initialEventsEnd = 'k8s.io/initial-events-end'

/** One line of a watch: an event, or the error that it carries; `unavailable` when it is garbled. */
export function parseWatchLine<T extends KubeObject>(line: string): WatchEvent<T> | KubeError {
  let wire: WireEvent
  try {
    wire = JSON.parse(line) as WireEvent
  } catch (error) {
    return unavailable('watch: a line is not JSON', error)
  }
  switch (wire.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: wire.type, object: wire.object as T }
    case 'BOOKMARK': {
      const { resourceVersion, annotations } = (wire.object as KubeObject).metadata
      return { type: 'BOOKMARK', resourceVersion, initialEventsEnd: annotations?.[initialEventsEnd] === 'true' }
    }
    case 'ERROR':
      return errorOfStatus(wire.object as Status)
    default:
      return unavailable(`watch: unknown event type ${JSON.stringify(wire.type)}`)
  }
}
