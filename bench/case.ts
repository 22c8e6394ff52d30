/** One benchmark: the same work each time, and an answer that tells whether it still is the same. */
export interface BenchCase {
  readonly name: string
  readonly run: (size: BenchSize) => Promise<BenchResult>
}

/** `small` runs within the tests, in about a second; `full` is what figures are taken from. */
export type BenchSize = 'small' | 'full'

export interface BenchResult {
  /** What was measured, in milliseconds unless the name says otherwise. */
  readonly figures: { readonly [name: string]: number }
  /** Anything that must not change from run to run. */
  readonly answer: string
}
