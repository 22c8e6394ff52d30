import type * as Ssm from '@aws-sdk/client-ssm'
import { failure, requiredMember } from '../state/failure.ts'
import type { Cloud } from '../state/cloud.ts'
import { page } from '../state/page.ts'
import type { Operation, OperationTable } from './operation.ts'

function parameter(cloud: Cloud, name: string): Ssm.Parameter | undefined {
  const own = cloud.parameters.get(name)
  const value = own?.value ?? cloud.images.parameter(name)
  if (value === undefined) return undefined
  const account = own === undefined ? '' : cloud.accountId
  return {
    Name: name,
    Type: (own?.type ?? 'String') as Ssm.ParameterType,
    Value: value,
    Version: own?.version ?? 1,
    LastModifiedDate: new Date(cloud.clock.now()),
    ARN: `arn:aws:ssm:${cloud.region}:${account}:parameter${name.startsWith('/') ? '' : '/'}${name}`,
    DataType: value.startsWith('ami-') ? 'aws:ec2:image' : 'text',
  }
}

const getParameter: Operation<Ssm.GetParameterCommandInput, Ssm.GetParameterCommandOutput> = (cloud, input) => {
  const found = parameter(cloud, requiredMember(input.Name, 'name'))
  // AWS says nothing more than the code.
  if (found === undefined) throw failure('ParameterNotFound', '')
  return { Parameter: found }
}

const getParameters: Operation<Ssm.GetParametersCommandInput, Ssm.GetParametersCommandOutput> = (cloud, input) => {
  const names = requiredMember(input.Names, 'names')
  const found = names.map((name) => parameter(cloud, name))
  return {
    Parameters: found.filter((p) => p !== undefined),
    InvalidParameters: names.filter((_, index) => found[index] === undefined),
  }
}

const getParametersByPath: Operation<Ssm.GetParametersByPathCommandInput, Ssm.GetParametersByPathCommandOutput> = (
  cloud,
  input,
) => {
  const path = requiredMember(input.Path, 'path').replace(/\/$/, '')
  const known = [...cloud.images.parameters.keys(), ...cloud.parameters.keys()]
  const names = known.filter((name) => {
    const rest = name.startsWith(`${path}/`) ? name.slice(path.length + 1) : undefined
    return rest !== undefined && (input.Recursive === true || !rest.includes('/'))
  })
  const { items, nextToken } = page(names.toSorted(), {
    token: input.NextToken,
    size: input.MaxResults,
    sizeMax: 10,
    invalidToken: 'InvalidNextToken',
  })
  return {
    Parameters: items.map((name) => parameter(cloud, name)!),
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  }
}

const putParameter: Operation<Ssm.PutParameterCommandInput, Ssm.PutParameterCommandOutput> = (cloud, input) => {
  const name = requiredMember(input.Name, 'name')
  const old = cloud.parameters.get(name)
  if (name.startsWith('/aws')) throw failure('AccessDeniedException', `No access to reserved parameter name: ${name}.`)
  if (old !== undefined && input.Overwrite !== true)
    throw failure(
      'ParameterAlreadyExists',
      'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
    )
  const version = (old?.version ?? 0) + 1
  cloud.parameters.set(name, { value: requiredMember(input.Value, 'value'), version, type: input.Type ?? 'String' })
  return { Version: version, Tier: 'Standard' }
}

const deleteParameter: Operation<Ssm.DeleteParameterCommandInput, Ssm.DeleteParameterCommandOutput> = (
  cloud,
  input,
) => {
  if (!cloud.parameters.delete(requiredMember(input.Name, 'name'))) throw failure('ParameterNotFound', '')
  return {}
}

export const ssmOperations: OperationTable = {
  DeleteParameter: deleteParameter,
  GetParameter: getParameter,
  GetParameters: getParameters,
  GetParametersByPath: getParametersByPath,
  PutParameter: putParameter,
}
