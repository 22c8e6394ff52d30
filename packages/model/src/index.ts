export { assert, assertNever, AssertionError } from './assert.ts'
export { formatGoDuration, parseGoDuration } from './go-duration.ts'
export * from './kubernetes/index.ts'
export {
  bytes,
  hours,
  milliCpu,
  minutes,
  ms,
  seconds,
  usdPerHour,
  type Bytes,
  type MilliCpu,
  type Ms,
  type Quantified,
  type UsdPerHour,
} from './units.ts'
