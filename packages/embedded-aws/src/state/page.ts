import { failure } from './failure.ts'

export interface PageRequest {
  readonly token: string | undefined
  readonly size: number | undefined
  readonly sizeMax: number
  /** The code with which this service refuses a token that it did not give. */
  readonly invalidToken: string
}

export interface Page<T> {
  readonly items: T[]
  /** Absent on the last page. */
  readonly nextToken?: string
}

/** One page of a list. The token is opaque to clients: the offset, with the count that it was cut from. */
export function page<T>(items: readonly T[], request: PageRequest): Page<T> {
  const size = Math.min(request.size ?? request.sizeMax, request.sizeMax)
  const from = request.token === undefined || request.token === '' ? 0 : offsetOf(request.token, request.invalidToken)
  const to = from + Math.max(1, size)
  const cut = items.slice(from, to)
  return to < items.length ? { items: cut, nextToken: btoa(`plimsoll:${to}`) } : { items: cut }
}

function offsetOf(token: string, code: string): number {
  const refuse = (): never => {
    throw failure(code, `The token '${token}' is invalid`)
  }
  try {
    const match = /^plimsoll:(\d+)$/.exec(atob(token))
    return match === null ? refuse() : Number(match[1])
  } catch {
    return refuse()
  }
}
