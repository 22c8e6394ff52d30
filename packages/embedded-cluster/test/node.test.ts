import { CSINodes, Deployments, Leases, Nodes, Pods, seconds, type Json, type Node, type Pod } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { deployment, laboratory, machine, type Laboratory } from './laboratory.ts'

/** What a watcher sees of the node: readiness and taints, each state once, with the second in which it came. */
async function watchNode(lab: Laboratory): Promise<string[]> {
  const seen: string[] = []
  const show = (node: Node): string => {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
    const taints = (node.spec.taints ?? []).map((taint) => `${taint.key.split('/')[1]}:${taint.effect}`)
    return `${ready?.status} [${taints.join(' ')}]`
  }
  await lab.kube.watch(
    Nodes,
    {},
    {
      event: (event) => {
        if (event.type === 'BOOKMARK') return
        const text = event.type === 'DELETED' ? 'gone' : show(event.object)
        if (!(seen.at(-1) ?? '').endsWith(text)) seen.push(text)
      },
      end: () => {},
    },
  )
  return seen
}

describe('a machine that is switched on', () => {
  it('becomes a node that is NotReady first and Ready later, with all events in their order', async () => {
    const lab = await laboratory()
    const seen = await watchNode(lab)
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(90))
    expect(seen[0]).toBe('False [uninitialized:NoSchedule not-ready:NoSchedule]')
    expect(seen.at(-1)).toBe('True []')
    const [node] = await lab.nodes()
    expect(node!.status!.conditions!.map((condition) => condition.type)).toEqual([
      'MemoryPressure',
      'DiskPressure',
      'PIDPressure',
      'Ready',
    ])
    expect(node!.metadata.labels).toMatchObject({
      'kubernetes.io/arch': 'amd64',
      'beta.kubernetes.io/os': 'linux',
      'topology.kubernetes.io/zone': 'ap-northeast-2a',
      'failure-domain.beta.kubernetes.io/zone': 'ap-northeast-2a',
      'node.kubernetes.io/instance-type': 't3.medium',
    })
    expect(node!.metadata.annotations).toEqual({
      'alpha.kubernetes.io/provided-node-ip': machine(0).addresses[0]!.address,
      'node.alpha.kubernetes.io/ttl': '0',
      'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    })
    expect(node!.status!.nodeInfo).toMatchObject({ kubeletVersion: 'v1.34.1-eks-113cf36', kubeProxyVersion: '' })
    const reasons = (await lab.events('Node/')).map((event) => event.reason)
    const order = ['Starting', 'NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID']
    const places = [...order, 'NodeAllocatableEnforced', 'Synced', 'NodeReady'].map((reason) => reasons.indexOf(reason))
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places.every((place) => place >= 0)).toBe(true)
    expect(reasons).toContain('RegisteredNode')
    const lease = await lab.kube.get(Leases, { namespace: 'kube-node-lease', name: machine(0).nodeName })
    expect(lease.spec).toMatchObject({ holderIdentity: machine(0).nodeName, leaseDurationSeconds: 40 })
    await lab.kube.get(CSINodes, { name: machine(0).nodeName })
    await lab.cluster.stop()
  })

  it('keeps the order of its states when nothing takes time', async () => {
    const lab = await laboratory({ options: { timing: 'instant' } })
    const seen = await watchNode(lab)
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(6))
    expect(seen[0]).toBe('False [uninitialized:NoSchedule not-ready:NoSchedule]')
    expect(seen.at(-1)).toBe('True []')
    await lab.cluster.stop()
  })

  it('is ready no earlier than its network plugin', async () => {
    const lab = await laboratory({ options: { timing: 'fast' } })
    await lab.apply(daemonSet('aws-node', { readinessProbe: { tcpSocket: { port: 1 }, initialDelaySeconds: 40 } }))
    lab.machines.on(machine(0))
    await lab.apply(deployment('web', 1))
    await lab.clock.runFor(seconds(40))
    const ready = async (): Promise<string | undefined> =>
      (await lab.nodes())[0]?.status?.conditions?.find((condition) => condition.type === 'Ready')?.status
    expect(await ready()).toBe('False')
    const daemons = await lab.pods('app=aws-node')
    expect(daemons.map((pod) => pod.status?.phase)).toEqual(['Running'])
    expect((await lab.pods('app=web'))[0]!.status?.phase).toBe('Pending')
    await lab.clock.runFor(seconds(30))
    expect(await ready()).toBe('True')
    expect((await lab.pods('app=web'))[0]!.status?.phase).toBe('Running')
    await lab.cluster.stop()
  })
})

function daemonSet(name: string, container: object = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          hostNetwork: true,
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'main', image: 'amazon-k8s-cni:v1', ...container }],
        },
      },
    },
  } as unknown as Json
}

describe('a machine that loses power', () => {
  async function running(options = {}): Promise<Laboratory> {
    const lab = await laboratory({ options })
    for (let n = 0; n < 3; n++) lab.machines.on(machine(n))
    await lab.clock.runFor(seconds(90))
    await lab.apply(deployment('web', 3))
    await lab.clock.runFor(seconds(30))
    expect((await lab.pods()).every((pod) => pod.status?.phase === 'Running')).toBe(true)
    return lab
  }

  it('is Ready for up to 50 s, then Unknown, then deleted; its pods follow a minute later', async () => {
    const lab = await running()
    const victim = machine(0)
    const lost = (await lab.pods()).find((pod) => pod.spec.nodeName === victim.nodeName)!
    const key = { namespace: 'default', name: lost.metadata.name }
    const node = (): Promise<Node | undefined> => lab.kube.get(Nodes, { name: victim.nodeName }).catch(() => undefined)
    const died = lab.clock.now()
    lab.machines.off(victim)
    await lab.clock.runFor(seconds(38))
    expect((await node())!.status!.conditions!.at(-1)!.status).toBe('True')
    let unknownAt = 0
    let goneAt = 0
    await lab.kube.watch(
      Nodes,
      { fieldSelector: `metadata.name=${victim.nodeName}` },
      {
        event: (event) => {
          const after = lab.clock.now() - died
          if (event.type === 'DELETED') goneAt = after
          else if (event.type === 'MODIFIED' && event.object.status!.conditions!.at(-1)!.status === 'Unknown') {
            unknownAt ||= after
          }
        },
        end: () => {},
      },
    )
    let podGoneAt = 0
    let last: Pod | undefined
    await lab.kube.watch(
      Pods,
      { fieldSelector: `metadata.name=${lost.metadata.name}` },
      {
        event: (event) => {
          if (event.type === 'DELETED') podGoneAt = lab.clock.now() - died
          if (event.type === 'MODIFIED') last = event.object
        },
        end: () => {},
      },
    )
    await lab.clock.runFor(seconds(130))
    expect(unknownAt).toBeGreaterThan(40_000)
    expect(unknownAt).toBeLessThanOrEqual(55_000)
    expect(goneAt - unknownAt).toBeGreaterThan(0)
    expect(goneAt - unknownAt).toBeLessThanOrEqual(5000)
    expect(podGoneAt - goneAt).toBeGreaterThanOrEqual(40_000)
    expect(podGoneAt - goneAt).toBeLessThanOrEqual(60_000)
    expect(last!.status).toMatchObject({ phase: 'Failed' })
    expect(last!.status!.conditions!.at(-1)).toMatchObject({
      type: 'DisruptionTarget',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
    })
    expect(await lab.kube.get(Pods, key).catch(() => undefined)).toBeUndefined()
    const reasons = (await lab.events(`Node/${victim.nodeName}`)).map((event) => event.reason)
    expect(reasons.slice(-3)).toEqual(['NodeNotReady', 'DeletingNode', 'RemovingNode'])
    // The deployment has its three again, on the nodes that are left.
    const pods = await lab.pods()
    expect(pods.map((pod) => pod.status?.phase)).toEqual(['Running', 'Running', 'Running'])
    await lab.cluster.stop()
  })

  it('waits 40 s only before Kubernetes 1.32', async () => {
    const lab = await running({ kubernetesVersion: 'v1.31.4-eks-1' })
    lab.machines.off(machine(0), 'stopped')
    await lab.clock.runFor(seconds(46))
    const node = await lab.kube.get(Nodes, { name: machine(0).nodeName })
    expect(node.status!.conditions!.at(-1)).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    })
    await lab.cluster.stop()
  })

  it('stays a tainted node when it is only stopped, loses its pods after their tolerations, and comes back', async () => {
    const lab = await running()
    const victim = machine(0)
    const lost = (await lab.pods()).find((pod) => pod.spec.nodeName === victim.nodeName)!
    lab.machines.off(victim, 'stopped')
    await lab.clock.runFor(seconds(70))
    const stopped = await lab.kube.get(Nodes, { name: victim.nodeName })
    expect(stopped.spec.taints!.map((taint) => `${taint.key}:${taint.effect}`).sort()).toEqual([
      'node.cloudprovider.kubernetes.io/shutdown:NoSchedule',
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ])
    await lab.clock.runFor(seconds(300))
    const evicted = await lab.kube.get(Pods, { namespace: 'default', name: lost.metadata.name })
    expect(evicted.metadata.deletionTimestamp).toBeDefined()
    expect((await lab.pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined)).toHaveLength(3)
    lab.machines.on(victim)
    await lab.clock.runFor(seconds(90))
    const back = await lab.kube.get(Nodes, { name: victim.nodeName })
    expect(back.spec.taints).toBeUndefined()
    expect(back.status!.conditions!.at(-1)!.status).toBe('True')
    expect((await lab.events(`Node/${victim.nodeName}`)).map((event) => event.reason)).toContain('Rebooted')
    expect(
      await lab.kube.get(Pods, { namespace: 'default', name: lost.metadata.name }).catch(() => undefined),
    ).toBeUndefined()
    await lab.cluster.stop()
  })

  it('is not noticed while all nodes are lost: nothing is evicted', async () => {
    const lab = await running()
    for (let n = 0; n < 3; n++) lab.machines.off(machine(n), 'stopped')
    await lab.clock.runFor(seconds(600))
    const taints = (await lab.nodes()).flatMap((node) => node.spec.taints ?? [])
    expect(taints.filter((taint) => taint.effect === 'NoExecute')).toEqual([])
    expect((await lab.pods()).filter((pod) => pod.metadata.deletionTimestamp !== undefined)).toEqual([])
    await lab.cluster.stop()
  })
})

describe('a spot node whose end is announced', () => {
  const spot = machine(0, { labels: { ...machine(0).labels, 'eks.amazonaws.com/capacityType': 'SPOT' } })

  it('is drained when EKS manages it, as far as budgets let it', async () => {
    const lab = await laboratory()
    lab.machines.on(spot)
    await lab.clock.runFor(seconds(60))
    await lab.apply(daemonSet('agent'), deployment('web', 2), deployment('api', 1), {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'api' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'api' } } },
    })
    await lab.clock.runFor(seconds(30))
    lab.machines.on(machine(1))
    await lab.clock.runFor(seconds(60))
    lab.machines.notice(spot, 'rebalance')
    await lab.clock.runFor(seconds(30))
    expect((await lab.kube.get(Nodes, { name: spot.nodeName })).spec.unschedulable).toBeUndefined()
    lab.machines.notice(spot, 'spotInterruption')
    await lab.clock.runFor(seconds(60))
    expect((await lab.kube.get(Nodes, { name: spot.nodeName })).spec.unschedulable).toBe(true)
    const left = (await lab.pods()).filter((pod) => pod.spec.nodeName === spot.nodeName)
    expect(left.map((pod) => pod.metadata.labels!['app']).toSorted((a, b) => (a! < b! ? -1 : 1))).toEqual([
      'agent',
      'api',
    ])
    expect((await lab.pods('app=web')).map((pod) => pod.spec.nodeName)).toEqual([
      machine(1).nodeName,
      machine(1).nodeName,
    ])
    await lab.cluster.stop()
  })
})

describe('an instance that gets the address of one that has just gone', () => {
  it('registers when the node of the other is gone', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    lab.machines.on(machine(1))
    await lab.clock.runFor(seconds(60))
    const before = await lab.kube.get(Nodes, { name: machine(0).nodeName })
    lab.machines.off(machine(0))
    const heir = machine(0, { providerId: 'aws:///ap-northeast-2a/i-0aaaaaaaaaaaaaaaa' })
    lab.machines.on(heir)
    await lab.clock.runFor(seconds(40))
    expect((await lab.kube.get(Nodes, { name: heir.nodeName })).metadata.uid).toBe(before.metadata.uid)
    await lab.clock.runFor(seconds(60))
    const after = await lab.kube.get(Nodes, { name: heir.nodeName })
    expect(after.metadata.uid).not.toBe(before.metadata.uid)
    expect(after.spec.providerID).toBe(heir.providerId)
    expect(after.status!.conditions!.at(-1)!.status).toBe('True')
    await lab.cluster.stop()
  })
})

describe('a node that somebody deletes', () => {
  it('stays away while its machine runs on', async () => {
    const lab = await laboratory()
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(60))
    await lab.kube.remove(Nodes, { name: machine(0).nodeName })
    await lab.clock.runFor(seconds(300))
    expect(await lab.nodes()).toEqual([])
    await expect(
      lab.kube.get(Leases, { namespace: 'kube-node-lease', name: machine(0).nodeName }),
    ).rejects.toMatchObject({ failure: 'notFound' })
    await lab.cluster.stop()
  })
})

describe('a quiet cluster', () => {
  it('costs next to no timers', async () => {
    const lab = await laboratory()
    for (let n = 0; n < 6; n++) lab.machines.on(machine(n))
    await lab.apply(deployment('web', 12))
    await lab.clock.runFor(seconds(900))
    const before = lab.clock.fired
    await lab.clock.runFor(seconds(3600))
    expect(lab.clock.fired - before).toBeLessThan(50)
    expect((await lab.nodes()).every((node) => node.status!.conditions!.at(-1)!.status === 'True')).toBe(true)
    await lab.cluster.stop()
  })

  it('writes leases where people look at them', async () => {
    const lab = await laboratory({ options: { heartbeats: 'written' } })
    lab.machines.on(machine(0))
    await lab.clock.runFor(seconds(600))
    const lease = await lab.kube.get(Leases, { namespace: 'kube-node-lease', name: machine(0).nodeName })
    expect(lab.clock.now() - Date.parse(lease.spec.renewTime!)).toBeLessThanOrEqual(10_000)
    await lab.cluster.stop()
  })
})

describe('two runs', () => {
  async function run(seed: string): Promise<string> {
    const lab = await laboratory({ seed })
    for (let n = 0; n < 4; n++) lab.machines.on(machine(n))
    await lab.apply(deployment('web', 9), deployment('api', 4))
    await lab.clock.runFor(seconds(100))
    lab.machines.off(machine(1))
    await lab.kube.patch(
      Deployments,
      { namespace: 'default', name: 'web' },
      { type: 'merge', body: { spec: { replicas: 3 } } },
    )
    await lab.clock.runFor(seconds(400))
    const log = (await lab.events()).map((e) => `${e.lastTimestamp} ${e.metadata.name} ${e.reason} ${e.message}`)
    await lab.cluster.stop()
    return log.join('\n')
  }

  it('with equal seeds are equal byte for byte, with others are not', async () => {
    const first = await run('a')
    expect(await run('a')).toBe(first)
    expect(await run('b')).not.toBe(first)
  })
})

describe('a machine with GPUs', () => {
  it('shows them some time after it is ready', async () => {
    const lab = await laboratory()
    const amounts = { ...machine(0).capacity, 'nvidia.com/gpu': '4' }
    const seen: (string | undefined)[] = []
    lab.machines.on(machine(0, { capacity: amounts, allocatable: amounts }))
    await lab.kube.watch(
      Nodes,
      {},
      {
        event: (event) => {
          if (event.type !== 'MODIFIED') return
          const { allocatable, conditions } = event.object.status!
          if (conditions!.at(-1)!.status === 'True') seen.push(allocatable!['nvidia.com/gpu'] as string | undefined)
        },
        end: () => {},
      },
    )
    await lab.clock.runFor(seconds(180))
    expect(seen[0]).toBeUndefined()
    expect(seen.at(-1)).toBe('4')
    await lab.cluster.stop()
  })
})

describe('scale', () => {
  it('runs thousands of pods on a hundred nodes, without a look at all of them for each', async () => {
    const lab = await laboratory({ options: { timing: 'instant' } })
    for (let n = 0; n < 100; n++) {
      lab.machines.on(machine(n, { allocatable: { cpu: '16', memory: '64Gi', pods: '110' } }))
    }
    await lab.clock.runFor(seconds(10))
    await lab.apply(...Array.from({ length: 3 }, (_, i) => deployment(`web-${i}`, 1000)))
    await lab.clock.runFor(seconds(60))
    const running = (await lab.pods()).filter((pod) => pod.status?.phase === 'Running').length
    expect(running).toBe(3000)
    await lab.cluster.stop()
  })
})
