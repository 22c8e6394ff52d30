// Nobody hands out what they do not hold, unless they may `escalate` the role or `bind` to it
// (kubernetes/kubernetes:pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go).
import type { PolicyRule } from '@plimsoll/model'
import { forbidden, notFound } from '../errors.ts'
import { equal, fieldsOf, listOf, textOf, type StoredObject } from '../object.ts'
import type { UserInfo } from '../request.ts'
import type { ResourceInfo } from '../resource-info.ts'
import { joinedErrors, privilegedGroup } from './authorizer.ts'
import { missingRules, quotedList, ruleText } from './policy-rule.ts'
import type { RbacAuthorizer } from './rbac-authorizer.ts'

const group = 'rbac.authorization.k8s.io'
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** @throws {KubeError} forbidden when a role or binding would grant more than its writer has */
export function checkEscalation(
  authorizer: RbacAuthorizer,
  user: UserInfo,
  info: ResourceInfo,
  object: StoredObject,
  old: StoredObject | undefined,
): void {
  if (info.group !== group || user.groups.includes(privilegedGroup)) return
  if (old !== undefined && onlyCollected(object, old)) return
  const { name, namespace = '' } = object.metadata
  const mayDo = (verb: string, resource: string, named: string): boolean =>
    authorizer.resource(user, { verb, group, version: '*', resource, namespace, name: named }).allowed
  switch (info.plural) {
    case 'roles':
    case 'clusterroles':
      // A creation's path has no name.
      if (mayDo('escalate', info.plural, old === undefined ? '' : name)) return
      confirm(authorizer, user, info, object, (object['rules'] ?? []) as readonly PolicyRule[])
      if (aggregates(object) || (old !== undefined && aggregates(old))) {
        if (missingOf(authorizer, user, '', fullAuthority) !== undefined) {
          throw forbidden(info, name, 'must have cluster-admin privileges to use the aggregationRule')
        }
      }
      return
    case 'rolebindings':
    case 'clusterrolebindings': {
      const roleRef = fieldsOf(object['roleRef'])
      const plural = roleRef['kind'] === 'ClusterRole' ? 'clusterroles' : 'roles'
      if (mayDo('bind', plural, textOf(roleRef['name']))) return
      const rules = authorizer.grants.rulesOfRole(roleRef, namespace)
      if (typeof rules === 'string')
        throw notFound({ group, plural: plural.slice(0, -1), kind: '' }, textOf(roleRef['name']))
      confirm(authorizer, user, info, object, rules)
      return
    }
    default:
  }
}

function confirm(
  authorizer: RbacAuthorizer,
  user: UserInfo,
  info: ResourceInfo,
  object: StoredObject,
  rules: readonly PolicyRule[],
): void {
  const { name, namespace = '' } = object.metadata
  const missing = missingOf(authorizer, user, namespace, rules)
  if (missing !== undefined) throw forbidden(info, name, missing)
}

/** Says what of the rules the user does not hold. */
function missingOf(
  authorizer: RbacAuthorizer,
  user: UserInfo,
  namespace: string,
  rules: readonly PolicyRule[],
): string | undefined {
  const owned = authorizer.rulesOf(user, namespace)
  const missing = missingRules(owned.rules, rules)
  if (missing.length === 0) return undefined
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`
  const what = [...new Set(missing.map(ruleText))].toSorted().join('\n')
  const unresolved = owned.errors.length === 0 ? '' : `; resolution errors: [${joinedErrors(owned.errors)}]`
  return `${who} is attempting to grant RBAC permissions not currently held:\n${what}${unresolved}`
}

function aggregates(role: StoredObject): boolean {
  return listOf(fieldsOf(role['aggregationRule'])['clusterRoleSelectors']).length > 0
}

/** Whether only what garbage collection writes differs. */
function onlyCollected(object: StoredObject, old: StoredObject): boolean {
  const { ownerReferences, finalizers, managedFields, resourceVersion } = old.metadata
  const metadata = { ...object.metadata, ownerReferences, finalizers, managedFields, resourceVersion }
  return equal({ ...object, metadata }, old)
}
