// Rows and columns for `kubectl get` (kubernetes/kubernetes:pkg/printers/internalversion/printers.go).
import type { Ms } from '@plimsoll/model'
import type { Fields, StoredObject } from '../../object.ts'
import type { ResourceInfo } from '../../registry.ts'
import { customPrinter } from './custom.ts'
import { nodes } from './node.ts'
import * as others from './others.ts'
import { pods } from './pod.ts'
import type { Printer } from './printer.ts'
import * as workloads from './workloads.ts'

const printers: { readonly [groupAndPlural: string]: Printer } = {
  '/pods': pods,
  '/nodes': nodes,
  '/services': others.services,
  '/endpoints': others.endpoints,
  '/configmaps': others.configMaps,
  '/secrets': others.secrets,
  '/serviceaccounts': others.serviceAccounts,
  '/namespaces': others.namespaces,
  '/events': others.events,
  '/persistentvolumes': others.persistentVolumes,
  '/persistentvolumeclaims': others.persistentVolumeClaims,
  '/replicationcontrollers': workloads.replicaSets,
  '/resourcequotas': others.resourceQuotas,
  '/componentstatuses': others.componentStatuses,
  '/podtemplates': workloads.podTemplates,
  'apps/deployments': workloads.deployments,
  'apps/replicasets': workloads.replicaSets,
  'apps/statefulsets': workloads.statefulSets,
  'apps/daemonsets': workloads.daemonSets,
  'apps/controllerrevisions': others.controllerRevisions,
  'batch/jobs': workloads.jobs,
  'batch/cronjobs': workloads.cronJobs,
  'policy/poddisruptionbudgets': workloads.disruptionBudgets,
  'autoscaling/horizontalpodautoscalers': workloads.horizontalAutoscalers,
  'coordination.k8s.io/leases': others.leases,
  'events.k8s.io/events': others.events,
  'scheduling.k8s.io/priorityclasses': others.priorityClasses,
  'node.k8s.io/runtimeclasses': others.runtimeClasses,
  'storage.k8s.io/storageclasses': others.storageClasses,
  'storage.k8s.io/volumeattributesclasses': others.attributesClasses,
  'storage.k8s.io/csinodes': others.csiNodes,
  'storage.k8s.io/csidrivers': others.csiDrivers,
  'storage.k8s.io/volumeattachments': others.volumeAttachments,
  'rbac.authorization.k8s.io/rolebindings': others.roleBindings,
  'rbac.authorization.k8s.io/clusterrolebindings': others.roleBindings,
  'networking.k8s.io/ipaddresses': others.ipAddresses,
  'networking.k8s.io/servicecidrs': others.serviceCidrs,
  'networking.k8s.io/ingresses': others.ingresses,
  'networking.k8s.io/ingressclasses': others.ingressClasses,
  'networking.k8s.io/networkpolicies': others.networkPolicies,
  'discovery.k8s.io/endpointslices': others.endpointSlices,
  'certificates.k8s.io/certificatesigningrequests': others.signingRequests,
  'admissionregistration.k8s.io/validatingadmissionpolicies': others.admissionPolicies,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': others.admissionPolicyBindings,
  'flowcontrol.apiserver.k8s.io/flowschemas': others.flowSchemas,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': others.priorityLevels,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': others.webhookConfigurations,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': others.webhookConfigurations,
  'resource.k8s.io/deviceclasses': others.named,
  'resource.k8s.io/resourceclaimtemplates': others.named,
  'resource.k8s.io/resourceclaims': others.resourceClaims,
  'resource.k8s.io/resourceslices': others.resourceSlices,
  'apiregistration.k8s.io/apiservices': others.apiServices,
  'metrics.k8s.io/nodes': others.nodeMetrics,
  'metrics.k8s.io/pods': others.podMetrics,
}

const customPrinters = new WeakMap<ResourceInfo, Printer>()

export function printerOf(info: ResourceInfo, subresource?: string): Printer {
  if (subresource === 'scale') return others.scales
  if (info.custom === undefined) return printers[`${info.group}/${info.plural}`] ?? others.createdAt
  let printer = customPrinters.get(info)
  if (printer === undefined) customPrinters.set(info, (printer = customPrinter(info.custom)))
  return printer
}

export type IncludeObject = 'Metadata' | 'Object' | 'None'

/** One row of a Table. */
export function rowOf(
  printer: Printer,
  object: StoredObject,
  now: Ms,
  include: IncludeObject,
  metaVersion: string,
): Fields {
  const conditions = printer.rowConditions?.(object)
  return {
    cells: printer.cells(object, now),
    ...(conditions === undefined ? {} : { conditions }),
    ...(include === 'None' ? {} : { object: include === 'Object' ? object : partialMetadata(object, metaVersion) }),
  }
}

/** PartialObjectMetadata. */
export function partialMetadata(object: StoredObject, metaVersion: string): Fields {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata }
}
