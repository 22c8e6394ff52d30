import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { hours, type Ms } from '@plimsoll/model'
import type { Group } from './group.ts'

/** AWS tells of the last six weeks. */
const keptFor = hours(24 * 42)

/** Begins an activity of a group, or notes one that ended at once. */
export function recordActivity(
  group: Group,
  activity: Partial<AutoScaling.Activity>,
  o: { readonly now: Ms; readonly id: string },
): AutoScaling.Activity {
  const recorded = {
    ActivityId: o.id,
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    StartTime: new Date(o.now),
    ...activity,
  } as AutoScaling.Activity
  for (const [id, known] of group.activities) {
    if (known.StartTime!.getTime() >= o.now - keptFor) break
    group.activities.delete(id)
  }
  group.activities.set(o.id, recorded)
  if (recorded.EndTime === undefined) group.running.set(recorded.Description!, o.id)
  return recorded
}

/** The activity under way of that description ended well. */
export function finishActivity(group: Group, now: Ms, description: string): void {
  const id = group.running.get(description)
  const activity = id === undefined ? undefined : group.activities.get(id)
  group.running.delete(description)
  if (id !== undefined && activity !== undefined)
    group.activities.set(id, { ...activity, EndTime: new Date(now), StatusCode: 'Successful', Progress: 100 })
}

/** As in the sentences of causes: `2026-11-23T22:03:26Z`. */
export function instant(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}
