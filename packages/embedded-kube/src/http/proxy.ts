// The proxies of nodes, pods and services: requests to those who listen behind the API server
// (kubernetes/kubernetes:pkg/registry/core/node/rest/rest_proxy.go, core/pod/rest/subresources.go).
import type { ObjectKey } from '@plimsoll/model'
import type { ApiServer } from '../api-server.ts'
import { badRequest, failure } from '../errors.ts'
import { listOf, type StoredObject } from '../object.ts'
import type { ProxyRequest, ProxyResponse } from '../request.ts'
import type { ResourceInfo } from '../resource-info.ts'
import type { Exchange } from './exchange.ts'
import { sendLog } from './log-response.ts'

const kubeletPort = '10250'

/** @throws {KubeError} notFound; unavailable when nobody listens */
export async function handleProxy(
  exchange: Exchange,
  server: ApiServer,
  info: ResourceInfo,
  key: ObjectKey,
  rest: string | undefined,
): Promise<void> {
  const { name, port } = splitName(key.name)
  const place = { namespace: key.namespace ?? '', name }
  const object = server.proxied(exchange.context, info, info.namespaced ? place : { name }, exchange.method)
  const path = `/${rest ?? ''}`
  const query = exchange.request.url?.split('?').slice(1).join('?') ?? ''
  const request: ProxyRequest = { method: exchange.method, path: query === '' ? path : `${path}?${query}` }
  if (info.plural === 'nodes' && (port === '' || port === kubeletPort)) {
    const log = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path)
    if (log !== null) return sendLog(exchange, server, { namespace: log[1]!, name: log[2]! }, log[3]!)
  }
  const response = ask(server, info, place, port, object, request)
  if (response === undefined) {
    const address = `${addressOf(object)}:${port === '' ? '80' : port}`
    throw failure('unavailable', `error trying to reach service: dial tcp ${address}: connect: connection refused`)
  }
  exchange.send(response.status, response.contentType, response.body)
}

function ask(
  server: ApiServer,
  info: ResourceInfo,
  place: { readonly namespace: string; readonly name: string },
  port: string,
  object: StoredObject,
  request: ProxyRequest,
): ProxyResponse | undefined {
  const { proxies } = server
  switch (info.plural) {
    case 'nodes':
      return port === '' || port === kubeletPort ? proxies?.kubelet(place.name, request) : undefined
    case 'pods':
      return proxies?.pod(place, portOf(object, port), request)
    default:
      return proxies?.service(place, port, request)
  }
}

/** `name`, `name:port`, `scheme:name:port` (k8s.io/apimachinery:pkg/util/net, SplitSchemeNamePort). */
function splitName(text: string): { readonly name: string; readonly port: string } {
  const parts = text.split(':')
  if (parts.length === 1) return { name: text, port: '' }
  if (parts.length === 2) return { name: parts[0]!, port: parts[1]! }
  if (parts.length === 3 && (parts[0] === 'http' || parts[0] === 'https' || parts[0] === ''))
    return { name: parts[1]!, port: parts[2]! }
  throw badRequest(`invalid proxy request ${JSON.stringify(text)}`)
}

/** Without one, the first port of the first container. */
function portOf(pod: StoredObject, port: string): number {
  const ports = listOf(pod.spec?.['containers']).flatMap((container) => listOf(container['ports']))
  if (/^\d+$/.test(port)) return Number(port)
  const found = port === '' ? ports[0] : ports.find((each) => each['name'] === port)
  return Number(found?.['containerPort'] ?? 80)
}

function addressOf(object: StoredObject): string {
  const { status, spec } = object
  const addresses = listOf(status?.['addresses'])
  const internal = addresses.find((address) => address['type'] === 'InternalIP')?.['address']
  const address = status?.['podIP'] ?? spec?.['clusterIP'] ?? internal
  return typeof address === 'string' ? address : ''
}
