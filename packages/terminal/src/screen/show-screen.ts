// Puts the screen up, keeps it going, and takes it down again whatever happens.
import { render } from 'ink'
import { createElement as h } from 'react'
import { seconds, type Ms } from '@plimsoll/model'
import type { Clock, Timer } from '@plimsoll/ports'
import type { ViewSettings } from '../view-settings.ts'
import { App } from './app.ts'
import type { Snapshot } from './picture.ts'
import type { Redraws } from './redraws.ts'
import { ScreenFrames } from './screen-frames.ts'
import { ScreenStream } from './screen-stream.ts'
import type { TerminalPort } from './terminal-port.ts'
import { initialState } from './view-state.ts'

export interface ScreenOptions {
  readonly terminal: TerminalPort
  readonly clock: Pick<Clock, 'after'>
  readonly redraws: Redraws
  readonly settings: ViewSettings
  /** Ends it. */
  readonly signal: AbortSignal
  readonly snapshot: () => Snapshot
}

/** How often ages that are shown are brought up to date. */
const tickInterval: Ms = seconds(1)

/** Resolves when the user quits or the signal is aborted. @throws what the drawing threw */
export async function showScreen(o: ScreenOptions): Promise<void> {
  const { terminal, redraws, settings } = o
  const screen = new ScreenStream(terminal)
  const frames = new ScreenFrames({
    initial: initialState(settings.nodeSort),
    redraws,
    snapshot: o.snapshot,
    size: () => terminal.size(),
    colours: terminal.colours,
    picture: {
      resources: settings.resources,
      summed: settings.summed,
      extraLabels: settings.extraLabels,
      style: settings.style,
      prices: settings.prices,
      coloured: terminal.colours !== 'none',
    },
  })
  let tick: Timer | undefined
  const armTick = (): void => {
    tick = o.clock.after(tickInterval, () => {
      if (frames.showsAge) redraws.ask()
      armTick()
    })
  }
  const stopResize = terminal.onResize(() => {
    screen.repaint()
    redraws.ask()
  })
  screen.enter()
  armTick()
  try {
    const stream = screen as unknown as NodeJS.WriteStream
    let quit = (): void => {}
    const app = h(App, { frames, onQuit: () => quit() })
    // In this mode every frame is written whole, and nothing else: what ScreenStream asks for.
    const drawn = render(app, {
      stdout: stream,
      stderr: stream,
      stdin: terminal.stdin,
      debug: true,
      exitOnCtrlC: false,
      patchConsole: false,
    })
    quit = (): void => drawn.unmount()
    o.signal.addEventListener('abort', quit, { once: true })
    if (o.signal.aborted) quit()
    await drawn.waitUntilExit()
    o.signal.removeEventListener('abort', quit)
  } finally {
    tick?.cancel()
    stopResize()
    screen.leave()
  }
}
