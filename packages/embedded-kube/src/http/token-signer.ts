import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { Fields } from '../object.ts'
import type { TokenSigner } from '../subresources/service-account-token.ts'

/** A signer with a key that the world can check: its public part is served as a JSON Web Key Set. */
export interface PublishedSigner extends TokenSigner {
  readonly keys: Fields
}

/** Signs with an elliptic-curve key (P-256) in PEM: the server's own, as upstream does when it has no other. */
export function tokenSigner(privateKey: string): PublishedSigner {
  const key = createPrivateKey(privateKey)
  const publicKey = createPublicKey(key)
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  const algorithm = 'ES256'
  const encoding = { dsaEncoding: 'ieee-p1363' } as const
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  return {
    algorithm,
    keyId,
    sign: (text) => sign('sha256', Buffer.from(text), { key, ...encoding }).toString('base64url'),
    verify: (text, signature) =>
      verify('sha256', Buffer.from(text), { key: publicKey, ...encoding }, Buffer.from(signature, 'base64url')),
    keys: { keys: [{ use: 'sig', kty, kid: keyId, crv, alg: algorithm, x, y }] },
  }
}
