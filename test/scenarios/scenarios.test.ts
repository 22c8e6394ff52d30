import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ms } from '@plimsoll/model'
import { runScenario, type KubeManifest, type ScenarioResult } from '@plimsoll/simulator'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifests: { readonly [name: string]: string } = {
  base: 'deploy/workshop/base.yaml',
  nginx: 'deploy/workshop/nginx.yaml',
  'cpa-nginx': 'deploy/workshop/cpa-nginx.yaml',
  cpa: 'test/scenarios/manifests/cpa.yaml',
  // Parts of it, by the kind of the object.
  'cpa-config': 'test/scenarios/manifests/cpa.yaml#ConfigMap',
  'cpa-rights': 'test/scenarios/manifests/cpa.yaml#RoleBinding',
  'cluster-autoscaler': 'deploy/cluster-autoscaler/cluster-autoscaler-autodiscover.yaml',
}

function manifest(name: string): readonly KubeManifest[] {
  const [file, kind] = manifests[name]!.split('#')
  const text = readFileSync(`${root}/${file}`, 'utf8').replaceAll('<YOUR CLUSTER NAME>', 'myeks')
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeManifest | null)
    .filter((object) => object !== null)
    .filter((object) => kind === undefined || object.kind === kind)
}

function run(commands: string, seed = '1'): Promise<ScenarioResult> {
  return runScenario(commands, { seed, start: ms(Date.UTC(2026, 0, 1)), manifest })
}

describe('scenarios', () => {
  const folder = `${root}/test/scenarios`
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    const commands = readFileSync(`${folder}/${file}`, 'utf8').split('\n----\n')[0]!
    it(`${file}`, async () => {
      const first = await run(commands)
      expect(first.failures).toEqual([])
      await expect(`${commands.trimEnd()}\n----\n${first.trace}`).toMatchFileSnapshot(`${folder}/${file}`)
      const second = await run(commands)
      expect(second.trace).toBe(first.trace)
    })
  }
})
