// OpenAPI v2, as far as clients of today still ask for it: a document without paths or definitions. kubectl falls back
// to it for kinds that no OpenAPI v3 document knows (a custom resource whose definition is in the same command), finds
// nothing to validate against, and goes on to what it would say anyway.
import type { Fields } from '../object.ts'

const title = 'Kubernetes'

/** `version` as `1.35`. */
export function openApiV2(version: string): Fields {
  return { swagger: '2.0', info: { title, version }, paths: {} }
}

/** The same as the message `openapi.v2.Document` of `google/gnostic-models:openapiv2/OpenAPIv2.proto`. */
export function openApiV2Binary(version: string): Buffer {
  const info = Buffer.concat([bytesField(1, Buffer.from(title)), bytesField(2, Buffer.from(version))])
  return Buffer.concat([bytesField(1, Buffer.from('2.0')), bytesField(2, info), bytesField(8, Buffer.alloc(0))])
}

/** Of fewer than 128 bytes. */
function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}

/** What the client would rather have; undefined when it takes neither. */
export function negotiateOpenApiV2(accept: string | undefined): 'json' | 'binary' | undefined {
  for (const range of (accept ?? '').split(',').map((part) => part.trim().split(';')[0]!)) {
    if (/^application\/com\.github\.proto-openapi\.spec\.v2[.@]v1\.0\+protobuf$/.test(range)) return 'binary'
    if (['', '*/*', 'application/*', 'application/json'].includes(range)) return 'json'
  }
  return undefined
}
