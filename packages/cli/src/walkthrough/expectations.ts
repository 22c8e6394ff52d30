// What several chapters ask and wait for.
import type { Ms } from '@plimsoll/model'
import type { Expectation } from './step.ts'

const clusterFilter = "Tags[? (Key=='eks:cluster-name') && Value=='myeks']"
export const groupsOfCluster: string = `AutoScalingGroups[? ${clusterFilter}]`
export const sizesQuery: string = `${groupsOfCluster}.[AutoScalingGroupName, MinSize, MaxSize,DesiredCapacity]`
export const sizesCommand: string = `aws autoscaling describe-auto-scaling-groups --query "${sizesQuery}" --output table`

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

/** The three numbers in this order, whatever the output format puts between them. */
export function sizes(min: number, max: number, desired: number): RegExp {
  return new RegExp(`\\b${min}[\\s|,]+${max}[\\s|,]+${desired}\\b`)
}
