import { timestamp, ms, type Ms } from '@plimsoll/model'
import { hex, type Random } from '@plimsoll/ports'
import { invalid, invalidValue } from '../errors.ts'
import { fieldsOf, type Fields, type StoredObject } from '../object.ts'
import type { UserInfo } from '../request.ts'

interface IssuedToken {
  readonly user: UserInfo
  readonly expiresAt: Ms
}

const secondsDefault = 3600
const secondsMin = 600
const secondsMax = 2 ** 32

/** Issues opaque tokens for service accounts and knows them again. */
export class ServiceAccountTokens {
  readonly #random: Random
  readonly #issued = new Map<string, IssuedToken>()

  constructor(random: Random) {
    this.#random = random
  }

  /** A TokenRequest with its status. @throws {KubeError} invalid for a lifetime below 600 s */
  issue(account: StoredObject, request: Fields, now: Ms): Fields {
    const spec = fieldsOf(request['spec'])
    const lifetime = Number(spec['expirationSeconds'] ?? secondsDefault)
    if (lifetime < secondsMin || lifetime > secondsMax) {
      throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, account.metadata.name, [
        lifetime < secondsMin
          ? invalidValue('spec.expirationSeconds', lifetime, 'may not specify a duration less than 10 minutes')
          : invalidValue('spec.expirationSeconds', lifetime, 'may not specify a duration larger than 2^32 seconds'),
      ])
    }
    for (const [old, { expiresAt: end }] of this.#issued) if (end <= now) this.#issued.delete(old)
    const expiresAt = ms(now + lifetime * 1000)
    const token = `plimsoll.${hex(this.#random, 40)}`
    this.#issued.set(token, { user: serviceAccountUser(account), expiresAt })
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {
        name: account.metadata.name,
        namespace: account.metadata.namespace,
        creationTimestamp: timestamp(now),
      },
      spec: {
        audiences: spec['audiences'] ?? ['https://kubernetes.default.svc.cluster.local'],
        expirationSeconds: lifetime,
        boundObjectRef: spec['boundObjectRef'] ?? null,
      },
      status: { token, expirationTimestamp: timestamp(expiresAt) },
    }
  }

  /** Whose token it is; undefined when it is unknown or expired. */
  authenticate(token: string, now: Ms): UserInfo | undefined {
    const issued = this.#issued.get(token)
    return issued !== undefined && issued.expiresAt > now ? issued.user : undefined
  }
}

function serviceAccountUser(account: StoredObject): UserInfo {
  const { namespace = '', name, uid } = account.metadata
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    uid,
  }
}
