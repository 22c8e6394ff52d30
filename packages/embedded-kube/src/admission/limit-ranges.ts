// LimitRanges: what they fill in and what they refuse (kubernetes/kubernetes:plugin/pkg/admission/limitranger/admission.go).
import {
  exactAmounts,
  formatQuantity,
  own,
  podAmounts,
  type ExactAmounts,
  type ExactQuantity,
  type PodSpec,
} from '@plimsoll/model'
import { fieldsOf, listOf, mapSame, withField, type Fields, type StoredObject } from '../object.ts'
import type { Collection } from '../store/collection.ts'

/** What the plugin filled in stands here. */
export const limitRangerAnnotation = 'kubernetes.io/limit-ranger'

const nothing: ExactQuantity = { nano: 0n, format: 'DecimalSI' }

function rangesIn(ranges: Collection, namespace: string): readonly StoredObject[] {
  if (ranges.sizeOf(namespace) === 0) return []
  return ranges.list({ namespace, matches: undefined, name: undefined, nodeName: undefined })
}

/** The spec with the container defaults of the namespace's LimitRanges under its own, and what to say of it. */
export function applyLimitRanges(
  spec: Fields,
  ranges: Collection,
  namespace: string,
): { readonly spec: Fields; readonly said: string | undefined } {
  let filled = spec
  let said: string | undefined
  for (const range of rangesIn(ranges, namespace)) {
    let limits: Fields = {}
    let requests: Fields = {}
    for (const item of listOf(range.spec?.['limits'])) {
      if (item['type'] !== 'Container') continue
      limits = { ...limits, ...fieldsOf(item['default']) }
      requests = { ...requests, ...fieldsOf(item['defaultRequest']) }
    }
    const notes: string[] = []
    for (const [field, what] of [
      ['containers', 'container'],
      ['initContainers', 'init container'],
    ] as const) {
      if (!Array.isArray(filled[field])) continue
      const containers = mapSame(listOf(filled[field]), (container) => {
        const resources = fieldsOf(container['resources'])
        const present = { requests: fieldsOf(resources['requests']), limits: fieldsOf(resources['limits']) }
        const whose = `for ${what} ${String(container['name'])}`
        const missing = (defaults: Fields, given: Fields): string[] =>
          Object.keys(defaults)
            .filter((name) => own(given, name) === undefined)
            .sort()
        const newRequests = missing(requests, present.requests)
        const newLimits = missing(limits, present.limits)
        if (newRequests.length > 0) notes.push(`${newRequests.join(', ')} request ${whose}`)
        if (newLimits.length > 0) notes.push(`${newLimits.join(', ')} limit ${whose}`)
        if (newRequests.length + newLimits.length === 0) return container
        const next: Fields = {
          ...resources,
          ...(Object.keys(limits).length === 0 ? {} : { limits: { ...limits, ...present.limits } }),
          ...(Object.keys(requests).length === 0 ? {} : { requests: { ...requests, ...present.requests } }),
        }
        return { ...container, resources: next }
      })
      filled = withField(filled, field, containers)
    }
    if (notes.length > 0) said = `LimitRanger plugin set: ${notes.join('; ')}`
  }
  return { spec: filled, said }
}

/** Why the namespace's LimitRanges refuse a pod; undefined when they admit it. */
export function podLimitProblem(spec: Fields, ranges: Collection, namespace: string): string | undefined {
  return firstProblem(rangesIn(ranges, namespace), (item) => {
    const pod = spec as unknown as PodSpec
    if (item['type'] === 'Pod') return violations('Pod', item, podAmounts(pod, 'requests'), podAmounts(pod, 'limits'))
    if (item['type'] !== 'Container') return []
    return [...pod.containers, ...(pod.initContainers ?? [])].flatMap(({ resources }) =>
      violations('Container', item, exactAmounts(resources?.requests), exactAmounts(resources?.limits)),
    )
  })
}

/** Why the namespace's LimitRanges refuse a claim; undefined when they admit it. */
export function claimLimitProblem(claim: StoredObject, ranges: Collection): string | undefined {
  const asked = fieldsOf(fieldsOf(claim.spec?.['resources'])['requests']) as { readonly [name: string]: string }
  const requests = exactAmounts(asked)
  const type = 'PersistentVolumeClaim'
  return firstProblem(rangesIn(ranges, claim.metadata.namespace ?? ''), (item) => {
    if (item['type'] !== type) return []
    return [
      ...each(item['min']).map(([name, min]) => belowMin(type, name, min, requests, new Map())),
      ...each(item['max']).map(([name, max]) => {
        const said = `maximum ${name} usage per ${type} is ${formatQuantity(max)}`
        const request = requests.get(name)
        if (request === undefined) return `${said}.  No request is specified`
        return request.nano > max.nano ? `${said}, but request is ${formatQuantity(request)}` : undefined
      }),
    ]
  })
}

/** Of the first range that refuses; several reasons in brackets, as Go joins errors. */
function firstProblem(
  ranges: readonly StoredObject[],
  check: (item: Fields) => readonly (string | undefined)[],
): string | undefined {
  for (const range of ranges) {
    const found = listOf(range.spec?.['limits'])
      .flatMap(check)
      .filter((text) => text !== undefined)
    const distinct = [...new Set(found)]
    if (distinct.length > 0) return distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`
  }
  return undefined
}

function each(list: unknown): (readonly [string, ExactQuantity])[] {
  return [...exactAmounts(fieldsOf(list) as { readonly [name: string]: string })].sort(([a], [b]) => (a < b ? -1 : 1))
}

function violations(
  type: string,
  item: Fields,
  requests: ExactAmounts,
  limits: ExactAmounts,
): readonly (string | undefined)[] {
  return [
    ...each(item['min']).map(([name, min]) => belowMin(type, name, min, requests, limits)),
    ...each(item['max']).map(([name, max]) => aboveMax(type, name, max, requests, limits)),
    ...each(item['maxLimitRequestRatio']).map(([name, most]) => aboveRatio(type, name, most, requests, limits)),
  ]
}

function belowMin(
  type: string,
  name: string,
  min: ExactQuantity,
  requests: ExactAmounts,
  limits: ExactAmounts,
): string | undefined {
  const said = `minimum ${name} usage per ${type} is ${formatQuantity(min)}`
  const request = requests.get(name)
  const limit = limits.get(name)
  if (request === undefined) return `${said}.  No request is specified`
  if (request.nano < min.nano) return `${said}, but request is ${formatQuantity(request)}`
  return limit !== undefined && limit.nano < min.nano ? `${said}, but limit is ${formatQuantity(limit)}` : undefined
}

function aboveMax(
  type: string,
  name: string,
  max: ExactQuantity,
  requests: ExactAmounts,
  limits: ExactAmounts,
): string | undefined {
  const said = `maximum ${name} usage per ${type} is ${formatQuantity(max)}`
  const request = requests.get(name)
  const limit = limits.get(name)
  if (limit === undefined) return `${said}.  No limit is specified`
  if (limit.nano > max.nano) return `${said}, but limit is ${formatQuantity(limit)}`
  return request !== undefined && request.nano > max.nano
    ? `${said}, but request is ${formatQuantity(request)}`
    : undefined
}

function aboveRatio(
  type: string,
  name: string,
  most: ExactQuantity,
  requests: ExactAmounts,
  limits: ExactAmounts,
): string | undefined {
  const said = `${name} max limit to request ratio per ${type} is ${formatQuantity(most)}`
  const request = requests.get(name) ?? nothing
  const limit = limits.get(name) ?? nothing
  if (request.nano === 0n) return `${said}, but no request is specified or request is 0`
  if (limit.nano === 0n) return `${said}, but no limit is specified or limit is 0`
  if (limit.nano * 1_000_000_000n <= most.nano * request.nano) return undefined
  return `${said}, but provided ratio is ${(Number(limit.nano) / Number(request.nano)).toFixed(6)}`
}
