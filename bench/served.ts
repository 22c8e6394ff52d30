// The API server of a benchmark, in a process of its own.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import { fileURLToPath } from 'node:url'
import type { Done, Greeting, Order } from './api-server-process.ts'

const program = fileURLToPath(new URL('./api-server-process.ts', import.meta.url))

export class Served {
  readonly #child: ChildProcess
  readonly #greeting: Greeting
  readonly #sessions: ClientHttp2Session[] = []

  private constructor(child: ChildProcess, greeting: Greeting) {
    this.#child = child
    this.#greeting = greeting
  }

  static async start(): Promise<Served> {
    const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    return new Served(child, (await message(child)) as Greeting)
  }

  async tell(order: Order): Promise<Done> {
    this.#child.send(order)
    return (await message(this.#child)) as Done
  }

  /** How to reach it, for a process of the benchmark's own. */
  get greeting(): Greeting {
    return this.#greeting
  }

  connect(): ClientHttp2Session {
    const { url, ca, certificate, key } = this.#greeting
    const session = connect(url, { ca, cert: certificate, key, settings: { initialWindowSize: 2 ** 24 } })
    session.on('connect', () => session.setLocalWindowSize(2 ** 26))
    this.#sessions.push(session)
    return session
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    this.#child.disconnect()
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
  }
}

/** @throws when the process ends instead */
export async function message(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const { signal } = over
  const [first] = (await Promise.race([
    once(child, 'message', { signal }),
    once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`the API server's process ended with ${String(code)}`)
    }),
  ]).finally(() => over.abort())) as [unknown]
  return first
}

export async function withServer<T>(use: (served: Served) => Promise<T>): Promise<T> {
  const served = await Served.start()
  try {
    return await use(served)
  } finally {
    await served.stop()
  }
}
