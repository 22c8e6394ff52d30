import { createServer } from 'node:net'
import { CliError } from './failure.ts'

/**
 * A port on loopback to listen on: the one that was asked for, or else `usual` if it is free, or else 0 for any: which one
 * is left to whoever listens, so that nobody takes it in between.
 * @throws {CliError} when the one asked for is taken
 */
export async function choosePort(o: {
  readonly asked: number | undefined
  readonly usual: number
  readonly option: string
  /** Chosen already for others of this process. */
  readonly besides?: readonly number[]
}): Promise<number> {
  const besides = new Set(o.besides)
  if (o.asked !== undefined && o.asked !== 0) {
    const problem = besides.has(o.asked) ? 'EADDRINUSE' : await tryPort(o.asked)
    if (typeof problem === 'number') return problem
    throw new CliError(
      problem === 'EADDRINUSE'
        ? `port ${o.asked} is taken; give another with ${o.option}, or 0 for any free one`
        : `port ${o.asked} cannot be listened on (${problem}); give another with ${o.option}`,
    )
  }
  const usual = o.asked === 0 || besides.has(o.usual) ? undefined : await tryPort(o.usual)
  return typeof usual === 'number' ? usual : 0
}

/** The port once it has been listened on for a moment, or the system's error code. */
function tryPort(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.close(() => resolve(port))
    })
  })
}
