import type { RequestListener, Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

export interface ProxyCertificate {
  readonly keyPem: string
  /** With SANs `*.amazonaws.com`, `*.<region>.amazonaws.com` and the like; its chain may follow. */
  readonly certPem: string
}

/**
 * Answers CONNECT: tunnels to *.amazonaws.com end here, under our own certificate, at the same listener; all others are
 * refused. So that AWS clients work unchanged with HTTPS_PROXY and AWS_CA_BUNDLE alone. Returns what closes it.
 */
export function attachForwardProxy(
  server: Server,
  listener: RequestListener,
  certificate: ProxyCertificate,
): () => void {
  const tls = createTlsServer({ key: certificate.keyPem, cert: certificate.certPem }, listener)
  tls.keepAliveTimeout = server.keepAliveTimeout
  tls.requestTimeout = 0
  const sockets = new Set<Duplex>()
  server.on('connect', (request, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    if (!/(^|\.)amazonaws\.com(:443)?$/.test(request.url ?? '')) {
      socket.end(
        'HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nThis proxy leads to the embedded AWS only: *.amazonaws.com:443.\n',
      )
      return
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    tls.emit('connection', socket as Socket)
  })
  return () => {
    for (const socket of sockets) socket.destroy()
    tls.closeAllConnections()
  }
}
