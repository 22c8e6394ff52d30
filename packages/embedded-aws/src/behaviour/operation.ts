import type { Cloud } from '../state/cloud.ts'

/** Of one request. */
export interface Call {
  readonly requestId: string
  /** As signed; empty when unsigned. */
  readonly accessKey: string
}

/** Carries out one operation at this instant. @throws {AwsError} */
export type Operation<I, O> = (cloud: Cloud, input: I, call: Call) => Omit<O, '$metadata'>

/** By operation name. Each entry is typed by the SDK's own input and output where it is defined. */
export type OperationTable = { readonly [operation: string]: (cloud: Cloud, input: never, call: Call) => object }
