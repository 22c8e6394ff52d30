import type { Exchange } from './exchange.ts'

const chunkBytes = 1024 * 1024

/**
 * Writes many buffers in chunks of about a megabyte, waits while the client is slow, and lets others run in between.
 * Returns when all is handed over, or when the client is gone.
 */
export async function writeAll(exchange: Exchange, parts: Iterable<Buffer>): Promise<void> {
  let pending: Buffer[] = []
  let bytes = 0
  for (const part of parts) {
    pending.push(part)
    bytes += part.length
    if (bytes < chunkBytes) continue
    if (!(await writeChunk(exchange, Buffer.concat(pending)))) return
    pending = []
    bytes = 0
  }
  await exchange.durable()
  exchange.response.end(Buffer.concat(pending))
}

/** Whether the client is still there. @throws {JournalError} when what the chunk shows cannot be kept */
export async function writeChunk(exchange: Exchange, chunk: Buffer): Promise<boolean> {
  const { response } = exchange
  const waiting = exchange.durable()
  if (waiting !== undefined) await waiting
  if (response.destroyed || response.writableEnded) return false
  if (response.write(chunk)) {
    await new Promise((resolve) => setImmediate(resolve))
    return !response.destroyed
  }
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle)
      response.off('close', settle)
      resolve(!response.destroyed)
    }
    response.on('drain', settle)
    response.on('close', settle)
  })
}
