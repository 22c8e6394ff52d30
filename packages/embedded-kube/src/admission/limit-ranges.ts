// kubernetes/kubernetes:plugin/pkg/admission/limitranger/admission.go, defaultContainerResourceRequirements.
import { fieldsOf, isFields, listOf, mapSame, withDefaults, withField, type Fields } from '../object.ts'
import type { Collection } from '../store/collection.ts'

/** The spec with the container defaults of the namespace's LimitRanges under its own requests and limits. */
export function applyLimitRanges(spec: Fields, ranges: Collection, namespace: string): Fields {
  if (ranges.sizeOf(namespace) === 0) return spec
  let limits: Fields = {}
  let requests: Fields = {}
  for (const range of ranges.list({ namespace, matches: undefined, name: undefined, nodeName: undefined })) {
    for (const item of listOf(range.spec?.['limits'])) {
      if (item['type'] !== 'Container') continue
      limits = withDefaults(limits, fieldsOf(item['default']))
      requests = withDefaults(requests, fieldsOf(item['defaultRequest']))
    }
  }
  requests = withDefaults(requests, limits)
  const filled = (container: Fields): Fields => {
    const resources = fieldsOf(container['resources'])
    const own = fieldsOf(resources['limits'])
    const next = {
      ...resources,
      limits: withDefaults(own, limits),
      requests: withDefaults(fieldsOf(resources['requests']), withDefaults(own, requests)),
    }
    return Object.keys(next.limits).length + Object.keys(next.requests).length === 0
      ? container
      : { ...container, resources: next }
  }
  let result = spec
  for (const field of ['containers', 'initContainers']) {
    if (Array.isArray(spec[field])) result = withField(result, field, mapSame(listOf(spec[field]), filled))
  }
  return isFields(result) ? result : spec
}
