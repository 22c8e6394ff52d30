// What is served, told in both forms (kubernetes/api:apidiscovery/v2, and meta/v1's older lists).
import { apiVersionOf } from '@plimsoll/model'
import type { Fields } from '../object.ts'
import type { ResourceInfo, SubresourceInfo } from '../registry.ts'

interface VersionOf {
  readonly version: string
  readonly resources: readonly ResourceInfo[]
}

interface GroupOf {
  readonly group: string
  /** Preferred first. */
  readonly versions: readonly VersionOf[]
}

/** Groups and versions in the order of the resources; the core group first. */
export function groupsOf(resources: readonly ResourceInfo[]): readonly GroupOf[] {
  const groups = new Map<string, Map<string, ResourceInfo[]>>()
  for (const info of resources) {
    let versions = groups.get(info.group)
    if (versions === undefined) groups.set(info.group, (versions = new Map()))
    const list = versions.get(info.version)
    if (list === undefined) versions.set(info.version, [info])
    else list.push(info)
  }
  return [...groups].map(([group, versions]) => ({
    group,
    versions: [...versions].map(([version, list]) => ({ version, resources: list })),
  }))
}

/** APIGroupDiscoveryList of /api (the core group) or /apis (all others). */
export function aggregatedDiscovery(
  resources: readonly ResourceInfo[],
  core: boolean,
  version: 'v2' | 'v2beta1',
): Fields {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(resources)
      .filter(({ group }) => (group === '') === core)
      .map(({ group, versions }) => ({
        metadata: group === '' ? {} : { name: group },
        versions: versions.map((v) => ({
          version: v.version,
          freshness: 'Current',
          resources: v.resources.map(discoveredResource),
        })),
      })),
  }
}

function discoveredResource(info: ResourceInfo): Fields {
  const { group, version, kind } = info
  const subresources = [...info.subresources.values()].map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  }))
  return {
    resource: info.plural,
    responseKind: { group, version, kind },
    scope: info.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: info.verbs,
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(info.categories.length === 0 ? {} : { categories: info.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  }
}

/** APIVersions of /api. */
export function coreVersions(serverAddress: string): Fields {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  }
}

function apiGroup({ group, versions }: GroupOf): Fields {
  const all = versions.map(({ version }) => ({ groupVersion: apiVersionOf({ group, version }), version }))
  return { name: group, versions: all, preferredVersion: all[0] }
}

/** APIGroupList of /apis. */
export function apiGroupList(resources: readonly ResourceInfo[]): Fields {
  const groups = groupsOf(resources).filter(({ group }) => group !== '')
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) }
}

/** APIGroup of /apis/GROUP; undefined when it is not served. */
export function apiGroupNamed(resources: readonly ResourceInfo[], name: string): Fields | undefined {
  const group = groupsOf(resources).find((found) => found.group === name && name !== '')
  return group === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) }
}

/** APIResourceList of /api/v1 or /apis/GROUP/VERSION; undefined when it is not served. */
export function apiResourceList(
  resources: readonly ResourceInfo[],
  group: string,
  version: string,
): Fields | undefined {
  const served = resources.filter((info) => info.group === group && info.version === version)
  if (served.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    // The core group's list comes without.
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: served.flatMap((info) => [
      {
        name: info.plural,
        singularName: info.singular,
        namespaced: info.namespaced,
        kind: info.kind,
        verbs: info.verbs,
        ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
        ...(info.categories.length === 0 ? {} : { categories: info.categories }),
      },
      ...[...info.subresources.values()].map((sub) => listedSubresource(info, sub)),
    ]),
  }
}

function listedSubresource(info: ResourceInfo, sub: SubresourceInfo): Fields {
  const foreign = sub.group !== info.group || sub.version !== info.version
  return {
    name: `${info.plural}/${sub.name}`,
    singularName: '',
    namespaced: info.namespaced,
    ...(foreign ? { group: sub.group, version: sub.version } : {}),
    kind: sub.kind,
    verbs: sub.verbs,
  }
}
