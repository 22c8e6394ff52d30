import { ms } from '@plimsoll/model'
import { KubeError, SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ApiServer } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { ObjectInput } from '../object.ts'
import type { RequestContext } from '../request.ts'

const context: RequestContext = { user: { name: 'admin', groups: [] }, userAgent: 'kubectl/v1', warnings: [] }

function world(): ApiServer {
  const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
  const server = new ApiServer({ clock, random: new SeededRandom('validation') })
  bootstrap(server)
  return server
}

function attempt(run: () => unknown): KubeError {
  try {
    run()
  } catch (error) {
    if (error instanceof KubeError) return error
    throw error
  }
  throw new Error('expected a KubeError')
}

const selector = { matchLabels: { app: 'x' } }
const container = { name: 'c', image: 'nginx' }
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [container] } }
const pod = (spec: object): ObjectInput => ({ metadata: { name: 'x' }, spec: { containers: [container], ...spec } })

describe('what is refused, and in which words', () => {
  it.each([
    {
      kind: 'Deployment',
      object: { metadata: { name: 'x' }, spec: { template } },
      message: 'Deployment.apps "x" is invalid: [spec.selector: Required value, spec.template.metadata.labels: ',
    },
    {
      kind: 'Deployment',
      object: { metadata: { name: 'x' }, spec: { replicas: -1, selector, template } },
      message: 'Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    },
    {
      kind: 'Deployment',
      object: { metadata: { name: 'x' }, spec: { selector: { matchLabels: { app: 'y' } }, template } },
      message:
        'Deployment.apps "x" is invalid: spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    },
    {
      kind: 'Pod',
      object: pod({ containers: [] }),
      message: 'Pod "x" is invalid: spec.containers: Required value',
    },
    {
      kind: 'Pod',
      object: pod({ containers: [{ name: 'c' }, { name: 'c', image: 'a' }] }),
      message:
        'Pod "x" is invalid: [spec.containers[0].image: Required value, spec.containers[1].name: Duplicate value: "c"]',
    },
    {
      kind: 'Pod',
      object: pod({ containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] }),
      message:
        'Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    },
    {
      kind: 'Pod',
      object: pod({ containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }),
      message: 'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"',
    },
    {
      kind: 'Pod',
      object: pod({ restartPolicy: 'Sometimes' }),
      message:
        'Pod "x" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    },
    {
      kind: 'Pod',
      object: { metadata: { name: 'x', labels: { a: 'b c' } }, spec: { containers: [container] } },
      message: 'Pod "x" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string',
    },
    {
      kind: 'Pod',
      object: pod({ priorityClassName: 'none' }),
      message: 'pods "x" is forbidden: no PriorityClass with name none was found',
    },
    {
      kind: 'Pod',
      object: pod({ serviceAccountName: 'robot' }),
      message:
        'pods "x" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found',
    },
    {
      kind: 'Pod',
      object: pod({ containers: [{ ...container, resources: { requests: { cpu: 'lots' } } }] }),
      message: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    },
    {
      kind: 'PodDisruptionBudget',
      object: { metadata: { name: 'x' }, spec: { minAvailable: 1, maxUnavailable: 1 } },
      message: 'minAvailable and maxUnavailable cannot be both set',
    },
    {
      kind: 'ConfigMap',
      object: { metadata: { name: 'x', namespace: 'kube-system' } },
      message: 'the namespace of the provided object does not match the namespace sent on the request',
    },
    {
      kind: 'ConfigMap',
      object: { metadata: { name: 'x', resourceVersion: '5' } },
      message: 'resourceVersion should not be set on objects to be created',
    },
    {
      kind: 'ConfigMap',
      object: {},
      message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    },
  ])('$kind: $message', ({ kind, object, message }) => {
    const server = world()
    const info = server.registry.resources().find((i) => i.kind === kind)!
    const error = attempt(() => server.create(context, info, 'default', object as ObjectInput))
    expect(error.message).toContain(message)
    expect(error.status.message).toBe(error.message)
  })

  it('keeps what may not change', () => {
    const server = world()
    const deployments = server.resource({ group: 'apps', version: 'v1', plural: 'deployments' })
    server.create(context, deployments, 'default', { metadata: { name: 'x' }, spec: { selector, template } })
    const other = { matchLabels: { app: 'x', b: 'c' } }
    const labels = { app: 'x', b: 'c' }
    const patch = { spec: { selector: other, template: { metadata: { labels } } } }
    const key = { namespace: 'default', name: 'x' }
    expect(attempt(() => server.patch(context, deployments, key, 'merge', patch)).status.details).toEqual({
      name: 'x',
      group: 'apps',
      kind: 'Deployment',
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${JSON.stringify(other)}: field is immutable`,
          field: 'spec.selector',
        },
      ],
    })
    const pods = server.resource({ group: '', version: 'v1', plural: 'pods' })
    server.create(context, pods, 'default', pod({}))
    const change = (spec: object): unknown => server.patch(context, pods, key, 'strategic', { spec })
    expect(attempt(() => change({ nodeName: 'n' })).message).toContain('spec: Forbidden: pod updates may not change')
    expect(attempt(() => change({ tolerations: [] })).message).toContain('spec.tolerations: Forbidden')
    change({ containers: [{ name: 'c', image: 'nginx:2' }] })
    const nodes = server.resource({ group: '', version: 'v1', plural: 'nodes' })
    server.create(context, nodes, undefined, { metadata: { name: 'n' }, spec: { providerID: 'a' } })
    const moved = (): unknown => server.patch(context, nodes, { name: 'n' }, 'merge', { spec: { providerID: 'b' } })
    expect(attempt(moved).message).toContain('node updates may not change providerID')
  })

  it('asks for the version where overwriting would be wrong', () => {
    const server = world()
    const leases = server.resource({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases' })
    server.create(context, leases, 'default', { metadata: { name: 'x' }, spec: {} })
    const blind = (): unknown =>
      server.update(context, leases, { namespace: 'default', name: 'x' }, { metadata: { name: 'x' }, spec: {} })
    expect(attempt(blind).message).toContain('metadata.resourceVersion: Invalid value: 0: must be specified')
  })
})
