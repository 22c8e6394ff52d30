// Who is let in, for whom they may speak, and what they may do, over the wire.
import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type TestServer } from './serve.ts'
import { WireClient, type Answer } from './wire-client.ts'

let world: TestServer
let admin: WireClient
let stranger: WireClient

beforeAll(async () => {
  world = await serve({ authorizationMode: 'RBAC', tokens: { bob: { name: 'bob', groups: ['dev'] } } })
  admin = new WireClient(world)
  stranger = new WireClient(world, { anonymous: true })
})
afterAll(async () => {
  admin.close()
  stranger.close()
  await world.close()
})

const bob = { authorization: 'Bearer bob' }
const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
const said = ({ status, json }: Answer): string => `${status} ${json.message}`

describe('under RBAC', () => {
  it.each([
    [
      'GET',
      '/api/v1/pods',
      '403 pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
    ],
    [
      'GET',
      '/api/v1/pods?watch=1',
      '403 pods is forbidden: User "bob" cannot watch resource "pods" in API group "" at the cluster scope',
    ],
    [
      'GET',
      '/api/v1/namespaces/default',
      '403 namespaces "default" is forbidden: User "bob" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/namespaces/default/pods/p/log',
      '403 pods "p" is forbidden: User "bob" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      'PUT',
      '/apis/apps/v1/namespaces/x/deployments/d/scale',
      '403 deployments.apps "d" is forbidden: User "bob" cannot update resource "deployments/scale" in API group "apps" in the namespace "x"',
    ],
    [
      'DELETE',
      '/apis/apps/v1/namespaces/x/deployments',
      '403 deployments.apps is forbidden: User "bob" cannot deletecollection resource "deployments" in API group "apps" in the namespace "x"',
    ],
    [
      'GET',
      '/apis/none/v1/things',
      '403 things.none is forbidden: User "bob" cannot list resource "things" in API group "none" at the cluster scope',
    ],
    ['GET', '/metrics', '403 forbidden: User "bob" cannot get path "/metrics"'],
    ['GET', '/foo', '403 forbidden: User "bob" cannot get path "/foo"'],
  ])('%s %s: %s', async (method, path, message) => {
    expect(said(await stranger.send(path, { method, headers: bob }))).toBe(message)
  })

  it.each(['/version', '/healthz', '/api', '/apis', '/openapi/v3'])('everyone known sees %s', async (path) => {
    expect((await stranger.send(path, { headers: bob })).status).toBe(200)
  })

  it.each([
    ['/version', 200],
    ['/readyz', 200],
    ['/api', 403],
    ['/api/v1/nodes', 403],
  ])('who is not known asks for %s: %i', async (path, status) => {
    expect((await stranger.send(path)).status).toBe(status)
  })

  it.each(['Bearer none', 'Bearer a.b.c', 'Basic dTpw'])('%s is nobody', async (authorization) => {
    const { status, json } = await stranger.send('/version', { headers: { authorization } })
    expect({ status, json }).toEqual({
      status: 401,
      json: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      },
    })
  })

  it('lets in a service account that a binding names, with a token that anyone can check', async () => {
    const url = '/api/v1/namespaces/default/serviceaccounts/default/token'
    const { json: issued } = await admin.send(url, { body: { spec: {} } })
    const headers = { authorization: `Bearer ${issued.status.token}` }
    expect((await stranger.send('/api/v1/pods', { headers })).status).toBe(403)
    const binding = {
      metadata: { name: 'default-views' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
    }
    expect((await admin.send(`${rbac}/clusterrolebindings`, { body: binding })).status).toBe(201)
    expect((await stranger.send('/api/v1/pods', { headers })).status).toBe(200)
    expect((await stranger.send('/api/v1/secrets', { headers })).status).toBe(403)

    const { json: keys } = await stranger.send('/openid/v1/jwks', { headers })
    const [header, payload, signature] = String(issued.status.token).split('.')
    const key = createPublicKey({ key: keys.keys[0], format: 'jwk' })
    const signed = Buffer.from(`${header}.${payload}`)
    const checks = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature!, 'base64url'))
    expect(checks).toBe(true)
  })
})

describe('impersonation', () => {
  it.each([
    {
      as: { 'impersonate-user': 'eve' },
      user: { username: 'eve', groups: ['system:authenticated'] },
    },
    {
      as: {
        'impersonate-user': 'eve',
        'impersonate-group': 'a',
        'impersonate-uid': '7',
        'impersonate-extra-scopes%2fx': 'y',
      },
      user: { username: 'eve', uid: '7', groups: ['a', 'system:authenticated'], extra: { 'scopes/x': ['y'] } },
    },
    {
      as: { 'impersonate-user': 'system:serviceaccount:n:s' },
      user: {
        username: 'system:serviceaccount:n:s',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:n', 'system:authenticated'],
      },
    },
    {
      as: { 'impersonate-user': 'system:anonymous' },
      user: { username: 'system:anonymous', groups: ['system:unauthenticated'] },
    },
  ])('as $as', async ({ as, user }) => {
    // The review itself is asked for as somebody who may: everybody known, and here also who is not.
    const body = {
      metadata: { name: 'reviews' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:basic-user' },
      subjects: [{ kind: 'Group', name: 'system:unauthenticated' }],
    }
    await admin.send(`${rbac}/clusterrolebindings`, { body })
    const { json } = await admin.send(reviews, { body: review, headers: as as unknown as Record<string, string> })
    expect(json.status.userInfo).toEqual(user)
  })

  it.each([
    { as: { 'impersonate-group': 'x' }, message: '400 requested [{Group  x    }] without impersonating a user' },
    {
      as: { 'impersonate-uid': 'x' },
      message: '400 requested [{UID  x  authentication.k8s.io/v1  }] without impersonating a user',
    },
  ])('needs a user: $as', async ({ as, message }) => {
    const headers = as as unknown as Record<string, string>
    expect(said(await admin.send('/version', { headers }))).toBe(message)
  })

  it.each([
    {
      as: { 'impersonate-user': 'eve' },
      message:
        '403 users "eve" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
    },
    {
      as: { 'impersonate-user': 'system:serviceaccount:n:s' },
      message:
        '403 serviceaccounts "s" is forbidden: User "bob" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "n"',
    },
  ])('needs the right to: $as', async ({ as, message }) => {
    const headers = { ...bob, ...(as as unknown as Record<string, string>) }
    expect(said(await stranger.send('/version', { headers }))).toBe(message)
  })

  it('is of each thing on its own', async () => {
    const role = {
      metadata: { name: 'impersonator' },
      rules: [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['eve'] }],
    }
    await admin.send(`${rbac}/clusterroles`, { body: role })
    const body = {
      metadata: { name: 'impersonator' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'impersonator' },
      subjects: [{ kind: 'User', name: 'bob' }],
    }
    await admin.send(`${rbac}/clusterrolebindings`, { body })
    const eve = { ...bob, 'impersonate-user': 'eve' }
    expect((await stranger.send('/version', { headers: eve })).status).toBe(200)
    expect(said(await stranger.send('/version', { headers: { ...eve, 'impersonate-group': 'system:masters' } }))).toBe(
      '403 groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
    )
  })
})

describe('API services', () => {
  const services = '/apis/apiregistration.k8s.io/v1/apiservices'
  const registered = (version: string, group: string): object => ({
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      service: { name: 'server', namespace: 'kube-system' },
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  })

  it.each([
    { group: 'metrics.k8s.io', available: 'True' },
    { group: 'custom.metrics.k8s.io', available: 'False' },
  ])('takes one for $group, available: $available', async ({ group, available }) => {
    const { status, json } = await admin.send(services, { body: registered('v1beta1', group) })
    expect(status).toBe(201)
    expect(json.status.conditions).toMatchObject([{ type: 'Available', status: available }])
    const { json: list } = await admin.send(services)
    const names = list.items.map((item: Answer['json']) => item.metadata.name)
    expect(names).toContain(`v1beta1.${group}`)
    expect(names).toContain('v1.apps')
    expect((await admin.send(`${services}/v1beta1.${group}`, { method: 'DELETE' })).status).toBe(200)
  })

  it('has one of its own for every version that it serves', async () => {
    const { json } = await admin.send(`${services}/v1.apps`)
    expect(json.status.conditions).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local' }])
    expect(said(await admin.send(services, { body: registered('v1', 'apps') }))).toBe(
      '409 apiservices.apiregistration.k8s.io "v1.apps" already exists',
    )
  })
})
