import { ms } from '@plimsoll/model'
import { VirtualClock } from '@plimsoll/ports'
import { expect, it } from 'vitest'
import { Redraws } from './redraws.ts'

it('redraws at once after a change, and then at most every 100 ms', async () => {
  const clock = new VirtualClock({ start: ms(0) })
  const redraws = new Redraws(clock, ms(100))
  const drawn: number[] = []
  redraws.subscribe(() => drawn.push(clock.now()))
  for (let at = 0; at < 1000; at += 10) clock.after(ms(at), () => at >= 300 && at < 500 && redraws.ask())
  await clock.runFor(ms(2000))
  expect(drawn).toEqual([300, 400, 500])
})
