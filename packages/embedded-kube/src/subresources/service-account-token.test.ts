import { minutes, ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import { fieldsOf, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = {
  user: { name: 'root', groups: ['system:masters'] },
  userAgent: 'test',
  warnings: [],
}
const account = { namespace: 'default', name: 'default' }

interface World {
  readonly clock: VirtualClock
  readonly server: ApiServer
  readonly create: (plural: string, object: ObjectInput) => StoredObject
  readonly remove: (plural: string, name: string) => void
  readonly token: (spec: Fields) => string
}

function world(): World {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('tokens') })
  bootstrap(server)
  const info = (plural: string): ReturnType<ApiServer['resource']> =>
    server.resource({ group: '', version: 'v1', plural })
  return {
    clock,
    server,
    create: (plural, object) =>
      server.create(context, info(plural), info(plural).namespaced ? 'default' : undefined, object),
    remove: (plural, name) => {
      server.delete(context, info(plural), { namespace: 'default', name }, { gracePeriodSeconds: 0 })
    },
    token: (spec) => fieldsOf(server.token(context, account, { spec })['status'])['token'] as string,
  }
}

function claimsOf(token: string): Fields {
  return fieldsOf(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()))
}

function messageOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (error instanceof KubeError) return `${error.status.code} ${error.message}`
    throw error
  }
  return 'done'
}

const pod = (name: string, serviceAccountName = 'default'): ObjectInput => ({
  metadata: { name },
  spec: { serviceAccountName, nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
})
const boundTo = (kind: string, name: string, uid?: string): Fields => ({
  boundObjectRef: { apiVersion: 'v1', kind, name, uid },
})

describe('tokens of service accounts', () => {
  it('say whose they are, for whom, and until when', () => {
    const { server, token } = world()
    const text = token({ audiences: ['vault'], expirationSeconds: 600 })
    const issuedAt = Date.parse('2026-01-02T03:04:05Z') / 1000
    expect(claimsOf(text)).toMatchObject({
      aud: ['vault'],
      exp: issuedAt + 600,
      iat: issuedAt,
      iss: 'https://kubernetes.default.svc.cluster.local',
      sub: 'system:serviceaccount:default:default',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'default' } },
    })
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
    expect(server.tokenOwner(text, ['vault', 'other'])).toMatchObject({ audiences: ['vault'] })
  })

  it.each([
    { of: 'Pod', plural: 'pods', make: pod('p'), name: 'p' },
    { of: 'Secret', plural: 'secrets', make: { metadata: { name: 's' } }, name: 's' },
    { of: 'Node', plural: 'nodes', make: { metadata: { name: 'n1' } }, name: 'n1' },
  ])('bound to a $of, is good as long as that is there', ({ of, plural, make, name }) => {
    const { server, create, remove, token } = world()
    const { uid } = create(plural, make).metadata
    const text = token(boundTo(of, name))
    expect(server.tokenOwner(text)).toMatchObject({ user: { name: 'system:serviceaccount:default:default' } })
    expect(claimsOf(text)['kubernetes.io']).toMatchObject({ [of.toLowerCase()]: { name, uid } })
    remove(plural, name)
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
    create(plural, make)
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
  })

  it('of a pod tell of it and its node, and outlive the beginning of its end by a minute', async () => {
    const { server, clock, create, token } = world()
    create('nodes', { metadata: { name: 'n1' } })
    const { uid } = create('pods', { ...pod('p'), metadata: { name: 'p', finalizers: ['a/b'] } }).metadata
    const text = token(boundTo('Pod', 'p'))
    expect(server.tokenOwner(text)).toMatchObject({
      user: {
        extra: {
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': [uid],
          'authentication.kubernetes.io/node-name': ['n1'],
        },
      },
    })
    server.delete(context, server.resource({ group: '', version: 'v1', plural: 'pods' }), { ...account, name: 'p' }, {})
    expect(server.tokenOwner(text)).toMatchObject({ audiences: [expect.any(String)] })
    await clock.runFor(minutes(3))
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
  })

  it('for a volume are good for a year', () => {
    const { create, token } = world()
    create('pods', pod('p'))
    const issuedAt = Date.parse('2026-01-02T03:04:05Z') / 1000
    expect(claimsOf(token({ ...boundTo('Pod', 'p'), expirationSeconds: 3607 }))).toMatchObject({
      exp: issuedAt + 31_536_000,
      'kubernetes.io': { warnafter: issuedAt + 3607 },
    })
  })

  it('die with their account', () => {
    const { server, create, remove, token } = world()
    const text = token({})
    remove('serviceaccounts', 'default')
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
    create('serviceaccounts', { metadata: { name: 'default' } })
    expect(server.tokenOwner(text)).toBe('invalid bearer token')
  })

  it.each([
    {
      spec: { expirationSeconds: 599 },
      message:
        '422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    },
    { spec: boundTo('Pod', 'none'), message: '404 pods "none" not found' },
    {
      spec: boundTo('ConfigMap', 'c'),
      message: '400 cannot bind token to object of type /v1, Kind=ConfigMap',
    },
    {
      spec: boundTo('Pod', 'other'),
      message: '400 cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.',
    },
    {
      spec: boundTo('Pod', 'mine', 'x'),
      message: expect.stringMatching(
        /^409 Operation cannot be fulfilled on Pod "mine": the UID in the bound object reference \(x\) does not match the UID in record\. /,
      ) as string,
    },
  ])('refused: $message', ({ spec, message }) => {
    const { create, token } = world()
    create('serviceaccounts', { metadata: { name: 'another' } })
    create('pods', pod('other', 'another'))
    create('pods', pod('mine'))
    expect(messageOf(() => token(spec))).toEqual(message)
  })
})

describe('service-account-token Secrets', () => {
  const type = 'kubernetes.io/service-account-token'
  const named = (name: string): ObjectInput => ({
    metadata: { name, annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type,
  })
  const dataOf = (server: ApiServer, name: string): Fields =>
    fieldsOf(
      server.get(context, server.resource({ group: '', version: 'v1', plural: 'secrets' }), { ...account, name })[
        'data'
      ],
    )

  it('get a token once their account is there', () => {
    const { server, create } = world()
    create('secrets', named('robot-token'))
    expect(dataOf(server, 'robot-token')).toEqual({})
    create('serviceaccounts', { metadata: { name: 'robot' } })
    const { token, namespace } = dataOf(server, 'robot-token') as Record<string, string>
    expect(atob(namespace!)).toBe('default')
    expect(server.tokenOwner(atob(token!))).toMatchObject({
      user: { name: 'system:serviceaccount:default:robot' },
    })
  })

  it('go with their account, and their token with them', () => {
    const { server, create, remove } = world()
    create('serviceaccounts', { metadata: { name: 'robot' } })
    create('secrets', named('robot-token'))
    const token = atob((dataOf(server, 'robot-token') as Record<string, string>)['token']!)
    expect(server.tokenOwner(token)).toMatchObject({ user: { name: 'system:serviceaccount:default:robot' } })
    remove('serviceaccounts', 'robot')
    expect(() => dataOf(server, 'robot-token')).toThrow('not found')
    expect(server.tokenOwner(token)).toBe('invalid bearer token')
  })
})
