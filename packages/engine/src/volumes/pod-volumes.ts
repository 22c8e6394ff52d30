import type { Pod, Volume } from '@plimsoll/model'

/** A volume of a pod that scheduling looks at: a claim, or a disk named in the pod itself. */
export type PodVolume =
  | {
      readonly kind: 'claim'
      /** The name of the claim, in the pod's namespace. */
      readonly name: string
      /** Whether the claim is made for this pod alone, and named after it. */
      readonly isEphemeral: boolean
    }
  | { readonly kind: 'disk'; readonly source: Volume }

const none: readonly PodVolume[] = []

export function podVolumes(pod: Pod): readonly PodVolume[] {
  const { volumes } = pod.spec
  if (volumes === undefined) return none
  let found: PodVolume[] | undefined
  for (const volume of volumes) {
    const one = podVolume(pod, volume)
    if (one !== undefined) (found ??= []).push(one)
  }
  return found ?? none
}

function podVolume(pod: Pod, volume: Volume): PodVolume | undefined {
  if (volume.persistentVolumeClaim !== undefined) {
    return { kind: 'claim', name: volume.persistentVolumeClaim.claimName, isEphemeral: false }
  }
  if (volume.ephemeral !== undefined) {
    return { kind: 'claim', name: `${pod.metadata.name}-${volume.name}`, isEphemeral: true }
  }
  const isDisk = volume.awsElasticBlockStore ?? volume.gcePersistentDisk ?? volume.iscsi ?? volume.rbd
  return isDisk === undefined ? undefined : { kind: 'disk', source: volume }
}

/** Different for pods that differ in what scheduling looks at. */
export function volumeWords(pod: Pod): string {
  let text = ''
  for (const volume of podVolumes(pod)) {
    if (volume.kind === 'disk') text += `\u0004w${JSON.stringify(volume.source)}`
    // A claim for one pod must be owned by it.
    else text += `\u0004v${volume.name}${volume.isEphemeral ? `\u0005${pod.metadata.uid}` : ''}`
  }
  return text
}
