// The same charts as a container registry holds them (opencontainers/distribution-spec, the reading half): one image
// `charts/<name>` for each, its tag the chart's version.
import { sha256, type Chart } from './chart.ts'
import type { Served } from './served.ts'
import { packedAt } from './tarball.ts'

const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const configType = 'application/vnd.cncf.helm.config.v1+json'
const archiveType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

/** By path, all that the registry holds. */
export function chartRegistry(charts: readonly Chart[]): Map<string, Served> {
  const root = { type: 'application/json', body: Buffer.from('{}') }
  return new Map<string, Served>([['/v2', root], ['/v2/', root], ...charts.flatMap(image)])
}

/** What a path under /v2/ that holds nothing is answered with, as the specification's error codes have it. */
export function missing(path: string, charts: readonly Chart[]): RegistryError {
  const [, name, kind] = path.match(/^\/v2\/(.+)\/(manifests|blobs|tags)\/[^/]+$/) ?? []
  if (name === undefined) return { code: 'UNSUPPORTED', message: `there is no ${path}` }
  if (!charts.some((chart) => imageName(chart) === name))
    return { code: 'NAME_UNKNOWN', message: `there is no chart ${name}` }
  if (kind === 'manifests') return { code: 'MANIFEST_UNKNOWN', message: `${name} has no ${path.split('/').at(-1)}` }
  return { code: 'BLOB_UNKNOWN', message: `${name} has no such blob` }
}

export interface RegistryError {
  readonly code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN' | 'NAME_UNKNOWN' | 'UNSUPPORTED'
  readonly message: string
}

/** An error's body. */
export function registryErrors(...errors: readonly RegistryError[]): string {
  return JSON.stringify({ errors })
}

function imageName(chart: Chart): string {
  return `charts/${chart.name}`
}

function image(chart: Chart): [path: string, Served][] {
  const config = content(configType, Buffer.from(JSON.stringify(chart.metadata)))
  const archive = content(archiveType, chart.archive)
  const manifest = content(
    manifestType,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: descriptor(config),
        layers: [descriptor(archive)],
        annotations: {
          'org.opencontainers.image.created': packedAt,
          'org.opencontainers.image.description': chart.description,
          'org.opencontainers.image.title': chart.name,
          'org.opencontainers.image.version': chart.version,
        },
      }),
    ),
  )
  // A tag may not hold the plus sign of a version; helm asks for an underscore in its place.
  const tag = chart.version.replaceAll('+', '_')
  const at = `/v2/${imageName(chart)}`
  const tags = Buffer.from(JSON.stringify({ name: imageName(chart), tags: [tag] }))
  return [
    [`${at}/tags/list`, { type: 'application/json', body: tags }],
    [`${at}/manifests/${tag}`, manifest],
    [`${at}/manifests/${manifest.digest}`, manifest],
    [`${at}/blobs/${config.digest}`, { ...config, type: 'application/octet-stream' }],
    [`${at}/blobs/${archive.digest}`, { ...archive, type: 'application/octet-stream' }],
  ]
}

function content(type: string, body: Buffer): Served & { readonly digest: string } {
  return { type, body, digest: `sha256:${sha256(body)}` }
}

function descriptor({ type, digest, body }: Served): { mediaType: string; digest: string | undefined; size: number } {
  return { mediaType: type, digest, size: body.byteLength }
}
