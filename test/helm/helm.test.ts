// Helm 3 and 4 take a chart with everything that charts have through its whole life, on the whole house.
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helm, kubectl, type HelmMajor } from '../../tools/clients/clients.ts'
import { liveHouse, type LiveHouse } from '../clients/live-house.ts'

const chart = fileURLToPath(new URL('chart', import.meta.url))

interface Release {
  readonly name: string
  readonly revision: string | number
  readonly status: string
}

describe.concurrent.each<HelmMajor>(['3', '4'])('Helm %s', (major) => {
  let house: LiveHouse
  beforeAll(async () => {
    house = await liveHouse({ programs: { helm: helm(major), kubectl: kubectl('1.35') } })
  })
  afterAll(() => house.close())

  const sh = (script: string): Promise<string> => house.sh(script)
  const field = (object: string, path: string): Promise<string> =>
    sh(`kubectl get -n shop ${object} -o jsonpath='${path}'`)
  const history = async (): Promise<string[]> =>
    (JSON.parse(await sh('helm history shop -n shop -o json')) as Release[]).map(
      ({ revision, status }) => `${revision} ${status}`,
    )

  it('takes a chart through its life', async () => {
    const installed = await sh(`helm install shop ${chart} -n shop --create-namespace --wait --timeout 30s`)
    expect(installed).toContain('STATUS: deployed')
    expect(installed).toContain('The shop is painted blue.')

    // --wait: what was installed is ready when helm says so.
    expect(await field('deployment/shop-web', '{.status.availableReplicas}')).toBe('2')
    expect(await field('statefulset/shop-cache', '{.status.readyReplicas}')).toBe('1')
    // The definition came first, and its defaults were there for the object.
    expect(await field('widget/shop', '{.spec}')).toBe('{"colour":"blue","size":1}')
    expect(await field('configmap/shop-config', '{.data.first} {.data.budgets} {.data.cluster}')).toBe('none true 1.35')
    // Hooks ran one after the other; only the one without hook-succeeded is left.
    expect(await sh(`kubectl get jobs -n shop -o name`)).toBe('job.batch/shop-post-install-0')
    const named = house.requests.flatMap(({ url }) => url.match(/shop-(pre|post)-install-\w+/)?.[0] ?? [])
    expect([...new Set(named)]).toEqual(['shop-pre-install-minus5', 'shop-pre-install-0', 'shop-post-install-0'])

    expect(await sh('helm test shop -n shop --timeout 30s')).toMatch(/Phase: +Succeeded/)

    await sh(`helm upgrade shop ${chart} -n shop --set replicas=3,colour=red,image=nginx:1.28 --wait --timeout 30s`)
    expect(
      await field('deployment/shop-web', '{.status.updatedReplicas} {.spec.template.spec.containers[0].image}'),
    ).toBe('3 nginx:1.28')
    expect(await field('configmap/shop-config', '{.data.colour} {.data.first}')).toBe('red blue')
    expect(await field('widget/shop', '{.spec.colour}')).toBe('red')
    expect(await history()).toEqual(['1 superseded', '2 deployed'])

    await sh('helm rollback shop 1 -n shop --wait --timeout 30s')
    expect(await field('deployment/shop-web', '{.status.replicas} {.spec.template.spec.containers[0].image}')).toBe(
      '2 nginx:1.27',
    )
    expect(await field('configmap/shop-config', '{.data.colour}')).toBe('blue')
    expect(await history()).toEqual(['1 superseded', '2 superseded', '3 deployed'])

    // A change by hand outside of the chart stays; one of what the chart says is undone.
    await sh(
      'kubectl annotate -n shop deployment/shop-web note=mine && kubectl scale -n shop deployment/shop-web --replicas=5',
    )
    const force = major === '4' ? '--force-conflicts' : ''
    await sh(`helm upgrade shop ${chart} -n shop --set replicas=4 ${force} --wait --timeout 30s`)
    expect(await field('deployment/shop-web', '{.spec.replicas} {.metadata.annotations.note}')).toBe('4 mine')

    // A subchart that is switched off goes away.
    await sh(`helm upgrade shop ${chart} -n shop --set cache.enabled=false ${force} --wait --timeout 30s`)
    expect(await sh('kubectl get statefulsets -n shop')).toBe('No resources found in shop namespace.')

    // What never becomes ready is taken back.
    const atomic = major === '4' ? '--rollback-on-failure' : '--atomic'
    const failed = await house.shell(
      `helm upgrade shop ${chart} -n shop --set broken=true ${atomic} ${force} --timeout 3s`,
    )
    expect(failed.code).toBe(1)
    expect(failed.text).toMatch(/UPGRADE FAILED: release shop failed, and has been rolled back/)
    expect((await history()).slice(-2)).toEqual(['6 failed', '7 deployed'])
    expect(await field('deployment/shop-web', '{.spec.template.spec.nodeSelector}')).toBe('')

    const list = JSON.parse(await sh('helm list -A -o json')) as Release[]
    expect(list).toMatchObject([
      { name: 'shop', namespace: 'shop', revision: '7', status: 'deployed', chart: 'shop-0.1.0' },
    ])
    expect(await sh('helm status shop -n shop')).toContain('REVISION: 7')
    expect(await sh('helm get values shop -n shop -o json --revision 2')).toContain('"colour":"red"')
    expect(await sh('helm get manifest shop -n shop')).toContain('kind: PodDisruptionBudget')
    expect(await sh('helm get hooks shop -n shop')).toContain('helm.sh/hook: pre-upgrade')
    expect(await sh('kubectl get secrets -n shop -l owner=helm -o name | wc -l')).toBe('7')

    expect(await sh('helm uninstall shop -n shop --wait --timeout 30s')).toContain('release "shop" uninstalled')
    expect(await sh('kubectl get deployments,services,pdb,widgets,secrets -n shop')).toBe(
      'No resources found in shop namespace.',
    )
    // Definitions out of crds/ stay.
    expect(await sh('kubectl get crd -o name')).toBe(
      'customresourcedefinition.apiextensions.k8s.io/widgets.shop.example.com',
    )
    expect(await sh('helm list -A -q')).toBe('')

    expect(house.requests.filter(({ status }) => status >= 500)).toEqual([])
    // Nobody was refused, and nothing was sent that we cannot read.
    const refused = house.requests.filter(({ status }) => [400, 401, 403, 406, 415, 422].includes(status))
    expect(refused.filter(({ url }) => !url.includes('/namespaces/wrong/'))).toEqual([])
  }, 120_000)

  it('says what is wrong, as helm does', async () => {
    const wrong = await house.shell(
      `helm install wrong ${chart} -n wrong --create-namespace --set colour=green --timeout 10s`,
    )
    expect(wrong.code).toBe(1)
    expect(wrong.text).toMatch(/spec\.colour: Unsupported value: "green": supported values: "blue", "red"/)
    const twice = await house.shell(`helm install wrong ${chart} -n wrong`)
    expect(twice.text).toMatch(/cannot re-?use a name that is still in use/)
    await sh('helm uninstall wrong -n wrong')
    await sh('kubectl create namespace dry')
    const dry = await sh(`helm install dry ${chart} -n dry --dry-run=server`)
    expect(dry).toContain('name: dry-web')
    expect(await sh('kubectl get all -n dry')).toBe('No resources found in dry namespace.')
  }, 60_000)
})
