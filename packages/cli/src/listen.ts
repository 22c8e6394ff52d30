// An HTTP port for what an autoscaler serves of itself: health and metrics.
import { createServer, type Server } from 'node:http'
import type { ContainerRequest, ContainerResponse } from '@plimsoll/ports'

/**
 * Listens on an address as Go's net.Listen reads it: `:8085`, `127.0.0.1:8085`, `[::1]:8085`.
 * @throws Error `listen tcp :8085: bind: address already in use` and its like
 */
export async function listen(
  address: string,
  handler: (request: ContainerRequest) => ContainerResponse,
): Promise<Server> {
  const server = createServer((request, response) => {
    const { status, contentType, body } = handler({ method: request.method ?? 'GET', path: request.url ?? '/' })
    response.writeHead(status, { 'content-type': contentType }).end(body)
  })
  const { host, port } = hostAndPort(address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `listen tcp ${address}: ${cause.code === 'EADDRINUSE' ? 'bind: address already in use' : cause.message}`,
          { cause },
        ),
      ),
    )
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve)
  })
  return server
}

export function close(server: Server): void {
  server.closeAllConnections()
  server.close()
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  const port = Number(address.slice(colon + 1))
  if (colon < 0 || address.length === colon + 1 || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${JSON.stringify(address)} is not host:port, as in :8085`)
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port }
}
