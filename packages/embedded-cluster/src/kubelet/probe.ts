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

function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === 'number') return port
  const named = container.ports?.find((p) => p.name === port)?.containerPort
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined)
}
