// The chart cluster-proportional-autoscaler, as Helm 3 and 4 render it, fetch it and keep it installed. What the
// autoscaler then does is tested elsewhere. `cluster-proportional-autoscaler/<case>.yaml` is what `<case>.values.yaml`
// renders: the same objects as upstream's chart 1.1.0 (kubernetes-sigs/cluster-proportional-autoscaler:charts), but for
// the rules that the cases name.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChartServer, type ChartServer } from '../../packages/cli/src/charts/chart-server.ts'
import { readCharts, shippedCharts } from '../../packages/cli/src/charts/chart.ts'
import { deployed } from '../../packages/cli/src/workshop.ts'
import { helm, kubectl, type HelmMajor } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'

const name = 'cluster-proportional-autoscaler'
const chart = join(shippedCharts(), name)
const cases = fileURLToPath(new URL(name, import.meta.url))
const workshopValues = deployed('workshop/cpa-values.yaml')
const { version } = readCharts(shippedCharts()).find((each) => each.name === name)!

const renderings = [
  {
    values: 'ladder',
    rule: 'a ConfigMap of compact JSON; the bindings mean options.namespace (upstream: the release)',
  },
  { values: 'linear', rule: 'keys of the JSON are sorted, numbers stay numbers, other modes are dropped' },
  { values: 'flags', rule: "every flag of upstream's, in upstream's order" },
  { values: 'odd-flags', rule: 'negative counts become 0 or 1, a threshold of 0 is left out, any text is true' },
  { values: 'pod', rule: 'what a pod may be told, and more than one of it' },
  { values: 'empties', rule: 'null, {} and [] are nothing; of two modes null is none (upstream: whichever comes)' },
  { values: 'names', rule: '63 letters at most; without create the account is `default`' },
  { values: 'account', rule: 'the name and annotations of a service account; keys of a ladder in any case' },
  { values: 'elsewhere', rule: 'everything namespaced goes to options.namespace, and the bindings mean it' },
  { values: 'both-one-empty', rule: 'a mode of {} gives way; labels of other types as text; a list of targets' },
  { values: 'default-params', rule: 'ours: --default-params, create in the Role, no ConfigMap' },
  { values: 'default-params-and-config', rule: 'ours: both, and the default as JSON text' },
  { values: 'ours', rule: 'ours: flags, rules of RBAC, labels and annotations; a selector cannot be taken over' },
] as const

const refusals = [
  { when: 'nothing is said', set: {}, says: 'options.target must be specified' },
  { when: 'there is no mode', set: { config: {} }, says: 'A config must be supplied for either ladder mode or linear' },
  {
    when: 'there are two modes',
    set: { config: { ladder: { nodesToReplicas: [[1, 1]] }, linear: { nodesPerReplica: 1 } } },
    says: 'You must supply a config for either ladder mode or linear mode but not both',
  },
  // Upstream renders these, and the target goes to zero.
  ...[
    { when: 'a ladder is {}', ladder: {} },
    { when: 'a ladder is null', ladder: null },
    { when: 'a ladder has no step', ladder: { nodesToReplicas: [], coresToReplicas: null } },
    { when: 'the key of a ladder is misspelt', ladder: { nodeToReplicas: [[1, 1]] } },
  ].map(({ when, ladder }) => ({ when, set: { config: { ladder } }, says: 'config.ladder needs steps in nodesToRep' })),
  {
    when: 'the ladder of the default is {}',
    set: { options: { defaultParams: { ladder: {} } } },
    says: 'options.defaultParams.ladder needs steps',
  },
  ...['{"ladder"', '[1]', '{"mode": {}}', '{"linear": {"min": 1}, "more": {}}'].map((defaultParams) => ({
    when: `the default is ${defaultParams}`,
    set: { options: { defaultParams } },
    says: 'options.defaultParams must hold one of ladder and linear, and nothing else',
  })),
  // Of the schema, each one line. Helm 3 and 4 say it in other words.
  ...[
    { config: 'linear' },
    { config: { ladder: { nodesToReplicas: [[1, 1.5]] } } },
    { config: { linear: { preventSinglePointFailure: 'true' } } },
    { options: { logLevel: { v: 1 } } },
    { options: { ignoreTaints: 'a,b' } },
    { nodeSelector: 'disk=ssd' },
    { tolerations: [], imagePullSecrets: 'registry' },
  ].map((set) => ({
    when: `something is of the wrong type: ${JSON.stringify(set)}`,
    set,
    says: /schema\(s\).*\ncluster-proportional-autoscaler:\n- [^\n]*(Expected: .*, given: |got \w+, want )[^\n]*\n\n?$/,
  })),
] as const

describe.concurrent.each<HelmMajor>(['3', '4'])('Helm %s', (major) => {
  let house: LiveHouse
  let server: ChartServer
  beforeAll(async () => {
    server = await startChartServer(readCharts(shippedCharts()), { port: 0 })
    house = await liveHouse({ programs: { helm: helm(major), kubectl: kubectl('1.35') } })
  })
  afterAll(async () => {
    await house.close()
    await server.close()
  })

  const sh = (script: string): Promise<string> => house.sh(script)
  const write = (file: string, values: unknown): Promise<string> =>
    sh(`cat > ${file} <<'VALUES'\n${JSON.stringify(values)}\nVALUES`)

  it.for(renderings)('renders $values: $rule', async ({ values }, { expect }) => {
    const rendered = await sh(`helm template cpa ${chart} -n ops -f ${cases}/${values}.values.yaml 2>/dev/null`)
    await expect(rendered + '\n').toMatchFileSnapshot(join(cases, `${values}.yaml`))
  })

  it.for(refusals)('refuses when $when', async ({ set, says }, { expect, task }) => {
    const file = `${task.id}.json`
    const isBare = Object.keys(set).length === 0
    await write(file, isBare ? {} : { options: { target: 'deployment/web' }, ...set })
    const target = isBare ? '' : '--set options.target=deployment/web'
    const { code, text } = await house.shell(`helm template cpa ${chart} ${target} -f ${file}`)
    expect(code).toBe(1)
    expect(text).toMatch(says)
  })

  it('lints', async () => {
    for (const values of ['', `-f ${workshopValues}`, `-f ${cases}/ours.values.yaml`]) {
      expect(await sh(`helm lint ${chart} --strict ${values}`)).toContain('1 chart(s) linted, 0 chart(s) failed')
    }
  })

  it('finds and fetches the chart in a repository', async () => {
    await sh(`helm repo add shelf ${server.url} && helm repo update`)
    const found = JSON.parse(await sh('helm search repo shelf/ -o json')) as unknown
    expect(found).toMatchObject([{ name: `shelf/${name}`, version, app_version: 'v1.10.3' }])
    expect(await sh(`helm show values shelf/${name}`)).toBe(readFileSync(join(chart, 'values.yaml'), 'utf8').trim())
    expect(await sh(`helm show readme shelf/${name}`)).toContain('options.target')

    await sh(`helm pull shelf/${name} && mkdir -p pulled && helm pull ${oci()} --plain-http -d pulled`)
    const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')
    const index = await (await fetch(`${server.url}/index.yaml`)).text()
    const [classic, pulled] = ['', 'pulled'].map((folder) => join(house.home, folder, `${name}-${version}.tgz`))
    expect(index).toContain(`digest: ${digest(classic!)}\n`)
    expect(digest(pulled!)).toBe(digest(classic!))

    const unknown = await house.shell(`helm pull ${oci()} --version 9.9.9 --plain-http`)
    expect(unknown.text).toMatch(/not found/)
  })

  const oci = (): string => `${server.url.replace(/^http:/, 'oci:')}/charts/${name}`

  interface Listed {
    readonly items: readonly { readonly kind: string; readonly metadata: { readonly [field: string]: unknown } }[]
  }
  /** What would change if something had been written: generations where there are any, for status is not ours. */
  const written = async (namespace: string, release: string): Promise<Record<string, unknown>> => {
    const kinds = 'deployment,role,rolebinding,configmap,serviceaccount,clusterrole,clusterrolebinding'
    const { items } = JSON.parse(await sh(`kubectl get ${kinds} -n ${namespace} -o json`)) as Listed
    return Object.fromEntries(
      items
        .filter(({ metadata }) => metadata['name'] === release)
        .map(({ kind, metadata }) => [kind, metadata['generation'] ?? metadata['resourceVersion']]),
    )
  }
  const parameters = (namespace: string, release: string): Promise<string> =>
    sh(`kubectl get configmap ${release} -n ${namespace} -o jsonpath='{.data}'`)

  it('keeps a release as the workshop types it', async () => {
    await sh(`helm repo add ${name} ${server.url} && helm repo update`)
    const first = await house.shell(`helm upgrade --install ${name} ${name}/${name}`)
    expect(first.code).toBe(1)
    expect(first.text).toContain('options.target must be specified')

    await sh(`kubectl apply -f ${deployed('workshop/cpa-nginx.yaml')}`)
    const installed = await sh(`helm upgrade --install ${name} -f ${workshopValues} ${name}/${name}`)
    expect(installed).toContain('STATUS: deployed\nREVISION: 1')
    expect(installed).toContain('deployment/nginx-deployment in namespace default follows the size of the cluster')
    expect(await parameters('default', name)).toBe(
      '{"ladder":"{\\"nodesToReplicas\\":[[1,1],[2,2],[3,3],[4,3],[5,5]]}"}',
    )
    const before = await written('default', name)
    expect(Object.keys(before).toSorted()).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'Deployment',
      'Role',
      'RoleBinding',
      'ServiceAccount',
    ])

    // Another configuration is another ConfigMap, and nothing else: no pod starts anew.
    const change = '--set-json config.ladder.nodesToReplicas=[[1,2]]'
    await sh(`helm upgrade ${name} -f ${workshopValues} ${change} ${name}/${name}`)
    const after = await written('default', name)
    expect(await parameters('default', name)).toBe('{"ladder":"{\\"nodesToReplicas\\":[[1,2]]}"}')
    expect({ ...after, ConfigMap: before['ConfigMap'] }).toEqual(before)
    expect(after['ConfigMap']).not.toBe(before['ConfigMap'])

    // Another mode too, and the key of the old one is gone.
    await sh(`helm upgrade ${name} ${name}/${name} --set config.linear.nodesPerReplica=2,options.target=deployment/a`)
    expect(await parameters('default', name)).toBe('{"linear":"{\\"nodesPerReplica\\":2}"}')

    await sh(`helm rollback ${name} 1`)
    expect(await parameters('default', name)).toContain('[5,5]')
    expect(await sh(`kubectl get deployment ${name} -o jsonpath='{.spec.template.spec.containers[0].args}'`)).toContain(
      '--target=deployment/nginx-deployment',
    )
    await sh(`helm uninstall ${name} --wait --timeout 30s`)
    expect(await written('default', name)).toEqual({})
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  }, 60_000)

  it('gives what is needed, where it is needed, and no more', async () => {
    await sh('kubectl create namespace ops && kubectl create namespace shop')
    const set = 'options.target=deployment/web,options.namespace=shop'
    const linear = 'config.linear.nodesPerReplica=1'
    await sh(`helm install cpa ${oci()} --version ${version} --plain-http -n ops --set ${set},${linear}`)
    const user = 'system:serviceaccount:shop:cpa-cluster-proportional-autoscaler'
    /** Of rights written `namespace verb group/resource`, those that the autoscaler has. */
    const granted = async (rights: readonly string[]): Promise<string[]> => {
      const items = rights.map((right) => {
        const [namespace, verb, group, resource, subresource] = right.split(/[ /]/)
        const resourceAttributes = { namespace, verb, group, resource, subresource }
        return {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: { user, groups: ['system:serviceaccounts'], resourceAttributes },
        }
      })
      await write('reviews.json', { apiVersion: 'v1', kind: 'List', items })
      const allowed = await sh(`kubectl create -f reviews.json -o jsonpath='{.status.allowed}/'`)
      expect(allowed.match(/(true|false)\//g)).toHaveLength(rights.length)
      return rights.filter((_, at) => allowed.split('/')[at] === 'true')
    }
    const scaled = ['apps/deployments', 'apps/replicasets', 'apps/statefulsets', '/replicationcontrollers']
    const needed = [
      ' list /nodes',
      ' watch /nodes',
      'shop get /configmaps',
      ...scaled.flatMap((resource) => [`shop get ${resource}/scale`, `shop update ${resource}/scale`]),
    ]
    const optional = [
      'shop create /configmaps',
      ...['create', 'patch'].map((verb) => `shop ${verb} /events`),
      ...['get', 'create', 'update'].map((verb) => `shop ${verb} coordination.k8s.io/leases`),
      'shop update example.com/widgets/scale',
    ]
    const excessive = [
      ' update /nodes',
      'shop update apps/deployments',
      'shop update /configmaps',
      'ops get /configmaps',
      'ops update apps/deployments/scale',
    ]
    const asked = [...needed, ...optional, ...excessive]
    expect(await granted(asked)).toEqual(needed)

    await write('extra.json', {
      config: { linear: null },
      options: { defaultParams: { linear: { nodesPerReplica: 1 } }, emitEvents: true, leaderElect: true },
      rbac: { extraRules: [{ apiGroups: ['example.com'], resources: ['widgets/scale'], verbs: ['update'] }] },
    })
    await sh(`helm upgrade cpa ${oci()} --version ${version} --plain-http -n ops --set ${set} -f extra.json`)
    expect(await granted(asked)).toEqual([...needed, ...optional])
    await sh('helm uninstall cpa -n ops')
    expect(await granted(asked)).toEqual([])
    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
  }, 60_000)
})
