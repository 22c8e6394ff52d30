import { setImmediate as turn } from 'node:timers/promises'
import type { ObjectKey } from '@plimsoll/model'
import type { Subscription } from '@plimsoll/ports'
import type { ApiServer } from '../api-server.ts'
import type { LogOptions } from '../request.ts'
import type { Exchange } from './exchange.ts'

/** What a client may leave unread of a log that it follows before it is cut off. */
const unreadBytesMax = 16 * 1024 * 1024

/** A container's log as plain text, followed when asked. @throws {KubeError} before anything is sent */
export async function sendLog(
  exchange: Exchange,
  server: ApiServer,
  key: ObjectKey,
  container: string | undefined = exchange.query.text('container'),
): Promise<void> {
  const { response, query, context } = exchange
  const options: LogOptions = {
    container,
    follow: query.flag('follow'),
    previous: query.flag('previous'),
    tailLines: query.whole('tailLines'),
    sinceSeconds: query.whole('sinceSeconds'),
    sinceTime: query.text('sinceTime'),
    timestamps: query.flag('timestamps'),
    limitBytes: query.whole('limitBytes'),
  }
  let pending: string[] = []
  let begun = false
  let ended = false
  const flush = (): void => {
    const text = pending.join('')
    pending = []
    if (text !== '') response.write(text)
    if (ended) response.end()
  }
  let reading: Subscription | undefined
  reading = server.log(context, key, options, {
    chunk: (text) => {
      if (ended) return
      pending.push(text)
      if (!begun || pending.length > 1) return
      if (response.writableLength > unreadBytesMax) {
        reading?.stop()
        exchange.cut()
        return
      }
      void turn().then(flush)
    },
    end: () => {
      ended = true
      if (begun) void turn().then(flush)
    },
  })
  const stop = (): void => reading?.stop()
  response.on('close', stop)
  response.on('error', stop)
  exchange.start(200, 'text/plain; charset=utf-8')
  response.flushHeaders()
  begun = true
  flush()
}
