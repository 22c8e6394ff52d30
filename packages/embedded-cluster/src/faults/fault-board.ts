// Where faults stand written, so that `kubectl annotate` does what the command line does: on the node or pod itself, or,
// for machines that are to start and for the cloud, on a ConfigMap.
import {
  ConfigMaps,
  Nodes,
  Pods,
  type ConfigMap,
  type Json,
  type KubeObject,
  type ObjectKey,
  type ResourceType,
} from '@plimsoll/model'
import { isKubeFailure, type KubeApi } from '@plimsoll/ports'
import { faultsOf, faultText, parseFaults, type Fault, type FaultName } from './fault.ts'

/** On nodes and pods (also in pod templates), and as a tag on instances. */
export const faultAnnotation = 'plimsoll.dev/fault'
export const faultBoard: ObjectKey & { readonly namespace: string } = {
  namespace: 'kube-system',
  name: 'plimsoll-faults',
}

export type FaultTarget =
  | { readonly kind: 'object'; readonly type: ResourceType<KubeObject>; readonly key: ObjectKey }
  | { readonly kind: 'board' }

export interface PlacedFault {
  /** `node/NAME`, `pod/NAMESPACE/NAME`, or `cloud` for what stands on the board. */
  readonly on: string
  readonly text: string
}

type BoardEntry = { readonly key: string; readonly fault: Fault } | { readonly key: string; readonly problem: string }

/** One fault each key, in the order of the keys. */
export function boardFaults(board: ConfigMap | undefined): readonly BoardEntry[] {
  const data = board?.data ?? {}
  return Object.keys(data)
    .sort()
    .map((key): BoardEntry => {
      const name = data[key]!.trim().split(/\s+/)[0]!
      const parsed = parseFaults(data[key]!, faultsOf('cloud').includes(name as FaultName) ? 'cloud' : 'machine')
      if ('problem' in parsed) return { key, problem: parsed.problem }
      const [fault, another] = parsed.faults
      if (fault === undefined || another !== undefined) return { key, problem: 'one fault is expected under each key' }
      return { key, fault }
    })
}

/** Adds a fault to what stands there; one of the same name is replaced. @throws {KubeError} notFound */
export async function placeFault(kube: KubeApi, target: FaultTarget, fault: Fault): Promise<void> {
  if (target.kind === 'board') {
    const data = { [boardKey(fault)]: faultText(fault) }
    try {
      await kube.patch(ConfigMaps, faultBoard, { type: 'merge', body: { data } })
    } catch (error) {
      if (!isKubeFailure(error, 'notFound')) throw error
      await kube.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: faultBoard, data } as never)
    }
    return
  }
  const texts = await annotated(kube, target)
  const others = texts.filter((text) => text.split(/\s+/)[0] !== fault.name)
  await annotate(kube, target, [...others, faultText(fault)])
}

/** Takes faults away; all when none is named. Returns the texts of those that stood there. */
export async function withdrawFaults(
  kube: KubeApi,
  target: FaultTarget,
  faults?: readonly Fault[],
): Promise<readonly string[]> {
  const gone = faults === undefined ? undefined : new Set(faults.map(faultText))
  const goes = (text: string): boolean => gone === undefined || gone.has(normal(text))
  try {
    if (target.kind === 'board') {
      const { data = {} } = await kube.get(ConfigMaps, faultBoard)
      const leaving = Object.entries(data).filter(([, text]) => goes(text))
      if (leaving.length === 0) return []
      const body = { data: Object.fromEntries(leaving.map(([key]) => [key, null])) }
      await kube.patch(ConfigMaps, faultBoard, { type: 'merge', body })
      return leaving.map(([, text]) => text)
    }
    const texts = await annotated(kube, target)
    const staying = texts.filter((text) => !goes(text))
    if (staying.length < texts.length) await annotate(kube, target, staying)
    return texts.filter(goes)
  } catch (error) {
    if (!isKubeFailure(error, 'notFound')) throw error
    return []
  }
}

/** All faults of the cluster: nodes by name, then pods, then the board. */
export async function listFaults(kube: KubeApi): Promise<readonly PlacedFault[]> {
  const placed: PlacedFault[] = []
  const add = (on: string, object: KubeObject): void => {
    for (const text of split(object.metadata.annotations?.[faultAnnotation])) placed.push({ on, text })
  }
  for (const node of (await kube.list(Nodes)).items) add(`node/${node.metadata.name}`, node)
  for (const pod of (await kube.list(Pods)).items) add(`pod/${pod.metadata.namespace}/${pod.metadata.name}`, pod)
  const board = await kube.get(ConfigMaps, faultBoard).catch((error: unknown) => {
    if (!isKubeFailure(error, 'notFound')) throw error
    return undefined
  })
  for (const key of Object.keys(board?.data ?? {}).sort()) placed.push({ on: 'cloud', text: board!.data![key]! })
  return placed
}

async function annotated(kube: KubeApi, target: FaultTarget & { readonly kind: 'object' }): Promise<readonly string[]> {
  return split((await kube.get(target.type, target.key)).metadata.annotations?.[faultAnnotation])
}

async function annotate(
  kube: KubeApi,
  target: FaultTarget & { readonly kind: 'object' },
  texts: readonly string[],
): Promise<void> {
  const value = texts.length === 0 ? null : texts.join(', ')
  const body: Json = { metadata: { annotations: { [faultAnnotation]: value } } }
  await kube.patch(target.type, target.key, { type: 'merge', body })
}

function split(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(/[,;]/)
    .map(normal)
    .filter((part) => part !== '')
}

function normal(text: string): string {
  return text.trim().split(/\s+/).join(' ')
}

/** One fault of one place stands under one key: `insufficient-capacity.t3.medium.spot`. */
function boardKey(fault: Fault): string {
  const where = ['group', 'type', 'zone', 'lifecycle', 'service', 'operation'].flatMap((p) => fault.parameters[p] ?? [])
  return [fault.name, ...where].join('.').replace(/[^-._a-zA-Z0-9]/g, '-')
}
