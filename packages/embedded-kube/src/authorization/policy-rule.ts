// What one rule of a role allows (kubernetes/kubernetes:pkg/apis/rbac/v1/evaluation_helpers.go), and whether rules cover
// other rules (kubernetes/component-helpers:auth/rbac/validation/policy_comparator.go).
import type { PolicyRule } from '@plimsoll/model'
import type { ResourceRequest } from './authorizer.ts'

export function allowsResource(rule: PolicyRule, request: ResourceRequest): boolean {
  const { verb, group, resource, subresource, name = '' } = request
  return (
    hasOrAll(rule.verbs, verb) &&
    hasOrAll(rule.apiGroups, group) &&
    namesResource(rule.resources ?? [], resource, subresource) &&
    (isEmpty(rule.resourceNames) || rule.resourceNames!.includes(name))
  )
}

export function allowsPath(rule: PolicyRule, verb: string, path: string): boolean {
  return hasOrAll(rule.verbs, verb) && (rule.nonResourceURLs ?? []).some((pattern) => coversPath(pattern, path))
}

function namesResource(resources: readonly string[], resource: string, subresource: string | undefined): boolean {
  if (subresource === undefined || subresource === '') return resources.includes('*') || resources.includes(resource)
  return (
    resources.includes('*') ||
    resources.includes(`${resource}/${subresource}`) ||
    resources.includes(`*/${subresource}`)
  )
}

/** What of `asked` nobody among `owned` allows, in pieces of one verb and one resource, put together again by resource. */
export function missingRules(owned: readonly PolicyRule[], asked: readonly PolicyRule[]): PolicyRule[] {
  const missing = asked.flatMap(pieces).filter((piece) => !owned.some((rule) => covers(rule, piece)))
  const simple = new Map<string, PolicyRule>()
  const others: PolicyRule[] = []
  for (const rule of missing) {
    if (rule.resources === undefined) {
      others.push(rule)
      continue
    }
    const id = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames])
    const known = simple.get(id)
    simple.set(id, known === undefined ? rule : { ...known, verbs: [...known.verbs, ...rule.verbs] })
  }
  return [...others, ...simple.values()]
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function ruleText(rule: PolicyRule): string {
  const parts: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ]
  const shown = parts.filter(([, values]) => !isEmpty(values)).map(([name, values]) => `${name}:${quotedList(values!)}`)
  return `{${shown.join(', ')}}`
}

/** `["a" "b"]` */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`
}

function pieces(rule: PolicyRule): PolicyRule[] {
  const names = isEmpty(rule.resourceNames) ? [undefined] : rule.resourceNames!
  const resources = (rule.apiGroups ?? []).flatMap((group) =>
    (rule.resources ?? []).flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        names.map((name) => ({
          apiGroups: [group],
          resources: [resource],
          verbs: [verb],
          ...(name === undefined ? {} : { resourceNames: [name] }),
        })),
      ),
    ),
  )
  const paths = (rule.nonResourceURLs ?? []).flatMap((path) =>
    rule.verbs.map((verb) => ({ nonResourceURLs: [path], verbs: [verb] })),
  )
  return [...resources, ...paths]
}

function covers(owner: PolicyRule, piece: PolicyRule): boolean {
  return (
    has(owner.verbs, piece.verbs) &&
    has(owner.apiGroups, piece.apiGroups) &&
    (piece.resources ?? []).every((resource) => coversResource(owner.resources ?? [], resource)) &&
    (isEmpty(owner.resourceNames) ||
      (!isEmpty(piece.resourceNames) && piece.resourceNames!.every((name) => owner.resourceNames!.includes(name)))) &&
    (piece.nonResourceURLs ?? []).every((path) => (owner.nonResourceURLs ?? []).some((own) => coversPath(own, path)))
  )
}

function coversResource(owned: readonly string[], resource: string): boolean {
  if (owned.includes('*') || owned.includes(resource)) return true
  const slash = resource.indexOf('/')
  return slash >= 0 && owned.includes(`*${resource.slice(slash)}`)
}

function coversPath(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')))
}

function has(owned: readonly string[] | undefined, asked: readonly string[] | undefined): boolean {
  return (asked ?? []).every((value) => hasOrAll(owned, value))
}

function hasOrAll(values: readonly string[] | undefined, value: string): boolean {
  return values !== undefined && (values.includes(value) || values.includes('*'))
}

function isEmpty(values: readonly string[] | undefined): boolean {
  return values === undefined || values.length === 0
}
