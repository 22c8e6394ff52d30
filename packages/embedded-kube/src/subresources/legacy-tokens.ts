// Secrets of type kubernetes.io/service-account-token: filled once their account is there, gone when it goes
// (kubernetes/kubernetes:pkg/controller/serviceaccount/tokens_controller.go).
import { fieldsOf, type StoredObject } from '../object.ts'
import type { Collection } from '../store/collection.ts'
import type { StoreEvent } from '../store/event-ring.ts'
import type { Store } from '../store/store.ts'
import type { ServiceAccountTokens } from './service-account-token.ts'

const type = 'kubernetes.io/service-account-token'
const accountName = 'kubernetes.io/service-account.name'
const accountUid = 'kubernetes.io/service-account.uid'
const everything = { matches: undefined, name: undefined, nodeName: undefined }

export class LegacyTokens {
  readonly #store: Store
  readonly #tokens: ServiceAccountTokens
  readonly #secrets: Collection
  readonly #accounts: Collection
  /** PEM, for the Secrets' ca.crt. */
  readonly #certificateAuthority: () => string

  constructor(store: Store, tokens: ServiceAccountTokens, certificateAuthority: () => string) {
    this.#store = store
    this.#tokens = tokens
    this.#secrets = store.collection('', 'secrets')
    this.#accounts = store.collection('', 'serviceaccounts')
    this.#certificateAuthority = certificateAuthority
  }

  onCommit(collection: Collection, { type: change, object }: StoreEvent): void {
    if (collection === this.#secrets && change !== 'DELETED') this.#keep(object)
    if (collection === this.#accounts && change !== 'MODIFIED') {
      for (const secret of this.#secrets.list({ ...everything, namespace: object.metadata.namespace })) {
        if (secret.metadata.annotations?.[accountName] === object.metadata.name) this.#keep(secret)
      }
    }
  }

  #keep(secret: StoredObject): void {
    const { namespace = '', name, annotations } = secret.metadata
    if (secret['type'] !== type || this.#secrets.get(namespace, name) !== secret) return
    const place = { collection: this.#secrets, namespace, name }
    const account = this.#accounts.get(namespace, annotations?.[accountName] ?? '')
    const uid = annotations?.[accountUid]
    if (account === undefined || (uid !== undefined && uid !== account.metadata.uid)) {
      // One that was never filled waits for its account.
      if (uid !== undefined) this.#store.remove(place, secret)
      return
    }
    const data = fieldsOf(secret['data'])
    const filled = {
      'ca.crt': data['ca.crt'] ?? btoa(this.#certificateAuthority()),
      namespace: data['namespace'] ?? btoa(namespace),
      token: data['token'] ?? btoa(this.#tokens.legacy(secret, account)),
    }
    if (uid !== undefined && Object.keys(filled).every((key) => data[key] !== undefined)) return
    const metadata = { ...secret.metadata, annotations: { ...annotations, [accountUid]: account.metadata.uid } }
    this.#store.put(place, secret, { ...secret, metadata, data: { ...data, ...filled } })
  }
}
