import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import { ConfigMaps, ms, type Pod } from '@plimsoll/model'
import { SeededRandom, silentLog, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import type { ExpanderName } from '../options/options.ts'
import type { ClusterRecorder } from '../state/cluster-recorder.ts'
import { Expander } from './expanders.ts'
import type { ExpansionOption } from './expansion-option.ts'
import { parsePriorities } from './priorities.ts'

function option(id: string, o: { cpu: string; memory: string; nodes: number; pods: number }): ExpansionOption {
  const pod = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '500m', memory: '512Mi' } } }] },
  } as unknown as Pod
  const capacity = { cpu: o.cpu, memory: o.memory }
  const node = {
    metadata: { name: id, uid: id, resourceVersion: '', creationTimestamp: '' },
    spec: {},
    status: { capacity },
  }
  return {
    group: { id, minSize: 0, maxSize: 10, targetSize: 0 },
    template: { node, pods: [] },
    nodeCount: o.nodes,
    pods: Array.from({ length: o.pods }, () => ({ ...pod })),
    similar: [],
    debug: id,
  }
}

const small = option('small', { cpu: '2', memory: '4Gi', nodes: 3, pods: 10 })
const large = option('large', { cpu: '8', memory: '32Gi', nodes: 1, pods: 12 })
const twin = option('twin', { cpu: '2', memory: '4Gi', nodes: 3, pods: 10 })

async function choose(
  chain: readonly ExpanderName[],
  options: readonly ExpansionOption[],
  priorities?: { readonly [key: string]: string },
): Promise<{ readonly chosen: string | undefined; readonly events: string[] }> {
  const server = new ApiServer({ clock: new VirtualClock({ start: ms(0) }), random: new SeededRandom('x') })
  bootstrap(server)
  const kube: KubeApi = server.client({ name: 'admin', groups: ['system:masters'] }, 'test')
  const metadata = { name: 'cluster-autoscaler-priority-expander', namespace: 'kube-system' }
  if (priorities !== undefined) await kube.create(ConfigMaps, { metadata, data: priorities })
  const events: string[] = []
  const recorder: ClusterRecorder = {
    on: (_object, _kind, type, reason, message) => events.push(`${type} ${reason} ${message}`),
    cluster: () => {},
  }
  const random = new SeededRandom('seed')
  const expander = new Expander({ chain, random, log: silentLog, kube, namespace: 'kube-system', recorder })
  return { chosen: (await expander.choose(options))?.group.id, events }
}

describe('expanders (CA-90 to CA-95)', () => {
  it.each([
    { chain: ['least-waste'], options: [small, large], chosen: 'small' },
    { chain: ['most-pods'], options: [small, large], chosen: 'large' },
    { chain: ['least-nodes'], options: [small, large], chosen: 'large' },
    { chain: ['least-waste', 'most-pods'], options: [large, small, twin], chosen: 'small' },
    { chain: ['random'], options: [small, large, twin], chosen: 'small' },
    { chain: ['least-waste'], options: [], chosen: undefined },
  ] as const)('$chain chooses $chosen', async ({ chain, options, chosen }) => {
    expect((await choose(chain, options)).chosen).toBe(chosen)
  })

  it.each([
    {
      when: 'the highest wins',
      map: { priorities: '10:\n  - small\n50:\n  - ^large$\n' },
      chosen: 'large',
      events: [],
    },
    { when: 'patterns are not anchored', map: { priorities: '10: [mal]\n5: [large]\n' }, chosen: 'small', events: [] },
    { when: 'there is no map', map: undefined, chosen: 'small', events: [] },
    {
      when: 'a group is not named',
      map: { priorities: '10: [large]' },
      chosen: 'large',
      events: [
        "Warning PriorityConfigMapNotMatchedGroup Priority expander: node group small not found in priority expander configuration. The group won't be used.",
      ],
    },
    {
      when: 'the map has another key',
      map: { other: 'x' },
      chosen: 'small',
      events: [
        "Warning PriorityConfigMapInvalid Wrong configmap for priority expander, doesn't contain priorities key. Ignoring update.",
      ],
    },
    {
      when: 'the map is nonsense',
      map: { priorities: 'high: [x]' },
      chosen: 'small',
      events: [
        'Warning PriorityConfigMapInvalid Wrong configuration for priority expander: high is no whole number. Ignoring update.',
      ],
    },
  ])('by priority, when $when: $chosen', async ({ map, chosen, events }) => {
    expect(await choose(['priority', 'least-waste'], [small, large], map)).toEqual({ chosen, events })
  })

  it.each([
    { text: '', error: 'priority configuration in the configmap is empty' },
    { text: '- a', error: 'expected a map of priorities to lists of patterns' },
    { text: '10: x', error: 'priority 10: expected a list of patterns' },
    { text: '10: ["("]', error: 'priority 10: invalid regular expression "("' },
  ])('priorities $text: $error', ({ text, error }) => {
    expect(parsePriorities(text)).toEqual({ error })
  })
})
