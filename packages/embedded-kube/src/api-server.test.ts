import { ConfigMaps, ms, Nodes, Pods } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type WatchEvent } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from './api-server.ts'
import { bootstrap } from './bootstrap.ts'

export function testServer(): ApiServer {
  const server = new ApiServer({
    clock: new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) }),
    random: new SeededRandom('test'),
  })
  bootstrap(server)
  return server
}

const admin = { name: 'kubernetes-admin', groups: ['system:masters'] }

describe('ApiServer', () => {
  it('tells watchers of commits in order, before the writer goes on', async () => {
    const api = testServer().client(admin, 'test/1')
    const seen: string[] = []
    await api.watch(
      ConfigMaps,
      { namespace: 'default' },
      {
        event: (event: WatchEvent<unknown>) => seen.push(event.type),
        end: () => {},
      },
    )
    seen.length = 0
    const made = await api.create(ConfigMaps, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } })
    await api.patch(ConfigMaps, made.metadata, { type: 'merge', body: { data: { x: '2' } } })
    await api.patch(ConfigMaps, made.metadata, { type: 'merge', body: { data: { x: '2' } } })
    await api.remove(ConfigMaps, made.metadata)
    expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED'])
  })

  it('binds a pod once', async () => {
    const api = testServer().client(admin, 'test/1')
    await api.create(Nodes, { metadata: { name: 'n1' } })
    await api.create(Pods, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    })
    await api.bind({ namespace: 'default', name: 'p' }, 'n1')
    await expect(api.bind({ namespace: 'default', name: 'p' }, 'n2')).rejects.toMatchObject({ failure: 'conflict' })
    const found = await api.list(Pods, { fieldSelector: 'spec.nodeName=n1' })
    expect(found.items.map((pod) => pod.metadata.name)).toEqual(['p'])
  })
})
