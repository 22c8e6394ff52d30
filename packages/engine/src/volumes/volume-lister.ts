import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '@plimsoll/model'

/**
 * What is known of storage, as of now: asked anew for every question. Pods with claims fit everywhere in a snapshot that has
 * no lister; what an absent method would tell restricts nobody.
 */
export interface VolumeLister {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  storageClass(name: string): StorageClass | undefined
  /** The volumes whose class has the name, in any order; those of no class for the empty name. */
  volumesOfClass?(name: string): Iterable<PersistentVolume>
  /** Says how many volumes of a driver the node takes. */
  csiNode?(nodeName: string): CSINode | undefined
  /** Volumes that hang on the node, also those of pods that are gone. */
  attachmentsOn?(nodeName: string): Iterable<VolumeAttachment>
  csiDriver?(name: string): CSIDriver | undefined
  /** Where the drivers say how much room is left for volumes of the class. */
  capacitiesOfClass?(name: string): Iterable<CSIStorageCapacity>
}
