// A claim made ready for provisioning, in the words in which Karpenter refuses
// (kubernetes-sigs/karpenter:pkg/scheduling/dynamicresources/request.go, ValidateClaimRequest).

import type { DeviceClass, ResourceV1ResourceClaim } from '@plimsoll/model'
import { compileClaim, type CompiledClaim } from './compiled-claim.ts'
import { compileSelector } from './selector.ts'

type Claim = ResourceV1ResourceClaim

/** The claim compiled, or why it cannot be. */
export function planClaim(
  claim: Claim,
  classNamed: (name: string) => DeviceClass | undefined,
): CompiledClaim | { readonly problem: string } {
  const problem = constraintProblem(claim) ?? requestProblem(claim, classNamed)
  return problem === undefined ? compileClaim(claim, classNamed) : { problem }
}

function constraintProblem({ metadata, spec }: Claim): string | undefined {
  for (const { matchAttribute, distinctAttribute } of spec.devices?.constraints ?? []) {
    if (matchAttribute !== undefined) continue
    const whose = `claim ${JSON.stringify(metadata.name)}`
    return distinctAttribute === undefined
      ? `${whose}: unsupported constraint type`
      : `${whose}: DistinctAttribute constraints not done yet`
  }
  return undefined
}

function requestProblem(
  { metadata, spec }: Claim,
  classNamed: (name: string) => DeviceClass | undefined,
): string | undefined {
  for (const { name, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    const wanted = exactly === undefined ? firstAvailable : [{ ...exactly, name }]
    const asks = (request: string): string =>
      `claim ${JSON.stringify(metadata.name)} request ${JSON.stringify(request)}`
    if (wanted.length === 0) return `${asks(name)}: only Exactly and FirstAvailable requests are supported`
    for (const { name: own, deviceClassName, selectors = [] } of wanted) {
      const named = `DeviceClass ${JSON.stringify(deviceClassName)}`
      const deviceClass = classNamed(deviceClassName)
      if (deviceClass === undefined) {
        return `${asks(own)}: ${named} not found: deviceclasses.resource.k8s.io ${JSON.stringify(deviceClassName)} not found`
      }
      const unsupported = 'unsupported selector type (only CEL is supported)'
      const ofClass = deviceClass.spec.selectors ?? []
      if (ofClass.some(({ cel }) => cel === undefined)) return `${asks(own)}: ${named} has ${unsupported}`
      if (selectors.some(({ cel }) => cel === undefined)) return `${asks(own)}: ${unsupported}`
      for (const { cel } of [...ofClass, ...selectors]) {
        const { error } = compileSelector(cel!.expression)
        if (error === undefined) continue
        return `${asks(own)}: CEL expression ${JSON.stringify(cel!.expression)} failed to compile: ${error}`
      }
    }
  }
  return undefined
}
