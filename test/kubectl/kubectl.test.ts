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
      const golden = readFileSync(`${folder}${file}`, 'utf8')
      const entries = entriesOf(golden)
      const playAll = async (): Promise<{ text: string; stumbled: readonly unknown[] }> => {
        const played = await Promise.all(versions.map((version) => play(entries, version)))
        const printed = entries.map(
          (_, at) => new Map(versions.map((version, v) => [version, played[v]!.printed[at]!])),
        )
        return { text: rendered(entries, printed), stumbled: played.flatMap(({ stumbled }) => stumbled) }
      }
      const first = await playAll()
      // Real clients in real time: on a busy machine one may come late, and print another moment. Twice is no accident.
      const second = first.text === golden ? first : await playAll()
      if (second !== first) process.stdout.write(`${file} was played twice: ${firstDifference(golden, first.text)}\n`)
      await expect(second.text).toMatchFileSnapshot(`${folder}${file}`)
      expect([...first.stumbled, ...second.stumbled]).toEqual([])
    }, 300_000)
  }
})

function firstDifference(wanted: string, found: string): string {
  const lines = wanted.split('\n')
  const at = found.split('\n').findIndex((line, i) => line !== lines[i])
  return `line ${at + 1} was ${JSON.stringify(found.split('\n')[at])}`
}
