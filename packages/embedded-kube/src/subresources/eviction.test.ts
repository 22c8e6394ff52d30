import { ms } from '@plimsoll/model'
import { isKubeFailure, type KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { StoredObject } from '../object.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'kubectl/v1', warnings: [] }
const key = { namespace: 'default', name: 'p' }

interface Budget {
  readonly spec?: object
  readonly status?: object
}

/** A pod on a node with the given status, and budgets over it; what an eviction of it answers and leaves. */
function evicted(
  pod: { readonly phase: string; readonly ready: boolean },
  budgets: readonly Budget[],
): {
  readonly error: KubeError | undefined
  readonly pod: StoredObject | undefined
  readonly budgets: readonly StoredObject[]
} {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('eviction') })
  bootstrap(server)
  const pods = server.resource({ group: '', version: 'v1', plural: 'pods' })
  const pdbs = server.resource({ group: 'policy', version: 'v1', plural: 'poddisruptionbudgets' })
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'a' }] }
  server.create(context, pods, 'default', { metadata: { name: 'p', labels: { app: 'x' } }, spec })
  const conditions = [{ type: 'Ready', status: pod.ready ? 'True' : 'False' }]
  server.patch(context, pods, key, 'merge', { status: { phase: pod.phase, conditions } }, { subresource: 'status' })
  budgets.forEach((budget, i) => {
    const name = `b${i}`
    const selector = { matchLabels: { app: 'x' } }
    server.create(context, pdbs, 'default', { metadata: { name }, spec: { selector, ...budget.spec } })
    const status = { observedGeneration: 1, ...budget.status }
    server.patch(context, pdbs, { namespace: 'default', name }, 'merge', { status }, { subresource: 'status' })
  })
  let error: KubeError | undefined
  try {
    server.evict(context, key, { metadata: key })
  } catch (caught) {
    if (!isKubeFailure(caught, 'tooManyRequests', 'internal', 'forbidden')) throw caught
    error = caught
  }
  const selection = { namespace: 'default' }
  return {
    error,
    pod: server.list(context, pods, selection).items[0],
    budgets: server.list(context, pdbs, selection).items,
  }
}

const running = { phase: 'Running', ready: true }

describe('eviction', () => {
  it.each([
    {
      when: 'no budget covers the pod',
      pod: running,
      budgets: [{ spec: { selector: { matchLabels: { app: 'y' } } } }],
    },
    { when: 'a budget has no selector', pod: running, budgets: [{ spec: { selector: undefined } }] },
    { when: 'the pod is done', pod: { phase: 'Succeeded', ready: false }, budgets: [{}, {}] },
    { when: 'the pod never ran', pod: { phase: 'Pending', ready: false }, budgets: [{}] },
    {
      when: 'the pod is not ready and enough others are',
      pod: { phase: 'Running', ready: false },
      budgets: [{ status: { currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0 } }],
    },
    {
      when: 'unready pods may always go',
      pod: { phase: 'Running', ready: false },
      budgets: [
        { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, status: { currentHealthy: 0, desiredHealthy: 2 } },
      ],
    },
  ])('deletes without asking when $when', ({ pod, budgets }) => {
    const result = evicted(pod, budgets)
    expect(result.error).toBeUndefined()
    expect(result.pod === undefined || result.pod.metadata.deletionTimestamp !== undefined).toBe(true)
    expect(result.budgets.every((budget) => budget.status?.['disruptedPods'] === undefined)).toBe(true)
  })

  it('spends a disruption and marks the pod', () => {
    const { error, pod, budgets } = evicted(running, [
      { status: { disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1 } },
    ])
    expect(error).toBeUndefined()
    expect(budgets[0]!.status).toMatchObject({ disruptionsAllowed: 1, disruptedPods: { p: '2026-01-02T03:04:05Z' } })
    expect(pod?.metadata).toMatchObject({ deletionGracePeriodSeconds: 30, deletionTimestamp: '2026-01-02T03:04:35Z' })
    expect(pod?.status?.['conditions']).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }),
    )
  })

  it.each([
    {
      when: 'nothing is left to spend',
      budgets: [{ status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2 } }],
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      cause: 'The disruption budget b0 needs 2 healthy pods and has 1 currently',
      retryAfterSeconds: undefined,
    },
    {
      when: 'the budget was not looked at yet',
      budgets: [{ status: { observedGeneration: 0, disruptionsAllowed: 1 } }],
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      cause: 'The disruption budget b0 is still being processed by the server.',
      retryAfterSeconds: 10,
    },
    {
      when: 'the pod is not ready and the budget wants nothing healthy',
      pod: { phase: 'Running', ready: false },
      budgets: [{ status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0 } }],
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      cause: 'The disruption budget b0 needs 0 healthy pods and has 0 currently',
      retryAfterSeconds: undefined,
    },
    {
      when: 'two budgets cover the pod',
      budgets: [{}, {}],
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      cause: undefined,
      retryAfterSeconds: undefined,
    },
  ])('refuses when $when', ({ pod: asked = running, budgets, code, message, cause, retryAfterSeconds }) => {
    const { error, pod } = evicted(asked, budgets)
    expect(error?.status).toMatchObject({ code, message })
    expect(error?.status.details?.causes?.[0]?.message).toBe(cause)
    expect(error?.status.details?.retryAfterSeconds).toBe(retryAfterSeconds)
    expect(pod?.metadata.deletionTimestamp).toBeUndefined()
  })
})
