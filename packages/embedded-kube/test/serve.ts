// An API server on a port of its own with a kubeconfig, for tests that drive real clients.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SeededRandom, SystemClock, type Clock, type Journal } from '@plimsoll/ports'
import { ApiServer, type AuthorizationMode } from '../src/api-server.ts'
import { bootstrap } from '../src/bootstrap.ts'
import { startKubeServer, type AccessRecord, type KubeServer, type KubeServerOptions } from '../src/http/kube-server.ts'
import { createPki, type Pki } from '../src/http/pki.ts'
import { kubeconfig } from '../src/wire/kubeconfig.ts'

export interface TestServer {
  readonly api: ApiServer
  readonly server: KubeServer
  readonly pki: Pki
  /** A directory of the server's own: `config` is its kubeconfig. */
  readonly home: string
  /** What clients asked, in order of completion. */
  readonly requests: AccessRecord[]
  close(): Promise<void>
}

export async function serve(
  options: Partial<KubeServerOptions> & {
    readonly clock?: Clock
    readonly ringCapacity?: number
    readonly authorizationMode?: AuthorizationMode
    readonly journal?: Journal
  } = {},
): Promise<TestServer> {
  const { clock = new SystemClock(), ringCapacity = 10_000, authorizationMode, journal, ...others } = options
  const api = new ApiServer({ clock, random: new SeededRandom('serve'), ringCapacity, authorizationMode, journal })
  bootstrap(api)
  const pki = await createPki()
  const requests: AccessRecord[] = []
  const server = await startKubeServer(api, { pki, onAccess: (record) => requests.push(record), ...others })
  const home = mkdtempSync(join(tmpdir(), 'plimsoll-kube-'))
  const { certificate, key } = pki.admin
  const credential = { kind: 'certificate', certificate, key } as const
  writeFileSync(
    join(home, 'config'),
    kubeconfig({ name: 'plimsoll', server: server.url, ca: pki.ca.certificate, credential }),
    { mode: 0o600 },
  )
  return {
    api,
    server,
    pki,
    home,
    requests,
    close: async () => {
      await server.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
