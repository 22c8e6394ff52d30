import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { startChartServer, type ChartServer } from './chart-server.ts'
import type { Chart } from './chart.ts'

const charts: readonly Chart[] = [
  chart({ name: 'web', version: '1.2.3+build.4', appVersion: '7', description: 'Serves pages: many.' }),
  chart({ name: 'api', version: '0.1.0', appVersion: '', description: '' }),
]

function chart(facts: Pick<Chart, 'name' | 'version' | 'appVersion' | 'description'>): Chart {
  const archive = Buffer.from(`the package of ${facts.name}`)
  return { ...facts, metadata: { apiVersion: 'v2', ...facts }, archive, sha256: sha256(archive) }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

let server: ChartServer
beforeAll(async () => {
  server = await startChartServer(charts, { port: 0 })
})
afterAll(() => server.close())

const get = (path: string, method = 'GET'): Promise<Response> => fetch(`${server.url}${path}`, { method })
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

interface Index {
  readonly apiVersion: string
  readonly entries: {
    readonly [name: string]: readonly { readonly digest: string; readonly urls: readonly string[] }[]
  }
}
interface Manifest {
  readonly schemaVersion: number
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}
interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

describe('the chart repository', () => {
  it('lists each chart with the digest of the bytes that it serves', async () => {
    const index = parse(await (await get('/index.yaml')).text()) as Index
    expect(index.apiVersion).toBe('v1')
    expect(index.entries['web']).toEqual([
      {
        apiVersion: 'v2',
        name: 'web',
        version: '1.2.3+build.4',
        appVersion: '7',
        description: 'Serves pages: many.',
        digest: charts[0]!.sha256,
        urls: ['web-1.2.3+build.4.tgz'],
        created: '2026-01-01T00:00:00Z',
      },
    ])
    expect(Object.keys(index.entries)).toEqual(['web', 'api'])
    for (const [entry] of Object.values(index.entries)) {
      const response = await get(`/${entry!.urls[0]}`)
      expect(response.headers.get('content-type')).toBe('application/gzip')
      expect(sha256(await bytesOf(response))).toBe(entry!.digest)
    }
  })

  it('has a page with the commands to type', async () => {
    const page = await (await get('/?from=here')).text()
    expect(page).toContain('web 1.2.3+build.4 (7)\nServes pages: many.')
    expect(page).toContain(`helm repo add web ${server.url}\n`)
    expect(page).toContain(`${server.url.replace('http', 'oci')}/charts/api --version 0.1.0 --plain-http`)
  })
})

describe('the registry', () => {
  const image = '/v2/charts/web'

  it('answers as one', async () => {
    for (const path of ['/v2', '/v2/']) {
      const response = await get(path)
      expect(response.status).toBe(200)
      expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
    }
    // A tag cannot hold a plus sign.
    expect(await (await get(`${image}/tags/list`)).json()).toEqual({ name: 'charts/web', tags: ['1.2.3_build.4'] })
  })

  it('leads from the tag to the package', async () => {
    const byTag = await get(`${image}/manifests/1.2.3_build.4`)
    expect(byTag.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json')
    const text = await bytesOf(byTag)
    const digest = byTag.headers.get('docker-content-digest')
    expect(digest).toBe(`sha256:${sha256(text)}`)
    expect((await bytesOf(await get(`${image}/manifests/${digest}`))).equals(text)).toBe(true)

    const { schemaVersion, config, layers } = JSON.parse(text.toString()) as Manifest
    expect(schemaVersion).toBe(2)
    expect(config.mediaType).toBe('application/vnd.cncf.helm.config.v1+json')
    expect(layers.map(({ mediaType }) => mediaType)).toEqual(['application/vnd.cncf.helm.chart.content.v1.tar+gzip'])
    const blobs = await Promise.all(
      [config, ...layers].map(async (descriptor) => {
        const response = await get(`${image}/blobs/${descriptor.digest}`)
        expect(response.headers.get('docker-content-digest')).toBe(descriptor.digest)
        const blob = await bytesOf(response)
        expect(`sha256:${sha256(blob)}`).toBe(descriptor.digest)
        expect(blob.byteLength).toBe(descriptor.size)
        return blob
      }),
    )
    expect(JSON.parse(blobs[0]!.toString())).toEqual(charts[0]!.metadata)
    expect(blobs[1]!.equals(charts[0]!.archive)).toBe(true)
  })

  it('answers HEAD with the head of GET', async () => {
    const path = `${image}/manifests/1.2.3_build.4`
    const [whole, head] = await Promise.all([get(path), get(path, 'HEAD')])
    expect(head.status).toBe(200)
    for (const name of ['content-type', 'content-length', 'docker-content-digest']) {
      expect(head.headers.get(name)).toBe(whole.headers.get(name))
    }
    expect(head.headers.get('content-length')).toBe(String((await bytesOf(whole)).byteLength))
    expect(await head.text()).toBe('')
  })

  it.each([
    { path: '/v2/charts/api/manifests/9.9.9', code: 'MANIFEST_UNKNOWN', message: 'charts/api has no 9.9.9' },
    {
      path: `/v2/charts/api/manifests/sha256:${'0'.repeat(64)}`,
      code: 'MANIFEST_UNKNOWN',
      message: `charts/api has no sha256:${'0'.repeat(64)}`,
    },
    {
      path: `/v2/charts/api/blobs/sha256:${'0'.repeat(64)}`,
      code: 'BLOB_UNKNOWN',
      message: 'charts/api has no such blob',
    },
    { path: '/v2/charts/none/manifests/1.0.0', code: 'NAME_UNKNOWN', message: 'there is no chart charts/none' },
    { path: '/v2/web/tags/list', code: 'NAME_UNKNOWN', message: 'there is no chart web' },
    { path: '/v2/_catalog', code: 'UNSUPPORTED', message: 'there is no /v2/_catalog' },
  ])('says $code for $path', async ({ path, code, message }) => {
    const response = await get(path)
    expect(response.status).toBe(404)
    const body = (await response.json()) as { readonly errors: readonly { code: string; message: string }[] }
    expect(body).toEqual({ errors: [{ code, message }] })
  })
})

describe('both', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('refuse %s', async (method) => {
    for (const path of ['/index.yaml', '/v2/charts/web/blobs/uploads/']) {
      const response = await get(path, method)
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('GET, HEAD')
    }
    const refusal = await get('/v2/charts/web/blobs/uploads/', method)
    expect(await refusal.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] })
  })

  // By hand, for fetch would tidy the path first.
  it.each([
    '/../package.json',
    '/..%2fpackage.json',
    '/charts/../../package.json',
    '/v2/../../package.json',
    '/v2/charts/../web/manifests/1.2.3_build.4',
    '//etc/passwd',
    '/%',
    '/web-1.2.3+build.4.tgz/..',
    '/index.yaml/',
    '/constructor',
  ])('find nothing at %s', async (path) => {
    expect(await statusOf(path)).toBe(404)
  })

  it('tell whose port it is when it is taken', async () => {
    await expect(startChartServer(charts, { port: Number(new URL(server.url).port) })).rejects.toThrow('EADDRINUSE')
  })
})

function statusOf(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(data.toString().split(' ')[1]))
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  })
}
