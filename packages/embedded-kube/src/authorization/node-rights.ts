// What kubelets may do: the rules of ClusterRole system:node, narrowed to what concerns their own node
// (kubernetes/kubernetes:plugin/pkg/auth/authorizer/node/node_authorizer.go).
import type { PolicyRule } from '@plimsoll/model'
import { fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import type { UserInfo } from '../request.ts'
import type { Collection } from '../store/collection.ts'
import type { Store } from '../store/store.ts'
import type { Decision, ResourceRequest } from './authorizer.ts'
import { allowsResource } from './policy-rule.ts'

const prefix = 'system:node:'
const leaseNamespace = 'kube-node-lease'

export class NodeRights {
  readonly #pods: Collection
  readonly #claims: Collection
  readonly #roles: Collection

  constructor(store: Store) {
    this.#pods = store.collection('', 'pods')
    this.#claims = store.collection('', 'persistentvolumeclaims')
    this.#roles = store.collection('rbac.authorization.k8s.io', 'clusterroles')
  }

  /** undefined for users that are no nodes. */
  decide(user: UserInfo, request: ResourceRequest): Decision | undefined {
    if (!user.name.startsWith(prefix) || !user.groups.includes('system:nodes')) return undefined
    const why = this.#refusal(user.name.slice(prefix.length), request)
    return { allowed: why === undefined, reason: why ?? '' }
  }

  /** Why not; undefined when it is allowed. */
  #refusal(node: string, request: ResourceRequest): string | undefined {
    const { group, resource, verb, subresource = '', namespace = '', name = '' } = request
    const related = (uses: (pod: StoredObject) => boolean): string | undefined =>
      this.#podsOn(node, namespace).some(uses)
        ? undefined
        : `no relationship found between node '${node}' and this object`
    const lifeOf = (what: string, whose: string): string | undefined => {
      if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
        return `can only get, create, update, patch, or delete a ${what}`
      }
      if (verb === 'create' || name === node) return undefined
      return `can only access ${whose} with the same name as the requesting node`
    }
    switch (`${group}/${resource}`) {
      case '/secrets':
      case '/configmaps':
        if (!['get', 'list', 'watch'].includes(verb)) return 'can only read resources of this type'
        if (subresource !== '') return 'cannot read subresource'
        if (namespace === '') return 'can only read namespaced object of this type'
        if (name === '') return 'No Object name found'
        return related((pod) => mentions(pod.spec, resource === 'secrets' ? secretNames : configMapNames, name))
      case '/persistentvolumeclaims':
        if (subresource === 'status' && (verb === 'update' || verb === 'patch')) {
          return related((pod) => claimNames(pod).includes(name))
        }
        if (verb !== 'get') return 'can only get individual resources of this type'
        return related((pod) => claimNames(pod).includes(name))
      case '/persistentvolumes': {
        if (verb !== 'get') return 'can only get individual resources of this type'
        const mounts = (pod: StoredObject): boolean =>
          claimNames(pod).some(
            (claim) => this.#claims.get(pod.metadata.namespace ?? '', claim)?.spec?.['volumeName'] === name,
          )
        return related(mounts)
      }
      case '/serviceaccounts':
        if (subresource === 'token' ? verb !== 'create' : verb !== 'get') {
          return 'can only create tokens for individual service accounts'
        }
        return related((pod) => textOf(pod.spec?.['serviceAccountName']) === name)
      case 'coordination.k8s.io/leases':
        if (namespace !== leaseNamespace) return `can only access leases in the "${leaseNamespace}" system namespace`
        return lifeOf('node lease', 'node lease')
      case 'storage.k8s.io/csinodes':
        return lifeOf('CSINode', 'CSINode')
      case '/nodes':
        if ((verb === 'update' || verb === 'patch') && name !== node)
          return `node '${node}' cannot ${verb} node '${name}'`
        return this.#allowedByRole(request) ? undefined : ''
      default:
        return this.#allowedByRole(request) ? undefined : ''
    }
  }

  #allowedByRole(request: ResourceRequest): boolean {
    const rules = (this.#roles.get('', 'system:node')?.['rules'] ?? []) as readonly PolicyRule[]
    return rules.some((rule) => allowsResource(rule, request))
  }

  #podsOn(nodeName: string, namespace: string): readonly StoredObject[] {
    return this.#pods.list({
      namespace: namespace === '' ? undefined : namespace,
      matches: (pod) => pod.spec?.['nodeName'] === nodeName,
      name: undefined,
      nodeName,
    })
  }
}

/** The fields whose value, or whose `name`, is the name of an object of the kind. */
const secretNames = new Set(['secretName', 'secretRef', 'secretKeyRef', 'secret', 'imagePullSecrets'])
const configMapNames = new Set(['configMap', 'configMapRef', 'configMapKeyRef'])

/** Whether a pod's spec names an object anywhere: volumes, environment, pull secrets. */
function mentions(value: unknown, fields: ReadonlySet<string>, name: string): boolean {
  if (Array.isArray(value)) return value.some((element) => mentions(element, fields, name))
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value as Fields).some(([field, inner]) => {
    if (!fields.has(field)) return mentions(inner, fields, name)
    const named = Array.isArray(inner) ? listOf(inner) : [inner]
    return named.some((one) => one === name || fieldsOf(one)['name'] === name || fieldsOf(one)['secretName'] === name)
  })
}

function claimNames(pod: StoredObject): string[] {
  return listOf(pod.spec?.['volumes'])
    .map((volume) =>
      isFields(volume['ephemeral'])
        ? `${pod.metadata.name}-${textOf(volume['name'])}`
        : textOf(fieldsOf(volume['persistentVolumeClaim'])['claimName']),
    )
    .filter((name) => name !== '')
}
