// The manifests of the workshop against the API server that must take them, and the arithmetic that the walkthrough
// rests on: requests are chosen so that 15 nginx pods need exactly three nodes more, however pods are spread.
import { readFileSync } from 'node:fs'
import { ApiServer, bootstrap, type ObjectInput, type RequestContext } from '@plimsoll/embedded-kube'
import { milliValue, ms, type Container, type PodSpec } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

interface Workload extends ObjectInput {
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly spec: PodSpec } }
}

function manifests(name: string): Workload[] {
  const text = readFileSync(new URL(`../../../deploy/workshop/${name}`, import.meta.url), 'utf8')
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as Workload
  })
}

const base = manifests('base.yaml')
const [nginx] = manifests('nginx.yaml')

function requests(spec: PodSpec | undefined, resource: 'cpu' | 'memory'): number {
  return (spec?.containers ?? [])
    .map((container: Container) => container.resources?.requests?.[resource] ?? '0')
    .reduce<number>((sum, text) => sum + milliValue(text), 0)
}

/** An EKS t3.medium. */
const nodes = 3
const nodeMilliCpu = 1930
const groupMax = 6

describe('the workshop', () => {
  it('is taken by the API server, in the order of the file', () => {
    const server = new ApiServer({ clock: new VirtualClock({ start: ms(1.7e12) }), random: new SeededRandom(1) })
    bootstrap(server)
    const context: RequestContext = {
      user: { name: 'admin', groups: ['system:masters'] },
      userAgent: 'test',
      warnings: [],
      inProcess: true,
    }
    for (const object of [...base, nginx!]) {
      const [group, version] = object.apiVersion!.includes('/')
        ? object.apiVersion!.split('/')
        : ['', object.apiVersion!]
      const info = server.registry.findKind(group!, version!, object.kind!)
      expect(info, `${object.apiVersion} ${object.kind}`).toBeDefined()
      server.create(context, info!, info!.namespaced ? (object.metadata?.namespace ?? 'default') : undefined, object)
    }
    expect(context.warnings).toEqual([])
  })

  it('names only service accounts that it brings', () => {
    const accounts = base
      .filter((object) => object.kind === 'ServiceAccount')
      .map((object) => `${object.metadata?.namespace}/${object.metadata?.name}`)
    const missing = base
      .map((object) => [object.metadata?.namespace, object.spec?.template?.spec.serviceAccountName])
      .filter(([, account]) => account !== undefined)
      .map((names) => names.join('/'))
      .filter((account) => !accounts.includes(account))
    expect(missing).toEqual([])
  })

  it('needs exactly three nodes more for 15 nginx pods, however its pods are spread', () => {
    const daemons = base.filter((object) => object.kind === 'DaemonSet')
    const others = base.filter((object) => object.kind === 'Deployment' || object.kind === 'StatefulSet')
    const sum = (objects: readonly Workload[]): number =>
      objects.reduce((cpu, o) => cpu + (o.spec?.replicas ?? 1) * requests(o.spec?.template?.spec, 'cpu'), 0)
    expect({ daemons: sum(daemons), others: sum(others) }).toEqual({ daemons: 190, others: 1000 })

    const one = requests(nginx!.spec?.template?.spec, 'cpu')
    const roomOfNewNode = Math.floor((nodeMilliCpu - sum(daemons)) / one)
    // With and without Cluster Autoscaler's own pod of 100m.
    for (const used of [sum(others), sum(others) + 100]) {
      const free = nodes * (nodeMilliCpu - sum(daemons)) - used
      // Worst and best cut of the free CPU into three nodes.
      const worst = Math.ceil((free - nodes * (one - 1)) / one)
      const best = Math.floor(free / one)
      for (const fitting of [worst, best]) {
        expect(nodes + Math.ceil((15 - fitting) / roomOfNewNode)).toBe(groupMax)
      }
    }
  })

  it('leaves no pod that could never be drained where it should', () => {
    // kube-system pods are only moved under a PodDisruptionBudget; that holds for those of EKS's add-ons.
    const budgets = base
      .filter((object) => object.kind === 'PodDisruptionBudget')
      .map((object) => object.metadata?.name)
    expect(budgets).toEqual(['coredns', 'ebs-csi-controller', 'metrics-server'])
  })
})
