/* oxlint-disable vitest/no-standalone-expect -- the clients of the test check what they see as they see it */
// Kills an API server over a journal again and again while clients write to it, and looks at what is there afterwards.
// PLIMSOLL_KILLS says how often; 10 when absent.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPki } from '@plimsoll/embedded-kube'
import { SeededRandom, type Random } from '@plimsoll/ports'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const kills = Number(process.env['PLIMSOLL_KILLS'] ?? 10)
const writers = 4
const program = fileURLToPath(new URL('durable-server.ts', import.meta.url))
const maps = '/api/v1/namespaces/default/configmaps'

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string }
  readonly data?: { readonly value: string }
}

let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-kill-'))
  writeFileSync(join(folder, 'pki.json'), JSON.stringify(await createPki()))
})
afterAll(async () => {
  // Where a check failed the last one still runs.
  await living?.kill()
  rmSync(folder, { recursive: true, force: true })
})

interface Victim {
  readonly url: string
  kill(): Promise<void>
}

let living: Victim | undefined

async function start(): Promise<Victim> {
  const child: ChildProcess = spawn(
    process.execPath,
    [program, join(folder, 'journal'), join(folder, 'pki.json')],
    // Compiled once, so that most of the time goes into being killed.
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') } },
  )
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (data: Buffer) => {
      const ready = /ready (\d+)/.exec(data.toString())
      if (ready !== null) resolve(ready[1]!)
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it was ready`)))
  })
  living = {
    url: `http://127.0.0.1:${port}`,
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
  return living
}

/** What one client knows of the objects that it alone writes: the answers that it got, and what it did not hear of. */
class Writer {
  readonly #id: number
  readonly #random: Random
  /** By name; undefined for what was deleted. */
  readonly known = new Map<string, string | undefined>()
  /** The write that was under way when the server died: it may have happened or not. */
  inDoubt: { readonly name: string; readonly value: string | undefined } | undefined
  acknowledged = 0
  #count = 0

  constructor(id: number, random: Random) {
    this.#id = id
    this.#random = random
  }

  /** Writes until the server is gone; returns the highest version that it was told. */
  async run(url: string): Promise<number> {
    let version = 0
    for (;;) {
      const name = `w${this.#id}-${this.#random.below(12)}`
      const present = this.known.get(name)
      const value = present !== undefined && this.#random.below(3) === 0 ? undefined : `${this.#id}.${++this.#count}`
      this.inDoubt = { name, value }
      const body = JSON.stringify({ metadata: { name }, data: { value } })
      const init = { headers: { 'content-type': 'application/json' }, body }
      let answer: Response
      let text: string
      try {
        if (value === undefined) answer = await fetch(`${url}${maps}/${name}`, { method: 'DELETE' })
        else if (present === undefined) answer = await fetch(`${url}${maps}`, { ...init, method: 'POST' })
        else answer = await fetch(`${url}${maps}/${name}`, { ...init, method: 'PUT' })
        text = await answer.text()
        if (!answer.ok) throw new Error(`${answer.status} ${text}`)
      } catch (error) {
        if (error instanceof Error && /^\d/.test(error.message)) throw error
        return version
      }
      this.known.set(name, value)
      this.inDoubt = undefined
      this.acknowledged++
      if (value !== undefined) version = Number((JSON.parse(text) as ConfigMap).metadata.resourceVersion)
    }
  }

  /** What must be there, given what is: fails where the two cannot both be. */
  check(found: ReadonlyMap<string, string>): void {
    for (const [name, value] of this.known) {
      if (this.inDoubt?.name === name) expect([value, this.inDoubt.value]).toContain(found.get(name))
      else expect({ name, value: found.get(name) }).toEqual({ name, value })
    }
    const doubtful = this.inDoubt
    if (doubtful !== undefined) this.known.set(doubtful.name, found.get(doubtful.name))
    this.inDoubt = undefined
  }
}

/** Everything that a watch said until it broke off. */
async function overhear(url: string, from: string): Promise<ConfigMap[]> {
  const heard: ConfigMap[] = []
  let rest = ''
  try {
    const answer = await fetch(`${url}${maps}?watch=1&resourceVersion=${from}`)
    for await (const chunk of answer.body! as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n')
      rest = lines.pop()!
      for (const line of lines) heard.push((JSON.parse(line) as { readonly object: ConfigMap }).object)
    }
  } catch {
    // The server was killed.
  }
  return heard
}

describe('a server that is killed while it writes', () => {
  it(
    `has, after each of ${kills} kills, every write that it acknowledged and everything that it showed`,
    async () => {
      const random = new SeededRandom('kill loop')
      const clients = Array.from({ length: writers }, (_, i) => new Writer(i, random.split(`writer ${i}`)))
      const uids = new Map<string, string>()
      let highest = 0
      for (let round = 0; round <= kills; round++) {
        const victim = await start()
        const answer = await fetch(`${victim.url}${maps}?labelSelector=`)
        const list = (await answer.json()) as { metadata: { resourceVersion: string }; items: ConfigMap[] }
        const own = list.items.filter(({ metadata }) => metadata.name.startsWith('w'))
        expect(Number(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(highest)
        const found = new Map(own.map(({ metadata, data }) => [metadata.name, data!.value]))
        for (const client of clients) client.check(found)
        for (const { metadata } of own) {
          // One uid, one object: none is given out twice.
          expect(uids.get(metadata.uid) ?? metadata.name).toBe(metadata.name)
          uids.set(metadata.uid, metadata.name)
        }
        if (round === kills) {
          await victim.kill()
          break
        }
        const watched = overhear(victim.url, list.metadata.resourceVersion)
        const written = clients.map((client) => client.run(victim.url))
        await new Promise((resolve) => setTimeout(resolve, 10 + random.below(60)))
        await victim.kill()
        const heard = (await watched).map(({ metadata }) => Number(metadata.resourceVersion))
        expect(heard).toEqual(heard.toSorted((a, b) => a - b))
        // What a watcher was shown is as good as acknowledged.
        highest = Math.max(highest, ...(await Promise.all(written)), heard.at(-1) ?? 0)
      }
      const acknowledged = clients.reduce((sum, client) => sum + client.acknowledged, 0)
      expect(acknowledged).toBeGreaterThan(kills * 4)
      if (process.env['PLIMSOLL_KILLS'] !== undefined)
        console.log(`${kills} kills, ${acknowledged} writes acknowledged`)
    },
    kills * 2_000 + 20_000,
  )
})
