import { describe, expect, it } from 'vitest'
import { amountText, parseAmount } from './amount.ts'

describe('parseAmount', () => {
  it.each([
    ['cpu', '250m', 250],
    ['cpu', '2', 2000],
    ['cpu', '100u', 1],
    ['memory', '1536Mi', 1536 * 2 ** 20],
    ['memory', '128974848', 128_974_848],
    ['memory', '1500m', 2],
    ['nvidia.com/gpu', '4', 4],
    ['cpu', 'nonsense', 0],
  ])('%s %s is %d', (resource, text, amount) => {
    expect(parseAmount(resource, text)).toBe(amount)
  })
})

describe('amountText', () => {
  it.each([
    ['cpu', 4250, '4250m'],
    ['cpu', 4000, '4'],
    ['cpu', 0, '0'],
    ['memory', 1.5 * 2 ** 30, '1.5Gi'],
    ['memory', 22_311_400 * 1024, '21.3Gi'],
    ['memory', 16 * 2 ** 30, '16Gi'],
    ['memory', 1023.96 * 2 ** 20, '1Gi'],
    ['memory', 1_000, '1000'],
    ['ephemeral-storage', 5 * 2 ** 40, '5Ti'],
    ['hugepages-2Mi', 64 * 2 ** 20, '64Mi'],
    ['pods', 1100, '1100'],
  ])('%s %d is %s', (resource, amount, text) => {
    expect(amountText(resource, amount)).toBe(text)
  })
})
