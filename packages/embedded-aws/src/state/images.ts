import type * as Ec2 from '@aws-sdk/client-ec2'
import { failure } from './failure.ts'
import type { Ids } from './ids.ts'

/** The account from which AWS publishes EKS images. */
const eksImageOwner = '602401143452'

export type EksImageVariant = 'al2023' | 'al2'

/** The release of the images that we publish: the suffix of their names and their creation date. */
const imageRelease = { name: 'v20251209', date: '2025-12-09T18:41:27.000Z', deprecation: '2027-12-09T18:41:27.000Z' }

/** AMIs, and the public SSM parameters that point at the recommended ones. */
export class Images {
  readonly images: Map<string, Ec2.Image> = new Map()
  readonly parameters: Map<string, string> = new Map()
  readonly #ids: Ids

  constructor(ids: Ids) {
    this.#ids = ids
  }

  /** The EKS image for a Kubernetes version (`1.35`), published on first use together with its parameters. */
  eks(o: {
    readonly version: string
    readonly architecture: 'x86_64' | 'arm64'
    readonly variant?: EksImageVariant
  }): Ec2.Image {
    const { version, architecture, variant = 'al2023' } = o
    const name =
      variant === 'al2023'
        ? `amazon-eks-node-al2023-${architecture}-standard-${version}-${imageRelease.name}`
        : `amazon-eks${architecture === 'arm64' ? '-arm64' : ''}-node-${version}-${imageRelease.name}`
    const known = [...this.images.values()].find((image) => image.Name === name)
    if (known !== undefined) return known
    const image: Ec2.Image = {
      ImageId: this.#ids.resource('ami'),
      Name: name,
      Description: `EKS-optimized Kubernetes node based on ${variant === 'al2023' ? 'Amazon Linux 2023' : 'Amazon Linux 2'}, (k8s: ${version})`,
      ImageLocation: `amazon/${name}`,
      ImageType: 'machine',
      ImageOwnerAlias: 'amazon',
      OwnerId: eksImageOwner,
      Architecture: architecture,
      PlatformDetails: 'Linux/UNIX',
      UsageOperation: 'RunInstances',
      VirtualizationType: 'hvm',
      Hypervisor: 'xen',
      EnaSupport: true,
      SriovNetSupport: 'simple',
      State: 'available',
      Public: true,
      RootDeviceName: '/dev/xvda',
      RootDeviceType: 'ebs',
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: {
            DeleteOnTermination: true,
            Encrypted: false,
            SnapshotId: this.#ids.resource('snap'),
            VolumeSize: 20,
            VolumeType: 'gp3',
          },
        },
      ],
      BootMode: architecture === 'arm64' ? 'uefi' : 'uefi-preferred',
      CreationDate: imageRelease.date,
      DeprecationTime: imageRelease.deprecation,
      Tags: [],
    }
    this.images.set(image.ImageId!, image)
    this.#publish(image, version, architecture, variant)
    return image
  }

  /** @throws InvalidAMIID.NotFound */
  image(id: string): Ec2.Image {
    const image = this.images.get(id)
    if (image === undefined) throw failure('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`)
    return image
  }

  /** A parameter's value; the images of a Kubernetes version are published when they are first asked for. */
  parameter(name: string): string | undefined {
    const al2023 = /^\/aws\/service\/eks\/optimized-ami\/(1\.\d+)\/amazon-linux-2023\/(x86_64|arm64)\/standard\//.exec(
      name,
    )
    if (al2023 !== null) this.eks({ version: al2023[1]!, architecture: al2023[2] as 'x86_64' | 'arm64' })
    const al2 = /^\/aws\/service\/eks\/optimized-ami\/(1\.\d+)\/amazon-linux-2(-arm64)?\//.exec(name)
    // Amazon Linux 2 images end with Kubernetes 1.32.
    if (al2 !== null && Number(al2[1]!.slice(2)) <= 32)
      this.eks({ version: al2[1]!, architecture: al2[2] === undefined ? 'x86_64' : 'arm64', variant: 'al2' })
    return this.parameters.get(name)
  }

  #publish(image: Ec2.Image, version: string, architecture: string, variant: EksImageVariant): void {
    const base = `/aws/service/eks/optimized-ami/${version}`
    const folder =
      variant === 'al2023'
        ? `${base}/amazon-linux-2023/${architecture}/standard`
        : `${base}/amazon-linux-2${architecture === 'arm64' ? '-arm64' : ''}`
    const release = releaseVersion(version)
    for (const which of ['recommended', image.Name!]) {
      this.parameters.set(`${folder}/${which}/image_id`, image.ImageId!)
      this.parameters.set(`${folder}/${which}/image_name`, image.Name!)
      this.parameters.set(`${folder}/${which}/release_version`, release)
      this.parameters.set(
        `${folder}/${which}`,
        JSON.stringify({
          schema_version: '2',
          image_id: image.ImageId,
          image_name: image.Name,
          release_version: release,
        }),
      )
    }
  }
}

/** `1.35.0-20251209` */
export function releaseVersion(version: string): string {
  return `${version}.0-${imageRelease.name.slice(1)}`
}
