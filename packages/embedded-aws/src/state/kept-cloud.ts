// The cloud's state in a journal: a row for each thing that a user can name, written when it has changed.
import type * as AutoScaling from '@aws-sdk/client-auto-scaling'
import { assert } from '@plimsoll/model'
import type { Journal } from '@plimsoll/ports'
import { instanceTypes, type InstanceType } from '../catalogue/instance-type.ts'
import type { Cloud } from './cloud.ts'
import type { Group } from './group.ts'
import type { InstanceRecord } from './instances.ts'
import type { LaunchTemplateEntry } from './launch-templates.ts'

interface Row {
  readonly kind: string
  readonly id: string
  /** The same value as long as nothing has changed; of what is written to in place, the text decides. */
  readonly value: unknown
  readonly isWrittenTo: boolean
}

interface Kept {
  /** Maps tell in the order of insertion: so do we after a restart. */
  readonly order: number
  readonly id: string
  readonly value: unknown
}

/** Instances name their type. */
type KeptInstance = Omit<InstanceRecord, 'type'> & { readonly type: string }
type KeptGroup = Omit<Group, 'activities' | 'wake' | 'described'>

/**
 * Keeps one cloud in a journal under `aws/<kind>/<id>`. Left out on purpose: injected faults, and which client tokens
 * were used. What was on its way (booting, stopping, terminating) takes its time again after a restart.
 */
export class KeptCloud {
  readonly #cloud: Cloud
  readonly #journal: Journal
  readonly #written = new Map<string, { readonly order: number; readonly value: unknown; readonly text: string }>()
  #order = 0

  /** Takes up what an earlier process kept. */
  constructor(cloud: Cloud, journal: Journal) {
    this.#cloud = cloud
    this.#journal = journal
    this.#resume()
    journal.beforeClose(() => this.collect())
  }

  /** Whether there was something to take up. */
  get isResumed(): boolean {
    return this.#order > 0
  }

  #resume(): void {
    const { launchTemplates, instances, groups } = this.#cloud
    const kinds = new Map<string, Kept[]>()
    for (const { key, value } of this.#journal.entries('aws/')) {
      const kept = value as Kept
      const kind = key.split('/', 2)[1]!
      kinds.set(kind, [...(kinds.get(kind) ?? []), kept])
      this.#order = Math.max(this.#order, kept.order + 1)
      this.#written.set(key, { order: kept.order, value: undefined, text: '' })
    }
    const rows = <T>(kind: string): readonly (readonly [string, T])[] =>
      (kinds.get(kind) ?? [])
        .toSorted((a, b) => a.order - b.order)
        .map(({ id, value }) => [id, decoded(value) as T] as const)
    for (const [kind, table] of this.#tables()) for (const [id, value] of rows(kind)) table.set(id, value)
    for (const [id, entry] of rows<LaunchTemplateEntry>('launch-template')) launchTemplates.entries.set(id, entry)
    const types = instanceTypes()
    instances.restore(
      rows<KeptInstance>('instance').map(([, record]) => ({ ...record, type: typeNamed(types, record) })),
    )
    const activities = rows<AutoScaling.Activity>('activity')
    groups.restore(
      rows<KeptGroup>('group').map(([name, group]) => ({
        ...group,
        activities: new Map(activities.filter(([, activity]) => activity.AutoScalingGroupName === name)),
        // Absent where they were undefined.
        rebalanceAt: group.rebalanceAt,
        lastScaledAt: group.lastScaledAt,
        wake: undefined,
        described: undefined,
      })),
    )
  }

  /** Notes what has changed since the last time. */
  collect(): void {
    const seen = new Set<string>()
    for (const { kind, id, value, isWrittenTo } of this.#rows()) {
      const key = `aws/${kind}/${id}`
      seen.add(key)
      const known = this.#written.get(key)
      if (!isWrittenTo && known !== undefined && known.value === value) continue
      const plain = encoded(kind === 'instance' ? withTypeName(value as InstanceRecord) : value)
      const text = JSON.stringify(plain)
      const order = known?.order ?? this.#order++
      if (known?.text !== text) this.#journal.put(key, { order, id, value: plain } satisfies Kept)
      this.#written.set(key, { order, value, text: isWrittenTo ? text : '' })
    }
    if (seen.size === this.#written.size) return
    for (const key of this.#written.keys()) {
      if (seen.has(key)) continue
      this.#written.delete(key)
      this.#journal.put(key, undefined)
    }
  }

  *#rows(): Generator<Row> {
    const { launchTemplates, instances, groups } = this.#cloud
    for (const [kind, table] of this.#tables())
      for (const [id, value] of table) yield { kind, id, value, isWrittenTo: false }
    for (const [id, value] of launchTemplates.entries) yield { kind: 'launch-template', id, value, isWrittenTo: true }
    for (const record of instances.all()) yield { kind: 'instance', id: record.id, value: record, isWrittenTo: false }
    for (const group of groups.all()) {
      const { activities, wake: _wake, described: _described, ...value } = group
      yield { kind: 'group', id: group.name, value: value satisfies KeptGroup, isWrittenTo: true }
      for (const [id, activity] of activities) yield { kind: 'activity', id, value: activity, isWrittenTo: false }
    }
  }

  /** What is no more than a table of records. */
  #tables(): readonly (readonly [string, Map<string, unknown>])[] {
    const { network, images, clusters, identities, parameters, groups } = this.#cloud
    const tables = {
      vpc: network.vpcs,
      subnet: network.subnets,
      'security-group': network.securityGroups,
      image: images.images,
      'image-parameter': images.parameters,
      'launch-configuration': groups.launchConfigurations,
      cluster: clusters.clusters,
      nodegroup: clusters.nodegroups,
      role: identities.roles,
      profile: identities.profiles,
      'attached-policies': identities.attachedPolicies,
      parameter: parameters,
    }
    return Object.entries(tables) as unknown as readonly (readonly [string, Map<string, unknown>])[]
  }
}

function withTypeName(record: InstanceRecord): KeptInstance {
  return { ...record, type: record.type.name }
}

function typeNamed(types: ReadonlyMap<string, InstanceType>, record: KeptInstance): InstanceType {
  const type = types.get(record.type)
  assert(type !== undefined, `the catalogue has the type of every instance kept: ${record.type}`)
  return type
}

/** As JSON, with dates as `{$date}` and maps as `{$map}`, which nothing in AWS's shapes is called. */
function encoded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return { $date: value.getTime() }
  if (value instanceof Map) return { $map: [...(value as ReadonlyMap<unknown, unknown>)].map(encoded) }
  if (Array.isArray(value)) return value.map(encoded)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, encoded(field)]))
}

function decoded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(decoded)
  const { $date, $map } = value as { readonly $date?: number; readonly $map?: readonly unknown[] }
  if ($date !== undefined) return new Date($date)
  if ($map !== undefined) return new Map(decoded($map) as readonly (readonly [unknown, unknown])[])
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, decoded(field)]))
}
