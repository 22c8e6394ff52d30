// Cluster roles that gather the rules of others by label
// (kubernetes/kubernetes:pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go).
import { labelSelectorMatches, type LabelSelector, type PolicyRule } from '@plimsoll/model'
import { equal, fieldsOf, listOf, type StoredObject } from '../object.ts'
import type { Collection } from '../store/collection.ts'
import type { Store } from '../store/store.ts'

const everything = { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined }

export class RoleAggregation {
  readonly #store: Store
  readonly #roles: Collection

  constructor(store: Store) {
    this.#store = store
    this.#roles = store.collection('rbac.authorization.k8s.io', 'clusterroles')
  }

  /** Writes the rules of every role that gathers; a role that changed by it makes the next round. */
  onCommit(collection: Collection): void {
    if (collection !== this.#roles) return
    for (const role of this.#roles.list(everything)) {
      const selectors = listOf(fieldsOf(role['aggregationRule'])['clusterRoleSelectors']) as readonly LabelSelector[]
      if (selectors.length === 0) continue
      const rules = this.#gathered(role, selectors)
      if (equal(rules, role['rules'] ?? [])) continue
      const place = { collection: this.#roles, namespace: '', name: role.metadata.name }
      this.#store.put(place, role, { ...role, rules })
    }
  }

  #gathered(role: StoredObject, selectors: readonly LabelSelector[]): PolicyRule[] {
    const rules: PolicyRule[] = []
    for (const selector of selectors) {
      for (const other of this.#roles.list(everything)) {
        if (other.metadata.name === role.metadata.name) continue
        if (!labelSelectorMatches(selector, other.metadata.labels)) continue
        for (const rule of (other['rules'] ?? []) as readonly PolicyRule[]) {
          if (!rules.some((known) => equal(known, rule))) rules.push(rule)
        }
      }
    }
    return rules
  }
}
