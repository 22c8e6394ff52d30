import { labelSelectorText, own, type LabelSelector, type Scale } from '@plimsoll/model'
import { invalid, invalidValue, resourceNotFound } from '../errors.ts'
import { fieldsOf, isFields, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'

interface ScalePaths {
  readonly spec: readonly string[]
  readonly status: readonly string[]
  /** Where a custom resource keeps its selector as text; built-ins keep a selector object in spec.selector. */
  readonly selector: readonly string[] | undefined
}

function pathsOf(info: ResourceInfo): ScalePaths {
  if (info.custom === undefined)
    return { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: undefined }
  const paths = info.custom.scale
  if (paths === undefined) throw resourceNotFound()
  return {
    spec: paths.specReplicas.split('.'),
    status: paths.statusReplicas.split('.'),
    selector: paths.labelSelector?.split('.'),
  }
}

function at(object: unknown, path: readonly string[]): unknown {
  let value = object
  for (const field of path) value = isFields(value) ? own(value, field) : undefined
  return value
}

function setAt<T>(object: T, path: readonly string[], value: unknown): T {
  const [field, ...rest] = path
  if (field === undefined) return value as T
  return { ...fieldsOf(object), [field]: setAt(own(fieldsOf(object), field), rest, value) } as T
}

/** The object as autoscaling/v1 Scale. */
export function scaleOf(info: ResourceInfo, object: StoredObject): Scale {
  const paths = pathsOf(info)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector =
    paths.selector === undefined
      ? selectorText(object.spec?.['selector'])
      : (at(object, paths.selector) as string | undefined)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(at(object, paths.spec) ?? 0) },
    status: {
      replicas: Number(at(object, paths.status) ?? 0),
      ...(selector === undefined || selector === '' ? {} : { selector }),
    },
  }
}

/** ReplicationControllers select by a plain map. */
function selectorText(selector: unknown): string {
  if (!isFields(selector)) return ''
  const whole = 'matchLabels' in selector || 'matchExpressions' in selector
  return labelSelectorText((whole ? selector : { matchLabels: selector }) as LabelSelector)
}

/** The object with the replicas that the Scale asks for. @throws {KubeError} invalid when they are negative */
export function withScale(info: ResourceInfo, object: StoredObject, scale: Scale): StoredObject {
  const replicas = scale.spec?.replicas ?? 0
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, object.metadata.name, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ])
  }
  return setAt(object, pathsOf(info).spec, replicas)
}
