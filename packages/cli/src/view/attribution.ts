// The licences of the open source that `plimsoll view` is made of, read from the packages as they are installed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly dependencies?: { readonly [name: string]: string }
}

/** Every package that is not ours, by name, with its licence's text where it brings one. */
export function attribution(): string {
  const folders = new Map<string, Manifest>()
  const visit = (folder: string): void => {
    if (folders.has(folder)) return
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
    folders.set(folder, manifest)
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const found = findPackage(folder, name)
      if (found !== undefined) visit(found)
    }
  }
  const here = fileURLToPath(new URL('../..', import.meta.url))
  for (const name of ['@plimsoll/terminal', '@plimsoll/kube-client', 'commander']) {
    const found = findPackage(here, name)
    if (found !== undefined) visit(found)
  }
  return [...folders]
    .filter(([, { name }]) => name !== undefined && !name.startsWith('@plimsoll/'))
    .map(([folder, { name, version, license }]) => ({
      title: `${name} ${version ?? ''} (${license ?? 'licence in its text'})`,
      text: licenceText(folder),
    }))
    .toSorted((a, b) => (a.title < b.title ? -1 : 1))
    .map(({ title, text }) => `${title}\n\n${text}\n${'-'.repeat(72)}\n`)
    .join('\n')
}

/** As Node looks: in the nearest node_modules above. */
function findPackage(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (folder === dirname(folder)) return undefined
  }
}

function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  return file === undefined ? 'No text of the licence comes with it.\n' : readFileSync(join(folder, file), 'utf8')
}
