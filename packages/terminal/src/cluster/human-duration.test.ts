import { seconds } from '@plimsoll/model'
import { expect, it } from 'vitest'
import { humanDuration } from './human-duration.ts'

const day = 86_400
it.each([
  [-5, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [200, '3m20s'],
  [599, '9m59s'],
  [600, '10m'],
  [3 * 3600 - 1, '179m'],
  [3 * 3600, '3h'],
  [3 * 3600 + 60, '3h1m'],
  [8 * 3600, '8h'],
  [48 * 3600 - 1, '47h'],
  [48 * 3600, '2d'],
  [2 * day + 3600, '2d1h'],
  [8 * day, '8d'],
  [729 * day, '729d'],
  [731 * day, '2y1d'],
  [3000 * day, '8y'],
])('%d seconds are %s', (length, text) => {
  expect(humanDuration(seconds(length))).toBe(text)
})
