import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { program } from './main.ts'

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'plimsoll-cli-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const bin = fileURLToPath(new URL('../bin/plimsoll.mjs', import.meta.url))

function plimsoll(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [bin, ...args],
      { env: { ...process.env, XDG_STATE_HOME: home } },
      (error, stdout, stderr) => resolve({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
    )
  })
}

/** What commander says to a command line that it does not take. */
async function refusal(...argv: string[]): Promise<string> {
  const command = program()
  let said = ''
  for (const each of [command, ...command.commands]) {
    each.configureOutput({ writeErr: (text) => (said += text) }).exitOverride()
  }
  await expect(command.parseAsync(argv, { from: 'user' })).rejects.toThrow(/error/)
  return said
}

describe('bad arguments get one line that says what is accepted', () => {
  it.each([
    { argv: ['--speed', 'fast'], says: /--speed.*'fast' is invalid.*a number from 0\.1 to 1000/ },
    { argv: ['--speed', '0'], says: /a number from 0\.1 to 1000/ },
    { argv: ['up', '--speed', '1e9'], says: /a number from 0\.1 to 1000/ },
    { argv: ['--port', '65536'], says: /--port.*a port from 1 to 65535/ },
    { argv: ['--aws-port', '-1'], says: /--aws-port.*a port from 1 to 65535/ },
    { argv: ['--charts-port', '65536'], says: /--charts-port.*a port from 1 to 65535/ },
    { argv: ['--port', '0x10'], says: /a port from 1 to 65535/ },
    { argv: ['--name', '../elsewhere'], says: /--name.*letters, digits, hyphens/ },
    { argv: ['--data-dir', ''], says: /--data-dir.*a folder is expected/ },
    { argv: ['--seed', ''], says: /--seed.*some text or a number/ },
    { argv: ['--workshops'], says: /unknown option '--workshops'/ },
    { argv: ['wolkthrough'], says: /there is no command "wolkthrough"; there are up, env, down, / },
    { argv: ['up', 'x', 'y'], says: /there is no command "x"/ },
    { argv: ['walkthrough'], says: /missing required argument 'chapter'/ },
    { argv: ['walkthrough', 'karpenter'], says: /ca or cpa is expected/ },
    { argv: ['env', '--name', 'a b'], says: /letters, digits, hyphens/ },
    { argv: ['down', 'all'], says: /too many arguments/ },
  ])('$argv', async ({ argv, says }) => {
    const said = await refusal(...argv)
    expect(said).toMatch(says)
    expect(
      said
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('error')),
    ).toHaveLength(1)
  })
})

describe('the process', () => {
  it('ends with 1 and one line when no cluster runs', async () => {
    expect(await plimsoll('env')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'plimsoll: no cluster is running; start one with `plimsoll up`\n',
    })
    expect((await plimsoll('down', '--name', 'other')).stderr).toBe('plimsoll: no cluster other is running\n')
  })

  it('refuses a --data-dir that it cannot use with 1 and one line', async () => {
    const run = await plimsoll('up', '--port', '0', '--aws-port', '0', '--data-dir', '/dev/null')
    expect(run).toEqual({ code: 1, stdout: '', stderr: 'plimsoll: cannot keep the cluster in /dev/null (ENOTDIR)\n' })
  })

  it('prints its version', async () => {
    expect((await plimsoll('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
