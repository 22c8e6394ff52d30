// Tokens of service accounts: JSON Web Tokens, bound to their account and, where asked, to a pod, secret or node
// (kubernetes/kubernetes:pkg/serviceaccount/{claims,jwt,legacy}.go, pkg/registry/core/serviceaccount/storage/token.go).
import { instant, ms, own, timestamp, type Ms } from '@plimsoll/model'
import { hex, uuid, type Random } from '@plimsoll/ports'
import type { TokenOwner } from '../authorization/reviews.ts'
import { badRequest, conflict, invalid, invalidValue, notFound, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, textOf, type Fields, type StoredObject } from '../object.ts'
import type { UserInfo } from '../request.ts'
import type { Store } from '../store/store.ts'
import { groupsOfAccount } from '../wire/user.ts'

/** Signs what tokens say. Signatures are base64url text. */
export interface TokenSigner {
  /** Of the header, as `ES256`. */
  readonly algorithm: string
  readonly keyId: string
  sign(text: string): string
  verify(text: string, signature: string): boolean
}

export const issuerDefault = 'https://kubernetes.default.svc.cluster.local'
const legacyIssuer = 'kubernetes/serviceaccount'
const tokenRequest = { group: 'authentication.k8s.io', plural: 'TokenRequest', kind: 'TokenRequest' }
/** What a kubelet asks for a pod's volume: told as it was asked, but good for a year, for clients that never read it again. */
const volumeSeconds = 3607
const extendedSeconds = 31_536_000
const secondsDefault = 3600
const secondsMin = 600
const secondsMax = 2 ** 32
/** How long after its pod began to go, or an account was renamed under it, a token is still good. */
const leewayMs = 60_000
export const invalidToken = 'invalid bearer token'

const boundKinds: Readonly<Record<string, { readonly plural: string; readonly claim: string }>> = {
  Pod: { plural: 'pods', claim: 'pod' },
  Secret: { plural: 'secrets', claim: 'secret' },
  Node: { plural: 'nodes', claim: 'node' },
}

export class ServiceAccountTokens {
  readonly #store: Store
  readonly #random: Random
  readonly issuer: string
  /** Set by the wire layer, which has a key; tokens are remembered instead while there is none. */
  signer: TokenSigner

  constructor(store: Store, random: Random, issuer: string = issuerDefault) {
    this.#store = store
    this.#random = random
    this.issuer = issuer
    this.signer = rememberingSigner(random)
  }

  /** A TokenRequest with its status. @throws {KubeError} invalid, notFound and conflict for what it is to be bound to */
  issue(account: StoredObject, request: Fields, now: Ms): Fields {
    const spec = fieldsOf(request['spec'])
    const seconds = Number(spec['expirationSeconds'] ?? secondsDefault)
    const { name, namespace = '' } = account.metadata
    const uid = textOf(fieldsOf(request['metadata'])['uid'])
    if (uid !== '' && uid !== account.metadata.uid) {
      const why = `the UID in the token request (${uid}) does not match the UID of the service account (${account.metadata.uid})`
      throw conflict(tokenRequest, name, why)
    }
    const errors: FieldError[] = []
    const field = 'spec.expirationSeconds'
    if (seconds < secondsMin) {
      errors.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'))
    }
    if (seconds > secondsMax) {
      errors.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
    }
    if (errors.length > 0) throw invalid(tokenRequest, '', errors)
    const asked = spec['audiences']
    const audiences = Array.isArray(asked) && asked.length > 0 ? (asked as readonly string[]) : [this.issuer]
    const bound = isFields(spec['boundObjectRef']) ? this.#bound(account, spec['boundObjectRef']) : {}
    const issuedAt = Math.floor(now / 1000)
    const extended = seconds === volumeSeconds && 'pod' in bound && audiences.every((one) => one === this.issuer)
    const token = this.#token({
      aud: audiences,
      exp: issuedAt + (extended ? extendedSeconds : seconds),
      iat: issuedAt,
      iss: this.issuer,
      jti: uuid(this.#random),
      'kubernetes.io': {
        namespace,
        ...bound,
        serviceaccount: { name, uid: account.metadata.uid },
        ...(extended ? { warnafter: issuedAt + seconds } : {}),
      },
      nbf: issuedAt,
      sub: userNameOf(namespace, name),
    })
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, uid: account.metadata.uid, creationTimestamp: timestamp(now) },
      spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec['boundObjectRef'] ?? null },
      status: { token, expirationTimestamp: timestamp(ms((issuedAt + seconds) * 1000)) },
    }
  }

  /** The token of a Secret of type kubernetes.io/service-account-token: good until the Secret or the account goes. */
  legacy(secret: StoredObject, account: StoredObject): string {
    const { name, namespace = '', uid } = account.metadata
    const claim = 'kubernetes.io/serviceaccount'
    return this.#token({
      iss: legacyIssuer,
      [`${claim}/namespace`]: namespace,
      [`${claim}/secret.name`]: secret.metadata.name,
      [`${claim}/service-account.name`]: name,
      [`${claim}/service-account.uid`]: uid,
      sub: userNameOf(namespace, name),
    })
  }

  /** Whose token it is, when it is meant for one of `audiences`, or for this server when there are none. */
  owner(token: string, audiences: readonly string[], now: Ms): TokenOwner {
    const claims = this.#claims(token)
    if (claims === undefined) return invalidToken
    const wanted = audiences.length === 0 ? [this.issuer] : audiences
    if (claims['iss'] === legacyIssuer) return this.#legacyOwner(token, claims, wanted)
    if (claims['iss'] !== this.issuer) return invalidToken
    const meant = (Array.isArray(claims['aud']) ? (claims['aud'] as readonly string[]) : []).filter((one) =>
      wanted.includes(one),
    )
    if (meant.length === 0) return invalidToken
    if (Number(claims['exp']) * 1000 <= now) return '[invalid bearer token, service account token has expired]'
    const private_ = fieldsOf(claims['kubernetes.io'])
    const namespace = textOf(private_['namespace'])
    const user = this.#accountUser(namespace, fieldsOf(private_['serviceaccount']))
    if (user === undefined) return invalidToken
    const extra: Record<string, readonly string[]> = {
      'authentication.kubernetes.io/credential-id': [`JTI=${textOf(claims['jti'])}`],
    }
    for (const { plural, claim } of Object.values(boundKinds)) {
      if (!isFields(private_[claim])) continue
      const { name, uid } = private_[claim]
      const home = plural === 'nodes' ? '' : namespace
      const pod = fieldsOf(private_['pod'])
      // The node of a pod's token is told, not required.
      const required = claim !== 'node' || pod['name'] === undefined
      if (required && !this.#isThere(plural, home, textOf(name), uid, now)) return invalidToken
      if (claim === 'secret') continue
      extra[`authentication.kubernetes.io/${claim}-name`] = [textOf(name)]
      extra[`authentication.kubernetes.io/${claim}-uid`] = [textOf(uid)]
    }
    return { user: { ...user, extra }, audiences: meant }
  }

  #legacyOwner(token: string, claims: Fields, wanted: readonly string[]): TokenOwner {
    if (!wanted.includes(this.issuer)) return invalidToken
    const claim = (name: string): string => textOf(claims[`kubernetes.io/serviceaccount/${name}`])
    const namespace = claim('namespace')
    const secret = this.#store.collection('', 'secrets').get(namespace, claim('secret.name'))
    if (secret === undefined || textOf(fieldsOf(secret['data'])['token']) !== btoa(token)) return invalidToken
    const user = this.#accountUser(namespace, {
      name: claim('service-account.name'),
      uid: claim('service-account.uid'),
    })
    return user === undefined ? invalidToken : { user, audiences: [this.issuer] }
  }

  #accountUser(namespace: string, { name, uid }: Fields): UserInfo | undefined {
    const account = this.#store.collection('', 'serviceaccounts').get(namespace, textOf(name))
    if (account === undefined || account.metadata.uid !== uid) return undefined
    return {
      name: userNameOf(namespace, textOf(name)),
      groups: [...groupsOfAccount(namespace), 'system:authenticated'],
      uid: account.metadata.uid,
    }
  }

  #isThere(plural: string, namespace: string, name: string, uid: unknown, now: Ms): boolean {
    const found = this.#store.collection('', plural).get(namespace, name)
    if (found === undefined || found.metadata.uid !== uid) return false
    const { deletionTimestamp } = found.metadata
    return plural === 'nodes' || deletionTimestamp === undefined || now <= (instant(deletionTimestamp) ?? 0) + leewayMs
  }

  /** What the token is to be bound to, as claims. */
  #bound(account: StoredObject, reference: Fields): Fields {
    const kind = textOf(reference['kind'])
    const name = textOf(reference['name'])
    const known = own(boundKinds, kind)
    const apiVersion = textOf(reference['apiVersion'])
    if (known === undefined || apiVersion !== 'v1') {
      const type = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`
      throw badRequest(`cannot bind token to object of type ${type}, Kind=${kind}`)
    }
    const { plural, claim } = known
    const home = plural === 'nodes' ? '' : (account.metadata.namespace ?? '')
    const object = this.#store.collection('', plural).get(home, name)
    const type = { group: '', plural, kind }
    if (object === undefined) throw notFound(type, name)
    if (plural === 'pods' && textOf(object.spec?.['serviceAccountName']) !== account.metadata.name) {
      const whose = JSON.stringify(account.metadata.name)
      throw badRequest(
        `cannot bind token for serviceaccount ${whose} to pod running with different serviceaccount name.`,
      )
    }
    const uid = textOf(reference['uid'])
    if (uid !== '' && uid !== object.metadata.uid) {
      const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
      throw conflict({ ...type, plural: kind }, name, why)
    }
    const bound = { [claim]: { name, uid: object.metadata.uid } }
    const nodeName = plural === 'pods' ? textOf(object.spec?.['nodeName']) : ''
    if (nodeName === '') return bound
    const node = this.#store.collection('', 'nodes').get('', nodeName)
    return { node: { name: nodeName, ...(node === undefined ? {} : { uid: node.metadata.uid }) }, ...bound }
  }

  #token(claims: Fields): string {
    const { algorithm, keyId } = this.signer
    const text = `${base64url(JSON.stringify({ alg: algorithm, kid: keyId }))}.${base64url(JSON.stringify(claims))}`
    return `${text}.${this.signer.sign(text)}`
  }

  /** undefined when it is no token of this server. */
  #claims(token: string): Fields | undefined {
    const [header, payload, signature, more] = token.split('.')
    if (header === undefined || payload === undefined || signature === undefined || more !== undefined) return undefined
    try {
      if (!this.signer.verify(`${header}.${payload}`, signature)) return undefined
      return fieldsOf(JSON.parse(new TextDecoder().decode(bytesOf(payload))))
    } catch {
      return undefined
    }
  }
}

function userNameOf(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`
}

/** For a server without a wire: what it signed is kept in memory, and a signature says nothing to others. */
function rememberingSigner(random: Random): TokenSigner {
  const signed = new Map<string, string>()
  return {
    algorithm: 'none',
    keyId: '',
    sign: (text) => {
      const signature = hex(random, 40)
      signed.set(text, signature)
      return signature
    },
    verify: (text, signature) => signed.get(text) === signature,
  }
}

function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}
