import type { Container, Pod } from '@plimsoll/model'
import type { KubeReader } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { ContainerConfigError, containerEnvironment } from './environment.ts'

const facts = { nodeName: 'n', hostIP: '10.0.0.1', podIP: '10.0.0.2', allocatable: { cpu: '4' } }
const pod = { metadata: { name: 'p', namespace: 'd', labels: { app: 'web' } }, spec: { containers: [{ name: 'c' }] } }
/** One ConfigMap, whatever is asked for. */
const kube = { get: () => Promise.resolve({ data: JSON.parse('{"__proto__":"p","a":"b"}') as object }) }

async function environment(container: Partial<Container>): Promise<[string, string][]> {
  const whole = { name: 'c', ...container } as Container
  const { env } = await containerEnvironment(kube as unknown as KubeReader, pod as unknown as Pod, whole, facts)
  return Object.entries(env).filter(([name]) => !/^(HOSTNAME|KUBERNETES_)/.test(name))
}

describe('names that every object has', () => {
  it('are variables like others', async () => {
    const env = [
      { name: '__proto__', value: 'x' },
      { name: 'constructor', value: '$(__proto__) $(toString)' },
    ]
    expect(await environment({ env })).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'x $(toString)'],
    ])
  })

  it('come out of ConfigMaps that have them', async () => {
    expect(await environment({ envFrom: [{ configMapRef: { name: 'm' } }] })).toEqual([
      ['__proto__', 'p'],
      ['a', 'b'],
    ])
    const of = (key: string): Promise<[string, string][]> =>
      environment({ env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'm', key } } }] })
    expect(await of('__proto__')).toEqual([['V', 'p']])
    await expect(of('constructor')).rejects.toThrow(ContainerConfigError)
  })

  it('are no labels of the pod and no resources of the container', async () => {
    const fieldRef = { fieldPath: "metadata.labels['constructor']" }
    expect(await environment({ env: [{ name: 'V', valueFrom: { fieldRef } }] })).toEqual([['V', '']])
    const resourceFieldRef = { resource: 'limits.toString' }
    expect(await environment({ env: [{ name: 'V', valueFrom: { resourceFieldRef } }] })).toEqual([['V', '0']])
  })
})
