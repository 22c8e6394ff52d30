// The whole house on real ports, some minutes old, with a kubeconfig: where clients that we did not write come to visit.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPki, kubeconfig, startKubeServer, type AccessRecord } from '@plimsoll/embedded-kube'
import { minutes } from '@plimsoll/model'
import { SeededRandom, silentLog, SystemClock } from '@plimsoll/ports'
import { House } from '@plimsoll/simulator'
import { HistoryClock } from '../../packages/cli/src/history-clock.ts'
import { workshopBase } from '../../packages/cli/src/workshop.ts'

export interface LiveHouse {
  readonly house: House
  readonly url: string
  /** A directory of the house's own: `config` is its kubeconfig, `bin` comes first on PATH. */
  readonly home: string
  /** What clients asked, in order of completion. */
  readonly requests: readonly AccessRecord[]
  /** Runs a script in `sh`, with a limit of 60 s, and nothing of the user's own in its environment. */
  shell(script: string): Promise<Ran>
  /** The same for what must succeed: what it printed. @throws {Error} with what it printed when it failed */
  sh(script: string): Promise<string>
  close(): Promise<void>
}

export interface Ran {
  readonly code: number
  /** Standard output and standard error, as they came. */
  readonly text: string
}

export interface LiveHouseOptions {
  /** By the name it has in `bin`, the path of a program. */
  readonly programs: { readonly [name: string]: string }
  /** With what the workshop's cluster runs in kube-system. */
  readonly base?: boolean
}

/** Three nodes in three zones, up for a quarter of an hour. Nothing takes time but what is told to. */
export async function liveHouse(o: LiveHouseOptions): Promise<LiveHouse> {
  const system = new SystemClock()
  const clock = new HistoryClock({ present: system.now(), history: minutes(15) })
  const pki = await createPki()
  const house = new House({
    clock,
    random: new SeededRandom('clients'),
    log: silentLog,
    timing: 'instant',
    heartbeats: 'written',
    authorizationMode: 'RBAC',
    certificateAuthority: pki.ca.certificate,
    cluster: { name: 'myeks', region: 'ap-northeast-2', version: '1.35' },
    nodeGroup: { name: 'ng1', instanceType: 't3.medium', min: 3, max: 6, desired: 3 },
    manifests: o.base === true ? workshopBase() : [],
  })
  await house.start()
  await clock.live(() => system)
  const requests: AccessRecord[] = []
  const server = await startKubeServer(house.kube, { pki, onAccess: (record) => requests.push(record) })

  const home = mkdtempSync(join(tmpdir(), 'plimsoll-house-'))
  const bin = join(home, 'bin')
  mkdirSync(bin)
  for (const [name, path] of Object.entries(o.programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${path}' "$@"\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const config = join(home, 'config')
  const { certificate, key } = pki.admin
  const credential = { kind: 'certificate', certificate, key } as const
  writeFileSync(config, kubeconfig({ name: 'myeks', server: server.url, ca: pki.ca.certificate, credential }), {
    mode: 0o600,
  })
  const shell = (script: string): Promise<Ran> =>
    new Promise((resolve) => {
      const env = { HOME: home, KUBECONFIG: config, PATH: `${bin}:/usr/bin:/bin`, TZ: 'UTC', LC_ALL: 'C' }
      const options = { env, cwd: home, timeout: 60_000, maxBuffer: 1 << 26 }
      execFile('/bin/sh', ['-c', `exec 2>&1\n${script}`], options, (error, stdout) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: stdout }),
      )
    })
  return {
    house,
    url: server.url,
    home,
    requests,
    shell,
    sh: async (script) => {
      const { code, text } = await shell(script)
      if (code !== 0) throw new Error(`${script}: exit ${code}\n${text}`)
      return text.trim()
    },
    close: async () => {
      await server.close()
      await house.stop()
      clock.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
