import { assert } from '@plimsoll/model'
import type { Counter, Gauge, Histogram, MetricDefinition, MetricLabels, Metrics } from '@plimsoll/ports'

type Kind = 'counter' | 'gauge' | 'histogram'

interface Series {
  /** In the order of the definition. */
  readonly labels: readonly string[]
  value: number
  /** Observations per bucket, the last one for those above all bounds; empty but for histograms. */
  readonly buckets: number[]
}

/**
 * Metrics in memory and their Prometheus text exposition: families by name, series by label values, numbers as Go
 * prints them (prometheus/common:expfmt/text_create.go).
 */
export class MetricsRegistry implements Metrics {
  readonly #families = new Map<string, Family>()

  counter(definition: MetricDefinition): Counter {
    const family = this.#family('counter', definition, [])
    return {
      add: (amount = 1, labels) => {
        assert(amount >= 0, `${definition.name}: a counter never goes down`)
        family.series(labels).value += amount
      },
    }
  }

  gauge(definition: MetricDefinition): Gauge {
    const family = this.#family('gauge', definition, [])
    return {
      set: (value, labels) => void (family.series(labels).value = value),
      remove: (labels) => family.remove(labels),
    }
  }

  histogram(definition: MetricDefinition & { readonly buckets: readonly number[] }): Histogram {
    const bounds = definition.buckets.filter((bound) => bound !== Infinity)
    assert(
      bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]!),
      `${definition.name}: the buckets of a histogram ascend`,
    )
    const family = this.#family('histogram', definition, bounds)
    return {
      observe: (value, labels) => {
        const series = family.series(labels)
        const bucket = bounds.findIndex((bound) => value <= bound)
        series.value += value
        series.buckets[bucket === -1 ? bounds.length : bucket]! += 1
      },
    }
  }

  expose(): string {
    const names = [...this.#families.keys()].sort()
    return names.map((name) => this.#families.get(name)!.expose()).join('')
  }

  #family(kind: Kind, definition: MetricDefinition, bounds: readonly number[]): Family {
    const known = this.#families.get(definition.name)
    if (known !== undefined) {
      assert(known.sameAs(kind, definition, bounds), `${definition.name} is one metric: defined twice differently`)
      return known
    }
    const family = new Family(kind, definition, bounds)
    this.#families.set(definition.name, family)
    return family
  }
}

class Family {
  readonly #kind: Kind
  readonly #definition: MetricDefinition
  readonly #labelNames: readonly string[]
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(kind: Kind, definition: MetricDefinition, bounds: readonly number[]) {
    assert(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(definition.name), `${definition.name} is no name of a metric`)
    this.#kind = kind
    this.#definition = definition
    this.#labelNames = definition.labelNames ?? []
    this.#bounds = bounds
    // What has no labels is there from the start, as zero.
    if (this.#labelNames.length === 0) this.series({})
  }

  sameAs(kind: Kind, definition: MetricDefinition, bounds: readonly number[]): boolean {
    const labelNames = definition.labelNames ?? []
    return kind === this.#kind && equal(labelNames, this.#labelNames) && equal(bounds, this.#bounds)
  }

  series(labels: MetricLabels = {}): Series {
    const values = this.#values(labels)
    const key = values.join('\0')
    let series = this.#series.get(key)
    if (series === undefined) {
      const buckets = this.#kind === 'histogram' ? Array.from<number>({ length: this.#bounds.length + 1 }).fill(0) : []
      this.#series.set(key, (series = { labels: values, value: 0, buckets }))
    }
    return series
  }

  remove(labels: MetricLabels | undefined): void {
    if (labels === undefined) this.#series.clear()
    else this.#series.delete(this.#values(labels).join('\0'))
  }

  expose(): string {
    if (this.#series.size === 0) return ''
    const { name, help } = this.#definition
    const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${this.#kind}`]
    const keys = [...this.#series.keys()].sort()
    for (const key of keys) {
      const series = this.#series.get(key)!
      if (this.#kind === 'histogram') lines.push(...this.#histogramLines(series))
      else lines.push(`${name}${this.#labelText(series)} ${goFloat(series.value)}`)
    }
    return `${lines.join('\n')}\n`
  }

  #histogramLines(series: Series): string[] {
    const { name } = this.#definition
    const lines: string[] = []
    let count = 0
    for (const [i, bound] of [...this.#bounds, Infinity].entries()) {
      count += series.buckets[i]!
      lines.push(`${name}_bucket${this.#labelText(series, ['le', goFloat(bound)])} ${count}`)
    }
    lines.push(`${name}_sum${this.#labelText(series)} ${goFloat(series.value)}`)
    lines.push(`${name}_count${this.#labelText(series)} ${count}`)
    return lines
  }

  #labelText(series: Series, more?: readonly [string, string]): string {
    const pairs = this.#labelNames.map((name, i) => `${name}="${escapeValue(series.labels[i]!)}"`)
    if (more !== undefined) pairs.push(`${more[0]}="${more[1]}"`)
    return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  }

  #values(labels: MetricLabels): string[] {
    const values = this.#labelNames.map((name) => labels[name])
    assert(
      Object.keys(labels).length === values.length && values.every((value) => value !== undefined),
      `${this.#definition.name} takes the labels ${this.#labelNames.join(', ') || '(none)'}`,
    )
    return values as string[]
  }
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

/** As Go's strconv.FormatFloat(value, 'g', -1, 64). */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string]
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 6)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  return String(value)
}
