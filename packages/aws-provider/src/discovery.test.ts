import { describe, expect, it } from 'vitest'
import { parseNodeGroupAutoDiscovery, parseNodeGroupSpecs } from './discovery.ts'

describe('discovery (CA-200 to CA-202)', () => {
  it.each([
    { specs: [], tags: [] },
    {
      specs: ['asg:tag=a,b=c'],
      tags: [
        ['a', undefined],
        ['b', 'c'],
      ],
    },
    {
      specs: ['asg:tag=k8s.io/x/enabled', 'asg:tag=k8s.io/x/enabled=yes,z='],
      tags: [
        ['k8s.io/x/enabled', 'yes'],
        ['z', ''],
      ],
    },
  ])('$specs asks for all of $tags', ({ specs, tags }) => {
    expect(parseNodeGroupAutoDiscovery(specs)).toEqual({ tags: new Map(tags as [string, string | undefined][]) })
  })

  it.each([
    { spec: 'asg', message: 'invalid node group auto discovery spec specified via --node-group-auto-discovery: asg' },
    { spec: 'mig:tag=a', message: 'unsupported discoverer specified: mig' },
    {
      spec: 'asg:name=a',
      message: 'unsupported parameter key "name" is specified for discoverer "asg". The only supported key is "tag"',
    },
    { spec: 'asg:tag=', message: 'tag value not supplied' },
    { spec: 'asg:tag', message: 'invalid key=value pair tag' },
    { spec: 'asg:tag=a,,b', message: 'tag value not supplied: "a,,b" holds an empty tag' },
  ])('$spec is refused', ({ spec, message }) => {
    const path = '--node-group-auto-discovery'
    expect(parseNodeGroupAutoDiscovery([spec])).toEqual({ problems: [{ path, message }] })
  })

  it.each([
    { spec: '1:10:web', group: { name: 'web', minSize: 1, maxSize: 10 } },
    { spec: '0:0:a:b', group: { name: 'a:b', minSize: 0, maxSize: 0 } },
  ])('$spec names a group', ({ spec, group }) => {
    expect(parseNodeGroupSpecs([spec])).toEqual({ explicit: [group] })
  })

  it.each([
    { spec: '1:10', message: 'wrong nodes configuration: 1:10' },
    { spec: 'x:10:a', message: 'failed to set min size: x, expected integer' },
    { spec: '1:x:a', message: 'failed to set max size: x, expected integer' },
    { spec: '-1:1:a', message: 'invalid node group spec: min size must be >= 0' },
    { spec: '2:1:a', message: 'invalid node group spec: max size must be greater or equal to min size' },
    { spec: '1:2:', message: 'invalid node group spec: name must not be blank' },
  ])('$spec is refused', ({ spec, message }) => {
    expect(parseNodeGroupSpecs([spec])).toEqual({
      problems: [{ path: '--nodes', message: `failed to parse node group spec: ${message}` }],
    })
  })
})
