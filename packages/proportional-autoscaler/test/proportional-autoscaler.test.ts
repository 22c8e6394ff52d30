// The loop in virtual time against a real API server; the rules are those of docs/parity/cpa.md.
import { ConfigMaps, Deployments, Leases, minutes, ms, Nodes, seconds, StatefulSets } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { Laboratory, ladder, type Run } from './laboratory.ts'

async function laboratory(nodes = 3, parameters: string | null = ladder): Promise<Laboratory> {
  const lab = new Laboratory()
  await lab.nodes(nodes)
  await lab.deployment('web')
  if (parameters !== null) await lab.configMap({ ladder: parameters })
  return lab
}

/** Log lines without time and process, and how often each stands. */
function said(run: Run, pattern: RegExp): string[] {
  return run.lines.map((line) => line.replace(/^([IWEF])\S+ \S+ +\d+ /, '$1 ')).filter((line) => pattern.test(line))
}

describe('polls', () => {
  it('comes first at once, then every period (CPA-9)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(ms(0))
    expect(await lab.replicas('web')).toBe(3)
    await lab.nodes(2)
    await lab.run(ms(9_999))
    expect(await lab.replicas('web')).toBe(3)
    await lab.run(ms(1))
    expect(await lab.replicas('web')).toBe(5)
    expect(said(run, /./)).toEqual([
      'I autoscaler.go:49] Scaling Namespace: default, Target: deployment/web',
      expect.stringMatching(
        /^I ladder_controller\.go:73\] Detected ConfigMap version change \(old: {2}new: \d+\) - rebuilding lookup entries$/,
      ),
      'I k8sclient.go:312] Cluster status: SchedulableNodes[3], TotalNodes[3], SchedulableCores[6], TotalCores[6]',
      'I k8sclient.go:318] Replicas are not as expected : updating deployment/web from 1 to 3',
      'I k8sclient.go:312] Cluster status: SchedulableNodes[5], TotalNodes[5], SchedulableCores[10], TotalCores[10]',
      'I k8sclient.go:318] Replicas are not as expected : updating deployment/web from 3 to 5',
    ])
  })

  it('writes once for each change of the result, and reads twice a poll (CPA-72)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(minutes(5))
    expect(run.writes.filter((each) => each.startsWith('scale'))).toEqual(['scale deployments/web 3'])
    expect(run.reads).toBe(31 * 2)
  })

  it('takes back what somebody else scaled within a period (CPA-74)', async () => {
    const lab = await laboratory()
    lab.autoscale(['--poll-period-seconds=5'])
    await lab.run(seconds(1))
    const key = { namespace: 'default', name: 'web' }
    const scale = await lab.kube.readScale(Deployments, key)
    await lab.kube.writeScale(Deployments, key, { ...scale, spec: { replicas: 9 } })
    await lab.run(seconds(5))
    expect(await lab.replicas('web')).toBe(3)
  })

  it('tells at --v=4 what it counted and expects (CPA-30)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--v=4'])
    await lab.run(seconds(1))
    expect(said(run, /autoscaler_server|plugin|_controller/)).toEqual([
      'I autoscaler_server.go:123] Total nodes     3, schedulable nodes:     3',
      'I autoscaler_server.go:124] Total cores     6, schedulable cores:     6',
      'I plugin.go:50] Set control mode to ladder',
      expect.stringContaining('ladder_controller.go:73]'),
      `I ladder_controller.go:74] Params from apiserver: \n${ladder}`,
      'I autoscaler_server.go:149] Expected replica count:   3',
    ])
  })

  it('follows cordons and readiness; unready nodes do not count (CPA-21)', async () => {
    const lab = await laboratory(5)
    lab.autoscale()
    await lab.run(seconds(1))
    expect(await lab.replicas('web')).toBe(5)
    await lab.setReady('node-1', false)
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(3)
    await lab.kube.patch(Nodes, { name: 'node-2' }, { type: 'merge', body: { spec: { unschedulable: true } } })
    await lab.kube.patch(Nodes, { name: 'node-3' }, { type: 'merge', body: { spec: { unschedulable: true } } })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(2)
  })

  it('counts the nodes that --nodelabels selects (CPA-20)', async () => {
    const lab = await laboratory(1)
    await lab.nodes(2, { labels: { pool: 'a', zone: 'x' } })
    await lab.nodes(2, { labels: { pool: 'b', zone: 'x' } })
    lab.autoscale(['--nodelabels=pool in (a),zone=x'])
    await lab.run(seconds(1))
    expect(await lab.replicas('web')).toBe(2)
  })
})

describe('targets', () => {
  it('are several, all with the same number (CPA-12)', async () => {
    const lab = await laboratory()
    await lab.deployment('more')
    const run = lab.autoscale(['--target=Deployment/web, deployment/MORE'])
    await lab.run(seconds(1))
    expect([await lab.replicas('web'), await lab.replicas('more')]).toEqual([3, 3])
    expect(run.lines[0]).toContain('Target: deployment/web, deployment/more')
  })

  it('are stateful sets as well, and anything with a scale subresource (CPA-14, ours)', async () => {
    const lab = await laboratory()
    await lab.kube.create(StatefulSets, {
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 1,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'main', image: 'redis' }] } },
      },
    })
    lab.autoscale(['--target=statefulset/db,deployments.v1.apps/web'])
    await lab.run(seconds(1))
    expect([await lab.replicas('db', StatefulSets), await lab.replicas('web')]).toEqual([3, 3])
  })

  it('a missing one fails the poll and starves those behind it; those before it are served (CPA-73)', async () => {
    const lab = await laboratory()
    await lab.deployment('last')
    const run = lab.autoscale(['--target=deployment/web,deployment/none,deployment/last'])
    await lab.run(seconds(11))
    expect([await lab.replicas('web'), await lab.replicas('last')]).toEqual([3, 1])
    const failures = said(run, /^E /)
    expect(failures).toEqual(
      Array<string>(2).fill('E autoscaler_server.go:154] Update failure: deployments.apps "none" not found'),
    )
    expect(run.get('/last-poll')).toMatchObject({
      status: 500,
      body: 'Encountered error at last poll cycle: deployments.apps "none" not found',
    })
    expect(run.get('/healthz')).toMatchObject({ status: 200, body: '' })
    await lab.deployment('none')
    await lab.run(seconds(10))
    expect(await lab.replicas('last')).toBe(3)
    expect(run.get('/last-poll')).toMatchObject({ status: 200, body: '' })
  })

  it('one that it may not scale is named with the refusal itself (CPA-75, ours)', async () => {
    const lab = await laboratory()
    const message =
      'deployments.apps "web" is forbidden: User "system:serviceaccount:default:cpa" cannot get resource "deployments/scale"'
    lab.troubles.set('get deployments/scale', { kind: 'forbidden', code: 403, message })
    const run = lab.autoscale()
    await lab.run(seconds(1))
    expect(said(run, /^E /)).toEqual([`E autoscaler_server.go:154] Update failure: ${message}`])
  })

  it('a change that comes in between is a conflict, and the next poll sees to it (CPA-71)', async () => {
    const lab = await laboratory()
    const key = { namespace: 'default', name: 'web' }
    lab.interference.set('scale deployments', async () => {
      const scale = await lab.kube.readScale(Deployments, key)
      await lab.kube.writeScale(Deployments, key, { ...scale, spec: { replicas: 7 } })
    })
    const run = lab.autoscale()
    await lab.run(seconds(1))
    expect(said(run, /^E /)).toEqual([
      'E autoscaler_server.go:154] Update failure: Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
    ])
    expect(await lab.replicas('web')).toBe(7)
    lab.interference.clear()
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(3)
  })
})

describe('the ConfigMap', () => {
  it('is read at every poll; a change counts from the next (CPA-32)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(seconds(1))
    await lab.configMap({ ladder: '{"nodesToReplicas":[[1,7]]}' })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(7)
    expect(said(run, /version change/)[1]).toMatch(/\(old: \d+ new: \d+\)/)
  })

  it('changes its mode on the fly (CPA-35)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--v=1'])
    await lab.run(seconds(1))
    await lab.configMap({ linear: '{"nodesPerReplica":1,"min":9}' })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(9)
    expect(said(run, /plugin|version change/).slice(2)).toEqual([
      'I plugin.go:50] Set control mode to linear',
      expect.stringMatching(
        /^I linear_controller\.go:60\] ConfigMap version change \(old: {2}new: \d+\) - rebuilding params$/,
      ),
    ])
  })

  it('that is missing fails the poll; the parameters survive, and are not read again when it is back as it was (CPA-33)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(seconds(1))
    lab.troubles.set('get configmaps', { kind: 'notFound', code: 404, message: 'configmaps "cpa" not found' })
    await lab.run(seconds(10))
    expect(said(run, /^E /)).toEqual([
      'E autoscaler_server.go:129] Error syncing configMap with apiserver: configmaps "cpa" not found',
    ])
    lab.troubles.clear()
    await lab.nodes(2)
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(5)
    expect(said(run, /version change/)).toHaveLength(1)
  })

  it('is created from the default parameters, and again when it is deleted (CPA-31)', async () => {
    const lab = await laboratory(3, null)
    const run = lab.autoscale(['--default-params={"linear":{"nodesPerReplica":1,"min":2}}'])
    await lab.run(seconds(1))
    expect(await lab.replicas('web')).toBe(3)
    const created = await lab.kube.get(ConfigMaps, { namespace: 'default', name: 'cpa' })
    expect(created.data).toEqual({ linear: '{"min":2,"nodesPerReplica":1}' })
    expect(created.metadata.labels).toBeUndefined()
    expect(said(run, /169|173/)).toEqual([
      'I autoscaler_server.go:169] ConfigMap not found: configmaps "cpa" not found, will create one with default params',
      'I k8sclient.go:173] Created ConfigMap cpa in namespace default',
    ])
    await lab.removeConfigMap()
    await lab.run(seconds(10))
    expect((await lab.kube.get(ConfigMaps, { namespace: 'default', name: 'cpa' })).metadata.uid).not.toBe(
      created.metadata.uid,
    )
  })

  it('is never overwritten by the default parameters', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--default-params={"linear":{"nodesPerReplica":0.1}}'])
    await lab.run(seconds(11))
    expect(await lab.replicas('web')).toBe(3)
    expect(run.writes).toEqual(['scale deployments/web 3'])
  })

  it('is created on whatever error, and that it cannot be fails the poll (CPA-31)', async () => {
    const lab = await laboratory(3, null)
    lab.troubles.set('get configmaps', { kind: 'forbidden', code: 403, message: 'configmaps "cpa" is forbidden: get' })
    lab.troubles.set('create configmaps', { kind: 'forbidden', code: 403, message: 'configmaps is forbidden: create' })
    const run = lab.autoscale(['--default-params={"linear":{"nodesPerReplica":1}}'])
    await lab.run(seconds(1))
    expect(said(run, /ConfigMap|configMap/)).toEqual([
      'I autoscaler_server.go:169] ConfigMap not found: configmaps "cpa" is forbidden: get, will create one with default params',
      'E autoscaler_server.go:129] Error syncing configMap with apiserver: configmaps is forbidden: create',
    ])
  })

  it.each([
    {
      when: 'it has two entries',
      data: { linear: '{"nodesPerReplica":1}', ladder: '{}' },
      says: 'invalid configMap format, expected only one entry, got: map[ladder:{} linear:{"nodesPerReplica":1}]',
    },
    { when: 'it has none', data: {}, says: 'invalid configMap format, expected only one entry, got: map[]' },
    { when: 'the mode is unknown', data: { cubic: '{}' }, says: 'not a supported control mode: cubic' },
    {
      when: 'it cannot be read',
      data: { linear: '{"nodesPerReplica":1,}' },
      says: "Error syncing configMap with controller: error parsing linear params: could not parse parameters (invalid character '}' looking for beginning of object key string)",
    },
  ])('stops all scaling when $when, until it is mended (CPA-34)', async ({ data, says }) => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(seconds(1))
    await lab.configMap(data as { readonly [mode: string]: string })
    await lab.nodes(2)
    await lab.run(seconds(30))
    expect(await lab.replicas('web')).toBe(3)
    expect(said(run, /^E /)).toEqual(
      Array<string>(3).fill(`E autoscaler_server.go:138] Error ensuring controller: ${says}`),
    )
    expect(run.get('/last-poll')?.body).toBe(`Encountered error at last poll cycle: ${says}`)
    await lab.configMap({ ladder })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(5)
  })
})

describe('--max-sync-failures', () => {
  it('ends the program with the last of so many failures in a row (CPA-36)', async () => {
    const lab = await laboratory(3, null)
    const run = lab.autoscale(['--max-sync-failures=3'])
    await lab.run(seconds(15))
    expect(run.ended()).toBe(false)
    await lab.configMap({ ladder })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(3)
    await lab.removeConfigMap()
    await lab.run(seconds(24))
    expect(run.ended()).toBe(false)
    await lab.run(seconds(1))
    expect(await run.code).toBe(1)
    // Nothing of it goes on.
    expect(lab.watching).toBe(0)
    expect(run.get('/healthz')).toBeUndefined()
    expect(said(run, /Maximum/)).toEqual([
      'E autoscaler_server.go:111] Maximum number of api server polling attempts (3) have been reached. Exiting application.',
    ])
  })

  it('ends it soon, also when there are events that nobody takes', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--max-sync-failures=2', '--emit-events'])
    await lab.run(seconds(1))
    lab.troubles.set('create events', { kind: 'unavailable', code: 503, message: 'away' })
    await lab.configMap({ ladder: '[]' })
    await lab.run(seconds(22))
    expect(run.ended()).toBe(true)
    expect(await run.code).toBe(1)
  })

  it.each(['0', '-1'])('%s is never', async (value) => {
    const lab = await laboratory(3, null)
    const run = lab.autoscale([`--max-sync-failures=${value}`])
    await lab.run(minutes(10))
    expect(run.ended()).toBe(false)
  })
})

describe('the start', () => {
  it('waits for the nodes, however long, and serves nothing before (CPA-7)', async () => {
    const lab = await laboratory()
    lab.troubles.set('list nodes', { kind: 'forbidden', code: 403, message: 'nodes is forbidden' })
    const run = lab.autoscale(['--max-sync-failures=1'])
    await lab.run(minutes(5))
    expect(run.ended()).toBe(false)
    expect(run.get('/healthz')).toBeUndefined()
    lab.troubles.clear()
    await lab.run(minutes(1))
    expect(run.get('/healthz')).toMatchObject({ status: 200 })
    expect(await lab.replicas('web')).toBe(3)
  })

  it.each([
    { args: ['--version'], code: 0, lines: ['out: 1.10.3'] },
    {
      args: [],
      code: 1,
      lines: [
        expect.stringMatching(/^E.* options\.go:80\] --target parameter cannot be empty$/),
        expect.stringMatching(/^E.* options\.go:60\] --configmap parameter cannot be empty$/),
        expect.stringMatching(/^E.* options\.go:64\] --namespace parameter not set and failed to fallback$/),
        expect.stringMatching(/^E.* autoscaler\.go:45\] failed to validate all input parameters$/),
      ],
    },
    {
      args: ['--target=deployment/a/b', '--configmap=c', '--namespace=n', '--logtostderr'],
      code: 1,
      lines: [
        expect.stringMatching(/^I.* autoscaler\.go:49\] Scaling Namespace: n, Target: deployment\/a\/b$/),
        expect.stringMatching(/^E.* autoscaler\.go:52\] target format error: deployment\/a\/b$/),
      ],
    },
    {
      args: ['--what'],
      code: 2,
      lines: [
        'unknown flag: --what',
        expect.stringMatching(/^Usage of cluster-proportional-autoscaler:\n/),
        'out: unknown flag: --what',
      ],
    },
    { args: ['--help'], code: 2, lines: [expect.stringMatching(/^Usage of/), 'out: pflag: help requested'] },
  ])('$args ends with $code (CPA-2, CPA-3, CPA-4)', async ({ args, code, lines }) => {
    const run = new Laboratory().autoscale(args, { bare: true })
    expect(await run.code).toBe(code)
    expect(run.lines).toEqual(lines)
  })

  it('without --logtostderr only what is bad is seen (CPA-81)', async () => {
    const lab = await laboratory(3, null)
    const run = lab.autoscale(['--logtostderr=false'])
    await lab.run(seconds(1))
    expect(said(run, /./)).toEqual([
      'E autoscaler_server.go:129] Error syncing configMap with apiserver: configmaps "cpa" not found',
    ])
  })
})

describe('a process that is cut off', () => {
  it.each([true, false])(
    'at any call, carried out: %s, leaves nothing that the next one does twice',
    async (carriedOut) => {
      const flags = ['--default-params={"ladder":{"nodesToReplicas":[[1,1],[3,3]]}}', '--leader-elect']
      for (let call = 0; call < 14; call++) {
        const lab = await laboratory(3, null)
        const dying = lab.autoscale(flags, { diesAt: { call, carriedOut } })
        await lab.run(seconds(35))
        const heir = lab.autoscale(flags)
        await lab.run(minutes(1))
        expect(await lab.replicas('web')).toBe(3)
        const writes = [...dying.writes, ...heir.writes]
        expect(writes.toSorted()).toEqual(['create configmaps', 'scale deployments/web 3'])
        expect(said(heir, /^E /)).toEqual([])
      }
    },
  )
})

describe('an API server that goes away', () => {
  it('fails polls for as long, and all goes on when it is back', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(seconds(1))
    lab.away()
    await lab.nodes(2)
    await lab.run(seconds(60))
    expect(said(run, /^E autoscaler_server/)).toEqual(
      Array<string>(6).fill(
        'E autoscaler_server.go:129] Error syncing configMap with apiserver: dial tcp 10.100.0.1:443: connect: connection refused',
      ),
    )
    expect(run.ended()).toBe(false)
    lab.back()
    await lab.run(seconds(60))
    expect(await lab.replicas('web')).toBe(5)
    expect(run.get('/last-poll')).toMatchObject({ status: 200 })
  })
})

describe('options of ours', () => {
  it('--watch-nodes scales at once when the nodes call for it, and does not ask the server otherwise (CPA-90)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--watch-nodes', '--poll-period-seconds=60'])
    await lab.run(seconds(5))
    const before = run.reads
    // Four nodes mean three replicas, as three do.
    await lab.node()
    await lab.run(seconds(5))
    expect(run.reads).toBe(before)
    await lab.node()
    await lab.run(ms(1))
    expect(await lab.replicas('web')).toBe(5)
    // The tick is where it was.
    await lab.run(ms(48_000))
    const reads = run.reads
    await lab.run(seconds(2))
    expect(run.reads).toBe(reads + 2)
  })

  it('--watch-nodes polls at most once a second, however a node flaps, and no oftener than else while polls fail', async () => {
    const lab = await laboratory(5)
    const run = lab.autoscale(['--watch-nodes'])
    await lab.run(seconds(2))
    for (let i = 0; i < 100; i++) {
      await lab.setReady('node-1', i % 2 === 0 ? false : true)
      await lab.run(ms(50))
    }
    expect(run.writes.filter((each) => each.startsWith('scale')).length).toBeLessThanOrEqual(7)
    lab.troubles.set('get configmaps', { kind: 'unavailable', code: 503, message: 'away' })
    await lab.setReady('node-1', false)
    const failures = (): number => said(run, /^E/).length
    await lab.run(seconds(60))
    expect(failures()).toBeLessThanOrEqual(7)
  })

  it('--keep-last-good-params goes on with what could be read (CPA-91)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--keep-last-good-params', '--max-sync-failures=2'])
    await lab.run(seconds(1))
    await lab.configMap({ ladder: '{"nodesToReplicas":"five"}' })
    await lab.nodes(2)
    await lab.run(seconds(60))
    expect(await lab.replicas('web')).toBe(5)
    expect(said(run, /Error ensuring controller/).length).toBe(6)
    expect(run.get('/last-poll')).toMatchObject({ status: 500 })
    expect(run.get('/metrics')?.body).toContain('cluster_proportional_autoscaler_parameters_valid 0\n')
    expect(run.ended()).toBe(false)
  })

  it('--ignore-taints leaves nodes out (CPA-92)', async () => {
    const lab = await laboratory(3)
    await lab.nodes(2, { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] })
    lab.autoscale(['--ignore-taints=node-role.kubernetes.io/control-plane:NoSchedule'])
    await lab.run(seconds(1))
    expect(await lab.replicas('web')).toBe(3)
    await lab.kube.patch(Nodes, { name: 'node-4' }, { type: 'merge', body: { spec: { taints: null } } })
    await lab.kube.patch(Nodes, { name: 'node-5' }, { type: 'merge', body: { spec: { taints: null } } })
    await lab.run(seconds(10))
    expect(await lab.replicas('web')).toBe(5)
  })

  it('--emit-events tells of each change with its reasons, and of what is wrong (CPA-93)', async () => {
    const lab = await laboratory()
    lab.autoscale(['--emit-events'])
    await lab.run(seconds(11))
    await lab.configMap({ ladder: '[]' })
    await lab.run(seconds(31))
    const events = (await lab.events()).map(
      ({ involvedObject, type, reason, message, count }) =>
        `${involvedObject.kind}/${involvedObject.name} ${type} ${reason}: ${message} (${count})`,
    )
    expect(events.toSorted()).toEqual([
      'ConfigMap/cpa Warning InvalidParameters: Error syncing configMap with controller: error parsing ladder params: could not parse parameters (json: cannot unmarshal array into Go value of type laddercontroller.ladderParams) (1)',
      'Deployment/web Normal SuccessfulRescale: New size: 3 (was 1); reason: ladder for 3 of 3 nodes schedulable, 6 of 6 cores (1)',
    ])
  })

  it('--leader-elect lets one of two scale, and the other when it is gone (CPA-94)', async () => {
    const lab = await laboratory()
    const flags = ['--leader-elect']
    const first = lab.autoscale(flags)
    await lab.run(seconds(5))
    const second = lab.autoscale(flags)
    await lab.run(minutes(1))
    expect([first.writes, second.writes]).toEqual([['scale deployments/web 3'], []])
    expect(second.get('/healthz')).toMatchObject({ status: 200 })
    expect((await lab.kube.list(Leases, { namespace: 'default' })).items.map(({ metadata: { name } }) => name)).toEqual(
      ['cpa'],
    )
    first.stop.abort()
    expect(await Promise.race([first.code, lab.run(seconds(5)).then(() => first.code)])).toBe(0)
    await lab.nodes(2)
    await lab.run(minutes(1))
    expect(second.writes).toEqual(['scale deployments/web 5'])
  })

  it('a leader that cannot renew ends with 1', async () => {
    const lab = await laboratory()
    const run = lab.autoscale(['--leader-elect'])
    await lab.run(seconds(5))
    lab.away()
    await lab.run(minutes(1))
    expect(await run.code).toBe(1)
  })

  it('counts what it does (CPA-95)', async () => {
    const lab = await laboratory()
    const run = lab.autoscale()
    await lab.run(seconds(1))
    const { body } = run.get('/metrics')!
    for (const line of [
      'cluster_proportional_autoscaler_nodes{state="schedulable"} 3',
      'cluster_proportional_autoscaler_cores{state="total"} 6',
      'cluster_proportional_autoscaler_expected_replicas{mode="ladder"} 3',
      'cluster_proportional_autoscaler_rescales_total{kind="deployment",name="web",direction="up"} 1',
      'cluster_proportional_autoscaler_polls_total{result="success"} 1',
      'cluster_proportional_autoscaler_parameters_valid 1',
    ])
      expect(body.split('\n')).toContain(line)
  })
})
