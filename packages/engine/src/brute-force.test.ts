import {
  assert,
  type Node,
  type Pod,
  type PodAffinityTerm,
  type PodSpec,
  type TopologySpreadConstraint,
} from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { naiveReasons, type NaiveCluster } from './naive-checker.ts'
import { ClusterSnapshot } from './snapshot.ts'
import { testNode, testPod } from './test-objects.ts'

const zone = 'topology.kubernetes.io/zone'
const topologyKey = fc.constantFrom(zone, 'kubernetes.io/hostname', 'rack')
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 })
const namespaceName = fc.constantFrom('default', 'other', 'third')
const namespaces = { default: { team: 'a' }, other: { team: 'b' }, third: { team: 'a', env: 'x' } }

const selector = fc.oneof(
  fc.constantFrom('web', 'db').map((app) => ({ matchLabels: { app } })),
  fc.constant({}),
  fc.constant({ matchExpressions: [{ key: 'app', operator: 'Exists' }] }),
  fc.constant({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }),
)

const affinityTerm: fc.Arbitrary<PodAffinityTerm> = fc.record({
  topologyKey,
  labelSelector: optional(selector),
  namespaces: optional(fc.uniqueArray(namespaceName, { minLength: 1, maxLength: 2 })),
  namespaceSelector: optional(fc.constantFrom({}, { matchLabels: { team: 'a' } }, { matchLabels: { team: 'b' } })),
  matchLabelKeys: optional(fc.constant(['version'])),
})

const spread: fc.Arbitrary<TopologySpreadConstraint> = fc.record({
  topologyKey,
  maxSkew: fc.integer({ min: 1, max: 2 }),
  whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'DoNotSchedule', 'ScheduleAnyway'),
  labelSelector: selector,
  minDomains: optional(fc.integer({ min: 1, max: 3 })),
  matchLabelKeys: optional(fc.constant(['version'])),
  nodeAffinityPolicy: optional(fc.constantFrom('Honor', 'Ignore')),
  nodeTaintsPolicy: optional(fc.constantFrom('Honor', 'Ignore')),
})

const nodeTerm = fc.oneof(
  fc.constant({ matchExpressions: [{ key: zone, operator: 'In', values: ['a', 'b'] }] }),
  fc.constant({ matchExpressions: [{ key: 'size', operator: 'Gt', values: ['4'] }] }),
  fc.constant({ matchExpressions: [{ key: 'rack', operator: 'DoesNotExist' }] }),
  fc.constant({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n0', 'n1'] }] }),
  fc.constant({}),
)

/** Most parts absent, so that pods mostly fit and every filter gets its turn. */
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const spec: fc.Arbitrary<Partial<PodSpec>> = fc.record({
  nodeSelector: rarely(fc.constantFrom({ [zone]: 'a' }, { rack: 'r1' })),
  tolerations: optional(
    fc.constantFrom(
      [{ operator: 'Exists' }],
      [{ key: 'dedicated', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' }],
      [
        { key: 'dedicated', operator: 'Exists' },
        { key: 'node.kubernetes.io/unschedulable', operator: 'Exists' },
      ],
    ),
  ),
  topologySpreadConstraints: optional(fc.array(spread, { minLength: 1, maxLength: 2 })),
  affinity: fc.record({
    nodeAffinity: rarely(
      fc.array(nodeTerm, { minLength: 1, maxLength: 2 }).map((nodeSelectorTerms) => ({
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
      })),
    ),
    podAffinity: rarely(
      fc.array(affinityTerm, { minLength: 1, maxLength: 2 }).map((terms) => ({
        requiredDuringSchedulingIgnoredDuringExecution: terms,
      })),
    ),
    podAntiAffinity: rarely(
      fc.array(affinityTerm, { minLength: 1, maxLength: 2 }).map((terms) => ({
        requiredDuringSchedulingIgnoredDuringExecution: terms,
      })),
    ),
  }),
})

const podShape = fc.record({
  namespace: namespaceName,
  app: fc.constantFrom('web', 'db', undefined),
  version: fc.constantFrom('1', '2', undefined),
  cpu: fc.constantFrom('0', '100m', '250m', '1.5'),
  memory: fc.constantFrom('0', '0', '100Mi', '3Gi'),
  gpu: fc.constantFrom(undefined, undefined, '1'),
  port: fc.constantFrom(undefined, undefined, undefined, 80, 443),
  ip: fc.constantFrom(undefined, '10.0.0.1', '10.0.0.2'),
  terminating: fc.constantFrom(false, false, false, true),
  spec,
})

let serial = 0
const anyPod: fc.Arbitrary<Pod> = podShape.map((shape) => {
  const labels: Record<string, string> = {}
  if (shape.app !== undefined) labels['app'] = shape.app
  if (shape.version !== undefined) labels['version'] = shape.version
  const requests: Record<string, string> = { cpu: shape.cpu, memory: shape.memory }
  if (shape.gpu !== undefined) requests['example.com/gpu'] = shape.gpu
  const pod = testPod(`p${serial++}`, {
    namespace: shape.namespace,
    labels,
    requests,
    spec: shape.spec,
    ...(shape.terminating ? { deletionTimestamp: '2026-01-01T00:00:01Z' } : {}),
  })
  if (shape.port === undefined) return pod
  const port = { containerPort: shape.port, hostPort: shape.port, hostIP: shape.ip }
  return { ...pod, spec: { ...pod.spec, containers: [{ ...pod.spec.containers[0]!, ports: [port] }] } }
})

const nodeShape = fc.record({
  zone: fc.constantFrom('a', 'b', 'c', undefined),
  rack: fc.constantFrom('r1', 'r2', undefined, undefined),
  size: fc.constantFrom('2', '8', undefined),
  cpu: fc.constantFrom('2', '8', '16'),
  memory: fc.constantFrom('4Gi', '12Gi'),
  gpu: fc.constantFrom(undefined, '2'),
  pods: fc.constantFrom('3', '10', '10'),
  taint: fc.constantFrom(
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    'NoSchedule',
    'NoExecute',
    'PreferNoSchedule',
  ),
  unschedulable: fc.constantFrom(false, false, false, true),
})

const nodeOf = (name: string, shape: typeof nodeShape extends fc.Arbitrary<infer S> ? S : never): Node => {
  const labels: Record<string, string> = {}
  if (shape.zone !== undefined) labels[zone] = shape.zone
  if (shape.rack !== undefined) labels['rack'] = shape.rack
  if (shape.size !== undefined) labels['size'] = shape.size
  return testNode(name, {
    cpu: shape.cpu,
    memory: shape.memory,
    pods: shape.pods,
    labels,
    unschedulable: shape.unschedulable,
    taints: shape.taint === undefined ? [] : [{ key: 'dedicated', value: 'gpu', effect: shape.taint }],
    ...(shape.gpu === undefined ? {} : { extended: { 'example.com/gpu': shape.gpu } }),
  })
}

type Step =
  | { readonly kind: 'addNode'; readonly node: Node; readonly pods: readonly Pod[] }
  | { readonly kind: 'replaceNode'; readonly at: number; readonly like: Node }
  | { readonly kind: 'removeNode'; readonly at: number }
  | { readonly kind: 'addPod'; readonly at: number; readonly pod: Pod }
  | { readonly kind: 'removePod'; readonly at: number; readonly which: number }
  | { readonly kind: 'replacePod'; readonly at: number; readonly which: number; readonly like: Pod | undefined }
  | { readonly kind: 'fork' | 'revert' | 'commit' }

const at = fc.nat({ max: 7 })
let nodeSerial = 0
const nodeArrival: fc.Arbitrary<Step> = fc
  .record({ shape: nodeShape, pods: fc.array(anyPod, { maxLength: 2 }) })
  .map(({ shape, pods }) => ({ kind: 'addNode', pods, node: nodeOf(`n${nodeSerial++ % 6}`, shape) }))
const otherStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: nodeArrival },
  {
    weight: 1,
    arbitrary: fc
      .record({ at, shape: nodeShape })
      .map(({ at, shape }) => ({ kind: 'replaceNode' as const, at, like: nodeOf('x', shape) })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeNode' as const), at }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('addPod' as const), at, pod: anyPod }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('removePod' as const), at, which: at }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('replacePod' as const), at, which: at, like: optional(anyPod) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('fork' as const, 'revert' as const, 'commit' as const) }) },
)
/** Some nodes, then anything. */
const anySteps: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.array(nodeArrival, { minLength: 1, maxLength: 5, size: 'max' }),
    fc.array(otherStep, { maxLength: 20, size: 'max' }),
  )
  .map(([nodes, others]) => [...nodes, ...others])

interface ModelNode {
  readonly node: Node
  readonly pods: readonly Pod[]
}

/** Plays the steps on a snapshot and on plain lists, which forks copy whole; calls back after each step. */
function play(steps: readonly Step[], after: (snapshot: ClusterSnapshot, model: readonly ModelNode[]) => void): void {
  const snapshot = new ClusterSnapshot()
  for (const [name, labels] of Object.entries(namespaces)) snapshot.setNamespace(name, labels)
  let model: ModelNode[] = []
  const saved: ModelNode[][] = []
  for (const step of steps) {
    const index = 'at' in step && model.length > 0 ? step.at % model.length : -1
    const target = model[index]
    const name = target?.node.metadata.name ?? ''
    const replace = (next: ModelNode): void => void (model = model.with(index, next))
    switch (step.kind) {
      case 'addNode':
        if (model.some(({ node }) => node.metadata.name === step.node.metadata.name)) continue
        snapshot.addNode(step.node, step.pods)
        model = [...model, { node: step.node, pods: step.pods }]
        break
      case 'replaceNode': {
        if (target === undefined) continue
        const node = {
          ...step.like,
          metadata: {
            ...step.like.metadata,
            name,
            labels: { ...step.like.metadata.labels, 'kubernetes.io/hostname': name },
          },
        }
        snapshot.replaceNode(node)
        replace({ ...target, node })
        break
      }
      case 'removeNode':
        if (target === undefined) continue
        snapshot.removeNode(name)
        model = model.filter((node) => node !== target)
        break
      case 'addPod':
        if (target === undefined) continue
        snapshot.addPod(step.pod, name)
        replace({ ...target, pods: [...target.pods, step.pod] })
        break
      case 'removePod': {
        if (target === undefined || target.pods.length === 0) continue
        const pod = target.pods[step.which % target.pods.length]!
        snapshot.removePod(pod.metadata.namespace, pod.metadata.name, name)
        replace({ ...target, pods: target.pods.filter((other) => other !== pod) })
        break
      }
      case 'replacePod': {
        if (target === undefined || target.pods.length === 0) continue
        const old = target.pods[step.which % target.pods.length]!
        const { namespace, name: podName } = old.metadata
        // Either only its status is another, or all that may change.
        const pod =
          step.like === undefined
            ? { ...old, status: { phase: 'Running' } }
            : { ...step.like, metadata: { ...step.like.metadata, namespace, name: podName } }
        snapshot.replacePod(pod, name)
        replace({ ...target, pods: target.pods.with(target.pods.indexOf(old), pod) })
        break
      }
      case 'fork':
        snapshot.fork()
        saved.push(model)
        break
      case 'revert':
      case 'commit': {
        const before = saved.pop()
        if (before === undefined) continue
        snapshot[step.kind]()
        if (step.kind === 'revert') model = before
        break
      }
    }
    after(snapshot, model)
  }
}

/** Whatever the order. */
function text(items: Iterable<string | readonly [string, number]>): string {
  return [...items].map(String).sort().join('; ')
}

describe('against brute force', () => {
  it('gives the reasons that a look at everything gives, whatever happened before', () => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(anySteps, fc.array(anyPod, { minLength: 1, maxLength: 3 }), (steps, probes) => {
        play(steps, (snapshot, nodes) => {
          const cluster: NaiveCluster = { nodes, namespaces }
          for (const probe of probes) {
            const fits: string[] = []
            const counted = new Map<string, number>()
            for (const node of nodes) {
              const expected = naiveReasons(cluster, probe, node)
              const { name } = node.node.metadata
              const found = snapshot.checkAll(probe, name).map(({ reason }) => reason)
              assert(found.join() === expected.join(), `${name} says ${expected.join()}, not ${found.join()}`)
              assert(snapshot.fits(probe, name) === (expected.length === 0), 'fits means no reasons')
              if (expected.length === 0) fits.push(name)
              for (const reason of expected) counted.set(reason, (counted.get(reason) ?? 0) + 1)
            }
            const survey = snapshot.survey(probe)
            assert(text(survey.fits.map(({ name }) => name)) === text(fits), 'a survey finds what fits')
            if (fits.length === 0) assert(text(survey.reasons) === text(counted), 'a survey counts every reason')
            assert(snapshot.firstFit(probe) === fits[0], 'the first that fits is found')
            const after = nodes[nodes.length >> 1]?.node.metadata.name
            const next = [...nodes, ...nodes].map(({ node }) => node.metadata.name)
            const following = next.slice(next.indexOf(after ?? '') + 1).find((name) => fits.includes(name))
            assert(snapshot.firstFit(probe, { startAfter: after }) === following, 'the next that fits is found')
            seen.set('fits', (seen.get('fits') ?? 0) + fits.length)
            for (const [reason, count] of counted) seen.set(reason, (seen.get(reason) ?? 0) + count)
          }
        })
      }),
      { numRuns: 1200, seed: 20260102 },
    )
    // Every outcome was met, or the test proves less than it says.
    const expected = [
      'fits',
      "node(s) didn't satisfy plugin(s) [NodeAffinity]",
      'node(s) were unschedulable',
      'node(s) had untolerated taint(s)',
      "node(s) didn't match Pod's node affinity/selector",
      "node(s) didn't have free ports for the requested pod ports",
      'Too many pods',
      'Insufficient cpu',
      'Insufficient memory',
      'Insufficient example.com/gpu',
      "node(s) didn't match pod topology spread constraints",
      "node(s) didn't match pod topology spread constraints (missing required label)",
      "node(s) didn't match pod affinity rules",
      "node(s) didn't match pod anti-affinity rules",
      "node(s) didn't satisfy existing pods anti-affinity rules",
    ]
    expect(expected.filter((reason) => (seen.get(reason) ?? 0) < 100)).toEqual([])
  })

  it('holds what lists hold that forks copy whole', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        play(steps, (snapshot, model) => {
          expect(snapshot.nodes().map(({ node, pods }) => ({ node, pods }))).toEqual(model)
          for (const { requested, pods } of snapshot.nodes()) {
            const fresh = new ClusterSnapshot()
            fresh.addNode(testNode('fresh'), pods)
            expect(requested).toEqual(fresh.node('fresh')!.requested)
          }
        })
      }),
      { numRuns: 300, seed: 20260102 },
    )
  })
})
