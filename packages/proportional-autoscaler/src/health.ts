/** How the last polls ended (upstream: pkg/autoscaler/health.go). */
export class PollHealth {
  #error: string | undefined
  #failures = 0

  /** A poll that scaled; `warning` is shown all the same. */
  succeeded(warning: string | undefined): void {
    this.#error = warning
    this.#failures = 0
  }

  /** Answers how many polls in a row have failed by now. */
  failed(error: string): number {
    this.#error = error
    return ++this.#failures
  }

  /** What GET /last-poll answers. */
  lastPoll(): { readonly status: number; readonly body: string } {
    return this.#error === undefined
      ? { status: 200, body: '' }
      : { status: 500, body: `Encountered error at last poll cycle: ${this.#error}` }
  }
}
