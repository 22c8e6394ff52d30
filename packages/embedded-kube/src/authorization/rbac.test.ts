import { ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { ObjectInput } from '../object.ts'
import type { RequestContext, UserInfo } from '../request.ts'

const rbac = 'rbac.authorization.k8s.io'
const masters: UserInfo = { name: 'root', groups: ['system:masters', 'system:authenticated'] }
const bob: UserInfo = { name: 'bob', groups: ['dev', 'system:authenticated'] }

function house(): ApiServer {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('rbac'), authorizationMode: 'RBAC' })
  bootstrap(server)
  return server
}

function as(user: UserInfo): RequestContext {
  return { user, userAgent: 'test', warnings: [] }
}

function create(server: ApiServer, kind: string, object: ObjectInput, user: UserInfo = masters): ObjectInput {
  const [group = '', version = ''] = kind.startsWith('io:') ? [] : [rbac, 'v1']
  const info = server.registry.findKind(group, version, kind)!
  return server.create(as(user), info, object.metadata?.namespace, object)
}

function role(server: ApiServer, name: string, rules: readonly object[], namespace?: string): void {
  create(server, namespace === undefined ? 'ClusterRole' : 'Role', { metadata: { name, namespace }, rules })
}

interface Bound {
  readonly to: object
  readonly role: string
  readonly kind?: 'Role' | 'ClusterRole'
  readonly namespace?: string
}

function bind(server: ApiServer, { to, role: name, kind = 'ClusterRole', namespace }: Bound): void {
  create(server, namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding', {
    metadata: { name: `bind-${name}`, namespace },
    roleRef: { apiGroup: rbac, kind, name },
    subjects: [to],
  })
}

function messageOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (error instanceof KubeError) return error.message
    throw error
  }
  return 'allowed'
}

const request = { version: 'v1', group: '' }

describe('RBAC', () => {
  it.each([
    { when: 'by user', to: { kind: 'User', name: 'bob' }, allowed: true },
    { when: 'by group', to: { kind: 'Group', name: 'dev' }, allowed: true },
    { when: 'another user', to: { kind: 'User', name: 'eve' }, allowed: false },
    {
      when: 'a service account of that name',
      to: { kind: 'ServiceAccount', name: 'bob', namespace: 'default' },
      allowed: false,
    },
  ])('binds $when: $allowed', ({ to, allowed }) => {
    const server = house()
    role(server, 'reader', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])
    bind(server, { to, role: 'reader' })
    expect(server.authorizer!.resource(bob, { ...request, verb: 'get', resource: 'pods' }).allowed).toBe(allowed)
  })

  it.each([
    { rule: { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, asked: { resource: 'pods' }, allowed: true },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
      asked: { resource: 'pods', subresource: 'log' },
      allowed: false,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] },
      asked: { resource: 'pods', subresource: 'log' },
      allowed: true,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['*/log'] },
      asked: { resource: 'pods', subresource: 'log' },
      allowed: true,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['*/scale'] },
      asked: { resource: 'pods', subresource: 'log' },
      allowed: false,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['*'] },
      asked: { resource: 'pods', subresource: 'log' },
      allowed: true,
    },
    { rule: { verbs: ['*'], apiGroups: ['*'], resources: ['pods'] }, asked: { resource: 'pods' }, allowed: true },
    { rule: { verbs: ['list'], apiGroups: [''], resources: ['pods'] }, asked: { resource: 'pods' }, allowed: false },
    { rule: { verbs: ['get'], apiGroups: ['apps'], resources: ['pods'] }, asked: { resource: 'pods' }, allowed: false },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
      asked: { resource: 'pods', name: 'a' },
      allowed: true,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
      asked: { resource: 'pods', name: 'b' },
      allowed: false,
    },
    {
      rule: { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
      asked: { resource: 'pods' },
      allowed: false,
    },
  ])('rule $rule, asked $asked: $allowed', ({ rule, asked, allowed }) => {
    const server = house()
    role(server, 'r', [rule])
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'r' })
    expect(server.authorizer!.resource(bob, { ...request, verb: 'get', ...asked }).allowed).toBe(allowed)
  })

  it.each([
    { urls: ['/metrics'], path: '/metrics', allowed: true },
    { urls: ['/metrics'], path: '/metrics/x', allowed: false },
    { urls: ['/logs/*'], path: '/logs/a/b', allowed: true },
    { urls: ['/logs/*'], path: '/logs', allowed: false },
    { urls: ['*'], path: '/anything', allowed: true },
  ])('paths $urls, asked $path: $allowed', ({ urls, path, allowed }) => {
    const server = house()
    role(server, 'paths', [{ verbs: ['get'], nonResourceURLs: urls }])
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'paths' })
    expect(server.authorizer!.path(bob, 'get', path).allowed).toBe(allowed)
  })

  it('a RoleBinding grants within its namespace, a service account without namespace is its own', () => {
    const server = house()
    role(server, 'edit-here', [{ verbs: ['*'], apiGroups: [''], resources: ['pods'] }], 'default')
    bind(server, { to: { kind: 'ServiceAccount', name: 'sa' }, role: 'edit-here', kind: 'Role', namespace: 'default' })
    const sa: UserInfo = { name: 'system:serviceaccount:default:sa', groups: [] }
    const may = (namespace: string | undefined): unknown =>
      server.authorizer!.resource(sa, { ...request, verb: 'delete', resource: 'pods', namespace })
    expect(may('default')).toEqual({
      allowed: true,
      reason:
        'RBAC: allowed by RoleBinding "bind-edit-here/default" of Role "edit-here" to ServiceAccount "sa/default"',
    })
    expect(may('kube-system')).toEqual({ allowed: false, reason: '' })
    expect(may(undefined)).toEqual({ allowed: false, reason: '' })
  })

  it('hears of every change of roles and bindings', () => {
    const server = house()
    const may = (): boolean => server.authorizer!.resource(bob, { ...request, verb: 'get', resource: 'pods' }).allowed
    role(server, 'reader', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])
    expect(may()).toBe(false)
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'reader' })
    expect(may()).toBe(true)
    const roles = server.registry.find(rbac, 'v1', 'clusterroles')!
    const patch = { rules: [{ verbs: ['list'], apiGroups: [''], resources: ['pods'] }] }
    server.patch(as(masters), roles, { name: 'reader' }, 'merge', patch)
    expect(may()).toBe(false)
    server.patch(as(masters), roles, { name: 'reader' }, 'merge', { rules: [{ ...patch.rules[0], verbs: ['*'] }] })
    expect(may()).toBe(true)
    server.delete(as(masters), server.registry.find(rbac, 'v1', 'clusterrolebindings')!, { name: 'bind-reader' })
    expect(may()).toBe(false)
  })

  it.each([
    {
      verb: 'list' as const,
      namespace: 'default',
      message: 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
    },
    {
      verb: 'list' as const,
      namespace: undefined,
      message: 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
    },
  ])('refuses in upstream words: $message', ({ namespace, message }) => {
    const server = house()
    const pods = server.registry.find('', 'v1', 'pods')!
    expect(messageOf(() => server.list(as(bob), pods, namespace === undefined ? {} : { namespace }))).toBe(message)
  })

  it('says which bound role is missing, and lets a selector by name use resourceNames', () => {
    const server = house()
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'gone' })
    const pods = server.registry.find('', 'v1', 'pods')!
    expect(messageOf(() => server.get(as(bob), pods, { namespace: 'default', name: 'p' }))).toBe(
      'pods "p" is forbidden: User "bob" cannot get resource "pods" in API group "" in the namespace "default": RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    )
    role(server, 'gone', [{ verbs: ['list'], apiGroups: [''], resources: ['pods'], resourceNames: ['p'] }])
    expect(server.list(as(bob), pods, { fieldSelector: 'metadata.name=p' }).items).toEqual([])
    expect(messageOf(() => server.list(as(bob), pods, { fieldSelector: 'metadata.name=q' }))).toContain('forbidden')
  })

  it('checks a namespace within itself, so that its own roles reach it', () => {
    const server = house()
    role(server, 'self', [{ verbs: ['get'], apiGroups: [''], resources: ['namespaces'] }], 'default')
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'self', kind: 'Role', namespace: 'default' })
    const namespaces = server.registry.find('', 'v1', 'namespaces')!
    expect(server.get(as(bob), namespaces, { name: 'default' }).metadata.name).toBe('default')
    expect(messageOf(() => server.get(as(bob), namespaces, { name: 'kube-system' }))).toContain(
      'in the namespace "kube-system"',
    )
  })

  it('who may make a namespace needs no right to what every namespace is given', () => {
    const server = house()
    role(server, 'founder', [{ verbs: ['create'], apiGroups: [''], resources: ['namespaces'] }])
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'founder' })
    const namespaces = server.registry.find('', 'v1', 'namespaces')!
    expect(messageOf(() => server.create(as(bob), namespaces, undefined, { metadata: { name: 'n' } }))).toBe('allowed')
    const maps = server.registry.find('', 'v1', 'configmaps')!
    const key = { namespace: 'n', name: 'kube-root-ca.crt' }
    expect(server.get(as(masters), maps, key).metadata.name).toBe('kube-root-ca.crt')
  })

  it('an apply that creates needs the right to create', () => {
    const server = house()
    role(server, 'patcher', [{ verbs: ['patch'], apiGroups: [''], resources: ['configmaps'] }])
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'patcher' })
    const maps = server.registry.find('', 'v1', 'configmaps')!
    const key = { namespace: 'default', name: 'c' }
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: 'b' } }
    expect(messageOf(() => server.patch(as(bob), maps, key, 'apply', body, { fieldManager: 'm' }))).toContain(
      'cannot create resource "configmaps"',
    )
  })
})

describe('aggregated cluster roles', () => {
  it('gather from the bootstrap roles, in two steps', () => {
    const server = house()
    const roles = server.registry.find(rbac, 'v1', 'clusterroles')!
    const rulesOf = (name: string): number =>
      (server.get(as(masters), roles, { name })['rules'] as readonly unknown[]).length
    expect(rulesOf('view')).toBeGreaterThan(5)
    expect(rulesOf('edit')).toBeGreaterThan(rulesOf('view'))
    expect(rulesOf('admin')).toBeGreaterThan(rulesOf('edit'))
  })

  it('follow what is labelled, and forget what goes', () => {
    const server = house()
    const roles = server.registry.find(rbac, 'v1', 'clusterroles')!
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'admin' })
    const may = (): boolean =>
      server.authorizer!.resource(bob, { verb: 'get', group: 'example.com', version: 'v1', resource: 'widgets' })
        .allowed
    expect(may()).toBe(false)
    create(server, 'ClusterRole', {
      metadata: { name: 'widgets', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
      rules: [{ verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] }],
    })
    expect(may()).toBe(true)
    server.delete(as(masters), roles, { name: 'widgets' })
    expect(may()).toBe(false)
  })
})

describe('escalation', () => {
  const rules = [
    { verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] },
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
  ]
  const manager = (server: ApiServer, ...more: readonly object[]): void => {
    role(server, 'manager', [
      { verbs: ['create', 'update', 'patch', 'get'], apiGroups: [rbac], resources: ['*'] },
      { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
      ...more,
    ])
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'manager' })
  }

  it('refuses to write a role with more than its writer holds', () => {
    const server = house()
    manager(server)
    expect(messageOf(() => create(server, 'Role', { metadata: { name: 'r', namespace: 'default' }, rules }, bob))).toBe(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "bob" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    )
    const small = { metadata: { name: 'r', namespace: 'default' }, rules: [rules[1]] }
    expect(messageOf(() => create(server, 'Role', small, bob))).toBe('allowed')
  })

  it('allows it to who may escalate', () => {
    const server = house()
    manager(server, { verbs: ['escalate'], apiGroups: [rbac], resources: ['roles'] })
    expect(messageOf(() => create(server, 'Role', { metadata: { name: 'r', namespace: 'default' }, rules }, bob))).toBe(
      'allowed',
    )
  })

  it.each([
    { when: 'who may not bind', more: [], message: 'not currently held' },
    { when: 'who may bind another role', more: ['other'], message: 'not currently held' },
    { when: 'who may bind it', more: ['view'], message: 'allowed' },
  ])('binding a role, $when', ({ more, message }) => {
    const server = house()
    const right = more.map((name) => ({
      verbs: ['bind'],
      apiGroups: [rbac],
      resources: ['clusterroles'],
      resourceNames: [name],
    }))
    manager(server, ...right)
    const binding = {
      metadata: { name: 'b' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'User', name: 'eve' }],
    }
    expect(messageOf(() => create(server, 'ClusterRoleBinding', binding, bob))).toContain(message)
  })

  it('a missing role cannot be bound', () => {
    const server = house()
    manager(server)
    const binding = { metadata: { name: 'b' }, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'none' } }
    expect(messageOf(() => create(server, 'ClusterRoleBinding', binding, bob))).toBe(
      'clusterrole.rbac.authorization.k8s.io "none" not found',
    )
  })
})

describe('nodes', () => {
  const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const inDefault = { ...request, namespace: 'default' }
  it.each([
    { asked: { ...request, verb: 'patch', resource: 'nodes', subresource: 'status', name: 'n1' }, allowed: true },
    { asked: { ...request, verb: 'patch', resource: 'nodes', subresource: 'status', name: 'n2' }, allowed: false },
    { asked: { ...inDefault, verb: 'get', resource: 'secrets', name: 'mounted' }, allowed: true },
    { asked: { ...inDefault, verb: 'get', resource: 'secrets', name: 'other' }, allowed: false },
    { asked: { ...inDefault, verb: 'list', resource: 'secrets' }, allowed: false },
    { asked: { ...inDefault, verb: 'get', resource: 'configmaps', name: 'env' }, allowed: true },
    {
      asked: { ...inDefault, verb: 'create', resource: 'serviceaccounts', subresource: 'token', name: 'default' },
      allowed: true,
    },
    {
      asked: { ...inDefault, verb: 'create', resource: 'serviceaccounts', subresource: 'token', name: 'x' },
      allowed: false,
    },
    { asked: { ...inDefault, verb: 'update', resource: 'pods', subresource: 'status', name: 'p' }, allowed: true },
    { asked: { ...inDefault, verb: 'create', group: 'apps', resource: 'deployments' }, allowed: false },
  ])('$asked.verb $asked.resource $asked.name: $allowed', ({ asked, allowed }) => {
    const server = house()
    const pods = server.registry.find('', 'v1', 'pods')!
    server.create(as(masters), pods, 'default', {
      metadata: { name: 'p' },
      spec: {
        nodeName: 'n1',
        containers: [
          { name: 'c', image: 'i', env: [{ name: 'E', valueFrom: { configMapKeyRef: { name: 'env', key: 'k' } } }] },
        ],
        volumes: [{ name: 'v', secret: { secretName: 'mounted' } }],
      },
    })
    expect(server.authorizer!.resource(node, asked).allowed).toBe(allowed)
  })
})

describe('reviews', () => {
  const ask = (server: ApiServer, plural: string, spec: object, user = bob, namespace?: string): ObjectInput => {
    const info = server.registry.find('authorization.k8s.io', 'v1', plural)!
    return server.create(as(user), info, namespace, { spec: { ...spec } })
  }
  const getPods = { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } }

  it('tells a user what it may do', () => {
    const server = house()
    expect(ask(server, 'selfsubjectaccessreviews', getPods)['status']).toEqual({ allowed: false })
    const version = { nonResourceAttributes: { verb: 'get', path: '/version' } }
    expect(ask(server, 'selfsubjectaccessreviews', version)['status']).toEqual({
      allowed: true,
      reason:
        'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"',
    })
    expect(ask(server, 'selfsubjectaccessreviews', getPods, masters)['status']).toEqual({ allowed: true })
  })

  it('tells of another user, in a namespace when asked there', () => {
    const server = house()
    bind(server, { to: { kind: 'Group', name: 'dev' }, role: 'view', namespace: 'default' })
    const other = { ...getPods, user: 'eve', groups: ['dev'] }
    expect(ask(server, 'subjectaccessreviews', other, masters)['status']).toMatchObject({ allowed: true })
    expect(ask(server, 'localsubjectaccessreviews', other, masters, 'default')['status']).toMatchObject({
      allowed: true,
    })
    expect(messageOf(() => ask(server, 'localsubjectaccessreviews', other, masters, 'kube-system'))).toBe(
      '.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
    )
  })

  it.each([
    {
      spec: {},
      message:
        '.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
    },
    {
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
      message:
        '.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    },
  ])('refuses a question that asks nothing: $spec', ({ spec, message }) => {
    expect(messageOf(() => ask(house(), 'subjectaccessreviews', spec, masters))).toBe(message)
  })

  it('lists the rules of a namespace', () => {
    const server = house()
    role(server, 'here', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }], 'default')
    bind(server, { to: { kind: 'User', name: 'bob' }, role: 'here', kind: 'Role', namespace: 'default' })
    const { status } = ask(server, 'selfsubjectrulesreviews', { namespace: 'default' })
    expect(status).toMatchObject({ incomplete: false })
    expect((status as { resourceRules: unknown }).resourceRules).toContainEqual({
      verbs: ['get'],
      apiGroups: [''],
      resources: ['pods'],
      resourceNames: ['a'],
    })
  })
})
