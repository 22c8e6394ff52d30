// An API server with two nodes on which pods run and end by themselves: enough for controllers of whatever make to work on.
import { ms, Nodes, Pods, timestamp, type Pod } from '@plimsoll/model'
import type { Clock, KubeApi } from '@plimsoll/ports'
import { Informer } from '@plimsoll/runtime'

/** A pod with this annotation ends with that code; one without runs until it is removed. */
export const exitAnnotation = 'exit'
const nodes = ['n0', 'n1']

/** Pods are bound, run, end and go, each step a little after the one before. */
export async function actNodes(kube: KubeApi, clock: Clock, signal: AbortSignal): Promise<void> {
  for (const name of nodes) {
    await kube.create(Nodes, { metadata: { name } })
    await kube.patch(Nodes, { name }, { type: 'merge', body: { spec: { taints: null } } })
  }
  let addresses = 0
  const step = async (pod: Pod): Promise<void> => {
    const { metadata, spec, status } = pod
    if (metadata.deletionTimestamp !== undefined) {
      await kube.remove(Pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } })
    } else if (spec.nodeName === undefined) {
      const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
      const aimed = terms?.[0]?.matchFields?.[0]?.values?.[0]
      const key = { namespace: metadata.namespace, name: metadata.name }
      await kube.bind(key, aimed ?? nodes[addresses % nodes.length]!)
    } else if (status?.phase === 'Pending' && spec.containers[0]!.image !== 'broken:1') {
      await write(pod, { phase: 'Running', ready: true })
    } else if (status?.phase === 'Running' && metadata.annotations?.[exitAnnotation] !== undefined) {
      const code = Number(metadata.annotations[exitAnnotation])
      await write(pod, { phase: code === 0 ? 'Succeeded' : 'Failed', ready: false, code })
    }
  }
  const write = async (
    pod: Pod,
    o: { readonly phase: string; readonly ready: boolean; readonly code?: number },
  ): Promise<void> => {
    const at = timestamp(clock.now())
    const podIP = pod.status?.podIP ?? `10.0.0.${++addresses}`
    const state =
      o.code === undefined ? { running: { startedAt: at } } : { terminated: { exitCode: o.code, finishedAt: at } }
    const status = {
      phase: o.phase,
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: pod.status?.startTime ?? at,
      conditions: [{ type: 'Ready', status: o.ready ? 'True' : 'False', lastTransitionTime: at }],
      containerStatuses: [{ name: 'main', ready: o.ready, restartCount: 0, image: 'x', imageID: 'x', state }],
    }
    await kube.patch(Pods, pod.metadata, { type: 'merge', body: { status } }, { subresource: 'status' })
  }
  const pods = new Informer(kube, Pods, { clock })
  const look = (pod: Pod): void => {
    clock.after(ms(600), () => {
      const current = pods.get(pod.metadata)
      if (current?.metadata.resourceVersion !== pod.metadata.resourceVersion) return
      // Somebody else was quicker: the next event brings us back.
      step(current).catch(() => {})
    })
  }
  pods.subscribe({ added: look, updated: look })
  await pods.start(signal)
}
