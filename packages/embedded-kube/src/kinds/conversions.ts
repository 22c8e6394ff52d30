// Versions and groups that share one storage: autoscaling/v1 and v2, v1 and events.k8s.io events
// (kubernetes/kubernetes:pkg/apis/autoscaling/v1/conversion.go, pkg/apis/events/v1/conversion.go).
import { apiVersionOf, own, setOwn } from '@plimsoll/model'
import { customReading } from '../crd/custom-object.ts'
import { fieldsOf, isFields, listOf, type Fields, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'

const served = new WeakMap<StoredObject, Map<string, StoredObject>>()

/** A stored object in the version that a resource serves. */
export function toServed(info: ResourceInfo, object: StoredObject): StoredObject {
  const apiVersion = apiVersionOf(info)
  if (info.custom !== undefined) return customReading(info.custom, object, apiVersion)
  if (object.apiVersion === apiVersion) return object
  let versions = served.get(object)
  if (versions === undefined) served.set(object, (versions = new Map()))
  let converted = versions.get(apiVersion)
  if (converted === undefined) {
    converted = { ...convertOut(info, object), apiVersion }
    versions.set(apiVersion, converted)
  }
  return converted
}

/** What a client sent, in the version that is stored. */
export function toStored(info: ResourceInfo, object: StoredObject): StoredObject {
  if (info.custom?.conversion !== undefined) return { ...object, apiVersion: apiVersionOf(info) }
  const apiVersion = apiVersionOf(info.storage)
  if (apiVersionOf(info) === apiVersion) return object.apiVersion === apiVersion ? object : { ...object, apiVersion }
  return { ...convertIn(info, object), apiVersion }
}

function convertOut(info: ResourceInfo, object: StoredObject): StoredObject {
  if (info.plural === 'events') return eventOut(object)
  if (info.plural === 'horizontalpodautoscalers') return autoscalerOut(object)
  return object
}

function convertIn(info: ResourceInfo, object: StoredObject): StoredObject {
  if (info.plural === 'events' && info.custom === undefined) return eventIn(object)
  if (info.plural === 'horizontalpodautoscalers' && info.custom === undefined) return autoscalerIn(object)
  return object
}

/** The object with fields renamed; those not named stay. */
function renamed(object: StoredObject, names: Readonly<Record<string, string>>): StoredObject {
  const result: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(object))
    if (value !== undefined) setOwn(result, own(names, field) ?? field, value)
  return result as unknown as StoredObject
}

const eventOutNames = {
  involvedObject: 'regarding',
  message: 'note',
  reportingComponent: 'reportingController',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
}
const eventInNames = Object.fromEntries(Object.entries(eventOutNames).map(([a, b]) => [b, a]))

function eventOut(object: StoredObject): StoredObject {
  return renamed(object, eventOutNames)
}

function eventIn(object: StoredObject): StoredObject {
  return renamed(object, eventInNames)
}

const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions'
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior'
const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics'

function cpuTarget(metric: Fields): unknown {
  const resource = fieldsOf(metric['resource'])
  const target = fieldsOf(resource['target'] ?? resource['current'])
  return metric['type'] === 'Resource' && resource['name'] === 'cpu' ? target['averageUtilization'] : undefined
}

/** v2 to v1: the CPU target stands in a field of its own, the other metrics in an annotation. */
function autoscalerOut(object: StoredObject): StoredObject {
  const { metrics, behavior, ...spec } = fieldsOf(object.spec)
  const { currentMetrics, conditions, ...status } = fieldsOf(object.status)
  const target = listOf(metrics)
    .map(cpuTarget)
    .find((value) => value !== undefined)
  const current = listOf(currentMetrics)
    .map(cpuTarget)
    .find((value) => value !== undefined)
  const others = listOf(metrics).filter((metric) => cpuTarget(metric) === undefined)
  const annotations = {
    ...object.metadata.annotations,
    ...(others.length === 0 ? {} : { [metricsAnnotation]: JSON.stringify(others) }),
    ...(behavior === undefined ? {} : { [behaviorAnnotation]: JSON.stringify(behavior) }),
    ...(listOf(conditions).length === 0 ? {} : { [conditionsAnnotation]: JSON.stringify(conditions) }),
  }
  return {
    ...object,
    metadata: Object.keys(annotations).length === 0 ? object.metadata : { ...object.metadata, annotations },
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: {
      currentReplicas: 0,
      desiredReplicas: 0,
      ...status,
      ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
    },
  }
}

function autoscalerIn(object: StoredObject): StoredObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = fieldsOf(object.spec)
  const { currentCPUUtilizationPercentage: current, ...status } = fieldsOf(object.status)
  const annotations: Record<string, string> = { ...object.metadata.annotations }
  const others = listOf(parsed(annotations[metricsAnnotation]))
  const conditions = listOf(parsed(annotations[conditionsAnnotation]))
  const behavior = parsed(annotations[behaviorAnnotation])
  for (const name of [metricsAnnotation, conditionsAnnotation, behaviorAnnotation]) delete annotations[name]
  const metrics = [...(target === undefined ? [] : [cpuMetric('target', target)]), ...others]
  return {
    ...object,
    metadata: { ...object.metadata, annotations: Object.keys(annotations).length === 0 ? undefined : annotations },
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(isFields(behavior) ? { behavior } : {}),
    },
    ...(object.status === undefined
      ? {}
      : {
          status: {
            ...status,
            ...(conditions.length === 0 ? {} : { conditions }),
            ...(current === undefined ? {} : { currentMetrics: [cpuMetric('current', current)] }),
          },
        }),
  }
}

function cpuMetric(field: 'target' | 'current', averageUtilization: unknown): Fields {
  const value = field === 'target' ? { type: 'Utilization', averageUtilization } : { averageUtilization }
  return { type: 'Resource', resource: { name: 'cpu', [field]: value } }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
