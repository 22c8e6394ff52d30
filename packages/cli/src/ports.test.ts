import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { choosePort } from './ports.ts'

let held: Server | undefined
afterEach(() => {
  held?.close()
  held = undefined
})

async function holdPort(): Promise<number> {
  held = createServer()
  await new Promise<void>((resolve) => held!.listen({ port: 0, host: '127.0.0.1' }, resolve))
  return (held.address() as AddressInfo).port
}

describe('choosePort', () => {
  it('refuses a taken port that was asked for, and says with what to choose another', async () => {
    const asked = await holdPort()
    await expect(choosePort({ asked, usual: 1, option: '--aws-port' })).rejects.toThrow(
      `port ${asked} is taken; give another with --aws-port, or 0 for any free one`,
    )
  })

  it('passes over the usual port when it is taken', async () => {
    const usual = await holdPort()
    expect(await choosePort({ asked: undefined, usual, option: '--port' })).toBe(0)
  })

  it('gives no port twice', async () => {
    const free = await holdPort()
    await new Promise((resolve) => held!.close(resolve))
    const besides = [free]
    expect(await choosePort({ asked: undefined, usual: free, option: '--port', besides })).toBe(0)
    await expect(choosePort({ asked: free, usual: 1, option: '--port', besides })).rejects.toThrow('is taken')
  })

  it('takes the usual port, and the one asked for, when they are free', async () => {
    const free = await holdPort()
    await new Promise((resolve) => held!.close(resolve))
    expect(await choosePort({ asked: undefined, usual: free, option: '--port' })).toBe(free)
    expect(await choosePort({ asked: free, usual: 1, option: '--port' })).toBe(free)
    expect(await choosePort({ asked: 0, usual: free, option: '--port' })).toBe(0)
  })
})
