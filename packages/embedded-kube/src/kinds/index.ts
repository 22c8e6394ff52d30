import type { ResourceInfo } from '../registry.ts'
import { kindRules, type KindRules } from './rules.ts'

const byStorage: Readonly<Record<string, KindRules>> = {
  '/pods': kindRules({ generation: true, metadataWithStatus: true, graceful: true }),
  '/nodes': kindRules({ statusOnCreate: true, metadataWithStatus: true }),
  '/namespaces': kindRules({ names: 'label' }),
  '/services': kindRules({ names: 'label1035' }),
  '/replicationcontrollers': kindRules({ generation: true, orphanByDefault: true }),
  'apps/deployments': kindRules({ generation: true }),
  'apps/replicasets': kindRules({ generation: true }),
  'apps/statefulsets': kindRules({ generation: true }),
  'apps/daemonsets': kindRules({ generation: true }),
  'batch/jobs': kindRules({ generation: true, orphanByDefault: true }),
  'batch/cronjobs': kindRules({ generation: true }),
  'policy/poddisruptionbudgets': kindRules({ generation: true }),
  'networking.k8s.io/ingresses': kindRules({ generation: true }),
  'networking.k8s.io/networkpolicies': kindRules({ generation: true }),
  'coordination.k8s.io/leases': kindRules({ unconditionalUpdate: false }),
  'apiextensions.k8s.io/customresourcedefinitions': kindRules({ generation: true, unconditionalUpdate: false }),
  'rbac.authorization.k8s.io/roles': kindRules({ names: 'path' }),
  'rbac.authorization.k8s.io/rolebindings': kindRules({ names: 'path' }),
  'rbac.authorization.k8s.io/clusterroles': kindRules({ names: 'path' }),
  'rbac.authorization.k8s.io/clusterrolebindings': kindRules({ names: 'path' }),
}
const others = kindRules({})
const customWithStatus = kindRules({ generation: true, unconditionalUpdate: false })

export function rulesOf(info: ResourceInfo): KindRules {
  if (info.custom !== undefined) return customWithStatus
  return byStorage[`${info.storage.group}/${info.plural}`] ?? others
}
