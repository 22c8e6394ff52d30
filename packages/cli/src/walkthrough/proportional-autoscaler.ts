// Chapter 2 of the workshop: Cluster Proportional Autoscaler. Commands are those of the workshop; only the address of the
// chart repository is our own.
import { minutes } from '@plimsoll/model'
import { nodesReady, printed } from './expectations.ts'
import { keepGroupName, resizeGroup } from './node-group.ts'
import type { Chapter, Expectation, Step } from './step.ts'

const chart = 'cluster-proportional-autoscaler/cluster-proportional-autoscaler'

export const proportionalAutoscalerChapter: Chapter = {
  title: 'Cluster Proportional Autoscaler',
  files: {
    'cpa-nginx.yaml': 'workshop/cpa-nginx.yaml',
    'cpa-values.yaml': 'workshop/cpa-values.yaml',
  },
  steps: [
    keepGroupName('The group behind the nodes'),
    {
      title: 'Where the chart comes from',
      command: 'helm repo add cluster-proportional-autoscaler $PLIMSOLL_CHARTS_URL && helm repo update',
      expects: [printed('the repository is known', /Update Complete/)],
    },
    {
      title: 'Nothing is installed without a target',
      command: `helm upgrade --install cluster-proportional-autoscaler ${chart}`,
      expects: [printed('it asks for options.target', /options\.target must be specified/)],
    },
    {
      title: 'What is to follow the size of the cluster: one pod, so far',
      command: 'kubectl apply -f cpa-nginx.yaml',
      expects: [printed('the Deployment is created', /deployment\.apps\/nginx-deployment created/), replicas(1)],
    },
    {
      title: 'By which rules: a ladder from nodes to replicas',
      command: 'cat cpa-values.yaml',
      expects: [printed('four nodes mean three replicas', /\[4, ?3\]/)],
    },
    {
      title: 'Install it',
      command: `helm upgrade --install cluster-proportional-autoscaler -f cpa-values.yaml ${chart}`,
      expects: [printed('deployed', /STATUS: deployed/)],
    },
    {
      title: 'The rules as it reads them',
      command: 'kubectl describe cm cluster-proportional-autoscaler',
      expects: [
        printed('the ladder', /ladder:\n----\n\{"nodesToReplicas":\[\[1,1\],\[2,2\],\[3,3\],\[4,3\],\[5,5\]\]\}/),
      ],
    },
    {
      title: 'Three nodes: three replicas',
      command: 'watch -d kubectl get pod',
      runs: 'repeat',
      expects: [replicas(3)],
    },
    ...resized(5, 5, 'Five nodes: five replicas'),
    {
      title: 'What it did, and from which numbers',
      command: 'kubectl logs deployment/cluster-proportional-autoscaler',
      expects: [
        printed('from 1 to 3', /updating deployment\/nginx-deployment from 1 to 3/),
        printed('from 3 to 5', /updating deployment\/nginx-deployment from 3 to 5/),
      ],
    },
    // Its own pod may be on the node that goes: then another one does what is left to do.
    ...resized(4, 3, 'Four nodes: three replicas'),
  ],
}

function resized(nodes: number, wanted: number, title: string): Step[] {
  return [
    resizeGroup(`Let the group have ${nodes} nodes`, { min: nodes, desired: nodes, max: nodes }),
    {
      title,
      command: 'watch -d kubectl get pod',
      runs: 'repeat',
      expects: [nodesReady(nodes, minutes(10)), replicas(wanted)],
    },
  ]
}

function replicas(wanted: number): Expectation {
  return {
    kind: 'happens',
    says: `${wanted} ${wanted === 1 ? 'replica runs' : 'replicas run'}`,
    within: minutes(3),
    look: async (observer) => {
      const { running, count } = await observer.pods('default', 'app=nginx')
      return { met: running === wanted && count === wanted, now: `${running} of ${count} pods running` }
    },
  }
}
