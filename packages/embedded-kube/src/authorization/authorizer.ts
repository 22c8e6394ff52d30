import type { PolicyRule } from '@plimsoll/model'
import type { UserInfo } from '../request.ts'

/** What a request for a resource asks to do. */
export interface ResourceRequest {
  /** get, list, watch, create, update, patch, delete, deletecollection, or a verb of its own as `impersonate`. */
  readonly verb: string
  readonly group: string
  readonly version: string
  /** The plural. */
  readonly resource: string
  readonly subresource?: string | undefined
  /** Absent at cluster scope, and for requests over all namespaces. */
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

export interface Decision {
  readonly allowed: boolean
  /** Why, as reviews tell it; may be empty. */
  readonly reason: string
}

/** Everything that a user may do in a namespace. */
export interface RulesOfUser {
  readonly rules: readonly PolicyRule[]
  /** What could not be looked up, as a role that is bound and missing. */
  readonly errors: readonly string[]
}

/** Decides who may do what. Without one everybody may do everything. */
export interface Authorizer {
  resource(user: UserInfo, request: ResourceRequest): Decision
  path(user: UserInfo, verb: string, path: string): Decision
  /** `namespace` undefined: what is granted at cluster scope alone. */
  rulesOf(user: UserInfo, namespace: string | undefined): RulesOfUser
}

export const privilegedGroup = 'system:masters'

/** Several errors in one line, as Go's aggregates have it: one plain, more in brackets, each once. */
export function joinedErrors(errors: readonly string[]): string {
  const distinct = [...new Set(errors)]
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`
}
