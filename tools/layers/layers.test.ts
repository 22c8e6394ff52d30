import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

function cruise(folder: string): { status: number | null; output: string } {
  const run = spawnSync(
    process.execPath,
    [
      `${root}/node_modules/dependency-cruiser/bin/dependency-cruise.mjs`,
      'packages',
      '--config',
      `${root}/.dependency-cruiser.mjs`,
    ],
    { cwd: folder, encoding: 'utf8' },
  )
  return { status: run.status, output: run.stdout + run.stderr }
}

describe('the layer rules', () => {
  it('find a planted import from the words to the sockets', () => {
    const { status, output } = cruise(`${root}/tools/layers/planted`)
    expect(output).toContain('layers-model: packages/model/src/index.ts → packages/ports/src/index.ts')
    expect(status).not.toBe(0)
  })
})

describe('the rooms', () => {
  it('never ask the machine for the present time by `new Date()`', async () => {
    const offenders: string[] = []
    for await (const file of glob('packages/*/src/**/*.ts', { cwd: root })) {
      if (/\/(kube-client|aws-client|cli)\/|\/http\/|\.test\.ts$|\.generated\.ts$/.test(file)) continue
      if (/new Date\(\s*\)/.test(readFileSync(`${root}/${file}`, 'utf8'))) offenders.push(file)
    }
    expect(offenders).toEqual([])
  })
})
