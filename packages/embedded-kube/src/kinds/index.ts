import { apiServiceDefaults } from './api-services.ts'
import type { ResourceInfo } from '../registry.ts'
import { definitionDefaults } from '../crd/definition.ts'
import { definitionErrors, definitionUpdateErrors } from '../crd/definition-validation.ts'
import { isFields, withField, type StoredObject } from '../object.ts'
import {
  autoscalerDefaults,
  claimDefaults,
  csiDriverDefaults,
  endpointsDefaults,
  endpointSliceDefaults,
  limitRangeDefaults,
  namespaceDefaults,
  networkPolicyDefaults,
  priorityClassDefaults,
  roleBindingDefaults,
  secretDefaults,
  serviceDefaults,
  storageClassDefaults,
  volumeDefaults,
  webhooksDefaults,
} from './other-defaults.ts'
import { podOnlyDefaults, podSpecDefaults } from './pod-spec-defaults.ts'
import { podUpdateErrors } from './pod-spec-validation.ts'
import {
  cronJobDefaults,
  daemonSetDefaults,
  deploymentDefaults,
  jobDefaults,
  podTemplateDefaults,
  replicaSetDefaults,
  replicationControllerDefaults,
  statefulSetDefaults,
} from './workload-defaults.ts'
import { autoscalerErrors } from './autoscaler-validation.ts'
import { claimErrors, claimUpdateErrors } from './claim-validation.ts'
import { configMapErrors, immutableDataErrors, secretErrors, secretUpdateErrors } from './data-validation.ts'
import { cronJobErrors, jobErrors, jobUpdateErrors } from './job-validation.ts'
import { ingressErrors, networkPolicyErrors } from './network-validation.ts'
import { serviceErrors, serviceUpdateErrors } from './service-validation.ts'
import {
  leaseErrors,
  namespaceErrors,
  nodeErrors,
  nodeUpdateErrors,
  priorityClassErrors,
  priorityClassUpdateErrors,
  roleErrors,
  storageClassUpdateErrors,
} from './other-validation.ts'
import {
  budgetErrors,
  daemonSetErrors,
  deploymentErrors,
  podTemplateErrors,
  replicaSetErrors,
  replicationControllerErrors,
  revisionErrors,
  revisionUpdateErrors,
  selectorUpdateErrors,
  statefulSetErrors,
  statefulSetUpdateErrors,
} from './workload-validation.ts'
import { limitRangeErrors, resourceQuotaErrors, resourceQuotaUpdateErrors } from './quota-validation.ts'
import {
  attachmentErrors,
  attachmentUpdateErrors,
  storageClassErrors,
  volumeErrors,
  volumeUpdateErrors,
} from './storage-validation.ts'
import { kindRules, type KindRules } from './rules.ts'

const workload = { generation: true, metadataWithStatus: true } as const

const byStorage: Record<string, KindRules> = {
  '/pods': kindRules({
    generation: true,
    metadataWithStatus: true,
    graceful: true,
    defaults: podDefaults,
    validateUpdate: podUpdateErrors,
  }),
  '/nodes': kindRules({
    statusOnCreate: true,
    metadataWithStatus: true,
    validate: nodeErrors,
    validateUpdate: nodeUpdateErrors,
  }),
  '/namespaces': kindRules({
    metadataWithStatus: true,
    names: 'label',
    defaults: namespaceDefaults,
    validate: namespaceErrors,
  }),
  '/services': kindRules({
    metadataWithStatus: true,
    names: 'label1035',
    defaults: serviceDefaults,
    validate: serviceErrors,
    validateUpdate: serviceUpdateErrors,
  }),
  '/secrets': kindRules({ defaults: secretDefaults, validate: secretErrors, validateUpdate: secretUpdateErrors }),
  '/configmaps': kindRules({ validate: configMapErrors, validateUpdate: immutableDataErrors }),
  '/events': kindRules({ createdByUpdate: true }),
  '/endpoints': kindRules({ createdByUpdate: true, defaults: endpointsDefaults }),
  '/limitranges': kindRules({ defaults: limitRangeDefaults, validate: limitRangeErrors }),
  '/resourcequotas': kindRules({ validate: resourceQuotaErrors, validateUpdate: resourceQuotaUpdateErrors }),
  '/persistentvolumeclaims': kindRules({
    metadataWithStatus: true,
    statusOnCreate: true,
    defaults: claimDefaults,
    validate: claimErrors,
    validateUpdate: claimUpdateErrors,
  }),
  '/persistentvolumes': kindRules({
    metadataWithStatus: true,
    statusOnCreate: true,
    defaults: volumeDefaults,
    validate: volumeErrors,
    validateUpdate: volumeUpdateErrors,
  }),
  '/replicationcontrollers': kindRules({
    ...workload,
    orphanByDefault: true,
    defaults: replicationControllerDefaults,
    validate: replicationControllerErrors,
  }),
  '/podtemplates': kindRules({ ...workload, defaults: podTemplateDefaults, validate: podTemplateErrors }),
  'apps/controllerrevisions': kindRules({ validate: revisionErrors, validateUpdate: revisionUpdateErrors }),
  'apps/deployments': kindRules({
    ...workload,
    metadataWithStatus: 'annotations',
    defaults: deploymentDefaults,
    validate: deploymentErrors,
    validateUpdate: selectorUpdateErrors,
  }),
  'apps/replicasets': kindRules({
    ...workload,
    defaults: replicaSetDefaults,
    validate: replicaSetErrors,
    validateUpdate: selectorUpdateErrors,
  }),
  'apps/statefulsets': kindRules({
    ...workload,
    defaults: statefulSetDefaults,
    validate: statefulSetErrors,
    validateUpdate: statefulSetUpdateErrors,
  }),
  'apps/daemonsets': kindRules({
    ...workload,
    defaults: daemonSetDefaults,
    validate: daemonSetErrors,
    validateUpdate: selectorUpdateErrors,
  }),
  'batch/jobs': kindRules({
    ...workload,
    orphanByDefault: true,
    defaults: jobDefaults,
    validate: jobErrors,
    validateUpdate: jobUpdateErrors,
  }),
  'batch/cronjobs': kindRules({ ...workload, defaults: cronJobDefaults, validate: cronJobErrors }),
  'policy/poddisruptionbudgets': kindRules({ ...workload, validate: budgetErrors }),
  'autoscaling/horizontalpodautoscalers': kindRules({
    metadataWithStatus: true,
    defaults: autoscalerDefaults,
    validate: autoscalerErrors,
  }),
  'networking.k8s.io/ingresses': kindRules({ ...workload, validate: ingressErrors }),
  'networking.k8s.io/networkpolicies': kindRules({
    ...workload,
    defaults: networkPolicyDefaults,
    validate: networkPolicyErrors,
  }),
  'coordination.k8s.io/leases': kindRules({ unconditionalUpdate: false, createdByUpdate: true, validate: leaseErrors }),
  'discovery.k8s.io/endpointslices': kindRules({ generation: true, defaults: endpointSliceDefaults }),
  'scheduling.k8s.io/priorityclasses': kindRules({
    ...workload,
    defaults: priorityClassDefaults,
    validate: priorityClassErrors,
    validateUpdate: priorityClassUpdateErrors,
  }),
  'storage.k8s.io/storageclasses': kindRules({
    defaults: storageClassDefaults,
    validate: storageClassErrors,
    validateUpdate: storageClassUpdateErrors,
  }),
  'storage.k8s.io/volumeattachments': kindRules({ validate: attachmentErrors, validateUpdate: attachmentUpdateErrors }),
  'storage.k8s.io/csidrivers': kindRules({ defaults: csiDriverDefaults }),
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': kindRules({ ...workload, defaults: webhooksDefaults }),
  'admissionregistration.k8s.io/validatingwebhookconfigurations': kindRules({
    ...workload,
    defaults: webhooksDefaults,
  }),
  'resource.k8s.io/resourceslices': kindRules({ ...workload }),
  'resource.k8s.io/deviceclasses': kindRules({ ...workload }),
  'apiregistration.k8s.io/apiservices': kindRules({ defaults: apiServiceDefaults }),
  'apiextensions.k8s.io/customresourcedefinitions': kindRules({
    ...workload,
    unconditionalUpdate: false,
    defaults: definitionDefaults,
    validate: definitionErrors,
    validateUpdate: definitionUpdateErrors,
  }),
  'rbac.authorization.k8s.io/roles': kindRules({ names: 'path', validate: roleErrors }),
  'rbac.authorization.k8s.io/rolebindings': kindRules({ names: 'path', defaults: roleBindingDefaults }),
  'rbac.authorization.k8s.io/clusterroles': kindRules({ names: 'path', validate: roleErrors }),
  'rbac.authorization.k8s.io/clusterrolebindings': kindRules({ names: 'path', defaults: roleBindingDefaults }),
}
const others = kindRules({})
const customWithStatus = kindRules({ generation: true, unconditionalUpdate: false })

/** Kinds whose registry says so (ReturnDeletedObject). */
for (const id of [
  '/pods',
  '/services',
  '/serviceaccounts',
  '/persistentvolumes',
  '/persistentvolumeclaims',
  '/podtemplates',
  '/resourcequotas',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
]) {
  byStorage[id] = { ...(byStorage[id] ?? others), returnsDeleted: true }
}

export function rulesOf(info: ResourceInfo): KindRules {
  if (info.custom !== undefined) return customWithStatus
  return byStorage[`${info.storage.group}/${info.plural}`] ?? others
}

/** Pods are created through PodAdmission, which fills more; this is what an update gets. */
function podDefaults(pod: StoredObject): StoredObject {
  return isFields(pod.spec) ? withField(pod, 'spec', podOnlyDefaults(podSpecDefaults(pod.spec))) : pod
}
