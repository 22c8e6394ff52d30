import { ms, seconds, type Ms, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { SchedulingQueue } from './queue.ts'

const start = ms(1_000_000)
const after = (duration: Ms): Ms => ms(start + duration)

function pod(name: string, priority = 0): Pod {
  return {
    metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' },
    spec: { containers: [], priority },
  }
}

function taken(queue: SchedulingQueue): string[] {
  const names: string[] = []
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) names.push(next.pod.metadata.name)
  return names
}

describe('the scheduling queue', () => {
  it('gives the most important first, then whoever came first', () => {
    const queue = new SchedulingQueue()
    queue.add(pod('b'), start)
    queue.add(pod('a'), start)
    queue.add(pod('high', 10), after(seconds(1)))
    queue.add(pod('low', -10), start)
    queue.add(pod('gone', 100), start)
    queue.remove('default/gone')
    expect(taken(queue)).toEqual(['high', 'b', 'a', 'low'])
  })

  it('wakes those whom a change could help, not before their wait is over', () => {
    const queue = new SchedulingQueue()
    for (const name of ['small', 'picky']) queue.add(pod(name), start)
    queue.park(queue.pop()!, new Set(['NodeResourcesFit']), start)
    queue.park(queue.pop()!, new Set(['NodeAffinity', 'TaintToleration']), start)
    queue.happened('podGone', after(ms(500)))
    expect(queue.hasActive).toBe(false)
    expect(queue.due).toBe(after(seconds(1)))
    queue.flush(after(seconds(1)))
    expect(taken(queue)).toEqual(['small'])
    queue.happened('nodeTaints', after(seconds(2)))
    expect(taken(queue)).toEqual(['picky'])
  })

  it('wakes everybody five minutes after the last try', () => {
    const queue = new SchedulingQueue()
    queue.add(pod('p'), start)
    queue.park(queue.pop()!, new Set(['NodeResourcesFit']), start)
    expect(queue.due).toBe(after(seconds(300)))
    queue.flush(after(seconds(299)))
    expect(queue.hasActive).toBe(false)
    queue.flush(after(seconds(300)))
    expect(taken(queue)).toEqual(['p'])
  })

  it('takes a pod of the same name anew when it is another', () => {
    const queue = new SchedulingQueue()
    queue.add(pod('p'), start)
    queue.park(queue.pop()!, new Set(['NodeResourcesFit']), start)
    const other = { ...pod('p'), metadata: { ...pod('p').metadata, uid: 'other' } }
    queue.add(other, start)
    const next = queue.pop()!
    expect([next.pod.metadata.uid, next.attempts]).toEqual(['other', 0])
  })
})
