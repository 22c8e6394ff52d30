import { describe, expect, it } from 'vitest'
import type { Metrics } from '../metrics.ts'

/** `make` gives an empty registry. */
export function metricsSuite(make: () => Metrics): void {
  describe('keeps the promises of a Metrics registry', () => {
    it('exposes counters and gauges as Prometheus reads them, families by name', () => {
      const metrics = make()
      metrics.gauge({ name: 'z_nodes', help: 'Nodes.' }).set(3)
      const errors = metrics.counter({ name: 'a_errors_total', help: 'Errors.' })
      errors.add()
      errors.add(2.5)
      expect(metrics.expose()).toBe(
        '# HELP a_errors_total Errors.\n# TYPE a_errors_total counter\na_errors_total 3.5\n' +
          '# HELP z_nodes Nodes.\n# TYPE z_nodes gauge\nz_nodes 3\n',
      )
    })

    it('prints labels in the order of the definition and series by their values', () => {
      const metrics = make()
      const gauge = metrics.gauge({ name: 'g', help: 'h', labelNames: ['zone', 'type'] })
      gauge.set(1, { type: 'x', zone: 'b' })
      gauge.set(2, { zone: 'a', type: 'y' })
      gauge.set(3, { zone: 'a', type: 'x' })
      const series = metrics.expose().split('\n').slice(2, -1)
      expect(series).toEqual(['g{zone="a",type="x"} 3', 'g{zone="a",type="y"} 2', 'g{zone="b",type="x"} 1'])
    })

    it('escapes label values and help texts', () => {
      const metrics = make()
      metrics.gauge({ name: 'g', help: 'a\\b\nc "d"', labelNames: ['l'] }).set(1, { l: 'q"\\\n' })
      expect(metrics.expose()).toBe(
        String.raw`# HELP g a\\b\nc "d"` + '\n# TYPE g gauge\n' + String.raw`g{l="q\"\\\n"} 1` + '\n',
      )
    })

    it('counts observations in cumulative buckets, bounds included', () => {
      const metrics = make()
      const histogram = metrics.histogram({ name: 'd', help: 'h', labelNames: ['f'], buckets: [0.1, 1, 10] })
      for (const value of [0.1, 0.25, 1, 5, 100]) histogram.observe(value, { f: 'main' })
      expect(metrics.expose().split('\n').slice(1, -1)).toEqual([
        '# TYPE d histogram',
        'd_bucket{f="main",le="0.1"} 1',
        'd_bucket{f="main",le="1"} 3',
        'd_bucket{f="main",le="10"} 4',
        'd_bucket{f="main",le="+Inf"} 5',
        'd_sum{f="main"} 106.35',
        'd_count{f="main"} 5',
      ])
    })

    it('gives the same metric when asked twice for one name', () => {
      const metrics = make()
      const definition = { name: 'c_total', help: 'h' }
      metrics.counter(definition).add()
      metrics.counter(definition).add()
      expect(metrics.expose()).toContain('\nc_total 2\n')
    })

    it('forgets one series, or all', () => {
      const metrics = make()
      const gauge = metrics.gauge({ name: 'g', help: 'h', labelNames: ['l'] })
      gauge.set(1, { l: 'a' })
      gauge.set(2, { l: 'b' })
      gauge.remove({ l: 'a' })
      expect(metrics.expose()).toContain('g{l="b"} 2')
      expect(metrics.expose()).not.toContain('l="a"')
      gauge.remove()
      expect(metrics.expose()).not.toContain('g{')
    })

    it('says the same however the series came', () => {
      const [a, b] = [make(), make()]
      for (const [metrics, order] of [
        [a, ['x', 'y', 'z']],
        [b, ['z', 'x', 'y']],
      ] as const) {
        for (const l of order) metrics.counter({ name: `c_${l}`, help: 'h', labelNames: ['l'] }).add(1, { l })
        for (const l of order) metrics.counter({ name: 'c', help: 'h', labelNames: ['l'] }).add(1, { l })
      }
      expect(a.expose()).toBe(b.expose())
    })
  })
}
