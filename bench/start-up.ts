// From the command line to a cluster that answers: `plimsoll up` in a process of its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchCase, BenchResult, BenchSize } from './case.ts'

const bin = fileURLToPath(new URL('../packages/cli/bin/plimsoll.mjs', import.meta.url))

async function run(_size: BenchSize): Promise<BenchResult> {
  const home = mkdtempSync(join(tmpdir(), 'plimsoll-bench-'))
  const begun = performance.now()
  const child = spawn(process.execPath, [bin, 'up', '--name', 'bench', '--port', '0', '--aws-port', '0'], {
    env: { ...process.env, XDG_STATE_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const elapsed = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('Ready in ')) resolve(performance.now() - begun)
    })
    child.on('exit', (code) => reject(new Error(`plimsoll up ended with ${code}: ${text}`)))
  })
  child.removeAllListeners('exit')
  const gone = new Promise((resolve) => child.on('exit', resolve))
  child.kill('SIGTERM')
  await gone
  rmSync(home, { recursive: true, force: true })
  return { figures: { elapsed }, answer: 'ready' }
}

export const startUp: BenchCase = { name: 'start-up: plimsoll up until it is ready', run }
