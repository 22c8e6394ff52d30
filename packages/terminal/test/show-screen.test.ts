// The screen with Ink in it: keys, changes, sizes, and the terminal as it was at the end.
import { ms } from '@plimsoll/model'
import { VirtualClock } from '@plimsoll/ports'
import { afterEach, describe, expect, it } from 'vitest'
import { ClusterModel } from '../src/cluster/cluster-model.ts'
import { nodeRows } from '../src/cluster/cluster-view.ts'
import { Redraws } from '../src/screen/redraws.ts'
import { showScreen } from '../src/screen/show-screen.ts'
import { FakeTerminal } from './fake-terminal.ts'
import { node, noon } from './objects.ts'
import { testPrices } from './prices.ts'
import { fortyNodes, settingsOf } from './scenes.ts'

let stop: AbortController
afterEach(() => stop.abort())

function show(o: { readonly colours?: 'true'; readonly failing?: () => boolean } = {}) {
  const terminal = new FakeTerminal({ columns: 100, rows: 14 }, o.colours)
  const clock = new VirtualClock({ start: noon })
  const redraws = new Redraws(clock, ms(100))
  const settings = settingsOf({})
  const model = new ClusterModel(settings.summed)
  fortyNodes(model)
  stop = new AbortController()
  const ended = showScreen({
    terminal,
    clock,
    redraws,
    settings,
    signal: stop.signal,
    snapshot: () => {
      if (o.failing?.() === true) throw new Error('a mistake of ours')
      return {
        rows: nodeRows(model, testPrices),
        pods: model.pods.totals,
        now: clock.now(),
        trouble: undefined,
        notes: [],
      }
    },
  })
  /** The screen, once it says that. */
  const until = async (text: string | RegExp): Promise<string> => {
    await expect.poll(() => terminal.text(), { timeout: 3000, interval: 5 }).toMatch(text)
    return terminal.text()
  }
  return { terminal, clock, redraws, model, ended, until }
}

function stateOf(terminal: FakeTerminal): object {
  const { inside, rawMode, resizeListeners, written } = terminal
  return { inside, rawMode, resizeListeners, left: written.endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l') }
}
const asBefore = { inside: false, rawMode: false, resizeListeners: 0, left: true }

describe('showScreen', () => {
  it('shows nodes, turns pages, and quits', async () => {
    const { terminal, ended, until } = show()
    await until(/^ip-192-168-0-1\b/m)
    expect(terminal.inside).toBe(true)
    expect(terminal.rawMode).toBe(true)
    terminal.type('\u001b[C')
    await until(/^ip-192-168-2-12\b/m)
    terminal.type('\u001b[5~')
    await until(/^ip-192-168-0-1\b/m)
    terminal.type('q')
    await ended
    expect(stateOf(terminal)).toEqual(asBefore)
  })

  it.each([
    ['escape', '\u001b'],
    ['control-c', '\u0003'],
  ])('%s quits', async (_, key) => {
    const { terminal, ended, until } = show()
    await until('ip-')
    terminal.type(key)
    await ended
    expect(stateOf(terminal)).toEqual(asBefore)
  })

  it('ends when it is told to', async () => {
    const { terminal, ended, until } = show()
    await until('ip-')
    stop.abort()
    await ended
    expect(stateOf(terminal)).toEqual(asBefore)
  })

  it('a mistake in drawing ends it with the terminal restored', async () => {
    let failing = false
    const { terminal, ended, until, redraws, clock } = show({ failing: () => failing })
    await until('ip-')
    failing = true
    redraws.ask()
    await Promise.all([expect(ended).rejects.toThrow('a mistake of ours'), clock.runFor(ms(200))])
    expect(stateOf(terminal)).toEqual(asBefore)
  })

  it('shows what changes', async () => {
    const { terminal, until, redraws, model, clock } = show()
    await until('40 nodes')
    model.putNode(node({ name: 'new', ageSeconds: 1_000_000 }))
    redraws.ask()
    await clock.runFor(ms(200))
    await until('41 nodes')
    expect(terminal.text()).toMatch(/^new /m)
  })

  it('fits itself to a new size', async () => {
    const { terminal, until, clock } = show()
    await until('←/→ page')
    terminal.resize({ columns: 70, rows: 10 })
    await clock.runFor(ms(200))
    await until(/(?:.*\n){4}/)
    await expect.poll(() => terminal.text().trimEnd().split('\n').length, { timeout: 3000 }).toBeLessThanOrEqual(10)
    for (const line of terminal.text().split('\n')) expect(line.length).toBeLessThanOrEqual(70)
  })

  it('is drawn again when only the room around it grew', async () => {
    const { terminal, until, clock } = show()
    await until('40 nodes')
    terminal.type('/')
    terminal.type('168-2-3.')
    await until(/1 of 40 nodes match/)
    terminal.resize({ columns: 100, rows: 40 })
    await clock.runFor(ms(200))
    expect(await until('1 of 40 nodes match')).toMatch(/^ip-192-168-2-3 /m)
  })

  it('takes what is typed fast or pasted key by key', async () => {
    const { terminal, until } = show()
    await until('ip-')
    terminal.type('/zone=2b\rs')
    await until('13 of 40 nodes match')
    expect(await until('sort by name')).not.toContain('enter: keep')
  })

  it('goes through filter, groups, orders and keys', async () => {
    const { terminal, until } = show()
    await until('ip-')
    terminal.type('g')
    await until('── large  30 nodes')
    terminal.type('?')
    await until('previous page')
    terminal.type(' ')
    await until('── large')
    terminal.type('/')
    terminal.type('168-2-3x')
    await until('No node matches')
    terminal.type('\u007f')
    expect(await until('5 of 40 nodes match')).toContain('/168-2-3█')
  })

  it('is coloured where the terminal is', async () => {
    const { terminal, until } = show({ colours: 'true' })
    await until('ip-')
    expect(terminal.written).toContain('\u001b[38;2;255;0;0m█')
  })
})
