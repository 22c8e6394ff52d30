// Chapter 1 of the workshop: Cluster Autoscaler. Commands are those of the workshop; the manifest that it downloads
// is the one under deploy/.
import { minutes, seconds } from '@plimsoll/model'
import { nodesReady, printed } from './expectations.ts'
import { keepGroupName, resizeGroup, sizes, sizesCommand, sizesQuery } from './node-group.ts'
import type { Chapter } from './step.ts'

const instancesQuery =
  "Reservations[*].Instances[*].{PrivateIPAdd:PrivateIpAddress,InstanceName:Tags[?Key=='Name']|[0].Value,Status:State.Name}"

export const clusterAutoscalerChapter: Chapter = {
  title: 'Cluster Autoscaler',
  files: {
    'cluster-autoscaler-autodiscover.yaml': 'cluster-autoscaler/cluster-autoscaler-autodiscover.yaml',
    'nginx.yaml': 'workshop/nginx.yaml',
  },
  steps: [
    {
      title: 'The instances carry the tags by which Cluster Autoscaler will find their group',
      command:
        'aws ec2 describe-instances --filters Name=tag:Name,Values=$CLUSTER_NAME-ng1-Node --query "Reservations[*].Instances[*].Tags[*]" --output yaml',
      aws: {
        ask: (aws, env) =>
          aws.call('ec2', 'DescribeInstances', {
            Filters: [{ Name: 'tag:Name', Values: [`${env['CLUSTER_NAME']}-ng1-Node`] }],
          }),
        query: 'Reservations[*].Instances[*].Tags[*]',
      },
      expects: [
        printed('the tag k8s.io/cluster-autoscaler/enabled', /k8s\.io\/cluster-autoscaler\/enabled/),
        printed('the tag k8s.io/cluster-autoscaler/myeks', /k8s\.io\/cluster-autoscaler\/myeks/),
      ],
    },
    {
      title: 'Their Auto Scaling Group may not grow yet',
      command: sizesCommand,
      aws: { ask: (aws) => aws.call('autoscaling', 'DescribeAutoScalingGroups', {}), query: sizesQuery },
      expects: [printed('min 3, max 3, desired 3', sizes(3, 3, 3))],
    },
    keepGroupName('Keep its name'),
    resizeGroup('Let it grow to six', { min: 3, desired: 3, max: 6 }),
    {
      title: 'See that it may',
      command: sizesCommand,
      aws: { ask: (aws) => aws.call('autoscaling', 'DescribeAutoScalingGroups', {}), query: sizesQuery },
      expects: [printed('min 3, max 6, desired 3', sizes(3, 6, 3))],
    },
    {
      title: 'Name the cluster in the manifest',
      command: 'sed -i "s/<YOUR CLUSTER NAME>/$CLUSTER_NAME/g" cluster-autoscaler-autodiscover.yaml',
      expects: [],
    },
    {
      title: 'Install Cluster Autoscaler',
      command: 'kubectl apply -f cluster-autoscaler-autodiscover.yaml',
      expects: [
        printed('the Deployment is created', /deployment\.apps\/cluster-autoscaler created/),
        {
          kind: 'happens',
          says: 'its pod runs',
          within: minutes(2),
          look: async (observer) => {
            const { running, count } = await observer.pods('kube-system', 'app=cluster-autoscaler')
            return { met: running === 1, now: `${running} of ${count} pods running` }
          },
        },
      ],
    },
    {
      title: 'There it is',
      command: 'kubectl get pod -n kube-system | grep cluster-autoscaler',
      expects: [printed('1/1 Running', /cluster-autoscaler-\S+\s+1\/1\s+Running/)],
    },
    {
      title: 'It looks for groups by their tags',
      command: 'kubectl describe deployments.apps -n kube-system cluster-autoscaler | grep node-group-auto-discovery',
      expects: [
        printed(
          'both tags, with the name of the cluster',
          /asg:tag=k8s\.io\/cluster-autoscaler\/enabled,k8s\.io\/cluster-autoscaler\/myeks/,
        ),
      ],
    },
    {
      title: 'Keep it from evicting itself',
      command:
        'kubectl -n kube-system annotate deployment.apps/cluster-autoscaler cluster-autoscaler.kubernetes.io/safe-to-evict="false"',
      expects: [printed('annotated', /deployment\.apps\/cluster-autoscaler annotated/)],
    },
    {
      title: 'The nodes before',
      command: 'kubectl get nodes -w',
      runs: 'follow',
      expects: [nodesReady(3, minutes(1))],
    },
    {
      title: 'The instances before',
      command: `aws ec2 describe-instances --query "${instancesQuery}" --filters Name=instance-state-name,Values=running --output text`,
      aws: {
        ask: (aws) =>
          aws.call('ec2', 'DescribeInstances', { Filters: [{ Name: 'instance-state-name', Values: ['running'] }] }),
        query: instancesQuery,
      },
      expects: [printed('three running', /(running[\s\S]*){3}/)],
    },
    {
      title: 'An application of one pod: 500m CPU and 512Mi',
      command: 'kubectl apply -f nginx.yaml',
      expects: [
        printed('the Deployment is created', /deployment\.apps\/nginx-to-scaleout created/),
        {
          kind: 'happens',
          says: 'its pod runs',
          within: minutes(2),
          look: async (observer) => {
            const { running } = await observer.pods('default', 'app=nginx')
            return { met: running === 1, now: `${running} of 1 pods running` }
          },
        },
      ],
    },
    {
      title: 'One of one',
      command: 'kubectl get deployment/nginx-to-scaleout',
      expects: [printed('1/1', /nginx-to-scaleout\s+1\/1/)],
    },
    {
      title: 'Fifteen of them do not fit on three nodes',
      command: 'kubectl scale --replicas=15 deployment/nginx-to-scaleout && date',
      expects: [
        printed('scaled', /deployment\.apps\/nginx-to-scaleout scaled/),
        {
          kind: 'happens',
          says: 'some pods find no node (FailedScheduling)',
          within: minutes(1),
          look: async (observer) => {
            const failed = [...observer.eventsSeen].some((event) => event.startsWith('FailedScheduling: '))
            const { unschedulable, count } = await observer.pods('default', 'app=nginx')
            return { met: failed, now: `${unschedulable} of ${count} pods find no node` }
          },
        },
        {
          kind: 'happens',
          says: 'Cluster Autoscaler answers (TriggeredScaleUp)',
          within: minutes(2),
          look: async (observer) => {
            const triggered = [...observer.eventsSeen].find((event) => event.startsWith('TriggeredScaleUp: '))
            return { met: triggered !== undefined, now: triggered ?? 'no scale-up yet' }
          },
        },
      ],
    },
    {
      title: 'The pods wait for their nodes, and run',
      command: 'kubectl get pods -l app=nginx -o wide --watch',
      runs: 'follow',
      expects: [
        nodesReady(6, minutes(5)),
        {
          kind: 'happens',
          says: 'all 15 pods run',
          within: minutes(3),
          look: async (observer) => {
            const { running } = await observer.pods('default', 'app=nginx')
            return { met: running === 15, now: `${running} of 15 pods running` }
          },
        },
      ],
    },
    {
      title: 'What Cluster Autoscaler thought',
      command: 'kubectl -n kube-system logs -f deployment/cluster-autoscaler',
      runs: 'follow',
      shows: /Best option|Estimated|Final scale-up plan|[Ss]etting (asg|group)|unschedulable$/,
      expects: [printed('its plan: three nodes to six', /Final scale-up plan: .*3->6/)],
    },
    {
      title: 'Six nodes',
      command: 'kubectl get nodes',
      expects: [printed('six times Ready', /(?:\sReady\s[\s\S]*){6}/)],
    },
    {
      title: 'The group has followed',
      command: sizesCommand,
      aws: { ask: (aws) => aws.call('autoscaling', 'DescribeAutoScalingGroups', {}), query: sizesQuery },
      expects: [printed('min 3, max 6, desired 6', sizes(3, 6, 6))],
    },
    {
      title: 'Nobody needs them any more',
      command: 'kubectl delete -f nginx.yaml && date',
      expects: [printed('deleted', /deployment\.apps "nginx-to-scaleout" deleted/)],
    },
    {
      title: 'Ten minutes later the three idle nodes are taken away',
      command: 'watch -d kubectl get node',
      runs: 'repeat',
      expects: [
        {
          kind: 'happens',
          says: 'idle nodes are marked (taint DeletionCandidateOfClusterAutoscaler)',
          within: minutes(3),
          look: async (observer) => ({
            met: observer.taintsSeen.has('DeletionCandidateOfClusterAutoscaler'),
            now: 'no node is marked yet',
          }),
        },
        {
          kind: 'happens',
          says: 'they are closed (taint ToBeDeletedByClusterAutoscaler)',
          within: minutes(15),
          look: async (observer) => ({
            met: observer.taintsSeen.has('ToBeDeletedByClusterAutoscaler'),
            now: 'a node must stay unneeded for ten minutes',
          }),
        },
        {
          kind: 'happens',
          says: 'three nodes are left',
          // A node that was looked at while its last pod ended is not looked at again for five minutes.
          within: minutes(12),
          look: async (observer) => {
            const { count, ready } = await observer.nodes()
            return { met: count === 3 && ready === 3, now: `${count} nodes` }
          },
        },
        {
          kind: 'happens',
          says: 'the group wants three',
          within: seconds(30),
          look: async (observer) => {
            const { desired } = await observer.group()
            return { met: desired === 3, now: `desired ${desired}` }
          },
        },
      ],
    },
    {
      title: 'Back where it began',
      command: sizesCommand,
      aws: { ask: (aws) => aws.call('autoscaling', 'DescribeAutoScalingGroups', {}), query: sizesQuery },
      expects: [printed('min 3, max 6, desired 3', sizes(3, 6, 3))],
    },
  ],
}
