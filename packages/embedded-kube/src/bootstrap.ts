import type { ApiServer } from './api-server.ts'
import { isKubeFailure } from '@plimsoll/ports'
import { bootstrapRoles } from './authorization/bootstrap-roles.ts'
import type { ObjectInput } from './object.ts'
import type { RequestContext } from './request.ts'

/** What every cluster has from its first moment. Objects that are there already are left alone. */
export function bootstrap(server: ApiServer): void {
  const context: RequestContext = {
    user: { name: 'system:apiserver', groups: ['system:masters'] },
    userAgent: 'kube-apiserver',
    warnings: [],
    inProcess: true,
  }
  for (const object of [...bootstrapObjects(), ...bootstrapRoles()]) {
    const [group, version] = object.apiVersion!.includes('/') ? object.apiVersion!.split('/') : ['', object.apiVersion!]
    const info = server.registry.findKind(group!, version!, object.kind!)!
    const { namespace, name } = object.metadata!
    try {
      // Asked first: what is created again may be refused for what it holds already, as an address.
      server.get(context, info, { namespace, name: name! })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      server.create(context, info, namespace, object)
    }
  }
}

/** Where EKS puts its two network interfaces: in subnets of the user's. */
const serverAddresses = ['192.168.96.11', '192.168.160.12']

function bootstrapObjects(): readonly ObjectInput[] {
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.100.0.1',
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 443 }],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
      },
      subsets: [
        { addresses: serverAddresses.map((ip) => ({ ip })), ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
      ],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'kubernetes' },
      },
      addressType: 'IPv4',
      endpoints: serverAddresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: ['10.100.0.0/16'] },
    },
    ...[
      {
        name: 'system-cluster-critical',
        value: 2_000_000_000,
        description:
          'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
      },
      {
        name: 'system-node-critical',
        value: 2_000_001_000,
        description: 'Used for system critical pods that must not be moved from their current node.',
      },
    ].map(({ name, value, description }) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      description,
    })),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'gp2' },
      provisioner: 'kubernetes.io/aws-ebs',
      parameters: { type: 'gp2', fsType: 'ext4' },
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'gp3', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'ebs.csi.aws.com',
      parameters: { type: 'gp3' },
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    },
  ]
}
