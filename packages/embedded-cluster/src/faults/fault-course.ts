// How faults run their course in time. Pure.
import { ms, seconds, type Ms } from '@plimsoll/model'
import { faultDuration, faultText, kindOf, type Fault } from './fault.ts'

export interface Course {
  /** What is suffered now; a flapping node is `not-ready` in its bad half. */
  readonly active: readonly Fault[]
  /** Those whose time is over. */
  readonly over: readonly Fault[]
  /** When that changes by itself; undefined: never. */
  readonly next: Ms | undefined
}

const flapDefault = seconds(60)

/** `since`: by the fault's text, when it began. Faults that are carried out once have no course. */
export function courseOf(faults: readonly Fault[], since: ReadonlyMap<string, Ms>, now: Ms): Course {
  const active: Fault[] = []
  const over: Fault[] = []
  let next = Infinity
  for (const fault of faults) {
    if (kindOf(fault.name).once === true) continue
    const began = since.get(faultText(fault)) ?? now
    const end = began + (faultDuration(fault, 'for') ?? Infinity)
    if (end <= now) {
      over.push(fault)
      continue
    }
    next = Math.min(next, end)
    if (fault.name !== 'flapping') {
      active.push(fault)
      continue
    }
    const every = faultDuration(fault, 'every') ?? flapDefault
    const halves = Math.floor((now - began) / every)
    if (halves % 2 === 0) active.push({ name: 'not-ready', parameters: {} })
    next = Math.min(next, began + (halves + 1) * every)
  }
  return { active, over, next: next === Infinity ? undefined : ms(next) }
}
