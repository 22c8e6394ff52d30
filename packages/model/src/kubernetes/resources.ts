// The resources that Plimsoll's own parts read and write, each with the type of its objects.
import type { KubeObject, ResourceType } from './object.ts'
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  DeviceClass,
  EndpointSlice,
  Endpoints,
  Event,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  Job,
  Lease,
  LimitRange,
  Namespace,
  NetworkPolicy,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PodTemplate,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  ResourceClaimTemplate,
  ResourceQuota,
  ResourceSlice,
  ResourceV1ResourceClaim,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  VolumeAttachment,
} from './types.generated.ts'

function resource<T extends KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced: boolean,
): ResourceType<T> {
  return { group, version, plural, kind, namespaced }
}

export const Pods: ResourceType<Pod> = resource('', 'v1', 'pods', 'Pod', true)
export const Nodes: ResourceType<Node> = resource('', 'v1', 'nodes', 'Node', false)
export const Namespaces: ResourceType<Namespace> = resource('', 'v1', 'namespaces', 'Namespace', false)
export const Services: ResourceType<Service> = resource('', 'v1', 'services', 'Service', true)
export const EndpointsResource: ResourceType<Endpoints> = resource('', 'v1', 'endpoints', 'Endpoints', true)
export const ConfigMaps: ResourceType<ConfigMap> = resource('', 'v1', 'configmaps', 'ConfigMap', true)
export const Secrets: ResourceType<Secret> = resource('', 'v1', 'secrets', 'Secret', true)
export const ServiceAccounts: ResourceType<ServiceAccount> = resource(
  '',
  'v1',
  'serviceaccounts',
  'ServiceAccount',
  true,
)
export const Events: ResourceType<Event> = resource('', 'v1', 'events', 'Event', true)
export const PersistentVolumes: ResourceType<PersistentVolume> = resource(
  '',
  'v1',
  'persistentvolumes',
  'PersistentVolume',
  false,
)
export const PersistentVolumeClaims: ResourceType<PersistentVolumeClaim> = resource(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
  true,
)
export const ReplicationControllers: ResourceType<ReplicationController> = resource(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
  true,
)
export const ResourceQuotas: ResourceType<ResourceQuota> = resource('', 'v1', 'resourcequotas', 'ResourceQuota', true)
export const LimitRanges: ResourceType<LimitRange> = resource('', 'v1', 'limitranges', 'LimitRange', true)
export const PodTemplates: ResourceType<PodTemplate> = resource('', 'v1', 'podtemplates', 'PodTemplate', true)
export const Deployments: ResourceType<Deployment> = resource('apps', 'v1', 'deployments', 'Deployment', true)
export const ReplicaSets: ResourceType<ReplicaSet> = resource('apps', 'v1', 'replicasets', 'ReplicaSet', true)
export const StatefulSets: ResourceType<StatefulSet> = resource('apps', 'v1', 'statefulsets', 'StatefulSet', true)
export const DaemonSets: ResourceType<DaemonSet> = resource('apps', 'v1', 'daemonsets', 'DaemonSet', true)
export const ControllerRevisions: ResourceType<ControllerRevision> = resource(
  'apps',
  'v1',
  'controllerrevisions',
  'ControllerRevision',
  true,
)
export const Jobs: ResourceType<Job> = resource('batch', 'v1', 'jobs', 'Job', true)
export const CronJobs: ResourceType<CronJob> = resource('batch', 'v1', 'cronjobs', 'CronJob', true)
export const PodDisruptionBudgets: ResourceType<PodDisruptionBudget> = resource(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
  true,
)
export const HorizontalPodAutoscalers: ResourceType<HorizontalPodAutoscaler> = resource(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
  true,
)
export const Leases: ResourceType<Lease> = resource('coordination.k8s.io', 'v1', 'leases', 'Lease', true)
export const PriorityClasses: ResourceType<PriorityClass> = resource(
  'scheduling.k8s.io',
  'v1',
  'priorityclasses',
  'PriorityClass',
  false,
)
export const StorageClasses: ResourceType<StorageClass> = resource(
  'storage.k8s.io',
  'v1',
  'storageclasses',
  'StorageClass',
  false,
)
export const CSINodes: ResourceType<CSINode> = resource('storage.k8s.io', 'v1', 'csinodes', 'CSINode', false)
export const CSIDrivers: ResourceType<CSIDriver> = resource('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', false)
export const CSIStorageCapacities: ResourceType<CSIStorageCapacity> = resource(
  'storage.k8s.io',
  'v1',
  'csistoragecapacities',
  'CSIStorageCapacity',
  true,
)
export const VolumeAttachments: ResourceType<VolumeAttachment> = resource(
  'storage.k8s.io',
  'v1',
  'volumeattachments',
  'VolumeAttachment',
  false,
)
export const Roles: ResourceType<Role> = resource('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', true)
export const RoleBindings: ResourceType<RoleBinding> = resource(
  'rbac.authorization.k8s.io',
  'v1',
  'rolebindings',
  'RoleBinding',
  true,
)
export const ClusterRoles: ResourceType<ClusterRole> = resource(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterroles',
  'ClusterRole',
  false,
)
export const ClusterRoleBindings: ResourceType<ClusterRoleBinding> = resource(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterrolebindings',
  'ClusterRoleBinding',
  false,
)
export const NetworkPolicies: ResourceType<NetworkPolicy> = resource(
  'networking.k8s.io',
  'v1',
  'networkpolicies',
  'NetworkPolicy',
  true,
)
export const Ingresses: ResourceType<Ingress> = resource('networking.k8s.io', 'v1', 'ingresses', 'Ingress', true)
export const IngressClasses: ResourceType<IngressClass> = resource(
  'networking.k8s.io',
  'v1',
  'ingressclasses',
  'IngressClass',
  false,
)
export const EndpointSlices: ResourceType<EndpointSlice> = resource(
  'discovery.k8s.io',
  'v1',
  'endpointslices',
  'EndpointSlice',
  true,
)
export const RuntimeClasses: ResourceType<RuntimeClass> = resource(
  'node.k8s.io',
  'v1',
  'runtimeclasses',
  'RuntimeClass',
  false,
)
export const ResourceClaims: ResourceType<ResourceV1ResourceClaim> = resource(
  'resource.k8s.io',
  'v1',
  'resourceclaims',
  'ResourceClaim',
  true,
)
export const ResourceClaimTemplates: ResourceType<ResourceClaimTemplate> = resource(
  'resource.k8s.io',
  'v1',
  'resourceclaimtemplates',
  'ResourceClaimTemplate',
  true,
)
export const ResourceSlices: ResourceType<ResourceSlice> = resource(
  'resource.k8s.io',
  'v1',
  'resourceslices',
  'ResourceSlice',
  false,
)
export const DeviceClasses: ResourceType<DeviceClass> = resource(
  'resource.k8s.io',
  'v1',
  'deviceclasses',
  'DeviceClass',
  false,
)
