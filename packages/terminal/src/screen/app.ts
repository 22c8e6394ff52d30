// The only component: each line of the frame is a Text, keys go to the frames.
import { Box, Text, useInput } from 'ink'
import { createElement as h, useSyncExternalStore, type ReactElement } from 'react'
import type { ScreenFrames } from './screen-frames.ts'
import type { Key } from './view-state.ts'

export interface AppProps {
  readonly frames: ScreenFrames
  readonly onQuit: () => void
}

export function App({ frames, onQuit }: AppProps): ReactElement {
  const lines = useSyncExternalStore(frames.subscribe, frames.frame)
  useInput((input, inkKey) => {
    for (const key of keysOf(input, inkKey)) if (frames.press(key) === 'quit') return onQuit()
  })
  return h(
    Box,
    { flexDirection: 'column' },
    // An empty Text has no height.
    ...lines.map((line, row) => h(Text, { key: row, wrap: 'truncate' }, line === '' ? ' ' : line)),
  )
}

type InkKey = Parameters<Parameters<typeof useInput>[0]>[1]

/** Several, when somebody types fast or pastes: they arrive as one text. */
function keysOf(input: string, key: InkKey): readonly Key[] {
  if (key.ctrl) {
    if (input === 'c') return [{ kind: 'interrupt' }]
    if (input === 'u') return [{ kind: 'eraseAll' }]
    return input === 'h' ? [{ kind: 'erase' }] : []
  }
  if (key.leftArrow || key.pageUp) return [{ kind: 'previous' }]
  if (key.rightArrow || key.pageDown) return [{ kind: 'next' }]
  if (key.escape) return [{ kind: 'escape' }]
  if (key.return) return [{ kind: 'enter' }]
  if (key.backspace || key.delete) return [{ kind: 'erase' }]
  if (key.meta) return []
  return Array.from(input).flatMap((letter) => keyOfLetter(letter) ?? [])
}

function keyOfLetter(letter: string): Key | undefined {
  switch (letter) {
    case '\r':
    case '\n':
      return { kind: 'enter' }
    case '\b':
    case '\u007f':
      return { kind: 'erase' }
    case '\u0003':
      return { kind: 'interrupt' }
    case '\u0015':
      return { kind: 'eraseAll' }
    default:
      return letter < ' ' ? undefined : { kind: 'text', text: letter }
  }
}
