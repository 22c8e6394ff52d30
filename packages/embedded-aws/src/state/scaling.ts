import type { Random } from '@plimsoll/ports'
import { counts, type Group, type Member } from './group.ts'

/** The zones of a group's subnets with how many members count in each, in the order of the subnets. */
function membersByZone(group: Group, zones: readonly string[]): Map<string, number> {
  const count = new Map(zones.map((zone) => [zone, 0]))
  for (const member of group.members.values())
    if (counts(member)) count.set(member.zone, (count.get(member.zone) ?? 0) + 1)
  return count
}

/** Zones to try for the next launch: fewest members first, ties in an order drawn by chance. */
export function zonesToLaunchIn(group: Group, zones: readonly string[], random: Random): string[] {
  const count = membersByZone(group, zones)
  return zones
    .map((zone) => ({ zone, members: count.get(zone)!, draw: random.next() }))
    .toSorted((a, b) => a.members - b.members || a.draw - b.draw)
    .map((entry) => entry.zone)
}

/** How far the fullest zone is ahead of the emptiest one, and which they are. */
export function imbalance(
  group: Group,
  zones: readonly string[],
): { readonly difference: number; readonly emptiest: string; readonly fullest: string } {
  const sorted = [...membersByZone(group, zones)].toSorted(([, a], [, b]) => a - b)
  const [emptiest, fewest] = sorted[0]!
  const [fullest, most] = sorted.at(-1)!
  return { difference: most - fewest, emptiest, fullest }
}

/** What the termination policies compare; the launch template version decides what is old. */
export interface VictimFacts {
  readonly isSpot: (member: Member) => boolean
  /** Higher is newer. */
  readonly templateVersion: (member: Member) => number
  /** Milliseconds until the next full hour of running. */
  readonly untilBillingHour: (member: Member) => number
  /** How many spot members more than wanted; negative: how many fewer. */
  readonly spotExcess: number
}

/**
 * The member that goes next when a group shrinks: protected ones never; from the zone with the most members; there by
 * the termination policies in order, the last tie drawn by chance. Undefined when none may go.
 */
export function victim(group: Group, zones: readonly string[], facts: VictimFacts, random: Random): Member | undefined {
  const candidates = [...group.members.values()].filter((member) => counts(member) && !member.isProtected)
  if (candidates.length === 0) return undefined
  const count = membersByZone(group, zones)
  const most = Math.max(...candidates.map((member) => count.get(member.zone) ?? 0))
  let left = candidates.filter((member) => (count.get(member.zone) ?? 0) === most)
  for (const policy of group.settings.terminationPolicies) left = narrowed(left, policy, facts)
  return left[left.length === 1 ? 0 : random.below(left.length)]
}

function narrowed(members: readonly Member[], policy: string, facts: VictimFacts): Member[] {
  switch (policy) {
    case 'OldestInstance':
      return lowest(members, (member) => member.joinedAt)
    case 'NewestInstance':
      return lowest(members, (member) => 0 - member.joinedAt)
    case 'OldestLaunchTemplate':
    case 'OldestLaunchConfiguration':
      return lowest(members, facts.templateVersion)
    case 'ClosestToNextInstanceHour':
      return lowest(members, facts.untilBillingHour)
    case 'AllocationStrategy':
      return bySpotShare(members, facts)
    case 'Default':
      return lowest(lowest(bySpotShare(members, facts), facts.templateVersion), facts.untilBillingHour)
    default:
      return [...members]
  }
}

function bySpotShare(members: readonly Member[], facts: VictimFacts): Member[] {
  if (facts.spotExcess === 0) return [...members]
  const wanted = members.filter((member) => facts.isSpot(member) === facts.spotExcess > 0)
  return wanted.length > 0 ? wanted : [...members]
}

function lowest(members: readonly Member[], measure: (member: Member) => number): Member[] {
  const least = Math.min(...members.map(measure))
  return members.filter((member) => measure(member) === least)
}

/** Which part of a group's desired capacity is to be on-demand under its mixed instances policy. */
export function onDemandShare(group: Group): number {
  const distribution = group.settings.mixedInstances?.InstancesDistribution
  if (group.settings.mixedInstances === undefined) return group.settings.desired
  const base = distribution?.OnDemandBaseCapacity ?? 0
  const percentage = distribution?.OnDemandPercentageAboveBaseCapacity ?? 100
  const above = Math.max(0, group.settings.desired - base)
  return Math.min(group.settings.desired, base + Math.ceil((above * percentage) / 100))
}
