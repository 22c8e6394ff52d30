import { hex, SeededRandom } from '@plimsoll/ports'

/**
 * The name of the VolumeAttachment of a volume on a node: whoever asks for it and whoever waits for it work it out for
 * themselves. Of upstream's form, `csi-` and 64 digits, though not its SHA-256.
 */
export function attachmentName(volumeHandle: string, driver: string, nodeName: string): string {
  return `csi-${hex(new SeededRandom(`${volumeHandle}${driver}${nodeName}`), 64)}`
}
