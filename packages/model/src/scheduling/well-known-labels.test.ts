import { describe, expect, it } from 'vitest'
import { coreLabels, extendLabelRegistry, isRestrictedLabel, restrictedLabelProblem } from './well-known-labels.ts'

describe('labels that users may not set', () => {
  const cloud = extendLabelRegistry(coreLabels, {
    wellKnown: ['karpenter.k8s.example/instance-family'],
    restrictedDomains: ['karpenter.k8s.example'],
  })
  it.each([
    ['team', false, false],
    ['example.com/team', false, false],
    ['kubernetes.io/custom', false, false],
    ['node.kubernetes.io/custom', false, false],
    ['karpenter.sh/custom', true, true],
    ['sub.karpenter.sh/custom', true, true],
    ['notkarpenter.sh/custom', false, false],
    ['karpenter.sh', false, false],
    ['karpenter.sh/capacity-type', false, false],
    ['karpenter.sh/nodepool', false, false],
    ['kubernetes.io/hostname', true, true],
    ['karpenter.k8s.example/instance-family', false, false],
    ['karpenter.k8s.example/custom', false, true],
  ])('%s: %s, in a cloud of its own domain %s', (key, restricted, inCloud) => {
    expect([isRestrictedLabel(key), isRestrictedLabel(key, cloud)]).toEqual([restricted, inCloud])
  })

  it('says which may be set instead', () => {
    expect(restrictedLabelProblem('team')).toBeUndefined()
    expect(restrictedLabelProblem('karpenter.sh/custom')).toBe(
      'using label karpenter.sh/custom is not allowed as it might interfere with the internal provisioning logic; ' +
        'specify a well known label: [karpenter.sh/capacity-type karpenter.sh/nodepool kubernetes.io/arch ' +
        'kubernetes.io/os node.kubernetes.io/instance-type node.kubernetes.io/windows-build ' +
        'topology.kubernetes.io/region topology.kubernetes.io/zone], or a custom label that does not use a ' +
        'restricted domain: [karpenter.sh]',
    )
  })

  it('leaves the registry that was extended as it was', () => {
    expect(coreLabels.wellKnown.has('karpenter.k8s.example/instance-family')).toBe(false)
    expect(cloud.wellKnown.has('topology.kubernetes.io/zone')).toBe(true)
  })
})
