// What a request asks, in the terms in which it is authorized
// (kubernetes/apiserver:pkg/endpoints/request/requestinfo.go).
import { own } from '@plimsoll/model'
import type { ResourceInfo } from '../resource-info.ts'
import type { ResourcePath } from '../wire/resource-path.ts'
import type { ResourceRequest } from './authorizer.ts'

/** What of a resource a request is about. */
export interface Place {
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
  /** A selector that fixes metadata.name names the object as well. */
  readonly fieldSelector?: string | undefined
}

type Type = Pick<ResourceInfo, 'group' | 'version' | 'plural'>

export function attributesOf(type: Type, verb: string, place: Place): ResourceRequest {
  const { group, version, plural } = type
  const name = place.name ?? selectedName(place.fieldSelector)
  // A Namespace is in itself, so that a role inside of it may reach it.
  const namespace = group === '' && plural === 'namespaces' ? place.name : place.namespace
  return { verb, group, version, resource: plural, subresource: place.subresource, namespace, name }
}

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

export function attributesOfPath(
  path: ResourcePath,
  method: string,
  query: { flag(name: string): boolean; text(name: string): string | undefined },
): ResourceRequest {
  let verb = path.watch ? 'watch' : (own(verbs, method) ?? '')
  if (path.name === undefined && verb === 'get') verb = query.flag('watch') ? 'watch' : 'list'
  if (path.name === undefined && verb === 'delete') verb = 'deletecollection'
  const selects = path.name === undefined && (verb === 'list' || verb === 'watch')
  return attributesOf(path, verb, { ...path, fieldSelector: selects ? query.text('fieldSelector') : undefined })
}

function selectedName(fieldSelector: string | undefined): string | undefined {
  return /(?:^|,)metadata\.name==?([^,=!\\%/]+)(?:,|$)/.exec(fieldSelector ?? '')?.[1]
}
