// Writes test/golden/kubernetes.json.gz: one object of each kind with every field set, as JSON, YAML and protobuf, as
// Kubernetes' own encoders wrote them (k8s.io/api, testdata/HEAD of the release). Usage: golden.ts FOLDER RELEASE.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Registry } from '../src/registry.ts'

const [folder = '', release = ''] = process.argv.slice(2)
const registry = new Registry()
const kinds: { [name: string]: { readonly json: unknown; readonly yaml: string; readonly protobuf: string } } = {}
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()) {
  const name = file.slice(0, -'.json'.length)
  const json = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as {
    readonly apiVersion?: string
    readonly kind: string
  }
  // Option types come without a version.
  if (json.apiVersion === undefined) continue
  const [group, version] = json.apiVersion.includes('/') ? json.apiVersion.split('/') : ['', json.apiVersion]
  if (registry.findKind(group!, version!, json.kind) === undefined) continue
  kinds[name] = {
    json,
    yaml: readFileSync(`${folder}/${name}.yaml`, 'utf8'),
    protobuf: readFileSync(`${folder}/${name}.pb`).toString('base64'),
  }
}
const target = new URL('../test/golden/kubernetes.json.gz', import.meta.url)
writeFileSync(target, gzipSync(JSON.stringify({ release, kinds }), { level: 9 }))
