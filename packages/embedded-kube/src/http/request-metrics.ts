/** Counts of requests, in upstream's names (kubernetes/apiserver:pkg/endpoints/metrics/metrics.go). */
export class RequestMetrics {
  readonly #counts = new Map<string, { count: number; seconds: number }>()

  count(method: string, status: number, durationMs: number): void {
    const labels = `verb="${/^[A-Z]+$/.test(method) ? method : 'other'}",code="${status}"`
    const entry = this.#counts.get(labels) ?? { count: 0, seconds: 0 }
    entry.count++
    entry.seconds += durationMs / 1000
    this.#counts.set(labels, entry)
  }

  /** Prometheus text. */
  expose(): string {
    const sorted = [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return [
      '# HELP apiserver_request_total Requests answered, by verb and code.',
      '# TYPE apiserver_request_total counter',
      ...sorted.map(([labels, { count }]) => `apiserver_request_total{${labels}} ${count}`),
      '# HELP apiserver_request_duration_seconds Time until answers were complete, by verb and code.',
      '# TYPE apiserver_request_duration_seconds summary',
      ...sorted.flatMap(([labels, { count, seconds }]) => [
        `apiserver_request_duration_seconds_sum{${labels}} ${seconds.toFixed(6)}`,
        `apiserver_request_duration_seconds_count{${labels}} ${count}`,
      ]),
      '',
    ].join('\n')
  }
}
