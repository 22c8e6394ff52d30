// Discovery and OpenAPI as bytes, made once and again only after what is served has changed.
import { createHash } from 'node:crypto'
import type { ApiServer } from '../api-server.ts'
import type { Fields } from '../object.ts'
import type { ResourceInfo } from '../registry.ts'
import { aggregatedDiscovery } from '../wire/discovery.ts'
import { openApiDocument, openApiPaths } from '../wire/openapi.ts'

export interface Document {
  readonly bytes: Buffer
  /** SHA-512, hexadecimal upper case. */
  readonly hash: string
}

export class Documents {
  readonly #server: ApiServer
  readonly #made = new Map<string, Document>()
  #madeFrom: readonly ResourceInfo[] = []
  #resources: readonly ResourceInfo[] = []

  constructor(server: ApiServer) {
    this.#server = server
  }

  /** What is served now: metrics only when somebody measures. */
  resources(): readonly ResourceInfo[] {
    const all = this.#server.registry.resources()
    const measured = this.#server.usage !== undefined
    const expected = measured ? all.length : all.filter(isStored).length
    if (this.#madeFrom !== all || this.#resources.length !== expected) {
      this.#madeFrom = all
      this.#resources = measured ? all : all.filter(isStored)
      this.#made.clear()
    }
    return this.#resources
  }

  discovery(core: boolean, version: 'v2' | 'v2beta1'): Document {
    return this.#make(`discovery ${core} ${version}`, (resources) => aggregatedDiscovery(resources, core, version))!
  }

  /** Of one group-version; undefined when it is not served. */
  openApi(path: string): Document | undefined {
    return this.#make(`openapi ${path}`, (resources) => openApiDocument(resources, path))
  }

  openApiIndex(): Document {
    return this.#make('openapi', (resources) => ({
      paths: Object.fromEntries(
        openApiPaths(resources).map((path) => [
          path,
          { serverRelativeURL: `/openapi/v3/${path}?hash=${this.#contentHash(path)}` },
        ]),
      ),
    }))!
  }

  /** Decided by what is served under the path, so that the index can be told without building every document. */
  #contentHash(path: string): string {
    const served = this.resources().filter((info) => openApiPaths([info])[0] === path)
    return hashOf(JSON.stringify(served, (_, value: unknown) => (value instanceof Map ? [...value] : value)))
  }

  #make(id: string, build: (resources: readonly ResourceInfo[]) => Fields | undefined): Document | undefined {
    const resources = this.resources()
    const known = this.#made.get(id)
    if (known !== undefined) return known
    const built = build(resources)
    if (built === undefined) return undefined
    const bytes = Buffer.from(JSON.stringify(built))
    const document = { bytes, hash: id.startsWith('openapi ') ? this.#contentHash(id.slice(8)) : hashOf(bytes) }
    this.#made.set(id, document)
    return document
  }
}

function isStored(info: ResourceInfo): boolean {
  return info.group !== 'metrics.k8s.io'
}

function hashOf(content: string | Buffer): string {
  return createHash('sha512').update(content).digest('hex').toUpperCase()
}
