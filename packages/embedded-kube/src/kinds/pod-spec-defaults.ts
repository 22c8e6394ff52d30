// Defaults of pods and pod templates (kubernetes/kubernetes:pkg/apis/core/v1/defaults.go).
import { isFields, listOf, mapSame, withDefaults, withField, type Fields } from '../object.ts'

/** Fills a pod spec, of a pod or of a template. */
export function podSpecDefaults(spec: Fields): Fields {
  const hostNetwork = spec['hostNetwork'] === true
  let filled = withDefaults(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  })
  const account = spec['serviceAccountName'] ?? spec['serviceAccount']
  if (account !== undefined && account !== '') {
    filled = withDefaults(filled, { serviceAccountName: account, serviceAccount: account })
  }
  for (const field of ['containers', 'initContainers', 'ephemeralContainers']) {
    const containers = filled[field]
    if (!Array.isArray(containers)) continue
    filled = withField(
      filled,
      field,
      mapSame(listOf(containers), (container) => containerDefaults(container, hostNetwork)),
    )
  }
  const volumes = filled['volumes']
  return Array.isArray(volumes) ? withField(filled, 'volumes', mapSame(listOf(volumes), volumeDefaults)) : filled
}

/** What only a pod gets, not a template: requests from limits, service links. */
export function podOnlyDefaults(spec: Fields): Fields {
  let filled = withDefaults(spec, { enableServiceLinks: true })
  for (const field of ['containers', 'initContainers']) {
    const containers = filled[field]
    if (Array.isArray(containers)) filled = withField(filled, field, mapSame(listOf(containers), requestsFromLimits))
  }
  return filled
}

function requestsFromLimits(container: Fields): Fields {
  const resources = container['resources']
  if (!isFields(resources) || !isFields(resources['limits'])) return container
  const present = isFields(resources['requests']) ? resources['requests'] : {}
  const requests = withDefaults(present, resources['limits'])
  return requests === resources['requests'] ? container : { ...container, resources: { ...resources, requests } }
}

function containerDefaults(container: Fields, hostNetwork: boolean): Fields {
  let filled = withDefaults(container, {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(container['image']),
  })
  const ports = container['ports']
  if (Array.isArray(ports)) {
    filled = withField(
      filled,
      'ports',
      mapSame(listOf(ports), (port) =>
        withDefaults(port, hostNetwork ? { protocol: 'TCP', hostPort: port['containerPort'] } : { protocol: 'TCP' }),
      ),
    )
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[field]
    if (isFields(probe)) filled = withField(filled, field, probeDefaults(probe))
  }
  const lifecycle = container['lifecycle']
  if (isFields(lifecycle)) {
    let hooks: Fields = lifecycle
    for (const hook of ['postStart', 'preStop']) {
      const handler = hooks[hook]
      if (isFields(handler)) hooks = withField(hooks, hook, handlerDefaults(handler))
    }
    filled = withField(filled, 'lifecycle', hooks)
  }
  const env = container['env']
  if (Array.isArray(env)) filled = withField(filled, 'env', mapSame(listOf(env), envDefaults))
  return filled
}

/** Always for the tag `latest`, written or implied; IfNotPresent otherwise. */
function pullPolicy(image: unknown): string {
  if (typeof image !== 'string') return 'IfNotPresent'
  const [reference = '', digest] = image.split('@')
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1)
  const tag = colon < 0 ? (digest === undefined ? 'latest' : '') : reference.slice(colon + 1)
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}

function probeDefaults(probe: Fields): Fields {
  return withDefaults(handlerDefaults(probe), {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  })
}

function handlerDefaults(handler: Fields): Fields {
  const { httpGet, grpc } = handler
  let filled = handler
  if (isFields(httpGet)) filled = withField(filled, 'httpGet', withDefaults(httpGet, { path: '/', scheme: 'HTTP' }))
  if (isFields(grpc)) filled = withField(filled, 'grpc', withDefaults(grpc, { service: '' }))
  return filled
}

function envDefaults(variable: Fields): Fields {
  const source = variable['valueFrom']
  if (!isFields(source) || !isFields(source['fieldRef'])) return variable
  const reference = withDefaults(source['fieldRef'], { apiVersion: 'v1' })
  return reference === source['fieldRef'] ? variable : { ...variable, valueFrom: { ...source, fieldRef: reference } }
}

const filesWithMode = ['secret', 'configMap', 'projected', 'downwardAPI']

function volumeDefaults(volume: Fields): Fields {
  if (Object.keys(volume).every((field) => field === 'name' || volume[field] === undefined)) {
    return { ...volume, emptyDir: {} }
  }
  let filled = volume
  for (const field of filesWithMode) {
    const source = filled[field]
    if (isFields(source)) filled = withField(filled, field, withDefaults(source, { defaultMode: 420 }))
  }
  const { projected, downwardAPI, hostPath } = filled
  if (isFields(projected) && Array.isArray(projected['sources'])) {
    const sources = mapSame(listOf(projected['sources']), projectionDefaults)
    filled = withField(filled, 'projected', withField(projected, 'sources', sources))
  }
  if (isFields(downwardAPI)) filled = withField(filled, 'downwardAPI', downwardDefaults(downwardAPI))
  if (isFields(hostPath)) filled = withField(filled, 'hostPath', withDefaults(hostPath, { type: '' }))
  return filled
}

function projectionDefaults(source: Fields): Fields {
  const { serviceAccountToken, downwardAPI } = source
  let filled = source
  if (isFields(serviceAccountToken)) {
    const token = withDefaults(serviceAccountToken, { expirationSeconds: 3600 })
    filled = withField(filled, 'serviceAccountToken', token)
  }
  if (isFields(downwardAPI)) filled = withField(filled, 'downwardAPI', downwardDefaults(downwardAPI))
  return filled
}

function downwardDefaults(source: Fields): Fields {
  const items = source['items']
  if (!Array.isArray(items)) return source
  const filled = mapSame(listOf(items), (item) => {
    const reference = item['fieldRef']
    return isFields(reference) ? withField(item, 'fieldRef', withDefaults(reference, { apiVersion: 'v1' })) : item
  })
  return withField(source, 'items', filled)
}
