import { describe, expect, it } from 'vitest'
import { decodeFields, TypeMismatch, unknownCustomFields } from './strict-fields.ts'

const deployment = 'io.k8s.api.apps.v1.Deployment'

describe('decodeFields', () => {
  it('drops unknown fields and names them in the order of the document', () => {
    const sent = {
      spec: { foo: 1, template: { spec: { containers: [{ name: 'a' }, { name: 'b', bar: 2 }] } }, replicas: 2 },
      color: 'red',
    }
    expect(decodeFields(deployment, sent)).toEqual({
      value: { spec: { template: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } }, replicas: 2 } },
      problems: [
        'unknown field "spec.foo"',
        'unknown field "spec.template.spec.containers[1].bar"',
        'unknown field "color"',
      ],
    })
  })

  it('takes any key of a map', () => {
    const sent = { metadata: { labels: { anything: 'x' } }, spec: { selector: { matchLabels: { a: 'b' } } } }
    expect(decodeFields(deployment, sent)).toEqual({ value: sent, problems: [] })
  })

  it.each([
    [
      { spec: { replicas: 'x' } },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { spec: { paused: 1 } },
      'json: cannot unmarshal number into Go struct field DeploymentSpec.spec.paused of type bool',
    ],
    [
      { metadata: { labels: { a: true } } },
      'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels.a of type string',
    ],
  ])('%j', (sent, message) => {
    expect(() => decodeFields(deployment, sent)).toThrow(new TypeMismatch(message))
  })

  it('takes a null in a list for the zero value', () => {
    const sent = { metadata: { finalizers: [null] }, spec: { template: { spec: { containers: [null] } } } }
    expect(decodeFields(deployment, sent).value).toEqual({
      metadata: { finalizers: [''] },
      spec: { template: { spec: { containers: [{}] } } },
    })
  })

  it('holds quantities as text and refuses what is none', () => {
    const pod = (cpu: unknown): object => ({ spec: { containers: [{ name: 'a', resources: { requests: { cpu } } }] } })
    expect(decodeFields('io.k8s.api.core.v1.Pod', pod(1) as never).value).toEqual(pod('1'))
    expect(() => decodeFields('io.k8s.api.core.v1.Pod', pod('much') as never)).toThrow(/quantities must match/)
  })

  it('refuses a malformed time', () => {
    const sent = { metadata: { creationTimestamp: 'yesterday' } }
    expect(() => decodeFields(deployment, sent)).toThrow(/^parsing time "yesterday"/)
  })
})

describe('unknownCustomFields', () => {
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer' },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          tags: { type: 'object', additionalProperties: { type: 'object', properties: { a: { type: 'string' } } } },
          list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
        },
      },
    },
  }
  it('names what the schema does not know, sorted', () => {
    const object = {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', nom: 'w' },
      spec: { zzz: 1, size: 1, free: { x: 1 }, tags: { t: { a: '', b: '' } }, list: [{ c: 1 }] },
    }
    expect(unknownCustomFields(schema, object)).toEqual([
      'unknown field "metadata.nom"',
      'unknown field "spec.list[0].c"',
      'unknown field "spec.tags.t.b"',
      'unknown field "spec.zzz"',
    ])
  })
})
