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

/** Decides who may do what. Without one everybody may do everything. */
export interface Authorizer {
  resource(user: UserInfo, request: ResourceRequest): Decision
  path(user: UserInfo, verb: string, path: string): Decision
}
