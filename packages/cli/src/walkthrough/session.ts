// A shell that remembers: each command runs in a process of its own, and what it exports is there for the next.
import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../environment.ts'

/** What does not end when it is asked to is ended. */
const deafMsMax = 3000

export interface RunningCommand {
  /** All that was printed so far, both streams as they came. */
  readonly output: () => string
  readonly ended: Promise<number>
  /** Ends the command and everything that it started. */
  readonly stop: () => Promise<void>
}

export class Session {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #memory: string
  readonly #running: Set<RunningCommand> = new Set()
  /** What was assigned from outside, not by a command. */
  readonly assigned: { [name: string]: string } = {}

  constructor(o: { readonly folder: string; readonly env: NodeJS.ProcessEnv }) {
    this.#folder = o.folder
    this.#env = o.env
    this.#memory = join(o.folder, '.exports')
    writeFileSync(this.#memory, '')
  }

  assign(name: string, value: string): void {
    this.assigned[name] = value
    writeFileSync(this.#memory, `export ${name}=${quoted(value)}\n`, { flag: 'a' })
  }

  start(command: string, onOutput: (text: string) => void): RunningCommand {
    const memory = quoted(this.#memory)
    const script = `. ${memory}\n${command}\nstatus=$?\nexport -p > ${memory}\nexit $status\n`
    const child = spawn('/bin/sh', ['-c', script], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        text += chunk
        onOutput(chunk)
      })
    }
    const ended = new Promise<number>((resolve) => {
      child.on('close', (code) => resolve(code ?? 1))
      child.on('error', () => resolve(127))
    })
    const running: RunningCommand = {
      output: () => text,
      ended,
      stop: async () => {
        endGroup(child, 'SIGTERM')
        const deaf = setTimeout(() => endGroup(child, 'SIGKILL'), deafMsMax)
        await ended
        clearTimeout(deaf)
      },
    }
    this.#running.add(running)
    void ended.then(() => this.#running.delete(running))
    return running
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((command) => command.stop()))
  }
}

/** The child leads a process group of its own (detached), so that a pipeline ends as a whole. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It ended in between.
  }
}
