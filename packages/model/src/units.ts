declare const unit: unique symbol
/** A number that carries its unit in its type. */
export type Quantified<U extends string> = number & { readonly [unit]: U }

/** Milliseconds: a duration, or an instant since the Unix epoch. */
export type Ms = Quantified<'ms'>
export type MilliCpu = Quantified<'milliCpu'>
export type Bytes = Quantified<'bytes'>
export type UsdPerHour = Quantified<'usdPerHour'>

export const ms = (n: number): Ms => n as Ms
export const seconds = (n: number): Ms => (n * 1000) as Ms
export const minutes = (n: number): Ms => (n * 60_000) as Ms
export const hours = (n: number): Ms => (n * 3_600_000) as Ms
export const milliCpu = (n: number): MilliCpu => n as MilliCpu
export const bytes = (n: number): Bytes => n as Bytes
export const usdPerHour = (n: number): UsdPerHour => n as UsdPerHour
