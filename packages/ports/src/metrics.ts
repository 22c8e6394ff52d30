export type MetricLabels = { readonly [name: string]: string }

export interface MetricDefinition {
  /** Full name, as scraped. */
  readonly name: string
  readonly help: string
  /** In the order in which they are printed. */
  readonly labelNames?: readonly string[]
}

export interface Counter {
  add(amount?: number, labels?: MetricLabels): void
}

export interface Gauge {
  set(value: number, labels?: MetricLabels): void
  /** Forgets one series, or all when no labels are given. */
  remove(labels?: MetricLabels): void
}

export interface Histogram {
  /** In the metric's own unit (upstream's are seconds). */
  observe(value: number, labels?: MetricLabels): void
}

/** A registry of metrics in Prometheus' sense. Asking twice for one name gives the same metric. */
export interface Metrics {
  counter(definition: MetricDefinition): Counter
  gauge(definition: MetricDefinition): Gauge
  histogram(definition: MetricDefinition & { readonly buckets: readonly number[] }): Histogram
  /** The Prometheus text exposition, series in a fixed order. */
  expose(): string
}
