// Python's kubernetes package, Debian's python3-kubernetes: its models complain about every field that is missing.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'
import { runPeer, told } from './outcome.ts'

const python = '/usr/bin/python3'
const hasPython = spawnSync(python, ['-c', 'import kubernetes']).status === 0
if (!hasPython)
  process.stdout.write('python3-kubernetes is not installed: the tests of the python client are skipped\n')

describe.skipIf(!hasPython)('the python client', () => {
  let house: LiveHouse
  beforeAll(async () => {
    house = await liveHouse({ programs: { kubectl: kubectl('1.35') } })
    const widgets = fileURLToPath(new URL('../kubectl/manifests/widgets.yaml', import.meta.url))
    await house.sh(`kubectl create -f ${widgets} && kubectl wait --for=condition=established -f ${widgets}`)
  }, 30_000)
  afterAll(() => house.close())

  it('is served as by a real cluster', async () => {
    const script = fileURLToPath(new URL('python/peer.py', import.meta.url))
    const printed = await runPeer(python, [script, join(house.home, 'config')])
    const checks = ['discovery', 'objects', 'patches', 'watches', 'workloads', 'custom_objects']
    expect(told(printed)).toEqual(checks.map((check) => `${check}: ok`))
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  }, 60_000)
})
