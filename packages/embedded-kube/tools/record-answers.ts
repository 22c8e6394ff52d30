// Records the answers of a real kube-apiserver: tools/record-answers.ts URL TOKEN [FILE…]. tools/apiserver says how to start one.
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { caseFiles, casesOf, type Answer, type Outgoing, type Raw } from '../test/parity/cases.ts'

const [url = '', token = '', ...files] = process.argv.slice(2)
// The server's certificate is its own.
const run = Date.now().toString(36)
const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })

function send({ method, path, contentType, body }: Outgoing): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'user-agent': 'parity/1',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    }
    const outgoing = request(new URL(path, url), { method, agent, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const warnings = [answer.headers['warning'] ?? []].flat()
        resolve({ status: answer.statusCode ?? 0, warnings, text: Buffer.concat(chunks).toString() })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

for (const file of files.length > 0 ? files : caseFiles()) {
  const recorded: Record<string, Record<string, Answer>> = {}
  for (const each of casesOf(file, run)) recorded[each.name] = Object.fromEntries(await each.run(send))
  const lines = Object.entries(recorded).map(([name, answers]) => {
    const inner = Object.entries(answers).map(
      ([step, answer]) => `  ${JSON.stringify(step)}: ${JSON.stringify(answer)}`,
    )
    return `${JSON.stringify(name)}: {\n${inner.join(',\n')}\n}`
  })
  writeFileSync(new URL(`../test/parity/recorded/${file}.json`, import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
}
agent.destroy()
