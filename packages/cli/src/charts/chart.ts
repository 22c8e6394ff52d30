// The charts that ship under charts/, packed as `helm package` would. What is packed is decided when they are read;
// nothing is read from disk afterwards.
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { parseHelmIgnore, type Ignores } from './helm-ignore.ts'
import { tarball, type ArchivedFile } from './tarball.ts'

export interface Chart {
  readonly name: string
  readonly version: string
  /** Of what it installs; empty where the chart does not say. */
  readonly appVersion: string
  readonly description: string
  /** Everything in Chart.yaml. */
  readonly metadata: { readonly [key: string]: unknown }
  /** The package, `<name>-<version>.tgz`. */
  readonly archive: Buffer
  /** Hexadecimal SHA-256 of the package. */
  readonly sha256: string
}

/** The folder charts/ of the project. */
export function shippedCharts(): string {
  return fileURLToPath(new URL('../../../../charts', import.meta.url))
}

/** Every folder with a Chart.yaml, by name. @throws {Error} when one cannot be packed */
export function readCharts(folder: string): Chart[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .toSorted()
    .filter((name) => existsSync(join(folder, name, 'Chart.yaml')))
    .map((name) => packChart(join(folder, name)))
}

function packChart(folder: string): Chart {
  const file = join(folder, 'Chart.yaml')
  const metadata = parse(readFileSync(file, 'utf8')) as Chart['metadata']
  const text = (key: string, otherwise?: string): string => {
    const value = metadata[key] ?? otherwise
    assert(typeof value === 'string', `${file}: ${key} should be text`)
    return value
  }
  const name = text('name')
  const ignoreFile = join(folder, '.helmignore')
  const ignores = parseHelmIgnore(existsSync(ignoreFile) ? readFileSync(ignoreFile, 'utf8') : '')
  const files = filesBelow(folder, ignores)
  const archive = tarball(files.map(({ path, content }) => ({ path: `${name}/${path}`, content })))
  return {
    name,
    version: text('version'),
    appVersion: text('appVersion', ''),
    description: text('description', ''),
    metadata,
    archive,
    sha256: sha256(archive),
  }
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Sorted by path. */
function filesBelow(folder: string, ignores: Ignores): ArchivedFile[] {
  const walk = (under: string): string[] =>
    readdirSync(join(folder, under), { withFileTypes: true }).flatMap((entry) => {
      const path = under === '' ? entry.name : `${under}/${entry.name}`
      if (ignores(path, entry.isDirectory())) return []
      if (entry.isDirectory()) return walk(path)
      return entry.isFile() ? [path] : []
    })
  return walk('')
    .toSorted()
    .map((path) => ({ path, content: readFileSync(join(folder, path)) }))
}
