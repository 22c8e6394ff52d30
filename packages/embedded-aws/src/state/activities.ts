import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { hours, type Ms } from '@plimsoll/model'
import type { Group } from './group.ts'

/** AWS tells of the last six weeks. */
const keptFor = hours(24 * 42)

/** Begins, or notes, an activity of a group. */
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
  const oldest = o.now - keptFor
  let kept = group.activities
  if ((kept.at(-1)?.StartTime?.getTime() ?? oldest) < oldest)
    kept = kept.filter((known) => known.StartTime!.getTime() >= oldest)
  group.activities = [recorded, ...kept]
  return recorded
}

/** The running activity of that description ended well. */
export function finishActivity(group: Group, now: Ms, description: string): void {
  const index = group.activities.findIndex((a) => a.Description === description && a.EndTime === undefined)
  if (index < 0) return
  group.activities = group.activities.with(index, {
    ...group.activities[index]!,
    EndTime: new Date(now),
    StatusCode: 'Successful',
    Progress: 100,
  })
}

/** As in the sentences of causes: `2026-11-23T22:03:26Z`. */
export function instant(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}
