import type { Volume } from '@plimsoll/model'

/**
 * Whether two pods on one node cannot both have their disks: the same disk, unless its kind can be shared for reading and
 * both only read (kubernetes/kubernetes:pkg/scheduler/framework/plugins/volumerestrictions, isVolumeConflict).
 */
export function disksConflict(a: Volume, b: Volume): boolean {
  const bothRead = (x: { readonly readOnly?: boolean | undefined }, y: typeof x): boolean =>
    x.readOnly === true && y.readOnly === true
  if (a.awsElasticBlockStore !== undefined && b.awsElasticBlockStore !== undefined) {
    return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID
  }
  if (a.gcePersistentDisk !== undefined && b.gcePersistentDisk !== undefined) {
    return (
      a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName && !bothRead(a.gcePersistentDisk, b.gcePersistentDisk)
    )
  }
  if (a.iscsi !== undefined && b.iscsi !== undefined) {
    return a.iscsi.iqn === b.iscsi.iqn && !bothRead(a.iscsi, b.iscsi)
  }
  if (a.rbd === undefined || b.rbd === undefined || bothRead(a.rbd, b.rbd)) return false
  const { monitors } = b.rbd
  return (
    a.rbd.monitors.some((monitor) => monitors.includes(monitor)) &&
    (a.rbd.pool ?? 'rbd') === (b.rbd.pool ?? 'rbd') &&
    a.rbd.image === b.rbd.image
  )
}
