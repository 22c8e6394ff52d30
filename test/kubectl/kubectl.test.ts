// Sessions with real kubectls of three versions at the whole house, held against what they printed when somebody last
// read it: `npx vitest run test/kubectl -u` writes the files anew. Versions that differ stand under `[1.32]` and so on.
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AccessRecord } from '@plimsoll/embedded-kube'
import { describe, it } from 'vitest'
import { kubectl, type KubectlVersion } from '../../tools/clients/clients.ts'
import { liveHouse } from '../clients/live-house.ts'
import { entriesOf, masked, rendered, type Entry } from './session.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const versions: readonly KubectlVersion[] = ['1.32', '1.34', '1.35']

interface Played {
  /** By entry. */
  readonly printed: readonly string[]
  /** Where the server stumbled over what was asked. */
  readonly stumbled: readonly AccessRecord[]
}

async function play(entries: readonly Entry[], version: KubectlVersion): Promise<Played> {
  const eventually = `${folder}eventually.sh`
  const world = await liveHouse({ programs: { kubectl: kubectl(version), eventually } })
  try {
    cpSync(`${folder}manifests`, world.home, { recursive: true })
    const printed: string[] = []
    for (const { command } of entries) {
      const { code, text } = await world.shell(command)
      const shown = masked(text.replaceAll(world.home, '<home>'))
      printed.push([shown, ...(code === 0 ? [] : [`[exit ${code}]`])].filter((part) => part !== '').join('\n'))
    }
    const isOurFault = (status: number): boolean => status >= 500 && status !== 501 && status !== 504
    return { printed, stumbled: world.requests.filter(({ status }) => isOurFault(status)) }
  } finally {
    await world.close()
  }
}

describe('sessions with kubectl', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    it(`${file}`, async ({ expect }) => {
      const entries = entriesOf(readFileSync(`${folder}${file}`, 'utf8'))
      const played = await Promise.all(versions.map((version) => play(entries, version)))
      const byEntry = entries.map((_, at) => new Map(versions.map((version, v) => [version, played[v]!.printed[at]!])))
      await expect(rendered(entries, byEntry)).toMatchFileSnapshot(`${folder}${file}`)
      expect(played.flatMap(({ stumbled }) => stumbled)).toEqual([])
    }, 300_000)
  }
})
