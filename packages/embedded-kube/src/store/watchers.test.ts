import { describe, expect, it } from 'vitest'
import type { StoredObject } from '../object.ts'
import type { Filter } from './selection.ts'
import { Store, type StoreKey } from './store.ts'

const store = new Store({ ringCapacity: 10, podRingCapacity: 10 })
const pods = store.collection('', 'pods')

function filter(fixed: Partial<Filter>): Filter {
  return { namespace: undefined, matches: undefined, name: undefined, nodeName: undefined, ...fixed }
}

function pod(name: string, nodeName?: string): { readonly key: StoreKey; readonly object: StoredObject } {
  const metadata = { name, namespace: 'n1', uid: name, resourceVersion: '' } as StoredObject['metadata']
  const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec: nodeName === undefined ? {} : { nodeName } }
  return { key: { collection: pods, namespace: 'n1', name }, object }
}

describe('watchers', () => {
  it('are called for what their filters fix and nothing else, in the order in which they came', () => {
    const heard: string[] = []
    const calls = { others: 0 }
    const listen = (who: string, fixed: Partial<Filter>): (() => void) => {
      const subscription = store.listen(pods, filter(fixed), (event) =>
        heard.push(`${who} ${event.type} ${event.object.metadata.name}`),
      )
      return () => subscription.stop()
    }
    for (let i = 0; i < 5000; i++) store.listen(pods, filter({ nodeName: `node-${i}` }), () => calls.others++)
    for (let i = 0; i < 5000; i++) store.listen(pods, filter({ name: `pod-${i}` }), () => calls.others++)
    listen('node a', { nodeName: 'a' })
    const stopAll = listen('all', {})
    listen('n2', { namespace: 'n2' })
    listen('name', { namespace: 'n1', name: 'x' })
    listen('n1', { namespace: 'n1' })
    listen('unbound', { nodeName: '' })
    listen('node b', { nodeName: 'b', name: 'x' })
    const take = (): string[] => heard.splice(0)

    const { key, object } = pod('x')
    const made = store.add(key, object)
    expect(take()).toEqual(['all ADDED x', 'name ADDED x', 'n1 ADDED x', 'unbound ADDED x'])
    const bound = store.put(key, made, { ...made, spec: { nodeName: 'a' } })
    // Those of the place that it left hear of it as well.
    expect(take()).toEqual([
      'node a MODIFIED x',
      'all MODIFIED x',
      'name MODIFIED x',
      'n1 MODIFIED x',
      'unbound MODIFIED x',
    ])
    stopAll()
    const moved = store.put(key, bound, { ...bound, spec: { nodeName: 'b' } })
    expect(take()).toEqual(['node a MODIFIED x', 'name MODIFIED x', 'n1 MODIFIED x', 'node b MODIFIED x'])
    store.remove(key, moved)
    expect(take()).toEqual(['name DELETED x', 'n1 DELETED x', 'node b DELETED x'])
    const other = pod('y', 'c')
    store.add(other.key, other.object)
    expect(take()).toEqual(['n1 ADDED y'])
    expect(calls.others).toBe(0)
    store.add(pod('pod-7', 'node-7').key, pod('pod-7', 'node-7').object)
    expect(calls.others).toBe(2)
  })
})
