// The charts on one port of loopback, for `helm repo add` and for `oci://`. Everything that can be asked for is there
// before the first request, in one table by path: a request reads no file, so no path leads out of the charts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Chart } from './chart.ts'
import { chartRegistry, missing, registryErrors } from './registry.ts'
import { chartRepository } from './repository.ts'
import type { Served } from './served.ts'

export interface ChartServer {
  /** `http://127.0.0.1:6445` */
  readonly url: string
  close(): Promise<void>
}

/** Port 0: any free one. @throws {Error} when the port is taken */
export async function startChartServer(charts: readonly Chart[], o: { readonly port: number }): Promise<ChartServer> {
  const shelf = new Map<string, Served>()
  const server = createServer((request, response) => answer(request, response, shelf, charts))
  await listen(server, o.port)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const [path, served] of [...chartRepository(charts, url), ...chartRegistry(charts)]) shelf.set(path, served)
  return {
    url,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  shelf: ReadonlyMap<string, Served>,
  charts: readonly Chart[],
): void {
  const [path = '/'] = url.split('?')
  const isRegistry = /^\/v2(\/|$)/.test(path)
  if (isRegistry) response.setHeader('Docker-Distribution-API-Version', 'registry/2.0')

  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    const message = 'the charts can only be read'
    if (isRegistry) send(response, 405, json(registryErrors({ code: 'UNSUPPORTED', message })))
    else send(response, 405, text(message))
    return
  }
  const served = shelf.get(path)
  if (served !== undefined) send(response, 200, served)
  else if (isRegistry) send(response, 404, json(registryErrors(missing(path, charts))))
  else send(response, 404, text('there is no such chart; see /'))
}

function json(body: string): Served {
  return { type: 'application/json', body: Buffer.from(body) }
}

function text(body: string): Served {
  return { type: 'text/plain; charset=utf-8', body: Buffer.from(body + '\n') }
}

/** To a HEAD request, Node sends the head alone. */
function send(response: ServerResponse, status: number, { type, body, digest }: Served): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.byteLength,
    ...(digest === undefined ? {} : { 'Docker-Content-Digest': digest }),
  })
  response.end(body)
}
