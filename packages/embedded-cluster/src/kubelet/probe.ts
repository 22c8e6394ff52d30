import type { Container, Probe } from '@plimsoll/model'
import type { ContainerRequest, ContainerResponse } from '@plimsoll/ports'

export type ProbeResult = { readonly kind: 'success' } | { readonly kind: 'failure'; readonly message: string }

const success: ProbeResult = { kind: 'success' }

/** One look at a program's container; commands and gRPC are taken to succeed, for the program cannot be asked. */
export function probeOnce(
  probe: Probe,
  container: Container,
  podIP: string,
  http: (port: number, request: ContainerRequest) => ContainerResponse | undefined,
): ProbeResult {
  const action = probe.httpGet ?? probe.tcpSocket
  if (action === undefined) return success
  const port = portNumber(action.port, container)
  if (port === undefined) return { kind: 'failure', message: `couldn't find port: ${action.port} in pod's container` }
  const path = probe.httpGet?.path ?? '/'
  const response = http(port, { method: 'GET', path })
  if (response === undefined) {
    const refused = `dial tcp ${podIP}:${port}: connect: connection refused`
    const url = `${(probe.httpGet?.scheme ?? 'HTTP').toLowerCase()}://${podIP}:${port}${path}`
    return { kind: 'failure', message: probe.httpGet === undefined ? refused : `Get "${url}": ${refused}` }
  }
  if (probe.httpGet === undefined || (response.status >= 200 && response.status < 400)) return success
  return { kind: 'failure', message: `HTTP probe failed with statuscode: ${response.status}` }
}

/** What a kubelet says of a container that is not ready to serve. */
export function unready(probe: Probe, container: Container, podIP: string): ProbeResult {
  if (probe.httpGet !== undefined) return { kind: 'failure', message: 'HTTP probe failed with statuscode: 503' }
  if (probe.tcpSocket !== undefined) {
    const port = portNumber(probe.tcpSocket.port, container)
    return { kind: 'failure', message: `dial tcp ${podIP}:${port}: connect: connection refused` }
  }
  if (probe.grpc !== undefined) return { kind: 'failure', message: 'service unhealthy (responded with "NOT_SERVING")' }
  return { kind: 'failure', message: '' }
}

/** What a kubelet says of a container that does not answer in time. */
export function unanswered(probe: Probe, container: Container, podIP: string): ProbeResult {
  const timeout = `${probe.timeoutSeconds ?? 1}s`
  if (probe.httpGet !== undefined) {
    const { scheme = 'HTTP', path = '/' } = probe.httpGet
    const url = `${scheme.toLowerCase()}://${podIP}:${portNumber(probe.httpGet.port, container)}${path}`
    const message = `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`
    return { kind: 'failure', message }
  }
  if (probe.tcpSocket !== undefined) {
    const port = portNumber(probe.tcpSocket.port, container)
    return { kind: 'failure', message: `dial tcp ${podIP}:${port}: i/o timeout` }
  }
  if (probe.grpc !== undefined) {
    const message = `timeout: failed to connect service "${podIP}:${probe.grpc.port}" within ${timeout}: context deadline exceeded`
    return { kind: 'failure', message }
  }
  const command = (probe.exec?.command ?? []).join(' ')
  return { kind: 'failure', message: `command timed out: "${command}" timed out after ${timeout}` }
}

function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === 'number') return port
  const named = container.ports?.find((p) => p.name === port)?.containerPort
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined)
}
