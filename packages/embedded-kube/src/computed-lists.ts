// Resources that are computed when they are asked for: usage, API services, component statuses.
import { timestamp, type Ms } from '@plimsoll/model'
import { listOf, type Fields, type StoredObject } from './object.ts'
import { apiServiceDefaults } from './kinds/api-services.ts'
import type { ResourceInfo } from './registry.ts'
import type { ResourceUsage, UsageSource } from './request.ts'
import type { Collection } from './store/collection.ts'
import type { Filter } from './store/selection.ts'

export interface ComputedSources {
  readonly now: Ms
  readonly usage: UsageSource | undefined
  readonly nodes: Collection
  readonly pods: Collection
  /** When the cluster began. */
  readonly since: string | undefined
  /** Those that clients registered. */
  readonly apiServices: Collection
  readonly resources: readonly ResourceInfo[]
}

/**
 * The objects of a computed resource, in key order; undefined when it is a stored one. Usage is worked out for those alone
 * that the filter admits; of others there may be more.
 */
export function computedList(
  info: ResourceInfo,
  filter: Filter,
  sources: () => ComputedSources,
): StoredObject[] | undefined {
  if (info.group === 'metrics.k8s.io') {
    return info.plural === 'nodes' ? nodeMetrics(sources(), filter) : podMetrics(sources(), filter)
  }
  if (info.group === 'apiregistration.k8s.io') return apiServices(sources())
  if (info.group === '' && info.plural === 'componentstatuses') return componentStatuses()
  return undefined
}

const everything: Filter = { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined }
const idle: ResourceUsage = { cpu: '1m', memory: '1Mi' }

function nodeMetrics({ now, usage, nodes }: ComputedSources, filter: Filter): StoredObject[] {
  return nodes.list(filter).map((node) => ({
    kind: 'NodeMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: metricsMeta(node, now),
    timestamp: timestamp(now),
    window: '20s',
    usage: usage?.node(node.metadata.name) ?? idle,
  }))
}

/** Every running pod has an entry: kubectl fails when one is missing. */
function podMetrics({ now, usage, pods }: ComputedSources, filter: Filter): StoredObject[] {
  // Metrics have the name and labels of their pod: what selects the one selects the other.
  const running = pods.list({
    ...filter,
    matches: (pod) => pod.status?.['phase'] === 'Running' && filter.matches?.(pod) !== false,
  })
  return running.map((pod) => {
    const { namespace = '', name } = pod.metadata
    const used = usage?.pod({ namespace, name })
    return {
      kind: 'PodMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      metadata: metricsMeta(pod, now),
      timestamp: timestamp(now),
      window: '15s',
      containers: [...listOf(pod.spec?.['containers']), ...sidecarsOf(pod)].map((container) => ({
        name: container['name'],
        usage: used?.get(String(container['name'])) ?? idle,
      })),
    }
  })
}

function sidecarsOf(pod: StoredObject): readonly Fields[] {
  return listOf(pod.spec?.['initContainers']).filter((container) => container['restartPolicy'] === 'Always')
}

function metricsMeta(object: StoredObject, now: Ms): StoredObject['metadata'] {
  const { name, namespace, labels } = object.metadata
  return { name, namespace, labels, creationTimestamp: timestamp(now) } as StoredObject['metadata']
}

/** One for every version of a group that is served here, and what clients registered besides. */
function apiServices({ now, since, usage, resources, apiServices: registered }: ComputedSources): StoredObject[] {
  const served = resources.filter(({ group }) => group !== 'metrics.k8s.io' || usage !== undefined)
  const versions = new Map(served.map((info) => [`${info.version}.${info.group}`, info]))
  const local = [...versions]
    .filter(([name]) => registered.get('', name) === undefined)
    .map(([name, info]) =>
      apiServiceDefaults(
        {
          kind: 'APIService',
          apiVersion: 'apiregistration.k8s.io/v1',
          metadata: { name, creationTimestamp: since ?? timestamp(now) } as StoredObject['metadata'],
          spec: {
            ...(info.group === '' ? {} : { group: info.group }),
            // As the add-on that would serve it registers itself.
            ...(info.group === 'metrics.k8s.io'
              ? { service: { name: 'metrics-server', namespace: 'kube-system' } }
              : {}),
            version: info.version,
            groupPriorityMinimum: info.group === '' ? 18000 : 17000,
            versionPriority: 15,
          },
        },
        now,
      ),
    )
  return [...local, ...registered.list(everything)].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

function componentStatuses(): StoredObject[] {
  return ['controller-manager', 'etcd-0', 'scheduler'].map((name) => ({
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name, creationTimestamp: null } as unknown as StoredObject['metadata'],
    conditions: [{ type: 'Healthy', status: 'True', message: 'ok' } satisfies Fields],
  }))
}
