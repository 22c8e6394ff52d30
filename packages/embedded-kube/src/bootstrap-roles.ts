// The cluster roles that charts and people refer to by name, with what they are for in short
// (kubernetes/kubernetes:plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go).
import type { ObjectInput } from './object.ts'

interface Rule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

const rbac = 'rbac.authorization.k8s.io'
const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const everything: Rule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }

const contents: readonly Omit<Rule, 'verbs'>[] = [
  {
    apiGroups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'events',
      'limitranges',
      'namespaces',
      'persistentvolumeclaims',
      'pods',
      'pods/log',
      'pods/status',
      'replicationcontrollers',
      'resourcequotas',
      'serviceaccounts',
      'services',
    ],
  },
  {
    apiGroups: ['apps'],
    resources: ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'],
  },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'] },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'] },
]
const reading = contents.map((rule) => ({ ...rule, verbs: read }))
const editing = contents.map((rule) => ({ ...rule, verbs: [...read, ...write] }))
const secrets: Rule = {
  apiGroups: [''],
  resources: ['secrets', 'pods/eviction', 'pods/exec'],
  verbs: [...read, ...write],
}
const grants: Rule = { apiGroups: [rbac], resources: ['rolebindings', 'roles'], verbs: [...read, ...write] }
const leases: Rule = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: [...read, ...write] }
const happenings: Rule = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
}

const roles: readonly { readonly name: string; readonly rules: readonly Rule[]; readonly extends?: string }[] = [
  { name: 'cluster-admin', rules: [everything, { verbs: ['*'], nonResourceURLs: ['*'] }] },
  { name: 'admin', rules: [...editing, secrets, grants], extends: 'admin' },
  { name: 'edit', rules: [...editing, secrets], extends: 'edit' },
  { name: 'view', rules: reading, extends: 'view' },
  {
    name: 'system:discovery',
    rules: [
      { verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/version'] },
    ],
  },
  {
    name: 'system:basic-user',
    rules: [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ],
  },
  {
    name: 'system:public-info-viewer',
    rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] }],
  },
  {
    name: 'system:monitoring',
    rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/metrics', '/readyz'] }],
  },
  {
    name: 'system:node',
    rules: [
      { verbs: ['create', ...read, 'patch', 'update'], apiGroups: [''], resources: ['nodes', 'nodes/status'] },
      {
        verbs: ['create', 'delete', ...read, 'patch'],
        apiGroups: [''],
        resources: ['pods', 'pods/status', 'pods/eviction'],
      },
      leases,
      happenings,
    ],
  },
  {
    name: 'system:kube-scheduler',
    rules: [
      { verbs: [...read, 'delete', 'patch', 'update'], apiGroups: [''], resources: ['pods', 'pods/status'] },
      { verbs: ['create'], apiGroups: [''], resources: ['bindings', 'pods/binding'] },
      { verbs: read, apiGroups: ['*'], resources: ['*'] },
      leases,
      happenings,
    ],
  },
  { name: 'system:kube-controller-manager', rules: [everything] },
  {
    name: 'system:auth-delegator',
    rules: [
      {
        verbs: ['create'],
        apiGroups: ['authentication.k8s.io', 'authorization.k8s.io'],
        resources: ['tokenreviews', 'subjectaccessreviews'],
      },
    ],
  },
]

const bindings: readonly {
  readonly role: string
  readonly subject: { readonly kind: 'Group' | 'User'; readonly name: string }
}[] = [
  { role: 'cluster-admin', subject: { kind: 'Group', name: 'system:masters' } },
  { role: 'system:discovery', subject: { kind: 'Group', name: 'system:authenticated' } },
  { role: 'system:basic-user', subject: { kind: 'Group', name: 'system:authenticated' } },
  { role: 'system:public-info-viewer', subject: { kind: 'Group', name: 'system:unauthenticated' } },
  { role: 'system:monitoring', subject: { kind: 'Group', name: 'system:monitoring' } },
  { role: 'system:kube-scheduler', subject: { kind: 'User', name: 'system:kube-scheduler' } },
  { role: 'system:kube-controller-manager', subject: { kind: 'User', name: 'system:kube-controller-manager' } },
]

const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }

export function bootstrapRoles(): readonly ObjectInput[] {
  return [
    ...roles.map(({ name, rules, extends: extended }) => ({
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name, labels },
      ...(extended === undefined
        ? {}
        : {
            aggregationRule: {
              clusterRoleSelectors: [
                { matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${extended}`]: 'true' } },
              ],
            },
          }),
      rules,
    })),
    ...bindings.map(({ role, subject }) => ({
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: role, labels },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: rbac, ...subject }],
    })),
  ]
}
