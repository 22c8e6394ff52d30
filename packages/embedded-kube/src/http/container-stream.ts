// exec and attach over WebSockets: channels of one connection, the first byte of each message its number
// (kubernetes/apimachinery:pkg/util/httpstream/wsstream; v4 and v5.channel.k8s.io).
import type { ExecInput, ExecStreams } from '@plimsoll/ports'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { ApiServer } from '../api-server.ts'
import { badRequest, failure, internal } from '../errors.ts'
import { listOf, type StoredObject } from '../object.ts'
import { containerForLog } from '../subresources/log.ts'
import type { Exchange } from './exchange.ts'

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 }

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
})

/** Carries out exec or attach for a request that may. @throws {KubeError} before anything is answered */
export function streamContainer(
  exchange: Exchange,
  server: ApiServer,
  pod: StoredObject,
  verb: 'exec' | 'attach',
): void {
  const { query, upgrade } = exchange
  const { name } = pod.metadata
  const container = containerForLog(pod, query.text('container'), false)
  if ((pod.spec?.['nodeName'] ?? '') === '') throw badRequest(`pod ${name} does not have a host assigned`)
  const phase = pod.status?.['phase']
  if (phase === 'Succeeded' || phase === 'Failed')
    throw badRequest(`cannot ${verb} a container in a completed pod; current phase is ${phase}`)
  const statuses = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].flatMap((field) =>
    listOf(pod.status?.[field]),
  )
  const state = statuses.find((each) => each['name'] === container)?.['state'] as { readonly running?: unknown }
  if (state?.running === undefined) throw internal(`unable to upgrade connection: container not found ("${container}")`)
  const offered = exchange.header('sec-websocket-protocol') ?? ''
  if (
    upgrade === undefined ||
    !protocols.some((protocol) => offered.includes(protocol)) ||
    server.proxies === undefined
  ) {
    const message = `${verb} is served over WebSockets only (${protocols.join(', ')})`
    throw failure('internal', message, { name, kind: 'pods' }, { reason: 'NotImplemented', code: 501 })
  }
  const { proxies } = server
  const place = { namespace: pod.metadata.namespace ?? '', name }
  exchange.response.detachSocket(upgrade.socket as never)
  exchange.response.statusCode = 101
  sockets.handleUpgrade(exchange.request, upgrade.socket, upgrade.head, (socket) => {
    socket.on('close', () => exchange.response.emit('close'))
    const streams = streamsOf(socket)
    const commands = query.all('command')
    const options = { container, command: commands, tty: query.flag('tty'), stdin: query.flag('stdin') }
    const input = proxies.exec(place, options, streams)
    socket.on('message', (data: RawData) => receive(data as Buffer, input))
    socket.on('close', () => input.end())
    socket.on('error', () => socket.terminate())
  })
}

function receive(data: Buffer, input: ExecInput): void {
  if (data[0] === channels.stdin) input.type(data.subarray(1).toString('utf8'))
  else if (data[0] === channels.close && data[1] === channels.stdin) input.end()
}

function streamsOf(socket: WebSocket): ExecStreams {
  const send = (channel: number, text: string): void => {
    if (socket.readyState === socket.OPEN && text !== '')
      socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]))
  }
  const end = (status: object): void => {
    send(channels.error, JSON.stringify({ metadata: {}, ...status }))
    socket.close(1000)
  }
  return {
    stdout: (text) => send(channels.stdout, text),
    stderr: (text) => send(channels.stderr, text),
    exit: (code) => {
      if (code === 0) return end({ status: 'Success' })
      end({
        status: 'Failure',
        message: `command terminated with non-zero exit code: exit status ${code}`,
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
      })
    },
    fail: (message) =>
      end({
        status: 'Failure',
        message: `Internal error occurred: ${message}`,
        reason: 'InternalError',
        details: { causes: [{ message }] },
        code: 500,
      }),
  }
}
