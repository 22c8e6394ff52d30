import { expect, it } from 'vitest'
import { leaveScreen, ScreenStream } from './screen-stream.ts'

function terminal() {
  const written: string[] = []
  const size = { columns: 20, rows: 5 }
  const waiting: (() => void)[] = []
  const screen = new ScreenStream({
    stdin: undefined as never,
    colours: 'none',
    size: () => size,
    onResize: () => () => {},
    write: (text, taken) => {
      written.push(text)
      waiting.push(taken)
    },
  })
  screen.enter()
  const rest = () => written.splice(0).join('')
  rest()
  return { screen, rest, size, taken: () => waiting.splice(0).forEach((each) => each()) }
}
const update = (text: string): string => `\u001b[?2026h${text}\u001b[?2026l`

it('writes only the lines that changed, and clears those that are gone', () => {
  const { screen, rest, taken } = terminal()
  screen.write('a\nb\nc')
  expect(rest()).toBe(update('\u001b[1;1H\u001b[2Ka\u001b[2;1H\u001b[2Kb\u001b[3;1H\u001b[2Kc'))
  taken()
  screen.write('a\nB')
  expect(rest()).toBe(update('\u001b[2;1H\u001b[2KB\u001b[3;1H\u001b[J'))
  taken()
  screen.write('a\nB')
  expect(rest()).toBe('')
})

it('a slow terminal gets the newest frame next, and none in between', () => {
  const { screen, rest, taken } = terminal()
  for (const frame of ['1', '2', '3', '4']) screen.write(frame)
  expect(rest()).toBe(update('\u001b[1;1H\u001b[2K1'))
  taken()
  expect(rest()).toBe(update('\u001b[1;1H\u001b[2K4'))
  taken()
  expect(rest()).toBe('')
})

it('after a change of size everything is drawn anew, as far as it has room', () => {
  const { screen, rest, taken, size } = terminal()
  screen.write('a\nb\nc')
  taken()
  rest()
  size.rows = 2
  screen.repaint()
  expect(rest()).toBe(`\u001b[H\u001b[2J${update('\u001b[1;1H\u001b[2Ka\u001b[2;1H\u001b[2Kb')}`)
})

it('leaves once, and draws nothing afterwards', () => {
  const { screen, rest } = terminal()
  screen.leave()
  screen.leave()
  screen.write('late')
  expect(rest()).toBe(leaveScreen)
})
