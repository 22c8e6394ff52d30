// What is asked of the controllers, and what there is to see of it afterwards.
import * as model from '@plimsoll/model'
import type { Json, KubeObject, ResourceType } from '@plimsoll/model'
import type { KubeApi } from '@plimsoll/ports'
import { exitAnnotation } from './stage.ts'

type Fields = Record<string, unknown>

const namespace = 'default'
const image = (value: string): readonly Json[] => [
  { op: 'replace', path: '/spec/template/spec/containers/0/image', value },
]

function template(app: string, o: { readonly exit?: string; readonly restartPolicy?: string } = {}): Fields {
  const ports = [{ name: 'http', containerPort: 8080 }]
  return {
    metadata: { labels: { app }, ...(o.exit === undefined ? {} : { annotations: { [exitAnnotation]: o.exit } }) },
    spec: { restartPolicy: o.restartPolicy ?? 'Always', containers: [{ name: 'main', image: 'app:1', ports }] },
  }
}

const claims = [
  {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
]
const failJob = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] }
const indexed = { completionMode: 'Indexed' }

/** Takes about 100 seconds of `sleep`. */
export async function play(kube: KubeApi, sleep: (seconds: number) => Promise<void>): Promise<void> {
  const create = async (type: ResourceType<never>, name: string, spec: Fields, more: Fields = {}): Promise<void> => {
    await kube.create(type, { metadata: { name, namespace, ...more }, spec } as never)
  }
  const workload = (type: ResourceType<never>, app: string, spec: Fields = {}, more: Fields = {}): Promise<void> =>
    create(type, app, { selector: { matchLabels: { app } }, template: template(app), ...spec }, more)
  const job = (name: string, spec: Fields, exit?: string): Promise<void> => {
    const own = template(name, { restartPolicy: 'Never', ...(exit === undefined ? {} : { exit }) })
    return create(model.Jobs as never, name, { template: own, ...spec })
  }
  const change = async (type: ResourceType<never>, name: string, spec: Fields): Promise<void> => {
    await kube.patch(type, { namespace, name }, { type: 'merge', body: { spec } as Json })
  }
  const roll = async (type: ResourceType<never>, name: string, value: string): Promise<void> => {
    await kube.patch(type, { namespace, name }, { type: 'json', body: image(value) })
  }
  const { Deployments, StatefulSets, DaemonSets, ReplicationControllers, Services, Jobs, CronJobs } =
    model as unknown as Record<string, ResourceType<never>>

  const near = { trafficDistribution: 'PreferClose' }
  const named = [{ name: 'http', port: 80, targetPort: 'http' }]
  await create(Services!, 'web', { selector: { app: 'web' }, ports: named, ...near }, { labels: { team: 'x' } })
  await create(Services!, 'db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] })
  await create(Services!, 'none', { selector: { app: 'none' }, ports: [{ port: 1 }] })
  await create(Services!, 'hand', { ports: [{ port: 1 }] })
  await kube.create(model.EndpointsResource, {
    metadata: { name: 'hand', namespace, labels: { l: 'v' } },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 8080 }] }],
  })
  const cause = { annotations: { 'kubernetes.io/change-cause': 'first' } }
  // One pod at a time: how many are found ready together is a matter of time.
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  await workload(Deployments!, 'web', { replicas: 4, revisionHistoryLimit: 2, strategy }, cause)
  await workload(Deployments!, 'rec', { replicas: 2, strategy: { type: 'Recreate' } })
  await workload(Deployments!, 'late', { replicas: 1, progressDeadlineSeconds: 10, minReadySeconds: 3 })
  const nobody = template('nosa')
  await workload(Deployments!, 'nosa', {
    replicas: 3,
    template: { ...nobody, spec: { ...(nobody['spec'] as Fields), serviceAccountName: 'nobody' } },
  })
  await workload(StatefulSets!, 'db', {
    replicas: 3,
    serviceName: 'db',
    minReadySeconds: 1,
    volumeClaimTemplates: claims,
    persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' },
  })
  await workload(DaemonSets!, 'agent', {}, { annotations: { a: 'b' } })
  await create(ReplicationControllers!, 'old', { replicas: 2, selector: { app: 'old' }, template: template('old') })
  await job('ok', { completions: 3, parallelism: 2 }, '0')
  await job('idx', { completions: 4, parallelism: 3, ...indexed }, '0')
  await job('bad', { backoffLimit: 1 }, '3')
  await job('pol', { podFailurePolicy: failJob }, '42')
  await job('per', { completions: 2, parallelism: 2, ...indexed, backoffLimitPerIndex: 0 }, '3')
  await job('susp', { suspend: true }, '0')
  const first = { rules: [{ succeededIndexes: '0' }] }
  await job('suc', { completions: 3, parallelism: 1, ...indexed, successPolicy: first }, '0')
  await job('dead', { activeDeadlineSeconds: 6 })
  const tick = {
    metadata: { labels: { c: 'd' } },
    spec: { template: template('tick', { exit: '0', restartPolicy: 'Never' }) },
  }
  await create(CronJobs!, 'tick', { schedule: '* * * * *', jobTemplate: tick })
  await sleep(25)
  await roll(Deployments!, 'web', 'app:2')
  await roll(Deployments!, 'rec', 'app:2')
  await roll(StatefulSets!, 'db', 'app:2')
  await roll(DaemonSets!, 'agent', 'app:2')
  await roll(Deployments!, 'late', 'broken:1')
  await change(Jobs!, 'susp', { suspend: false })
  await change(ReplicationControllers!, 'old', { replicas: 1 })
  await sleep(30)
  await roll(Deployments!, 'web', 'app:1')
  await roll(StatefulSets!, 'db', 'app:1')
  await roll(DaemonSets!, 'agent', 'app:1')
  await change(Deployments!, 'rec', { paused: true })
  await sleep(25)
  await change(Deployments!, 'web', { replicas: 2 })
  await change(StatefulSets!, 'db', { replicas: 2 })
  await sleep(20)
}

const letters = '[bcdfghjklmnpqrstvwxz2456789]'

/** What differs from run to run is masked; what the letters of a StatefulSet's revision are is not. */
function masked(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(new RegExp(`\\b(web|rec|late|nosa|agent)-${letters}{8,10}\\b`, 'g'), '$1-HASH')
    .replace(/("(pod-template-hash|controller-revision-hash)": ")(?!db)[^"]+/g, '$1HASH')
    .replace(
      new RegExp(
        `\\b(HASH|ok|bad|pol|susp|dead|old|agent|web|db|none|hand|(?:idx|per|suc|tick)-\\d+)-${letters}{5}\\b`,
        'g',
      ),
      '$1-XXXXX',
    )
    .replace(/tick-\d{8}/g, 'tick-MINUTE')
    .replace(/10\.0\.0\.\d+/g, 'IP')
    .replace(/"n[01]"/g, '"NODE"')
    .replace(/"resourceVersion": "\d+"/g, '"resourceVersion": "RV"')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]))
}

/** Events and objects in a fixed order, one text for each resource. */
export async function seen(kube: KubeApi): Promise<Record<string, readonly string[]>> {
  const events = (await kube.list(model.Events)).items.map((event) => {
    const { involvedObject: o, type, reason, source, message, count } = event
    // How often something was tried in vain is a matter of time.
    const times = reason?.startsWith('Failed') === true ? '' : ` x${count}`
    return masked(`${o.kind}/${o.name} ${type} ${reason} [${source?.component}] ${message}${times}`)
  })
  const all: Record<string, readonly string[]> = { events: events.sort() }
  const types = [
    model.Deployments,
    model.ReplicaSets,
    model.StatefulSets,
    model.DaemonSets,
    model.ReplicationControllers,
    model.ControllerRevisions,
    model.Jobs,
    model.CronJobs,
    model.PersistentVolumeClaims,
    model.EndpointSlices,
    model.EndpointsResource,
  ] as readonly ResourceType<KubeObject>[]
  for (const type of types) {
    const texts = (await kube.list(type)).items.map((object) => {
      const { managedFields: _m, uid: _u, creationTimestamp: _c, ...metadata } = object.metadata as unknown as Fields
      // Slices are written whenever something moved, as often as the one who looks happens to look.
      if (type.kind === 'EndpointSlice') delete metadata['generation']
      return masked(`${object.metadata.name} ${JSON.stringify(sorted({ ...object, metadata }), null, 1)}`)
    })
    all[type.plural] = texts.sort()
  }
  return all
}
