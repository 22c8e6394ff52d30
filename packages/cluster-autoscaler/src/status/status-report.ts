// What the status ConfigMap says (kubernetes-sigs/cluster-autoscaler:pkg/clusterstate/api/types.go; rules CA-160 to 165).
import { timestamp, type Ms } from '@plimsoll/model'
import type { NodeGroups } from '@plimsoll/ports'
import { goTime, type ClusterState, type NodeCounts } from '../state/cluster-state.ts'
import { statusYaml, type StatusRecord } from './status-text.ts'

const messageMax = 500
const truncated = '<truncated>'

export interface StatusInput {
  readonly state: ClusterState
  readonly groups: NodeGroups
  /** Nodes that are unneeded, by group. */
  readonly candidates: ReadonlyMap<string, number>
  /** When the candidates were last worked out. */
  readonly scaleDownProbe: Ms
  readonly now: Ms
}

interface Condition {
  readonly status: string
  readonly since: Ms
}

/** Remembers since when each condition has been as it is. */
export class StatusReport {
  #conditions = new Map<string, Condition>()
  #seen = new Map<string, Condition>()

  /** Before the first full loop, or while the cluster cannot be acted on. */
  initializing(message: string, now: Ms): string {
    const never = { lastProbeTime: null, lastTransitionTime: null }
    return statusYaml({
      autoscalerStatus: 'Initializing',
      clusterWide: {
        health: { ...never, nodeCounts: nodeCounts(undefined) },
        scaleDown: never,
        scaleUp: never,
      },
      message: message === '' ? undefined : message,
      time: goTime(now),
    })
  }

  running(input: StatusInput): string {
    this.#seen = new Map()
    const { state, groups } = input
    const all = groups.groups()
    const probe = state.lastUpdate
    const total = [...input.candidates.values()].reduce((sum, count) => sum + count, 0)
    const record: StatusRecord = {
      autoscalerStatus: 'Running',
      clusterWide: {
        health: {
          ...this.#times('health', state.isClusterHealthy() ? 'Healthy' : 'Unhealthy', probe),
          nodeCounts: nodeCounts(state.counts()),
        },
        scaleDown: this.#scaleDown('scaleDown', total, input.scaleDownProbe),
        scaleUp: this.#times(
          'scaleUp',
          all.some((group) => state.isScalingUp(group.id)) ? 'InProgress' : 'NoActivity',
          probe,
        ),
      },
      nodeGroups: all.map((group) => {
        const failure = state.backoffOf(group.id, input.now)
        const healthy = state.isGroupHealthy(group.id)
        const scaleUp = state.isScalingUp(group.id)
          ? 'InProgress'
          : !healthy
            ? 'Unhealthy'
            : failure !== undefined
              ? 'Backoff'
              : 'NoActivity'
        return {
          name: group.id,
          health: {
            ...this.#times(`${group.id}/health`, healthy ? 'Healthy' : 'Unhealthy', probe),
            nodeCounts: nodeCounts(state.countsOf(group.id)),
            cloudProviderTarget: group.targetSize,
            minSize: group.minSize,
            maxSize: group.maxSize,
          },
          scaleDown: this.#scaleDown(
            `${group.id}/scaleDown`,
            input.candidates.get(group.id) ?? 0,
            input.scaleDownProbe,
          ),
          scaleUp: {
            ...this.#times(`${group.id}/scaleUp`, scaleUp, probe),
            backoffInfo:
              failure === undefined
                ? {}
                : { errorCode: failure.errorCode, errorMessage: shortened(failure.errorMessage) },
          },
        }
      }),
      time: goTime(input.now),
    }
    this.#conditions = this.#seen
    return statusYaml(record)
  }

  #scaleDown(key: string, candidates: number, probe: Ms): StatusRecord {
    return {
      ...this.#times(key, candidates > 0 ? 'CandidatesPresent' : 'NoCandidates', probe),
      candidates: candidates === 0 ? undefined : candidates,
    }
  }

  #times(key: string, status: string, probe: Ms): StatusRecord {
    const before = this.#conditions.get(key)
    const since = before !== undefined && before.status === status ? before.since : probe
    this.#seen.set(key, { status, since })
    return {
      status,
      lastProbeTime: probe === 0 ? null : timestamp(probe),
      lastTransitionTime: since === 0 ? null : timestamp(since),
    }
  }
}

function nodeCounts(counts: NodeCounts | undefined): StatusRecord {
  const beingDeleted = counts?.deleted.length ?? 0
  return {
    longUnregistered: counts?.longUnregistered.length ?? 0,
    unregistered: counts?.unregistered.length ?? 0,
    registered: {
      beingDeleted: beingDeleted === 0 ? undefined : beingDeleted,
      notStarted: counts?.notStarted.length ?? 0,
      ready: counts?.ready.length ?? 0,
      suspended: counts?.suspended.length ?? 0,
      total: counts?.registered.length ?? 0,
      unready: {
        resourceUnready: counts?.resourceUnready.length ?? 0,
        total: counts?.unready.length ?? 0,
      },
    },
  }
}

function shortened(message: string): string {
  return message.length <= messageMax ? message : message.slice(0, messageMax - truncated.length) + truncated
}
