// Words that the storage controllers, the scheduler and drivers leave on claims and volumes for each other
// (kubernetes/component-helpers:storage/volume/helpers.go).

export const bindCompleted = 'pv.kubernetes.io/bind-completed'
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
export const provisionedBy = 'pv.kubernetes.io/provisioned-by'
export const selectedNode = 'volume.kubernetes.io/selected-node'
/** Who is to make the volume; the second is how it was called before. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'
export const defaultClass = 'storageclass.kubernetes.io/is-default-class'

export const ebsDriver = 'ebs.csi.aws.com'
/** The in-tree plugin, whose volumes the driver took over. */
export const ebsInTree = 'kubernetes.io/aws-ebs'
