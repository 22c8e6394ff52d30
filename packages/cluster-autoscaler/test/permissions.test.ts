import { readFileSync } from 'node:fs'
import { minutes, Nodes, type ObjectKey, type ResourceType } from '@plimsoll/model'
import type { KubeApi, WriteOptions } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { toBeDeletedTaint } from '../src/nodes/taints.ts'
import { Laboratory } from './laboratory.ts'

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

const manifest = new URL('../../../deploy/cluster-autoscaler/cluster-autoscaler-autodiscover.yaml', import.meta.url)
const verbs: Readonly<Record<string, string>> = {
  get: 'get',
  list: 'list',
  watch: 'watch',
  create: 'create',
  replace: 'update',
  patch: 'patch',
  remove: 'delete',
}

function granted(): Set<string> {
  const rules = parseAllDocuments(readFileSync(manifest, 'utf8'))
    .map((document) => document.toJS() as { kind: string; rules?: Rule[] })
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .flatMap((role) => role.rules ?? [])
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs: allowed }) =>
      apiGroups.flatMap((group) => resources.flatMap((name) => allowed.map((verb) => `${verb} ${group}/${name}`))),
    ),
  )
}

describe('permissions', () => {
  it('the manifest grants exactly what the autoscaler does', async () => {
    const used = new Set<string>()
    const kube = (api: KubeApi): KubeApi =>
      new Proxy(api, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as unknown
          if (typeof method !== 'function') return method
          return (...args: unknown[]) => {
            if (name === 'evict') used.add('create /pods/eviction')
            else {
              const { group, plural } = args[0] as ResourceType<never>
              const options = args.at(-1) as WriteOptions | ObjectKey | undefined
              const part = options !== undefined && 'subresource' in options ? `/${options.subresource}` : ''
              used.add(`${verbs[String(name)] ?? String(name)} ${group}/${plural}${part}`)
            }
            return (method as (...rest: unknown[]) => unknown).apply(target, args)
          }
        },
      })
    const lab = new Laboratory({ nodegroups: [{ name: 'ng1', minSize: 1, maxSize: 4, desiredSize: 1 }] })
    await lab.start()
    await lab.run(minutes(3))
    // What an earlier process left behind.
    const taint = { key: toBeDeletedTaint, value: '1', effect: 'NoSchedule' }
    const [node] = await lab.nodes()
    await lab.kube.patch(Nodes, node!.metadata, {
      type: 'merge',
      body: { spec: { taints: [taint], unschedulable: true } },
    })
    // Events of one kind, however often they come, are written once and counted up.
    const flags = [
      '--scale-down-unneeded-time=1m',
      '--scale-down-delay-after-add=1m',
      '--expander=priority',
      '--record-duplicated-events',
    ]
    const { stop, ended } = lab.autoscale(flags, { kube })
    await lab.run(minutes(1))
    expect((await lab.nodes())[0]!.spec.taints ?? []).toEqual([])
    expect(await lab.events('ClusterAutoscalerCleanup')).toHaveLength(1)
    await lab.deployment('web', 16)
    await lab.run(minutes(4))
    await lab.scale('web', 3)
    await lab.run(minutes(8))
    expect(await lab.desired('ng1')).toBe(1)
    stop.abort()
    await lab.run(minutes(1))
    expect(await ended).toBeUndefined()
    expect([...used].toSorted()).toEqual([...granted()].toSorted())
  })
})
