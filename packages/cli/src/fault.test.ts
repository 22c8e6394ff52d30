import { ApiServer, bootstrap } from '@plimsoll/embedded-kube'
import {
  faultAnnotation,
  faultKinds,
  faultsOf,
  listFaults,
  orderFault,
  type FaultName,
} from '@plimsoll/embedded-cluster'
import { ms, Namespaces, Nodes, Pods } from '@plimsoll/model'
import { SeededRandom, VirtualClock, type KubeApi } from '@plimsoll/ports'
import { beforeEach, describe, expect, it } from 'vitest'
import { faultHelp } from './fault.ts'

let kube: KubeApi
beforeEach(async () => {
  const clock = new VirtualClock({ start: ms(0) })
  const server = new ApiServer({ clock, random: new SeededRandom('fault') })
  bootstrap(server)
  kube = server.client({ name: 'admin', groups: ['system:masters'] }, 'plimsoll')
  for (const name of ['ip-10-0-1-1.ec2.internal', 'ip-10-0-2-1.ec2.internal']) {
    await kube.create(Nodes, {
      metadata: { name },
      spec: { providerID: `aws:///a/i-${name.replaceAll(/[^0-9]/g, '')}` },
    } as never)
  }
  await kube.create(Namespaces, { metadata: { name: 'shop' } })
  await kube.create(Pods, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { containers: [{ name: 'main', image: 'nginx' }] },
  } as never)
})

const perform = (line: string, namespace = 'default'): Promise<readonly string[]> => {
  const [verb = '', ...words] = line.split(' ')
  return orderFault(kube, { verb, words, namespace })
}

describe('plimsoll fault', () => {
  it.each([
    ['not-ready node/ip-10-0-1-1.ec2.internal for=5m', 'node/ip-10-0-1-1.ec2.internal', 'not-ready for=5m'],
    ['lease-loss node/ip-10-0-1', 'node/ip-10-0-1-1.ec2.internal', 'lease-loss'],
    ['disk-pressure i-100212 evict=3', 'node/ip-10-0-2-1.ec2.internal', 'disk-pressure evict=3'],
    ['oom pod/shop/web', 'pod/shop/web', 'oom'],
    ['never-registers group=ng1', 'cloud', 'never-registers group=ng1'],
    ['insufficient-capacity type=t3.medium left=2', 'cloud', 'insufficient-capacity type=t3.medium left=2'],
  ])('%s', async (line, on, text) => {
    expect((await perform(line))[0]).toContain(`${on}: ${text}`)
    expect(await listFaults(kube)).toEqual([{ on, text }])
    expect(await perform('clear')).toEqual([`${on}: ${text} ended`])
    expect(await listFaults(kube)).toEqual([])
  })

  it('keeps what stands there, replaces what is there already, and takes away one place only', async () => {
    await perform('not-ready node/ip-10-0-1')
    await perform('memory-pressure node/ip-10-0-1')
    await perform('not-ready node/ip-10-0-1 for=1m')
    await perform('stuck-terminating pod/web', 'shop')
    const node = await kube.get(Nodes, { name: 'ip-10-0-1-1.ec2.internal' })
    expect(node.metadata.annotations![faultAnnotation]).toBe('memory-pressure, not-ready for=1m')
    await perform('clear node/ip-10-0-1')
    expect(await perform('list')).toEqual(['pod/shop/web  stuck-terminating'])
    expect(await perform('clear cloud')).toEqual(['no faults'])
  })

  it.each([
    ['melts node/ip-10-0-1', /^there is no fault "melts"; there are not-ready, flapping, /],
    ['not-ready', /^not-ready: node or pod is missing, as in `plimsoll fault not-ready node\/NAME`$/],
    ['not-ready node/x', /^there is no node "x"; there are ip-10-0-1-1\.ec2\.internal, ip-10-0-2-1\.ec2\.internal$/],
    ['not-ready node/ip', /^several nodes begin with "ip": /],
    ['not-ready i-0abc', /^no node runs on instance i-0abc$/],
    ['not-ready web', /^"web": node\/NAME, an instance id, pod\/NAME or pod\/NAMESPACE\/NAME is expected$/],
    ['oom node/x', /^oom is no fault of nodes; those are not-ready, /],
    ['oom pod/nope', /^there is no pod "nope" in namespace default; there are none$/],
    ['oom pod/shop/nope', /^there is no pod "nope" in namespace shop; there are web$/],
    ['not-ready node/ip-10-0-1 node/ip-10-0-2', /^one target is expected, not /],
    ['not-ready node/ip-10-0-1 for=ever', /^not-ready: for=ever: a duration above zero, as 30s or 2m is expected$/],
    ['slow-boot node/ip-10-0-1', /^slow-boot is no fault of nodes; those are /],
    ['throttling rate=2', /^throttling: rate=2: a number from 0 to 1 is expected$/],
    ['insufficient-capacity lifecycle=cheap', /lifecycle=cheap: on-demand or spot is expected$/],
  ])('%s is refused in one line', async (line, says) => {
    await expect(perform(line)).rejects.toThrow(says)
    expect(await listFaults(kube)).toEqual([])
  })

  it('its help names every fault with its parameters', () => {
    const help = faultHelp()
    for (const [name, { parameters }] of Object.entries(faultKinds)) {
      expect(help).toContain(`  ${name} `)
      for (const parameter of Object.keys(parameters)) expect(help).toContain(`${parameter}=`)
    }
    const scopes = (['node', 'pod', 'machine', 'cloud'] as const).flatMap((scope) => faultsOf(scope))
    expect(new Set<FaultName>(scopes)).toEqual(new Set(Object.keys(faultKinds)))
  })
})
