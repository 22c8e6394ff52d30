import {
  ConfigMaps,
  PersistentVolumeClaims,
  PersistentVolumes,
  Secrets,
  VolumeAttachments,
  type Pod,
} from '@plimsoll/model'
import { isKubeFailure, type KubeReader } from '@plimsoll/ports'
import { attachmentName } from '../machinery/attachment-name.ts'

/** The pod's volumes that a driver has not attached to the node, in the pod's order. */
export async function unattachedVolumes(kube: KubeReader, pod: Pod, nodeName: string): Promise<readonly string[]> {
  const missing: string[] = []
  for (const { name, persistentVolumeClaim, ephemeral } of pod.spec.volumes ?? []) {
    const claimName =
      persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${pod.metadata.name}-${name}`)
    if (claimName !== undefined && !(await isAttached(kube, pod, claimName, nodeName))) missing.push(name)
  }
  return missing
}

async function isAttached(kube: KubeReader, pod: Pod, claimName: string, nodeName: string): Promise<boolean> {
  try {
    const claim = await kube.get(PersistentVolumeClaims, { namespace: pod.metadata.namespace, name: claimName })
    if (claim.status?.phase !== 'Bound') return false
    const volume = await kube.get(PersistentVolumes, { name: claim.spec.volumeName! })
    const csi = volume.spec?.csi
    if (csi === undefined) return true
    const name = attachmentName(csi.volumeHandle, csi.driver, nodeName)
    return (await kube.get(VolumeAttachments, { name })).status?.attached === true
  } catch (error) {
    if (!isKubeFailure(error, 'notFound')) throw error
    return false
  }
}

/** What the kubelet says of the first volume whose ConfigMap or Secret is not there; undefined when all can be mounted. */
export async function missingVolume(kube: KubeReader, pod: Pod): Promise<string | undefined> {
  for (const volume of pod.spec.volumes ?? []) {
    for (const { kind, name } of wantedBy(volume)) {
      try {
        const key = { namespace: pod.metadata.namespace, name }
        await (kind === 'configmap' ? kube.get(ConfigMaps, key) : kube.get(Secrets, key))
      } catch (error) {
        if (!isKubeFailure(error, 'notFound')) throw error
        return `MountVolume.SetUp failed for volume "${volume.name}" : ${kind} "${name}" not found`
      }
    }
  }
  return undefined
}

type Wanted = { readonly kind: 'configmap' | 'secret'; readonly name: string }

function wantedBy(volume: NonNullable<Pod['spec']['volumes']>[number]): Wanted[] {
  const wanted: Wanted[] = []
  const add = (kind: Wanted['kind'], name: string | undefined, optional: boolean | undefined): void => {
    // The API server's certificates are given by the embedded cluster itself.
    if (name !== undefined && optional !== true && name !== 'kube-root-ca.crt') wanted.push({ kind, name })
  }
  add('configmap', volume.configMap?.name, volume.configMap?.optional)
  add('secret', volume.secret?.secretName, volume.secret?.optional)
  for (const source of volume.projected?.sources ?? []) {
    add('configmap', source.configMap?.name, source.configMap?.optional)
    add('secret', source.secret?.name, source.secret?.optional)
  }
  return wanted
}
