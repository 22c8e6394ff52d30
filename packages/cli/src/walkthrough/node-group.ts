// How chapters look at the Auto Scaling Group behind the nodes, and change it.
import { printed } from './expectations.ts'
import type { Step } from './step.ts'

const clusterFilter = "Tags[? (Key=='eks:cluster-name') && Value=='myeks']"
const groupsOfCluster: string = `AutoScalingGroups[? ${clusterFilter}]`
export const sizesQuery: string = `${groupsOfCluster}.[AutoScalingGroupName, MinSize, MaxSize,DesiredCapacity]`
export const sizesCommand: string = `aws autoscaling describe-auto-scaling-groups --query "${sizesQuery}" --output table`

export function keepGroupName(title: string): Step {
  return {
    title,
    command: `export ASG_NAME=$(aws autoscaling describe-auto-scaling-groups --query "${groupsOfCluster}.AutoScalingGroupName" --output text) && echo $ASG_NAME`,
    aws: {
      ask: (aws) => aws.call('autoscaling', 'DescribeAutoScalingGroups', {}),
      query: `${groupsOfCluster}.AutoScalingGroupName | [0]`,
      assigns: 'ASG_NAME',
    },
    expects: [printed('a name like eks-ng1-<uuid>', /eks-ng1-[0-9a-f-]{36}/)],
  }
}

export function resizeGroup(
  title: string,
  { min, desired, max }: { readonly min: number; readonly desired: number; readonly max: number },
): Step {
  return {
    title,
    command: `aws autoscaling update-auto-scaling-group --auto-scaling-group-name \${ASG_NAME} --min-size ${min} --desired-capacity ${desired} --max-size ${max}`,
    aws: {
      ask: (aws, env) =>
        aws.call('autoscaling', 'UpdateAutoScalingGroup', {
          AutoScalingGroupName: env['ASG_NAME'],
          MinSize: min,
          DesiredCapacity: desired,
          MaxSize: max,
        }),
    },
    expects: [],
  }
}

/** The three numbers in this order, whatever the output format puts between them. */
export function sizes(min: number, max: number, desired: number): RegExp {
  return new RegExp(`\\b${min}[\\s|,]+${max}[\\s|,]+${desired}\\b`)
}
