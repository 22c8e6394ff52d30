// The built-in resources, in discovery order, one line each:
// scope plural Kind short=… cat=… sub=… verbs=… storage=…
import type { ResourceInfo, SubresourceInfo } from './resource-info.ts'

export const allVerbs: readonly string[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

const table: readonly { readonly group: string; readonly version: string; readonly rows: string }[] = [
  {
    group: '',
    version: 'v1',
    rows: `
      n bindings Binding verbs=create
      c componentstatuses ComponentStatus short=cs verbs=get,list
      n configmaps ConfigMap short=cm
      n endpoints Endpoints short=ep singular=endpoints
      n events Event short=ev
      n limitranges LimitRange short=limits
      c namespaces Namespace short=ns sub=status,finalize verbs=create,delete,get,list,patch,update,watch
      c nodes Node short=no sub=proxy,status
      n persistentvolumeclaims PersistentVolumeClaim short=pvc sub=status
      c persistentvolumes PersistentVolume short=pv sub=status
      n pods Pod short=po cat=all sub=attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
      n podtemplates PodTemplate
      n replicationcontrollers ReplicationController short=rc cat=all sub=scale,status
      n resourcequotas ResourceQuota short=quota sub=status
      n secrets Secret
      n serviceaccounts ServiceAccount short=sa sub=token
      n services Service short=svc cat=all sub=proxy,status`,
  },
  {
    group: 'apiregistration.k8s.io',
    version: 'v1',
    rows: `c apiservices APIService cat=api-extensions sub=status`,
  },
  {
    group: 'apps',
    version: 'v1',
    rows: `
      n controllerrevisions ControllerRevision
      n daemonsets DaemonSet short=ds cat=all sub=status
      n deployments Deployment short=deploy cat=all sub=scale,status
      n replicasets ReplicaSet short=rs cat=all sub=scale,status
      n statefulsets StatefulSet short=sts cat=all sub=scale,status`,
  },
  { group: 'events.k8s.io', version: 'v1', rows: `n events Event short=ev storage=/v1` },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    rows: `
      c selfsubjectreviews SelfSubjectReview verbs=create
      c tokenreviews TokenReview verbs=create`,
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    rows: `
      n localsubjectaccessreviews LocalSubjectAccessReview verbs=create
      c selfsubjectaccessreviews SelfSubjectAccessReview verbs=create
      c selfsubjectrulesreviews SelfSubjectRulesReview verbs=create
      c subjectaccessreviews SubjectAccessReview verbs=create`,
  },
  {
    group: 'autoscaling',
    version: 'v2',
    rows: `n horizontalpodautoscalers HorizontalPodAutoscaler short=hpa cat=all sub=status`,
  },
  {
    group: 'autoscaling',
    version: 'v1',
    rows: `n horizontalpodautoscalers HorizontalPodAutoscaler short=hpa cat=all sub=status storage=autoscaling/v2`,
  },
  {
    group: 'batch',
    version: 'v1',
    rows: `
      n cronjobs CronJob short=cj cat=all sub=status
      n jobs Job cat=all sub=status`,
  },
  {
    group: 'certificates.k8s.io',
    version: 'v1',
    rows: `c certificatesigningrequests CertificateSigningRequest short=csr sub=approval,status`,
  },
  {
    group: 'networking.k8s.io',
    version: 'v1',
    rows: `
      c ingressclasses IngressClass
      n ingresses Ingress short=ing sub=status
      c ipaddresses IPAddress short=ip
      n networkpolicies NetworkPolicy short=netpol
      c servicecidrs ServiceCIDR sub=status`,
  },
  { group: 'policy', version: 'v1', rows: `n poddisruptionbudgets PodDisruptionBudget short=pdb sub=status` },
  {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    rows: `
      c clusterrolebindings ClusterRoleBinding
      c clusterroles ClusterRole
      n rolebindings RoleBinding
      n roles Role`,
  },
  {
    group: 'storage.k8s.io',
    version: 'v1',
    rows: `
      c csidrivers CSIDriver
      c csinodes CSINode
      n csistoragecapacities CSIStorageCapacity
      c storageclasses StorageClass short=sc
      c volumeattachments VolumeAttachment sub=status
      c volumeattributesclasses VolumeAttributesClass short=vac`,
  },
  {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    rows: `
      c mutatingwebhookconfigurations MutatingWebhookConfiguration cat=api-extensions
      c validatingadmissionpolicies ValidatingAdmissionPolicy cat=api-extensions sub=status
      c validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cat=api-extensions
      c validatingwebhookconfigurations ValidatingWebhookConfiguration cat=api-extensions`,
  },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    rows: `c customresourcedefinitions CustomResourceDefinition short=crd,crds cat=api-extensions sub=status`,
  },
  { group: 'scheduling.k8s.io', version: 'v1', rows: `c priorityclasses PriorityClass short=pc` },
  { group: 'coordination.k8s.io', version: 'v1', rows: `n leases Lease` },
  { group: 'node.k8s.io', version: 'v1', rows: `c runtimeclasses RuntimeClass` },
  { group: 'discovery.k8s.io', version: 'v1', rows: `n endpointslices EndpointSlice` },
  {
    group: 'resource.k8s.io',
    version: 'v1',
    rows: `
      c deviceclasses DeviceClass
      n resourceclaims ResourceClaim sub=status
      n resourceclaimtemplates ResourceClaimTemplate
      c resourceslices ResourceSlice`,
  },
  {
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1',
    rows: `
      c flowschemas FlowSchema sub=status
      c prioritylevelconfigurations PriorityLevelConfiguration sub=status`,
  },
  {
    group: 'metrics.k8s.io',
    version: 'v1beta1',
    rows: `
      c nodes NodeMetrics verbs=get,list
      n pods PodMetrics verbs=get,list`,
  },
]

const readWrite = ['get', 'patch', 'update']
const connect = ['create', 'get']

/** Subresources whose bodies are not the resource's own kind, or whose verbs are not get, patch, update. */
const subresourceBodies: Record<string, Omit<SubresourceInfo, 'name'>> = {
  scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: readWrite },
  binding: { group: '', version: 'v1', kind: 'Binding', verbs: ['create'] },
  eviction: { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  token: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] },
  log: { group: '', version: 'v1', kind: 'Pod', verbs: ['get'] },
  exec: { group: '', version: 'v1', kind: 'PodExecOptions', verbs: connect },
  attach: { group: '', version: 'v1', kind: 'PodAttachOptions', verbs: connect },
  portforward: { group: '', version: 'v1', kind: 'PodPortForwardOptions', verbs: connect },
}

function proxyBody(kind: string): Omit<SubresourceInfo, 'name'> {
  const verbs = ['create', 'delete', 'get', 'patch', 'update']
  return { group: '', version: 'v1', kind: `${kind}ProxyOptions`, verbs }
}

/** Groups whose Go package is not their first label. */
const schemaPackages: Record<string, string> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
}
const withoutSchema = new Set(['apiregistration.k8s.io', 'metrics.k8s.io'])

export function builtinResources(): readonly ResourceInfo[] {
  return table.flatMap(({ group, version, rows }) =>
    rows
      .trim()
      .split('\n')
      .map((row) => builtinResource(group, version, row.trim().split(/\s+/))),
  )
}

function builtinResource(group: string, version: string, row: readonly string[]): ResourceInfo {
  const [scope, plural = '', kind = ''] = row
  const option = (name: string): string | undefined =>
    row.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
  const list = (name: string): readonly string[] => option(name)?.split(',') ?? []
  const [storageGroup = group, storageVersion = version] = option('storage')?.split('/') ?? []
  const goPackage = schemaPackages[group] ?? `io.k8s.api.${group.split('.')[0]}`
  const verbs = option('verbs')?.split(',') ?? allVerbs
  return {
    group,
    version,
    plural,
    singular: option('singular') ?? kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    namespaced: scope === 'n',
    shortNames: list('short'),
    categories: list('cat'),
    verbs,
    subresources: new Map(
      list('sub').map((name) => {
        const body = (name === 'proxy' ? proxyBody(kind) : subresourceBodies[name]) ?? {
          group,
          version,
          kind,
          verbs: name === 'finalize' ? ['update'] : readWrite,
        }
        return [name, { name, ...body }]
      }),
    ),
    schemaName: withoutSchema.has(group) ? undefined : `${goPackage}.${version}.${kind}`,
    storage: { group: storageGroup, version: storageVersion },
    custom: undefined,
  }
}
