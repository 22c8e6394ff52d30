// Cluster Proportional Autoscaler in a process of its own, so that what it costs is its alone.
import { createKubeClient } from '@plimsoll/kube-client'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { runProportionalAutoscaler } from '@plimsoll/proportional-autoscaler'
import type { Greeting } from './api-server-process.ts'

export interface Cost {
  /** Of the processor, so far. */
  readonly cpuMs: number
  readonly rssMiB: number
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

if (process.send !== undefined && process.argv[1]?.endsWith('proportional-autoscaler-process.ts') === true) {
  const [greeting, ...flags] = process.argv.slice(2)
  const { url, ca, certificate, key } = JSON.parse(greeting!) as Greeting
  const clock = new SystemClock()
  const text = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
    'current-context': 'c',
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send!({ cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20 } satisfies Cost)
  })
  process.on('disconnect', () => process.exit())
  process.exitCode = await runProportionalAutoscaler({
    args: flags,
    environment: {},
    clock,
    random: new SeededRandom('bench'),
    identity: 'bench',
    signal: new AbortController().signal,
    out: () => {},
    error: (line) => process.stderr.write(`${line}\n`),
    connect: () => createKubeClient({ access: { kind: 'text', text }, userAgent: 'bench', clock }),
    serve: () => {
      process.send!('ready')
      return Promise.resolve(() => {})
    },
  })
}
