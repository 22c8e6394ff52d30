// Which rules reach whom: the bindings by subject, kept current with every commit
// (kubernetes/kubernetes:pkg/registry/rbac/validation/rule.go, DefaultRuleResolver).
import type { PolicyRule, RbacV1Subject } from '@plimsoll/model'
import type { Fields, StoredObject } from '../object.ts'
import { fieldsOf, listOf, textOf } from '../object.ts'
import type { UserInfo } from '../request.ts'
import type { Collection } from '../store/collection.ts'
import type { StoreEvent } from '../store/event-ring.ts'
import type { Store } from '../store/store.ts'

/** A rule with the words for where it comes from: `ClusterRoleBinding "b" of ClusterRole "r" to Group "g"`. */
export interface GrantedRule {
  readonly rule: PolicyRule
  readonly source: string
}

export interface Grants {
  readonly rules: readonly GrantedRule[]
  readonly errors: readonly string[]
}

const group = 'rbac.authorization.k8s.io'
const everything = { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined }
const answersMax = 4096

export class RoleGrants {
  readonly #roles: Collection
  readonly #clusterRoles: Collection
  readonly #bindings: Collection
  /** Subject → the bindings that name it, by `namespace/name`; the namespace of a ClusterRoleBinding is empty. */
  readonly #bySubject = new Map<string, Map<string, StoredObject>>()
  /** What was answered since the last change of a role or binding. */
  readonly #answers = new Map<string, Grants>()

  constructor(store: Store) {
    this.#roles = store.collection(group, 'roles')
    this.#clusterRoles = store.collection(group, 'clusterroles')
    this.#bindings = store.collection(group, 'rolebindings')
    for (const collection of [store.collection(group, 'clusterrolebindings'), this.#bindings]) {
      for (const binding of collection.list(everything)) this.#add(binding)
    }
  }

  onCommit(collection: Collection, event: StoreEvent): void {
    switch (collection.id) {
      case `${group}/clusterrolebindings`:
      case `${group}/rolebindings`:
        if (event.previous !== undefined) this.#remove(event.previous)
        if (event.type !== 'DELETED') this.#add(event.object)
        break
      case `${group}/clusterroles`:
      case `${group}/roles`:
        break
      default:
        return
    }
    this.#answers.clear()
  }

  /** Those of cluster scope first, then the namespace's; each in the order of the bindings' names. */
  of(user: UserInfo, namespace: string): Grants {
    const id = JSON.stringify([user.name, user.groups, namespace])
    const known = this.#answers.get(id)
    if (known !== undefined) return known
    if (this.#answers.size >= answersMax) this.#answers.clear()
    const grants = this.#find(user, namespace)
    this.#answers.set(id, grants)
    return grants
  }

  /** The rules of a role that a binding names. @returns text when there is none */
  rulesOfRole(roleRef: Fields, namespace: string): readonly PolicyRule[] | string {
    const kind = textOf(roleRef['kind'])
    const name = textOf(roleRef['name'])
    if (kind !== 'Role' && kind !== 'ClusterRole') return `unsupported role reference kind: ${JSON.stringify(kind)}`
    const role = kind === 'Role' ? this.#roles.get(namespace, name) : this.#clusterRoles.get('', name)
    if (role === undefined) return `${kind.toLowerCase()}.${group} ${JSON.stringify(name)} not found`
    return (role['rules'] ?? []) as readonly PolicyRule[]
  }

  #find(user: UserInfo, namespace: string): Grants {
    const found = new Map<string, StoredObject>()
    for (const subject of [`User ${user.name}`, ...user.groups.map((name) => `Group ${name}`)]) {
      for (const [place, binding] of this.#bySubject.get(subject) ?? []) {
        const home = binding.metadata.namespace ?? ''
        if (home === '' || home === namespace) found.set(place, binding)
      }
    }
    const rules: GrantedRule[] = []
    const errors: string[] = []
    // A ClusterRoleBinding's place begins with the slash, which sorts before every namespace.
    for (const [, binding] of [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const roleRef = fieldsOf(binding['roleRef'])
      const granted = this.rulesOfRole(roleRef, namespace)
      if (typeof granted === 'string') {
        errors.push(granted)
        continue
      }
      const source = sourceText(binding, roleRef, user)
      for (const rule of granted) rules.push({ rule, source })
    }
    return { rules, errors }
  }

  #add(binding: StoredObject): void {
    for (const subject of subjectIds(binding)) {
      let bindings = this.#bySubject.get(subject)
      if (bindings === undefined) this.#bySubject.set(subject, (bindings = new Map()))
      bindings.set(placeOf(binding), binding)
    }
  }

  #remove(binding: StoredObject): void {
    for (const subject of subjectIds(binding)) this.#bySubject.get(subject)?.delete(placeOf(binding))
  }
}

function placeOf(binding: StoredObject): string {
  return `${binding.metadata.namespace ?? ''}/${binding.metadata.name}`
}

function subjectsOf(binding: StoredObject): readonly RbacV1Subject[] {
  return listOf(binding['subjects']) as unknown as readonly RbacV1Subject[]
}

function subjectIds(binding: StoredObject): string[] {
  return subjectsOf(binding)
    .map((subject) => subjectId(subject, binding.metadata.namespace ?? ''))
    .filter((id) => id !== undefined)
}

/** Undefined for a subject that is nobody. */
function subjectId(subject: RbacV1Subject, home: string): string | undefined {
  switch (subject.kind) {
    case 'User':
    case 'Group':
      return `${subject.kind} ${subject.name}`
    case 'ServiceAccount': {
      const namespace = (subject.namespace ?? '') === '' ? home : subject.namespace!
      return namespace === '' ? undefined : `User system:serviceaccount:${namespace}:${subject.name}`
    }
    default:
      return undefined
  }
}

function sourceText(binding: StoredObject, roleRef: Fields, user: UserInfo): string {
  const { name, namespace = '' } = binding.metadata
  const subject = subjectsOf(binding).find((one) => {
    const id = subjectId(one, namespace)
    return id === `User ${user.name}` || user.groups.some((known) => id === `Group ${known}`)
  })!
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding'
  const shown = namespace === '' ? name : `${name}/${namespace}`
  const whose =
    subject.kind === 'ServiceAccount'
      ? `${subject.name}/${(subject.namespace ?? '') === '' ? namespace : subject.namespace}`
      : subject.name
  const role = `${textOf(roleRef['kind'])} ${JSON.stringify(roleRef['name'])}`
  return `${kind} ${JSON.stringify(shown)} of ${role} to ${subject.kind} ${JSON.stringify(whose)}`
}
