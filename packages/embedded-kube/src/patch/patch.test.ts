import { describe, expect, it } from 'vitest'
import type { Fields } from '../object.ts'
import { schemaNamed } from '../schema-table.ts'
import { jsonPatch } from './json-patch.ts'
import { mergePatch } from './merge-patch.ts'
import { strategicMergePatch } from './strategic-merge-patch.ts'

const podSpec = schemaNamed('io.k8s.api.core.v1.PodSpec')!
const deploymentSpec = schemaNamed('io.k8s.api.apps.v1.DeploymentSpec')!
const meta = schemaNamed('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')!
const budgetSpec = schemaNamed('io.k8s.api.policy.v1.PodDisruptionBudgetSpec')!

describe('strategicMergePatch', () => {
  const containers = (...names: string[]): Fields => ({ containers: names.map((name) => ({ name, image: name })) })
  it.each([
    {
      when: 'a container is named, only it changes',
      schema: podSpec,
      target: { containers: [{ name: 'a', image: 'x', args: ['1'] }, { name: 'b' }] },
      patch: { containers: [{ name: 'a', image: 'y', args: ['2'] }] },
      result: { containers: [{ name: 'a', image: 'y', args: ['2'] }, { name: 'b' }] },
    },
    {
      when: 'a list has no merge key, it is replaced',
      schema: podSpec,
      target: { tolerations: [{ key: 'a' }] },
      patch: { tolerations: [{ key: 'b' }] },
      result: { tolerations: [{ key: 'b' }] },
    },
    {
      when: 'an element is deleted',
      schema: podSpec,
      target: containers('a', 'b', 'c'),
      patch: { containers: [{ $patch: 'delete', name: 'b' }] },
      result: containers('a', 'c'),
    },
    {
      when: 'a list is replaced by directive',
      schema: podSpec,
      target: containers('a', 'b'),
      patch: { containers: [{ name: 'c', image: 'c' }, { $patch: 'replace' }] },
      result: containers('c'),
    },
    {
      when: 'an order is set, what only the server has keeps its place',
      schema: podSpec,
      target: containers('a', 'b', 'c'),
      patch: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'd' }, { name: 'a' }],
        containers: [{ name: 'd', image: 'd' }],
      },
      result: containers('b', 'c', 'd', 'a'),
    },
    {
      when: 'only an order is sent',
      schema: podSpec,
      target: containers('a', 'b'),
      patch: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
      result: containers('b', 'a'),
    },
    {
      when: 'keys are retained',
      schema: deploymentSpec,
      target: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
      patch: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      result: { strategy: { type: 'Recreate' } },
    },
    {
      when: 'finalizers are a set',
      schema: meta,
      target: { finalizers: ['a', 'b'] },
      patch: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c', 'b'] },
      result: { finalizers: ['c', 'b'] },
    },
    {
      when: 'a null comes for a label',
      schema: meta,
      target: { labels: { a: '1', b: '2' } },
      patch: { labels: { a: null, c: null } },
      result: { labels: { b: '2' } },
    },
    {
      when: 'a map is deleted by directive',
      schema: podSpec,
      target: { affinity: { nodeAffinity: {} }, hostname: 'x' },
      patch: { affinity: { $patch: 'delete' } },
      result: { hostname: 'x' },
    },
    {
      when: 'a map is replaced by directive',
      schema: podSpec,
      target: { nodeSelector: { a: '1' } },
      patch: { nodeSelector: { $patch: 'replace', b: '2' } },
      result: { nodeSelector: { b: '2' } },
    },
    {
      when: 'a field is replaced by strategy',
      schema: budgetSpec,
      target: { selector: { matchLabels: { a: '1' } } },
      patch: { selector: { matchLabels: { b: '2' } } },
      result: { selector: { matchLabels: { b: '2' } } },
    },
    {
      when: 'a port is known by its number alone',
      schema: podSpec,
      target: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'TCP' }] }] },
      patch: { containers: [{ name: 'a', ports: [{ containerPort: 80, name: 'http' }] }] },
      result: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }] }] },
    },
  ])('$when', ({ schema, target, patch, result }) => {
    const before = structuredClone(target)
    expect(strategicMergePatch(target, patch as Fields, schema)).toEqual(result)
    expect(target).toEqual(before)
  })

  it('refuses an element without its key', () => {
    expect(() => strategicMergePatch({}, { containers: [{ image: 'x' }] }, podSpec)).toThrow(
      'does not contain declared merge key: name',
    )
  })
})

describe('jsonPatch', () => {
  const document = { a: { b: [1, 2, 3] }, 'x/y': 1 }
  it.each([
    { operation: { op: 'add', path: '/a/b/1', value: 9 }, result: { a: { b: [1, 9, 2, 3] }, 'x/y': 1 } },
    { operation: { op: 'add', path: '/a/b/-', value: 9 }, result: { a: { b: [1, 2, 3, 9] }, 'x/y': 1 } },
    { operation: { op: 'remove', path: '/a/b/0' }, result: { a: { b: [2, 3] }, 'x/y': 1 } },
    { operation: { op: 'replace', path: '/x~1y', value: 2 }, result: { a: { b: [1, 2, 3] }, 'x/y': 2 } },
    { operation: { op: 'move', from: '/x~1y', path: '/c' }, result: { a: { b: [1, 2, 3] }, c: 1 } },
    { operation: { op: 'copy', from: '/a/b/0', path: '/c' }, result: { a: { b: [1, 2, 3] }, 'x/y': 1, c: 1 } },
    { operation: { op: 'test', path: '/a/b', value: [1, 2, 3] }, result: document },
    { operation: { op: 'remove', path: '/a/b/-1' }, result: { a: { b: [1, 2] }, 'x/y': 1 } },
    { operation: { op: 'replace', path: '/c', value: 1 }, result: { ...document, c: 1 } },
    { operation: { op: 'copy', from: '/c', path: '/d' }, result: { ...document, d: null } },
  ])('$operation.op $operation.path', ({ operation, result }) => {
    expect(jsonPatch(document, [operation])).toEqual(result)
  })

  it.each([
    { operation: { op: 'remove', path: '/nope/more' }, failure: 'invalid' },
    { operation: { op: 'remove', path: '/c' }, failure: 'invalid' },
    { operation: { op: 'test', path: '/x~1y', value: 2 }, failure: 'invalid' },
    { operation: { op: 'add', path: '/a/b/7', value: 2 }, failure: 'invalid' },
    { operation: { op: 'replace', path: '/a/b/x', value: 2 }, failure: 'invalid' },
    { operation: { op: 'frob', path: '/a' }, failure: 'invalid' },
    { operation: { op: 'add', path: '', value: 1 }, failure: 'invalid' },
    { operation: 5, failure: 'badRequest' },
  ])('refuses $operation.op $operation.path', ({ operation, failure }) => {
    expect(() => jsonPatch(document, [operation])).toThrow(expect.objectContaining({ failure }))
  })
})

describe('mergePatch', () => {
  it('follows RFC 7386', () => {
    expect(mergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null, e: { f: null } }, d: [2] })).toEqual({
      a: { c: 2, e: {} },
      d: [2],
    })
  })
})
