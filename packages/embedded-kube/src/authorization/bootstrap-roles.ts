// The roles and bindings that every cluster begins with
// (kubernetes/kubernetes:plugin/pkg/auth/authorizer/rbac/bootstrappolicy, as release 1.35 reports them).
import type { PolicyRule } from '@plimsoll/model'
import type { ObjectInput } from '../object.ts'
import policy from './bootstrap-policy.generated.json' with { type: 'json' }

const group = 'rbac.authorization.k8s.io'
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }
const aggregation = (to: string): Record<string, string> => ({
  [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true',
})

interface BindingRow {
  readonly name: string
  readonly namespace?: string
  readonly role: string
  /** `g:GROUP`, `u:USER`, `s:NAMESPACE/SERVICE-ACCOUNT`. */
  readonly subjects: readonly string[]
}

/** What EKS adds for the components that it runs beside upstream's (kubernetes/cloud-provider-aws:manifests). */
const components: readonly {
  readonly name: string
  readonly subject: string
  readonly rules: readonly PolicyRule[]
}[] = [
  {
    name: 'system:cloud-controller-manager',
    subject: 's:kube-system/cloud-controller-manager',
    rules: [
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['*'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'patch', 'update', 'watch'] },
      { apiGroups: [''], resources: ['services/status'], verbs: ['list', 'patch', 'update', 'watch'] },
      { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['create', 'get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'update', 'watch'] },
      { apiGroups: [''], resources: ['endpoints'], verbs: ['create', 'get', 'list', 'watch', 'update'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        verbs: ['create', 'get', 'list', 'watch', 'update'],
      },
    ],
  },
  // kubernetes-sigs/aws-ebs-csi-driver:charts/aws-ebs-csi-driver/templates
  {
    name: 'ebs-external-provisioner-role',
    subject: 's:kube-system/ebs-csi-controller-sa',
    rules: [
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch', 'update'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses', 'csinodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch', 'create', 'update', 'patch'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['volumeattachments'], verbs: ['get', 'list', 'watch'] },
    ],
  },
  {
    name: 'ebs-external-attacher-role',
    subject: 's:kube-system/ebs-csi-controller-sa',
    rules: [
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch', 'patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['csinodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['volumeattachments'], verbs: ['get', 'list', 'watch', 'patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['volumeattachments/status'], verbs: ['patch'] },
    ],
  },
  {
    name: 'ebs-external-resizer-role',
    subject: 's:kube-system/ebs-csi-controller-sa',
    rules: [
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch', 'patch'] },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['persistentvolumeclaims/status'], verbs: ['patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch', 'create', 'update', 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ],
  },
]

export function bootstrapRoles(): readonly ObjectInput[] {
  return [
    ...policy.clusterRoles.map(({ name, aggregatesTo, gathers, rules }) => ({
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: metadata(name, undefined, aggregatesTo === undefined ? {} : aggregation(aggregatesTo)),
      ...(gathers === undefined
        ? {}
        : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregation(gathers) }] } }),
      rules,
    })),
    ...policy.clusterRoleBindings.map((row) => binding('ClusterRoleBinding', 'ClusterRole', row)),
    ...components.flatMap(({ name, subject: whose, rules }) => [
      { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: metadata(name), rules },
      binding('ClusterRoleBinding', 'ClusterRole', { name, role: name, subjects: [whose] }),
    ]),
    ...policy.roles.map(({ name, namespace, rules }) => ({
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: metadata(name, namespace),
      rules,
    })),
    ...policy.roleBindings.map((row) => binding('RoleBinding', 'Role', row)),
  ]
}

function binding(kind: string, roleKind: string, { name, namespace, role, subjects }: BindingRow): ObjectInput {
  return {
    apiVersion: `${group}/v1`,
    kind,
    metadata: metadata(name, namespace),
    roleRef: { apiGroup: group, kind: roleKind, name: role },
    ...(subjects.length === 0 ? {} : { subjects: subjects.map(subject) }),
  }
}

function subject(text: string): { readonly [field: string]: string } {
  const name = text.slice(2)
  if (text.startsWith('s:')) {
    const [namespace = '', account = ''] = name.split('/')
    return { kind: 'ServiceAccount', name: account, namespace }
  }
  return { kind: text.startsWith('g:') ? 'Group' : 'User', apiGroup: group, name }
}

function metadata(
  name: string,
  namespace?: string,
  more: Record<string, string> = {},
): ObjectInput['metadata'] & object {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...more },
    annotations,
  }
}
