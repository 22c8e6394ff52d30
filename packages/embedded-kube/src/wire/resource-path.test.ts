import { describe, expect, it } from 'vitest'
import { parseResourcePath } from './resource-path.ts'

describe('parseResourcePath', () => {
  it.each([
    ['/api/v1/pods', ['', 'v1', undefined, 'pods', undefined, undefined]],
    ['/api/v1/namespaces', ['', 'v1', undefined, 'namespaces', undefined, undefined]],
    ['/api/v1/namespaces/', ['', 'v1', undefined, 'namespaces', undefined, undefined]],
    ['/api/v1/namespaces/web', ['', 'v1', undefined, 'namespaces', 'web', undefined]],
    ['/api/v1/namespaces/web/status', ['', 'v1', undefined, 'namespaces', 'web', 'status']],
    ['/api/v1/namespaces/web/finalize', ['', 'v1', undefined, 'namespaces', 'web', 'finalize']],
    ['/api/v1/namespaces/web/pods', ['', 'v1', 'web', 'pods', undefined, undefined]],
    ['/api/v1/namespaces/web/pods/a%2Fb', ['', 'v1', 'web', 'pods', 'a/b', undefined]],
    ['/api/v1/namespaces/web/pods/a/log', ['', 'v1', 'web', 'pods', 'a', 'log']],
    ['/apis/apps/v1/namespaces/web/deployments/d/scale', ['apps', 'v1', 'web', 'deployments', 'd', 'scale']],
    ['/apis/karpenter.sh/v1/nodepools/default', ['karpenter.sh', 'v1', undefined, 'nodepools', 'default', undefined]],
  ])('%s', (path, [group, version, namespace, plural, name, subresource]) => {
    expect(parseResourcePath(path)).toEqual({
      group,
      version,
      namespace,
      plural,
      name,
      subresource,
      rest: undefined,
      watch: false,
    })
  })

  it.each(['/', '/healthz', '/api/v1', '/apis/apps', '/apis/apps/v1', '/api/v1//pods', '/logs/x'])(
    '%s addresses no resource',
    (path) => {
      expect(parseResourcePath(path)).toBeUndefined()
    },
  )

  it('knows the old form of a watch', () => {
    const watched = { plural: 'pods', namespace: 'web', watch: true }
    expect(parseResourcePath('/api/v1/watch/namespaces/web/pods')).toMatchObject({ ...watched, name: undefined })
    expect(parseResourcePath('/api/v1/watch/namespaces/web/pods/a')).toMatchObject({ ...watched, name: 'a' })
  })

  it('keeps what follows a subresource', () => {
    expect(parseResourcePath('/api/v1/namespaces/web/pods/a/proxy/x/y')).toMatchObject({
      subresource: 'proxy',
      rest: 'x/y',
    })
  })
})
