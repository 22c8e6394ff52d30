// The pods and instance types of upstream's scheduling benchmark
// (kubernetes-sigs/karpenter:pkg/controllers/provisioning/scheduling/scheduling_benchmark_test.go and
// pkg/cloudprovider/fake/instancetype.go), drawn from the same generator with the same seed. What upstream leaves to
// chance beyond that, the uids, is drawn from a seed as well.
import {
  coreLabels,
  extendLabelRegistry,
  labelKeys,
  requirement,
  Requirements,
  usdPerHour,
  type InstanceType,
  type LabelRegistry,
  type Pod,
} from '@plimsoll/model'
import { SeededRandom, uuid } from '@plimsoll/ports'
import { GoRandom } from './go-random.ts'

const hostname = 'kubernetes.io/hostname'
const zones = ['test-zone-1', 'test-zone-2', 'test-zone-3']

/** What upstream's fake cloud adds to the well-known labels. */
export const fakeLabels: LabelRegistry = extendLabelRegistry(coreLabels, { wellKnown: ['size', 'special', 'integer'] })

/** `fake-it-0` with 1 CPU and 2 GiB to `fake-it-<count-1>`; the price grows with both. */
export function fakeInstanceTypes(count: number): InstanceType[] {
  return Array.from({ length: count }, (_, i) => {
    const cpu = i + 1
    const gibibytes = 2 * (i + 1)
    const large = cpu > 4 && gibibytes > 8
    const price = usdPerHour(0.1 * cpu + (0.1 * gibibytes * 2 ** 30) / 1e9)
    const offerings = [
      ...zones.slice(0, 2).map((zone) => ['spot', zone] as const),
      ...zones.map((zone) => ['on-demand', zone] as const),
    ]
    return {
      name: `fake-it-${i}`,
      requirements: Requirements.of(
        requirement(labelKeys.instanceType, 'In', [`fake-it-${i}`]),
        requirement(labelKeys.arch, 'In', ['amd64']),
        requirement(labelKeys.os, 'In', ['linux', 'windows', 'darwin']),
        requirement(labelKeys.zone, 'In', zones),
        requirement(labelKeys.capacityType, 'In', ['spot', 'on-demand']),
        requirement('integer', 'In', [String(cpu)]),
        requirement('size', 'In', [large ? 'large' : 'small']),
        large ? requirement('special', 'In', ['optional']) : requirement('special', 'DoesNotExist'),
      ),
      offerings: offerings.map(([capacityType, zone]) => ({
        requirements: Requirements.fromLabels({ [labelKeys.capacityType]: capacityType, [labelKeys.zone]: zone }),
        price,
        available: true,
      })),
      capacity: { cpu: String(cpu), memory: `${gibibytes}Gi`, pods: String(10 * cpu) },
      overhead: { kubeReserved: { cpu: '100m', memory: '10Mi' } },
    }
  })
}

/** `g` generic, `z` and `h` spread over zones and hosts, `a` near its like by zone, `x` apart from its like by host. */
type Kind = 'g' | 'z' | 'h' | 'a' | 'x'

/** What chance decided of one pod. */
export interface Draw {
  readonly kind: Kind
  readonly label: string
  readonly selector: string
  readonly milliCpu: number
  readonly mebibytes: number
}

const seed = 42
const milliCpus = [100, 250, 500, 1000, 1500]
const mebibytes = [100, 256, 512, 1024, 2048, 4096]
const labelValues = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

function pick<T>(random: GoRandom, from: readonly T[]): T {
  return from[random.intn(from.length)]!
}

/** A fifth of each kind, and generic ones for the rest. */
export function drawDiverse(count: number): Draw[] {
  const random = new GoRandom(seed)
  const fifth = Math.floor(count / 5)
  const kinds = ['g', 'z', 'h', 'a', 'x'] as const
  const rest = Array.from({ length: count - 5 * fifth }, (): Kind => 'g')
  return [...kinds.flatMap((kind) => Array.from({ length: fifth }, (): Kind => kind)), ...rest].map((kind) => {
    // In upstream's order of drawing: label, selector, CPU, memory.
    const label = kind === 'x' ? '' : pick(random, labelValues)
    const spreads = kind === 'z' || kind === 'h'
    const selector = spreads ? pick(random, labelValues) : kind === 'a' ? label : ''
    return { kind, label, selector, milliCpu: pick(random, milliCpus), mebibytes: pick(random, mebibytes) }
  })
}

/**
 * The pods of `drawDiverse`, as objects read from an API server: whole, each its own graph. The namespace changes
 * nothing about the answer, but makes them pods never seen before.
 */
export function diversePods(count: number, namespace: string): Pod[] {
  return asRead(drawDiverse(count), namespace, specOf)
}

/** All alike: a wish for a zone that can hold, one to keep apart by zone that cannot, and one by host that can. */
export function preferencePods(count: number, namespace: string): Pod[] {
  const random = new GoRandom(seed)
  const alike: Draw = {
    kind: 'x',
    label: '',
    selector: '',
    milliCpu: pick(random, milliCpus),
    mebibytes: pick(random, mebibytes),
  }
  const apart = (topologyKey: string, weight: number): object => ({
    weight,
    podAffinityTerm: { labelSelector: { matchLabels: { app: 'nginx' } }, topologyKey },
  })
  const affinity = {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 1,
          preference: { matchExpressions: [{ key: labelKeys.zone, operator: 'In', values: ['test-zone-1'] }] },
        },
      ],
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [apart(labelKeys.zone, 10), apart(hostname, 1)],
    },
  }
  return asRead(
    Array.from({ length: count }, () => alike),
    namespace,
    () => ({ affinity }),
  )
}

function labelsOf({ kind, label }: Draw): { readonly [key: string]: string } {
  if (kind === 'x') return { app: 'nginx' }
  // The spelling is upstream's.
  return kind === 'a' ? { 'my-affininity': label } : { 'my-label': label }
}

/** What the kind adds to a pod's spec. */
function specOf(draw: Draw): object {
  const topologyKey = draw.kind === 'z' || draw.kind === 'a' ? labelKeys.zone : hostname
  const required = (matchLabels: object): object => ({
    requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels }, topologyKey }],
  })
  switch (draw.kind) {
    case 'g':
      return {}
    case 'z':
    case 'h': {
      const labelSelector = { matchLabels: { 'my-label': draw.selector } }
      const spread = { maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector }
      return { topologySpreadConstraints: [spread] }
    }
    case 'a':
      return { affinity: { podAffinity: required(labelsOf(draw)) } }
    case 'x':
      return { affinity: { podAntiAffinity: required(labelsOf(draw)) } }
  }
}

function asRead(draws: readonly Draw[], namespace: string, more: (draw: Draw) => object): Pod[] {
  const random = new SeededRandom('karpenter workload')
  const created = '2026-01-01T00:00:00Z'
  return draws.map((draw, i) => {
    const requests = { cpu: `${draw.milliCpu}m`, memory: `${draw.mebibytes}Mi` }
    const pod = {
      metadata: {
        name: `pod-${i}`,
        namespace,
        uid: uuid(random),
        resourceVersion: String(1000 + i),
        creationTimestamp: created,
        labels: labelsOf(draw),
      },
      spec: {
        containers: [
          {
            name: 'main',
            image: 'registry.k8s.io/pause:3.10',
            resources: { requests },
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'IfNotPresent',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        serviceAccountName: 'default',
        serviceAccount: 'default',
        securityContext: {},
        schedulerName: 'default-scheduler',
        tolerations: ['not-ready', 'unreachable'].map((name) => ({
          key: `node.kubernetes.io/${name}`,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        })),
        priority: 0,
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
        ...more(draw),
      },
      status: {
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            observedGeneration: 1,
            lastTransitionTime: created,
            reason: 'Unschedulable',
            message: '0/0 nodes are available.',
          },
        ],
        qosClass: 'Burstable',
      },
    }
    return JSON.parse(JSON.stringify(pod)) as Pod
  })
}
