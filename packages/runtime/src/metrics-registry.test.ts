import { metricsSuite } from '@plimsoll/ports/suites'
import { describe, expect, it } from 'vitest'
import { goFloat, MetricsRegistry } from './metrics-registry.ts'

describe('MetricsRegistry', () => {
  metricsSuite(() => new MetricsRegistry())

  it('shows what has no labels from the start, and what has labels once it was touched', () => {
    const metrics = new MetricsRegistry()
    metrics.counter({ name: 'a_total', help: 'h' })
    const labelled = metrics.counter({ name: 'b_total', help: 'h', labelNames: ['l'] })
    expect(metrics.expose()).toBe('# HELP a_total h\n# TYPE a_total counter\na_total 0\n')
    labelled.add(0, { l: 'x' })
    expect(metrics.expose()).toContain('b_total{l="x"} 0')
  })

  it.each([
    { when: 'a label is missing', labels: {} },
    { when: 'a label is unknown', labels: { l: 'x', m: 'y' } },
  ])('refuses a sample when $when', ({ labels }) => {
    const counter = new MetricsRegistry().counter({ name: 'c_total', help: 'h', labelNames: ['l'] })
    expect(() => counter.add(1, labels)).toThrow('c_total takes the labels l')
  })

  it('refuses two meanings for one name', () => {
    const metrics = new MetricsRegistry()
    metrics.counter({ name: 'c', help: 'h' })
    expect(() => metrics.gauge({ name: 'c', help: 'h' })).toThrow('c is one metric: defined twice differently')
  })

  it('refuses a counter that goes down and buckets that do not ascend', () => {
    const metrics = new MetricsRegistry()
    expect(() => metrics.counter({ name: 'c', help: 'h' }).add(-1)).toThrow('never goes down')
    expect(() => metrics.histogram({ name: 'h', help: 'h', buckets: [1, 1] })).toThrow('ascend')
  })
})

describe('goFloat', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [-2.5, '-2.5'],
    [123456, '123456'],
    [999999.5, '999999.5'],
    [1000000, '1e+06'],
    [4838768, '4.838768e+06'],
    [1732398138.5, '1.7323981385e+09'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.8446744073709552e19, '1.8446744073709552e+19'],
    [1e100, '1e+100'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ])('prints %s as %s', (value, text) => {
    expect(goFloat(value)).toBe(text)
  })
})
