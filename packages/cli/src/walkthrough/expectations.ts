// What several chapters ask and wait for.
import type { Ms } from '@plimsoll/model'
import type { Expectation } from './step.ts'

export function printed(says: string, pattern: RegExp): Expectation {
  return { kind: 'printed', says, pattern }
}

export function nodesReady(wanted: number, within: Ms): Expectation {
  return {
    kind: 'happens',
    says: `${wanted} nodes are Ready`,
    within,
    look: async (observer) => {
      const { ready } = await observer.nodes()
      return { met: ready === wanted, now: `${ready} of ${wanted} nodes Ready` }
    },
  }
}
