/** One answer: what stands under a path. */
export interface Served {
  readonly type: string
  readonly body: Buffer
  /** `sha256:…` of the body, where clients ask for it. */
  readonly digest?: string
}
