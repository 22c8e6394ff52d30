// The victim of the kill loop: an API server over a journal, on a plain port, and nothing else.
// Arguments: the journal's file, the file with the PKI. Says `ready <port>`.
import { readFileSync } from 'node:fs'
import { ApiServer, bootstrap, startKubeServer, type Pki } from '@plimsoll/embedded-kube'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { SqliteJournal } from '../src/durable/sqlite-journal.ts'

const [file, pkiFile] = process.argv.slice(2) as [string, string]
const journal = SqliteJournal.open(file)
const api = new ApiServer({
  clock: new SystemClock(),
  random: new SeededRandom(`victim ${process.pid} ${process.hrtime.bigint()}`),
  journal,
})
bootstrap(api)
const pki = JSON.parse(readFileSync(pkiFile, 'utf8')) as Pki
const server = await startKubeServer(api, { pki, insecurePort: 0 })
process.stdout.write(`ready ${new URL(server.insecureUrl!).port}\n`)
