import { describe, expect, it } from 'vitest'
import { exitOf, sleepOf } from './process.ts'

describe('what a command of no known program does', () => {
  it.each([
    { command: ['true'], exit: 0, sleep: undefined },
    { command: ['/bin/false'], exit: 1, sleep: undefined },
    { command: ['sh', '-c', 'exit 3'], exit: 3, sleep: undefined },
    { command: ['sleep', '30'], exit: undefined, sleep: 30_000 },
    { command: ['sh', '-c', 'sleep 2m'], exit: undefined, sleep: 120_000 },
    { command: ['sleep', 'infinity'], exit: undefined, sleep: undefined },
    { command: ['nginx', 'true'], exit: undefined, sleep: undefined },
  ])('$command', ({ command, exit, sleep }) => {
    expect(exitOf(command)).toBe(exit)
    expect(exitOf(undefined, command)).toBe(exit)
    expect(sleepOf(command)).toBe(sleep)
  })
})
