// Role-based access control over the stored roles and bindings
// (kubernetes/kubernetes:plugin/pkg/auth/authorizer/rbac/rbac.go).
import type { UserInfo } from '../request.ts'
import type { Collection } from '../store/collection.ts'
import type { StoreEvent } from '../store/event-ring.ts'
import type { Store } from '../store/store.ts'
import {
  joinedErrors,
  privilegedGroup,
  type Authorizer,
  type Decision,
  type ResourceRequest,
  type RulesOfUser,
} from './authorizer.ts'
import { NodeRights } from './node-rights.ts'
import { allowsPath, allowsResource } from './policy-rule.ts'
import { RoleGrants, type GrantedRule } from './role-grants.ts'

export class RbacAuthorizer implements Authorizer {
  readonly grants: RoleGrants
  readonly #nodes: NodeRights

  constructor(store: Store) {
    this.grants = new RoleGrants(store)
    this.#nodes = new NodeRights(store)
  }

  /** Hears every commit of the store. */
  onCommit(collection: Collection, event: StoreEvent): void {
    this.grants.onCommit(collection, event)
  }

  resource(user: UserInfo, request: ResourceRequest): Decision {
    if (user.groups.includes(privilegedGroup)) return { allowed: true, reason: '' }
    const asNode = this.#nodes.decide(user, request)
    if (asNode?.allowed === true) return asNode
    const decision = this.#decide(user, request.namespace ?? '', (rule) => allowsResource(rule, request))
    if (decision.allowed || asNode === undefined || asNode.reason === '') return decision
    return decision.reason === '' ? asNode : { allowed: false, reason: `${asNode.reason}\n${decision.reason}` }
  }

  path(user: UserInfo, verb: string, path: string): Decision {
    if (user.groups.includes(privilegedGroup)) return { allowed: true, reason: '' }
    return this.#decide(user, '', (rule) => allowsPath(rule, verb, path))
  }

  rulesOf(user: UserInfo, namespace: string | undefined): RulesOfUser {
    const { rules, errors } = this.grants.of(user, namespace ?? '')
    return { rules: rules.map(({ rule }) => rule), errors }
  }

  #decide(user: UserInfo, namespace: string, allows: (rule: GrantedRule['rule']) => boolean): Decision {
    const { rules, errors } = this.grants.of(user, namespace)
    const found = rules.find(({ rule }) => allows(rule))
    if (found !== undefined) return { allowed: true, reason: `RBAC: allowed by ${found.source}` }
    return { allowed: false, reason: errors.length === 0 ? '' : `RBAC: ${joinedErrors(errors)}` }
  }
}
