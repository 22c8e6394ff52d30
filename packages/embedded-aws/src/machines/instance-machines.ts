import { own, type NodeAddress, type Taint } from '@plimsoll/model'
import type { Machine, Machines, MachineSink, Mishap, Subscription } from '@plimsoll/ports'
import { podAddressesMax } from '../catalogue/instance-type.ts'
import type { Cloud } from '../state/cloud.ts'
import type { NodegroupRecord } from '../state/clusters.ts'
import type { InstanceRecord } from '../state/instances.ts'
import { resourcesOf, kubeletVersion } from './kubelet-facts.ts'

/** EC2's instances that belong to an EKS cluster, as the machines of its kubelets. */
export class InstanceMachines implements Machines {
  readonly #cloud: Cloud

  constructor(cloud: Cloud) {
    this.#cloud = cloud
  }

  watch(sink: MachineSink): Subscription {
    const { instances } = this.#cloud
    for (const record of instances.all()) if (record.state === 'running') this.#started(record, sink)
    const stopNotices = instances.onNotice((record, notice) => sink.noticed?.(providerId(record), notice.kind))
    const stopChanges = instances.onChange((record, before) => {
      if (record.state === 'running') this.#started(record, sink)
      else if (before === 'running')
        sink.halted(providerId(record), record.state === 'stopping' ? 'stopped' : 'terminated')
      else if (record.state === 'shutting-down' && before === 'stopping') sink.halted(providerId(record), 'terminated')
      if (record.state === 'terminated') sink.vanished?.(providerId(record))
    })
    return {
      stop: () => {
        stopChanges()
        stopNotices()
      },
    }
  }

  state(id: string): 'pending' | 'running' | 'stopped' | 'missing' {
    const record = this.#cloud.instances.get(id.slice(id.lastIndexOf('/') + 1))
    switch (record?.state) {
      case undefined:
      case 'terminated':
        return 'missing'
      case 'pending':
        return 'pending'
      case 'stopped':
        return 'stopped'
      case 'running':
      case 'stopping':
      case 'shutting-down':
        return 'running'
    }
  }

  befall(id: string, mishap: Mishap): void {
    const { instances } = this.#cloud
    const record = instances.get(id.slice(id.lastIndexOf('/') + 1))
    if (record === undefined) return
    switch (mishap.kind) {
      case 'terminate':
        return instances.vanish(record.id)
      case 'stop':
        if (record.state === 'running') instances.stop(record.id)
        return
      case 'spotInterruption':
        return instances.interrupt(record.id, mishap.notice, mishap.rebalance)
      case 'retirement':
        return instances.retire(record.id, mishap.after)
    }
  }

  #started(record: InstanceRecord, sink: MachineSink): void {
    const machine = this.#machine(record)
    if (machine !== undefined) sink.started(machine)
  }

  /** Undefined for an instance that no cluster knows: nobody starts a kubelet on it. */
  #machine(record: InstanceRecord): Machine | undefined {
    const { clusters, groups, images, region } = this.#cloud
    const group = groups.groupOfInstance(record.id)
    const nodegroup = group === undefined ? undefined : clusters.nodegroupOfGroup(group.name)
    const clusterName = nodegroup?.clusterName ?? clusterOfTags(record)
    const cluster = clusterName === undefined ? undefined : clusters.clusters.get(clusterName)
    if (cluster === undefined) return undefined
    const { described, type } = record
    const image = images.images.get(described.ImageId!)
    const name = image?.Name ?? ''
    const family = name.includes('al2023') ? 'al2023' : name.startsWith('amazon-eks-') ? 'al2' : 'other'
    const zone = described.Placement!.AvailabilityZone!
    return {
      providerId: providerId(record),
      nodeName: described.PrivateDnsName!,
      addresses: addressesOf(record),
      labels: {
        'beta.kubernetes.io/instance-type': type.name,
        'failure-domain.beta.kubernetes.io/region': region,
        'failure-domain.beta.kubernetes.io/zone': zone,
        'k8s.io/cloud-provider-aws': fingerprint(cluster.arn!),
        'node.kubernetes.io/instance-type': type.name,
        'topology.k8s.aws/zone-id': described.Placement!.AvailabilityZoneId!,
        'topology.kubernetes.io/region': region,
        'topology.kubernetes.io/zone': zone,
        ...(nodegroup === undefined ? {} : nodegroupLabels(nodegroup, record)),
      },
      taints: taintsOf(nodegroup),
      ...resourcesOf(type, nodegroup?.described.diskSize ?? undefined),
      architecture: type.architecture,
      ...systemOf(family, type.architecture),
      kubeletVersion: kubeletVersion(nodegroup?.described.version ?? cluster.version!),
      imageFamily: family,
      tags: Object.fromEntries((described.Tags ?? []).map((tag) => [tag.Key!, tag.Value ?? ''])),
      podAddressesMax: podAddressesMax(type),
    }
  }
}

function providerId(record: InstanceRecord): string {
  return `aws:///${record.described.Placement!.AvailabilityZone!}/${record.id}`
}

function clusterOfTags(record: InstanceRecord): string | undefined {
  for (const tag of record.described.Tags ?? []) {
    if (tag.Key === 'eks:cluster-name' || tag.Key === 'eks:eks-cluster-name') return tag.Value
    if (tag.Key!.startsWith('kubernetes.io/cluster/')) return tag.Key!.slice('kubernetes.io/cluster/'.length)
  }
  return undefined
}

function addressesOf(record: InstanceRecord): NodeAddress[] {
  const { described } = record
  const internal = described.PrivateDnsName!
  return [
    { type: 'InternalIP', address: described.PrivateIpAddress! },
    ...(described.PublicIpAddress === undefined ? [] : [{ type: 'ExternalIP', address: described.PublicIpAddress }]),
    { type: 'InternalDNS', address: internal },
    { type: 'Hostname', address: internal },
    ...(described.PublicIpAddress === undefined ? [] : [{ type: 'ExternalDNS', address: described.PublicDnsName! }]),
  ]
}

function nodegroupLabels(nodegroup: NodegroupRecord, record: InstanceRecord): { [key: string]: string } {
  const { described } = nodegroup
  const version = (record.described.Tags ?? []).find((tag) => tag.Key === 'aws:ec2launchtemplate:version')?.Value
  return {
    'eks.amazonaws.com/capacityType': described.capacityType ?? 'ON_DEMAND',
    'eks.amazonaws.com/nodegroup': described.nodegroupName!,
    'eks.amazonaws.com/nodegroup-image': record.described.ImageId!,
    'eks.amazonaws.com/sourceLaunchTemplateId': described.launchTemplate?.id ?? '',
    'eks.amazonaws.com/sourceLaunchTemplateVersion': version ?? described.launchTemplate?.version ?? '1',
    ...described.labels,
  }
}

const effects: { readonly [effect: string]: string } = {
  NO_SCHEDULE: 'NoSchedule',
  NO_EXECUTE: 'NoExecute',
  PREFER_NO_SCHEDULE: 'PreferNoSchedule',
}

function taintsOf(nodegroup: NodegroupRecord | undefined): Taint[] {
  return (nodegroup?.described.taints ?? []).map((taint) => ({
    key: taint.key!,
    ...(taint.value === undefined ? {} : { value: taint.value }),
    effect: own(effects, taint.effect!) ?? 'NoSchedule',
  }))
}

function systemOf(
  family: Machine['imageFamily'],
  architecture: Machine['architecture'],
): Pick<Machine, 'osImage' | 'kernelVersion' | 'containerRuntimeVersion'> {
  const cpu = architecture === 'arm64' ? 'aarch64' : 'x86_64'
  if (family === 'al2')
    return {
      osImage: 'Amazon Linux 2',
      kernelVersion: `5.10.245-241.978.amzn2.${cpu}`,
      containerRuntimeVersion: 'containerd://1.7.29',
    }
  return {
    osImage: 'Amazon Linux 2023.9.20251208',
    kernelVersion: `6.12.58-82.121.amzn2023.${cpu}`,
    containerRuntimeVersion: 'containerd://2.1.5',
  }
}

/** 32 hexadecimal digits that stand for a cluster, as the cloud provider's label does. */
function fingerprint(text: string): string {
  let digits = ''
  for (let part = 0; part < 4; part++) {
    let h = 0x811c9dc5 ^ part
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
    digits += (h >>> 0).toString(16).padStart(8, '0')
  }
  return digits
}
