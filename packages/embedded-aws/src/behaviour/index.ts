import { autoScalingOperations } from './autoscaling/index.ts'
import { ec2Operations } from './ec2/index.ts'
import { eksOperations } from './eks.ts'
import { iamOperations } from './iam.ts'
import type { OperationTable } from './operation.ts'
import { ssmOperations } from './ssm.ts'
import { stsOperations } from './sts.ts'

/** By service, as in credential scopes. */
export const operations: { readonly [service: string]: OperationTable } = {
  autoscaling: autoScalingOperations,
  ec2: ec2Operations,
  eks: eksOperations,
  iam: iamOperations,
  ssm: ssmOperations,
  sts: stsOperations,
}
