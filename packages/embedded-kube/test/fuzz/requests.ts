// Requests as no client should send them: well-formed ones, spoiled somewhere.
import type { Random } from '@plimsoll/ports'
import { stringify } from 'yaml'
import type { FuzzRequest } from './in-memory.ts'
import { define, inheritedNames, mutated, pick, scrambled, strangeText, strangeValue } from './strange.ts'

interface Sample {
  /** Of the collection. */
  readonly path: string
  readonly name: string
  readonly object: unknown
}

const container = {
  name: 'c',
  image: 'nginx:1',
  command: ['sh', '-c', 'true'],
  env: [
    { name: 'A', value: 'b' },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ],
  ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }],
  resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } },
  livenessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 5 },
  volumeMounts: [{ name: 'v', mountPath: '/v' }],
}
const podSpec = {
  containers: [container],
  initContainers: [{ name: 'i', image: 'busybox', restartPolicy: 'Always' }],
  volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }],
  nodeSelector: { zone: 'a' },
  tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'cpus', operator: 'Gt', values: ['3'] }] }],
      },
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 5, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } } },
      ],
    },
  },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'x' } },
    },
  ],
  terminationGracePeriodSeconds: 30,
  securityContext: { runAsUser: 1000, sysctls: [{ name: 'a.b', value: '1' }] },
}
const template = { metadata: { labels: { app: 'x' } }, spec: podSpec }
const selector = { matchLabels: { app: 'x' }, matchExpressions: [{ key: 'app', operator: 'In', values: ['x'] }] }

const core = '/api/v1/namespaces/default'
const samples: readonly Sample[] = (
  [
    [`${core}/pods`, 'v1', 'Pod', { spec: podSpec }],
    [`${core}/configmaps`, 'v1', 'ConfigMap', { data: { a: 'b' }, binaryData: { c: 'AAEC' } }],
    [`${core}/secrets`, 'v1', 'Secret', { type: 'Opaque', data: { a: 'Yg==' }, stringData: { c: 'd' } }],
    [
      `${core}/services`,
      'v1',
      'Service',
      {
        spec: {
          type: 'NodePort',
          selector: { app: 'x' },
          ports: [{ name: 'p', port: 80, targetPort: 'http', protocol: 'TCP' }],
        },
      },
    ],
    [`${core}/serviceaccounts`, 'v1', 'ServiceAccount', { imagePullSecrets: [{ name: 's' }] }],
    [
      `${core}/persistentvolumeclaims`,
      'v1',
      'PersistentVolumeClaim',
      {
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
          storageClassName: 'gp3',
        },
      },
    ],
    [
      `${core}/limitranges`,
      'v1',
      'LimitRange',
      { spec: { limits: [{ type: 'Container', default: { cpu: '1' }, max: { cpu: '2' } }] } },
    ],
    [`${core}/resourcequotas`, 'v1', 'ResourceQuota', { spec: { hard: { 'requests.cpu': '100', pods: '1000' } } }],
    [
      `${core}/events`,
      'v1',
      'Event',
      {
        involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
        reason: 'Seen',
        message: 'm',
        type: 'Normal',
        count: 1,
        firstTimestamp: '2026-01-02T03:04:05Z',
      },
    ],
    [`${core}/endpoints`, 'v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] }],
    [
      '/api/v1/nodes',
      'v1',
      'Node',
      {
        spec: { taints: [{ key: 'k', effect: 'NoSchedule' }], podCIDR: '10.1.0.0/24' },
        status: { capacity: { cpu: '4' } },
      },
    ],
    ['/api/v1/namespaces', 'v1', 'Namespace', {}],
    [
      '/api/v1/persistentvolumes',
      'v1',
      'PersistentVolume',
      { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } } },
    ],
    [
      '/apis/apps/v1/namespaces/default/deployments',
      'apps/v1',
      'Deployment',
      {
        spec: {
          replicas: 2,
          selector,
          template,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
        },
      },
    ],
    [
      '/apis/apps/v1/namespaces/default/statefulsets',
      'apps/v1',
      'StatefulSet',
      {
        spec: {
          serviceName: 's',
          selector,
          template,
          volumeClaimTemplates: [
            {
              metadata: { name: 'd' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          ],
        },
      },
    ],
    ['/apis/apps/v1/namespaces/default/daemonsets', 'apps/v1', 'DaemonSet', { spec: { selector, template } }],
    [
      '/apis/apps/v1/namespaces/default/replicasets',
      'apps/v1',
      'ReplicaSet',
      { spec: { replicas: 1, selector, template } },
    ],
    [
      '/apis/batch/v1/namespaces/default/jobs',
      'batch/v1',
      'Job',
      {
        spec: {
          completions: 2,
          backoffLimit: 3,
          template: { spec: { ...podSpec, initContainers: [], restartPolicy: 'Never' } },
        },
      },
    ],
    [
      '/apis/batch/v1/namespaces/default/cronjobs',
      'batch/v1',
      'CronJob',
      {
        spec: {
          schedule: '*/5 * * * *',
          timeZone: 'Asia/Seoul',
          jobTemplate: {
            spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } } },
          },
        },
      },
    ],
    [
      '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
      'autoscaling/v2',
      'HorizontalPodAutoscaler',
      {
        spec: {
          maxReplicas: 5,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
          ],
        },
      },
    ],
    [
      '/apis/policy/v1/namespaces/default/poddisruptionbudgets',
      'policy/v1',
      'PodDisruptionBudget',
      { spec: { minAvailable: '50%', selector } },
    ],
    [
      '/apis/rbac.authorization.k8s.io/v1/clusterroles',
      'rbac.authorization.k8s.io/v1',
      'ClusterRole',
      { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    ],
    [
      '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
      'rbac.authorization.k8s.io/v1',
      'RoleBinding',
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }],
      },
    ],
    [
      '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
      'networking.k8s.io/v1',
      'Ingress',
      {
        spec: {
          rules: [
            {
              host: 'a.b',
              http: {
                paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }],
              },
            },
          ],
        },
      },
    ],
    [
      '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
      'networking.k8s.io/v1',
      'NetworkPolicy',
      {
        spec: {
          podSelector: {},
          policyTypes: ['Ingress'],
          ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
        },
      },
    ],
    [
      '/apis/storage.k8s.io/v1/storageclasses',
      'storage.k8s.io/v1',
      'StorageClass',
      { provisioner: 'p', volumeBindingMode: 'Immediate' },
    ],
    ['/apis/scheduling.k8s.io/v1/priorityclasses', 'scheduling.k8s.io/v1', 'PriorityClass', { value: 7 }],
    [
      '/apis/coordination.k8s.io/v1/namespaces/default/leases',
      'coordination.k8s.io/v1',
      'Lease',
      { spec: { holderIdentity: 'h', leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.000000Z' } },
    ],
    [
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      'discovery.k8s.io/v1',
      'EndpointSlice',
      { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }], ports: [{ port: 80 }] },
    ],
    [
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      'certificates.k8s.io/v1',
      'CertificateSigningRequest',
      { spec: { request: 'Yg==', signerName: 'a.b/c', usages: ['client auth'] } },
    ],
    [
      '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims',
      'resource.k8s.io/v1',
      'ResourceClaim',
      { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'd' } }] } } },
    ],
    [
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
      'admissionregistration.k8s.io/v1',
      'ValidatingWebhookConfiguration',
      { webhooks: [] },
    ],
    [
      '/apis/sea.dev/v1/namespaces/default/boats',
      'sea.dev/v1',
      'Boat',
      { spec: { length: 12, sails: [{ name: 'jib', area: 7 }], flag: 'abc' } },
    ],
  ] as const
).map(([path, apiVersion, kind, body]) => ({
  path,
  name: `${kind.toLowerCase()}-known`,
  object: {
    apiVersion,
    kind,
    metadata: { name: `${kind.toLowerCase()}-known`, labels: { app: 'x' }, annotations: { note: 'n' } },
    ...body,
  },
}))

/** What is answered, not stored, and what hangs on other objects. */
const asked: readonly (readonly [string, unknown])[] = [
  [
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } },
    },
  ],
  [
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: 'u', groups: ['g'], nonResourceAttributes: { verb: 'get', path: '/x' } },
    },
  ],
  [
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } },
  ],
  [
    '/apis/authentication.k8s.io/v1/tokenreviews',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'a.b.c' } },
  ],
  [
    `${core}/serviceaccounts/default/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: ['a'], expirationSeconds: 3600 },
    },
  ],
  [
    `${core}/pods/pod-known/eviction`,
    {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'pod-known' },
      deleteOptions: { gracePeriodSeconds: 30, dryRun: ['All'] },
    },
  ],
  [
    `${core}/pods/pod-known/binding`,
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'pod-known' }, target: { kind: 'Node', name: 'n' } },
  ],
]

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const

const accepts = [
  'application/json',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf,application/json',
] as const

export const knownSamples: readonly Sample[] = samples

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value) ?? '')
const nothing = new Uint8Array()

/** The next request of a seeded stream. */
export function fuzzRequest(random: Random): FuzzRequest {
  switch (random.below(10)) {
    case 0:
      return read(random)
    case 1:
      return anywhere(random)
    case 2:
    case 3:
    case 4:
      return write(random)
    case 5:
    case 6:
    case 7:
      return patch(random)
    case 8:
      return question(random)
    default:
      return definition(random)
  }
}

function headersOf(random: Random, contentType?: string): { readonly [name: string]: string } {
  const headers: Record<string, string> = {
    accept: random.below(20) === 0 ? strangeText(random) : pick(random, accepts),
    'user-agent': random.below(10) === 0 ? strangeText(random) : 'fuzz/1.0',
  }
  if (contentType !== undefined) headers['content-type'] = random.below(30) === 0 ? strangeText(random) : contentType
  if (random.below(100) === 0) headers['authorization'] = `Bearer ${strangeText(random)}`
  if (random.below(100) === 0)
    headers[pick(random, ['impersonate-user', 'impersonate-group', 'impersonate-uid', 'impersonate-extra-x'])] =
      strangeText(random)
  if (random.below(50) === 0) headers['if-none-match'] = strangeText(random)
  return headers
}

const parameters: { readonly [name: string]: readonly string[] } = {
  labelSelector: [
    'app=x',
    'app in (x,y),!z',
    'a notin (b)',
    'n>3',
    'app==x,app!=y',
    'constructor',
    '!toString,valueOf!=x',
    'hasOwnProperty in (constructor,x)',
    'constructor>3',
  ],
  fieldSelector: [
    'metadata.name=pod-known',
    'status.phase!=Running',
    'spec.nodeName=',
    'metadata.namespace=default,metadata.name=x',
    'constructor=x',
    '__proto__.constructor!=x',
    'metadata.toString=',
    'metadata.name=constructor',
  ],
  resourceVersion: ['0', '1', '5', '-1', '1.5', '007'],
  resourceVersionMatch: ['Exact', 'NotOlderThan', 'Other'],
  limit: ['1', '0', '-3', '500', '99999999999999999999'],
  continue: ['abc', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwibmV4dCI6LTF9', 'e30', 'bnVsbA'],
  timeoutSeconds: ['1', '0', '-1', 'x'],
  timeout: ['1s', '-1s', '1h', 'x'],
  watch: ['true', '1', 'yes', 'false'],
  allowWatchBookmarks: ['true', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  dryRun: ['All', 'None', ''],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'Sometimes'],
  fieldManager: ['fuzz', 'a'.repeat(200), '\u0001'],
  force: ['true', 'maybe'],
  pretty: ['true', 'x'],
  includeObject: ['None', 'Object', 'Metadata', 'All'],
  gracePeriodSeconds: ['0', '-1', '10', 'x'],
  propagationPolicy: ['Foreground', 'Orphan', 'Background', 'Other'],
  orphanDependents: ['true'],
  container: ['c', 'x'],
  tailLines: ['1', '-1'],
  sinceTime: ['2026-01-02T03:04:05Z', 'x'],
  hash: ['1'],
  constructor: ['1'],
  ['__proto__']: ['1'],
}
const parameterNames = Object.keys(parameters)

function queryOf(random: Random, names: readonly string[] = parameterNames): string {
  const parts: string[] = []
  for (let n = random.below(4); n > 0; n--) {
    const name = random.below(30) === 0 ? strangeText(random) : pick(random, names)
    const usual = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    const value = usual === undefined || random.below(4) === 0 ? strangeText(random) : pick(random, usual)
    parts.push(random.below(20) === 0 ? `${name}=${value}` : `${escaped(name)}=${escaped(value)}`)
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

function escaped(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}

function read(random: Random): FuzzRequest {
  const sample = pick(random, samples)
  const named = random.below(3) === 0
  const sub =
    named && random.below(4) === 0
      ? `/${pick(random, ['status', 'scale', 'log', 'proxy', 'exec', 'portforward', 'ephemeralcontainers', 'resize', 'token', 'approval', 'finalize', strangePath(random)])}`
      : ''
  return {
    method: random.below(10) === 0 ? 'HEAD' : 'GET',
    url: `${sample.path}${named ? `/${nameOf(sample, random)}${sub}` : ''}${queryOf(random)}`,
    headers: headersOf(random),
    body: nothing,
  }
}

/** The sample's name, now and then one that every object has. */
function nameOf({ name }: Sample, random: Random): string {
  return random.below(12) === 0 ? pick(random, inheritedNames) : name
}

function strangePath(random: Random): string {
  return random.below(3) === 0
    ? strangeText(random)
        .slice(0, 300)
        .replace(/[\s?#]/g, '')
    : escaped(strangeText(random))
}

/** Any method on any path. */
function anywhere(random: Random): FuzzRequest {
  const words = [
    'api',
    'apis',
    'v1',
    'apps',
    'namespaces',
    'default',
    'pods',
    'nodes',
    'watch',
    'openapi',
    'v2',
    'v3',
    'version',
    'healthz',
    'livez',
    'metrics',
    'logs',
    'sea.dev',
    'boats',
    'status',
    'constructor',
    '__proto__',
    'toString',
    '',
    '.',
    '..',
  ]
  let url = ''
  for (let n = 1 + random.below(7); n > 0; n--)
    url += `/${random.below(4) === 0 ? strangePath(random) : pick(random, words)}`
  const method = pick(random, [
    'GET',
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'HEAD',
    'TRACE',
    'CONNECT',
    'BREW',
  ])
  const body = method === 'GET' || method === 'HEAD' ? nothing : text(strangeValue(random))
  return { method, url: url + queryOf(random), headers: headersOf(random, 'application/json'), body }
}

const writeParameters = ['dryRun', 'fieldValidation', 'fieldManager', 'pretty', 'timeout']

function write(random: Random): FuzzRequest {
  const sample = pick(random, samples)
  const method = pick(random, ['POST', 'POST', 'PUT', 'PUT', 'DELETE'] as const)
  if (method === 'DELETE') {
    const options = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 1,
      propagationPolicy: 'Background',
      preconditions: { uid: 'x' },
      dryRun: ['All'],
    }
    const all = random.below(8) === 0
    const url = `${sample.path}${all ? '' : `/${nameOf(sample, random)}`}${queryOf(random, [...writeParameters, 'gracePeriodSeconds', 'propagationPolicy', 'labelSelector', 'fieldSelector', 'orphanDependents'])}`
    return { method, url, ...encodedBody(mutated(options, random), random) }
  }
  const fresh = structuredClone(sample.object) as { metadata: { name: string } }
  if (method === 'POST') fresh.metadata.name = random.below(30) === 0 ? 'constructor' : `f-${random.below(1000)}`
  const sub =
    method === 'PUT' && random.below(4) === 0
      ? `/${pick(random, ['status', 'scale', 'finalize', 'approval', 'resize'])}`
      : ''
  const url = `${sample.path}${method === 'PUT' ? `/${sample.name}${sub}` : ''}${queryOf(random, writeParameters)}`
  return { method, url, ...encodedBody(mutated(fresh, random), random) }
}

/** In one of the languages that a server reads, now and then not quite. */
function encodedBody(value: unknown, random: Random): Pick<FuzzRequest, 'headers' | 'body'> {
  const kind = random.below(10)
  let body = text(value)
  let type = 'application/json'
  if (kind < 3) {
    type = 'application/yaml'
    body = random.below(4) === 0 ? yamlBomb(random) : yaml(value)
  } else if (kind === 3) {
    type = 'application/vnd.kubernetes.protobuf'
    body = protobuf(value, random)
  }
  if (random.below(5) === 0) body = scrambled(body, random)
  return { headers: headersOf(random, type), body }
}

function yaml(value: unknown): Uint8Array {
  try {
    return new TextEncoder().encode(stringify(value))
  } catch {
    return text(value)
  }
}

function yamlBomb(random: Random): Uint8Array {
  const aliases = ['a: &a ["x","x","x","x","x","x","x","x","x"]']
  for (let i = 0; i < 9; i++) {
    const [name, before] = ['bcdefghij'[i], 'abcdefghi'[i]]
    aliases.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`)
  }
  const texts = [
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n${aliases.join('\n')}\n`,
    `apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: bomb, self: *m}\n`,
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\ndata: ${'{a: '.repeat(3000)}1${'}'.repeat(3000)}\n`,
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\ndata:\n${'- '.repeat(4000)}x\n`,
    `? [a, b]\n: !!js/function 'x'\n<<: *x\n`,
    `%YAML 9.9\n--- !!binary |\n  xx\n...\n--- b\n`,
    `a: !!float .inf\nb: 0o17\nc: 1_000\nd: 12:30:45\ne: 2001-12-14t21:59:43.10-05:00\n`,
  ]
  return new TextEncoder().encode(pick(random, texts))
}

/** The envelope of Kubernetes around bytes that look like a message. */
function protobuf(value: unknown, random: Random): Uint8Array {
  const { apiVersion = 'v1', kind = 'ConfigMap' } = (value ?? {}) as {
    readonly apiVersion?: unknown
    readonly kind?: unknown
  }
  const field = (number: number, bytes: Uint8Array): number[] => [(number << 3) | 2, ...varint(bytes.length), ...bytes]
  const utf8 = (part: unknown): Uint8Array =>
    new TextEncoder().encode(typeof part === 'string' ? part.toWellFormed().slice(0, 100) : 'v1')
  const type = Uint8Array.from([...field(1, utf8(apiVersion)), ...field(2, utf8(kind))])
  const meta = Uint8Array.from([...field(1, utf8(`p-${random.below(100)}`)), ...field(3, utf8('default'))])
  let inner = Uint8Array.from(field(1, meta))
  for (let n = random.below(6); n > 0; n--) {
    const number = 1 + random.below(20)
    const wire = random.below(8)
    inner = Uint8Array.from([
      ...inner,
      ...varint((number << 3) | wire),
      ...Array.from({ length: random.below(12) }, () => random.below(256)),
    ])
  }
  let deep = inner
  for (let n = random.below(10) === 0 ? 500 : 0; n > 0; n--) deep = Uint8Array.from(field(2, deep))
  return Uint8Array.from([0x6b, 0x38, 0x73, 0, ...field(1, type), ...field(2, deep)])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}

function patch(random: Random): FuzzRequest {
  const sample = pick(random, samples)
  const type = pick(random, patchTypes)
  const body = patchOf(type, sample, random)
  const sub = random.below(8) === 0 ? `/${pick(random, ['status', 'scale'])}` : ''
  const name = random.below(10) === 0 ? `n-${random.below(5)}` : nameOf(sample, random)
  const query = queryOf(random, [...writeParameters, 'force'])
  const manager =
    type === 'application/apply-patch+yaml' && random.below(10) > 0
      ? `${query === '' ? '?' : '&'}fieldManager=m${random.below(3)}`
      : ''
  const bytes = text(body)
  return {
    method: 'PATCH',
    url: `${sample.path}/${name}${sub}${query}${manager}`,
    headers: headersOf(random, type),
    body: random.below(12) === 0 ? scrambled(bytes, random) : bytes,
  }
}

function patchOf(type: (typeof patchTypes)[number], sample: Sample, random: Random): unknown {
  if (type !== 'application/json-patch+json') {
    const { apiVersion, kind, metadata, ...rest } = sample.object as Record<string, unknown>
    const whole =
      type === 'application/apply-patch+yaml' ? { apiVersion, kind, metadata, ...rest } : { metadata, ...rest }
    return mutated(whole, random)
  }
  const paths = [
    '/metadata/labels/app',
    '/metadata/labels',
    '/spec',
    '/spec/containers/0',
    '/spec/containers/-',
    '/spec/template/spec/containers/0/env/1',
    '/data/a',
    '',
    '/',
    '/metadata/annotations/a~1b',
    '/metadata/name',
    '/__proto__/x',
    '/__proto__',
    '/constructor/prototype/y',
    '/constructor',
    '/metadata/labels/constructor',
    '/metadata/annotations/toString',
    '/metadata/__proto__',
    '/data/__proto__',
    '/spec/valueOf',
    '/spec/nodeSelector/hasOwnProperty',
    '/spec/replicas',
    '/metadata/finalizers/-',
    '/metadata/resourceVersion',
    '/spec/containers/4294967295',
  ]
  const anyPath = (): string => {
    const path = pick(random, paths)
    return random.below(8) === 0 ? `${path}/${pick(random, inheritedNames)}` : path
  }
  const operations = Array.from({ length: 1 + random.below(4) }, () => ({
    op: pick(random, ['add', 'remove', 'replace', 'move', 'copy', 'test', 'swap']),
    path: random.below(6) === 0 ? strangeText(random) : anyPath(),
    from: anyPath(),
    value: strangeValue(random),
  }))
  // Copies that double what is there.
  if (random.below(30) === 0)
    return Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/spec', path: `/spec/copy${i}` }))
  return random.below(6) === 0 ? mutated(operations, random) : operations
}

function question(random: Random): FuzzRequest {
  const [path, object] = pick(random, asked)
  return {
    method: 'POST',
    url: path + queryOf(random, writeParameters),
    ...encodedBody(mutated(object, random), random),
  }
}

const ruleParts = [
  'self',
  'self.spec',
  'self.spec.length',
  'self.spec.sails',
  'oldSelf',
  'oldSelf.spec.length',
  '1',
  '-9223372036854775808',
  '1.5',
  '"a"',
  "b'\\xff'",
  'null',
  'true',
  '[1,2]',
  '{"a":1}',
  'has(self.spec)',
  'self.spec.sails.all(s, s.area > 1)',
  'self.spec.sails.map(s, self.spec.sails.map(t, s.area * t.area))',
  'size(self.spec.flag)',
  'self.spec.flag.matches("(a+)+$")',
  'self.spec.flag.matches("[")',
  'duration("1h")',
  'timestamp("2026-01-02T03:04:05Z")',
  'quantity("1Gi")',
  'ip("10.0.0.1")',
  'cidr("10.0.0.0/8").containsIP("10.1.1.1")',
  'self.spec.flag.split("").map(c, c + c).join("")',
  '"x".replace("x", "y", 9223372036854775807)',
  'int("99999999999999999999")',
  '1/0',
  '1%0',
  '[1][5]',
  'self.nothing',
  'dyn(self)',
  'type(self)',
  'optional.of(1)',
  'self.?spec',
  'sets.contains([1],[1])',
  'self.spec.flag.format([1])',
  '"%s%d%f%e%b%o%x".format([1,2,3,4,5,6,7])',
  'self.metadata.name',
  'url("https://a.b/c")',
  'constructor',
  '__proto__',
  'self.constructor',
  'self.spec.toString',
  'self.spec.__proto__.x',
  'has(self.constructor)',
  'has(self.spec.constructor)',
  'self.spec.constructor.valueOf',
  'self.spec.sails.hasOwnProperty("x")',
  'self.spec.valueOf()',
  'toString(1)',
  'constructor.of(1)',
  '{"constructor": 1}.toString',
  '{"__proto__": 1}["__proto__"]',
  'self.spec.sails.constructor(s, s.area > 1)',
  'constructor{toString: 1}',
  '"%s".format([{"__proto__": 1}])',
]
const operators = [
  ' + ',
  ' - ',
  ' * ',
  ' / ',
  ' % ',
  ' && ',
  ' || ',
  ' == ',
  ' != ',
  ' < ',
  ' >= ',
  ' in ',
  ' ? true : ',
  '.',
  ', ',
]

function rule(random: Random): string {
  let written = pick(random, ruleParts)
  for (let n = random.below(4); n > 0; n--) {
    const next = pick(random, ruleParts)
    written =
      random.below(4) === 0
        ? `(${written})${pick(random, operators)}${next}`
        : `${written}${pick(random, operators)}${next}`
  }
  switch (random.below(12)) {
    case 0:
      return strangeText(random)
    case 1:
      return '('.repeat(400) + written + ')'.repeat(400)
    case 2:
      return `${'!'.repeat(300)}${written}`
    case 3:
      return written.slice(0, random.below(written.length))
    default:
      return `${written} == ${pick(random, ruleParts)}`
  }
}

const patterns = [
  '^[a-z]+$',
  '(a+)+$',
  '(a|aa)+$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '[',
  '(?=x)',
  '\\p{Greek}',
  'x{1,100000}',
  '(x{1,100}){1,100}',
  '\\1',
  '(?i)a',
  '.*'.repeat(50),
]

/** Definitions of custom resources with rules and patterns, and objects that are held to them. */
function definition(random: Random): FuzzRequest {
  const plural = `things${random.below(6)}`
  if (random.below(2) === 0) {
    const name = `t-${random.below(20)}`
    const object = {
      apiVersion: 'fuzz.dev/v1',
      kind: `Thing${plural.slice(-1)}`,
      metadata: { name },
      spec: { length: 3, flag: 'a'.repeat(random.below(40)) + '!', sails: [{ name: 'jib', area: 2 }] },
    }
    const url = `/apis/fuzz.dev/v1/namespaces/default/${plural}`
    if (random.below(3) === 0)
      return { method: 'PUT', url: `${url}/${name}`, ...encodedBody(mutated(object, random), random) }
    return { method: 'POST', url, ...encodedBody(random.below(2) === 0 ? object : mutated(object, random), random) }
  }
  const spec: { required?: readonly string[]; readonly properties: object; readonly [field: string]: unknown } = {
    type: 'object',
    properties: {
      length: {
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 5,
        ...(random.below(4) === 0 ? { multipleOf: pick(random, [0, 0.1, -1]) } : {}),
      },
      flag: {
        type: 'string',
        pattern: random.below(10) === 0 ? strangeText(random) : pick(random, patterns),
        maxLength: 100,
      },
      sails: {
        type: 'array',
        maxItems: 20,
        'x-kubernetes-list-type': pick(random, ['map', 'set', 'atomic']),
        'x-kubernetes-list-map-keys': [random.below(20) === 0 ? pick(random, inheritedNames) : 'name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', maxLength: 20 }, area: { type: 'number' } },
        },
      },
    },
    'x-kubernetes-validations': [
      { rule: rule(random), message: 'no', messageExpression: random.below(4) === 0 ? rule(random) : undefined },
    ],
  }
  const inherited = pick(random, inheritedNames)
  if (random.below(3) === 0) {
    const type = pick(random, ['string', 'integer', 'object'])
    const usual = { string: 'x', integer: 3, object: {} }[type]
    const format = random.below(3) === 0 ? { format: pick(random, inheritedNames) } : {}
    define(spec.properties, inherited, { type, ...format, ...(random.below(2) === 0 ? { default: usual } : {}) })
    if (random.below(3) === 0) spec.required = [pick(random, inheritedNames)]
  }
  const schema = {
    type: 'object',
    properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  }
  const object = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.fuzz.dev` },
    spec: {
      group: 'fuzz.dev',
      scope: 'Namespaced',
      names: { plural, kind: `Thing${plural.slice(-1)}` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
          additionalPrinterColumns: [
            { name: 'L', type: 'integer', jsonPath: random.below(4) === 0 ? `.spec.${inherited}` : '.spec.length' },
          ],
          selectableFields: random.below(4) === 0 ? [{ jsonPath: `.spec.${inherited}` }] : undefined,
        },
      ],
    },
  }
  const sent = random.below(3) === 0 ? mutated(object, random) : object
  if (random.below(3) === 0) {
    return {
      method: 'DELETE',
      url: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.fuzz.dev`,
      headers: headersOf(random),
      body: nothing,
    }
  }
  const url = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  if (random.below(3) === 0) return { method: 'PUT', url: `${url}/${plural}.fuzz.dev`, ...encodedBody(sent, random) }
  return { method: 'POST', url, ...encodedBody(sent, random) }
}
