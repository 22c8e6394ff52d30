import { parseQuantity, type Ms } from '@plimsoll/model'
import { fieldsOf, isFields, listOf, type Fields, type StoredObject } from '../../object.ts'
import { ageOf, humanDuration } from '../human-duration.ts'
import {
  ageCell,
  at,
  columns,
  conditionOf,
  none,
  numberAt,
  scalarText,
  selectorCell,
  textAt,
  type Cell,
  type Printer,
} from './printer.ts'

export const services: Printer = {
  columns: columns('Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', '*Selector'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object.spec, ['type']),
    clusterIp(object),
    externalIp(object),
    servicePorts(object),
    ageCell(object, now),
    selectorCell(at(object.spec, 'selector')),
  ],
}

function clusterIp(service: StoredObject): string {
  const [first] = listOf(service.spec?.['clusterIPs'])
  return first === undefined ? textAt(service.spec, ['clusterIP'], none) : scalarText(first)
}

function externalIp(service: StoredObject): string {
  const given = listOf(service.spec?.['externalIPs']).map(String)
  switch (service.spec?.['type']) {
    case 'LoadBalancer': {
      const ingress = listOf(at(service.status, 'loadBalancer', 'ingress'))
      const balancers = ingress.map((entry) => textAt(entry, ['ip'], textAt(entry, ['hostname'])))
      const all = [...new Set(balancers.filter((text) => text !== ''))].toSorted()
      if (given.length > 0) return [...all, ...given].join(',')
      return all.length === 0 ? '<pending>' : all.join(',')
    }
    case 'ExternalName':
      return textAt(service.spec, ['externalName'])
    default:
      return given.length === 0 ? none : given.join(',')
  }
}

function servicePorts(service: StoredObject): string {
  const ports = listOf(service.spec?.['ports']).map((port) => {
    const nodePort = numberAt(port, 'nodePort')
    const outside = nodePort > 0 ? `:${nodePort}` : ''
    return `${numberAt(port, 'port')}${outside}/${textAt(port, ['protocol'], 'TCP')}`
  })
  return ports.length === 0 ? none : ports.join(',')
}

export const endpoints: Printer = {
  columns: columns('Name', 'Endpoints', 'Age'),
  cells: (object, now) => {
    const all = listOf(object['subsets']).flatMap((subset) => {
      const addresses = listOf(subset['addresses']).map((address) => textAt(address, ['ip']))
      const ports = listOf(subset['ports'])
      if (ports.length === 0) return addresses
      return ports.flatMap((port) => addresses.map((address) => `${address}:${numberAt(port, 'port')}`))
    })
    return [object.metadata.name, firstFew(all), ageCell(object, now)]
  },
}

function firstFew(all: readonly string[]): string {
  if (all.length === 0) return none
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',')
}

export const endpointSlices: Printer = {
  columns: columns('Name', 'AddressType', 'Ports', 'Endpoints', 'Age'),
  cells: (object, now) => {
    const ports = listOf(object['ports']).map((port) => textAt(port, ['port'], '*'))
    const addresses = listOf(object['endpoints']).flatMap((endpoint) => listOf(endpoint['addresses']).map(String))
    const unset = '<unset>'
    return [
      object.metadata.name,
      textAt(object, ['addressType']),
      ports.length === 0 ? unset : firstFew(ports),
      addresses.length === 0 ? unset : firstFew(addresses),
      ageCell(object, now),
    ]
  },
}

export const configMaps: Printer = {
  columns: columns('Name', 'Data', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    Object.keys(fieldsOf(object['data'])).length + Object.keys(fieldsOf(object['binaryData'])).length,
    ageCell(object, now),
  ],
}

export const secrets: Printer = {
  columns: columns('Name', 'Type', 'Data', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object, ['type']),
    Object.keys(fieldsOf(object['data'])).length,
    ageCell(object, now),
  ],
}

export const serviceAccounts: Printer = {
  columns: columns('Name', 'Age'),
  cells: (object, now) => [object.metadata.name, ageCell(object, now)],
}

export const namespaces: Printer = {
  columns: columns('Name', 'Status', 'Age'),
  cells: (object, now) => [object.metadata.name, textAt(object.status, ['phase']), ageCell(object, now)],
}

export const events: Printer = {
  columns: columns(
    'Last Seen',
    'Type',
    'Reason',
    'Object',
    '*Subobject',
    '*Source',
    'Message',
    '*First Seen',
    '*Count',
    '*Name:string:name',
  ),
  cells: (event, now) => {
    const subject = at(event, 'involvedObject') ?? at(event, 'regarding')
    const count = numberAt(event, 'series', 'count') || numberAt(event, 'count') || numberAt(event, 'deprecatedCount')
    const kind = textAt(subject, ['kind']).toLowerCase()
    return [
      lastSeen(event, now),
      textAt(event, ['type']),
      textAt(event, ['reason']),
      textAt(subject, ['name']) === '' ? kind : `${kind}/${textAt(subject, ['name'])}`,
      textAt(subject, ['fieldPath']),
      eventSource(event),
      textAt(event, ['message'], textAt(event, ['note'])).trim(),
      firstSeen(event, now),
      count === 0 ? 1 : count,
      event.metadata.name,
    ]
  },
}

function firstSeen(event: StoredObject, now: Ms): string {
  return ageOf(at(event, 'firstTimestamp') ?? at(event, 'deprecatedFirstTimestamp') ?? at(event, 'eventTime'), now)
}

function lastSeen(event: StoredObject, now: Ms): string {
  const last =
    at(event, 'series', 'lastObservedTime') ?? at(event, 'lastTimestamp') ?? at(event, 'deprecatedLastTimestamp')
  return last === undefined || last === null ? firstSeen(event, now) : ageOf(last, now)
}

function eventSource(event: StoredObject): string {
  const source = at(event, 'source') ?? at(event, 'deprecatedSource')
  const component = textAt(
    source,
    ['component'],
    textAt(event, ['reportingComponent'], textAt(event, ['reportingController'])),
  )
  const host = textAt(source, ['host'], textAt(event, ['reportingInstance']))
  return host === '' ? component : `${component}, ${host}`
}

export const leases: Printer = {
  columns: columns('Name', 'Holder', 'Age'),
  cells: (object, now) => [object.metadata.name, textAt(object.spec, ['holderIdentity']), ageCell(object, now)],
}

export const priorityClasses: Printer = {
  columns: columns('Name', 'Value:integer', 'Global-Default:boolean', 'Age', 'PreemptionPolicy'),
  cells: (object, now) => [
    object.metadata.name,
    numberAt(object, 'value'),
    at(object, 'globalDefault') === true,
    ageCell(object, now),
    textAt(object, ['preemptionPolicy'], 'PreemptLowerPriority'),
  ],
}

export const runtimeClasses: Printer = {
  columns: columns('Name', 'Handler', 'Age'),
  cells: (object, now) => [object.metadata.name, textAt(object, ['handler']), ageCell(object, now)],
}

const accessModes: { readonly [mode: string]: string } = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}

function modesOf(modes: unknown): string {
  const held = new Set((Array.isArray(modes) ? modes : []).map(String))
  return Object.entries(accessModes)
    .filter(([mode]) => held.has(mode))
    .map(([, short]) => short)
    .join(',')
}

const unsetCell = '<unset>'

export const persistentVolumes: Printer = {
  columns: columns(
    'Name',
    'Capacity',
    'Access Modes',
    'Reclaim Policy',
    'Status',
    'Claim',
    'StorageClass',
    'VolumeAttributesClass',
    'Reason',
    'Age',
    '*VolumeMode',
  ),
  cells: (object, now) => {
    const claim = at(object.spec, 'claimRef')
    const phase = textAt(object.status, ['phase'])
    return [
      object.metadata.name,
      textAt(object.spec, ['capacity', 'storage']),
      modesOf(at(object.spec, 'accessModes')),
      textAt(object.spec, ['persistentVolumeReclaimPolicy']),
      object.metadata.deletionTimestamp === undefined ? phase : 'Terminating',
      claim === undefined ? '' : `${textAt(claim, ['namespace'])}/${textAt(claim, ['name'])}`,
      textAt(object.spec, ['storageClassName']),
      textAt(object.spec, ['volumeAttributesClassName'], unsetCell),
      textAt(object.status, ['reason']),
      ageCell(object, now),
      textAt(object.spec, ['volumeMode'], unsetCell),
    ]
  },
}

export const persistentVolumeClaims: Printer = {
  columns: columns(
    'Name',
    'Status',
    'Volume',
    'Capacity',
    'Access Modes',
    'StorageClass',
    'VolumeAttributesClass',
    'Age',
    '*VolumeMode',
  ),
  cells: (object, now) => {
    const bound = textAt(object.spec, ['volumeName']) !== ''
    const phase = textAt(object.status, ['phase'])
    return [
      object.metadata.name,
      object.metadata.deletionTimestamp === undefined ? phase : 'Terminating',
      textAt(object.spec, ['volumeName']),
      bound ? textAt(object.status, ['capacity', 'storage']) : '',
      bound ? modesOf(at(object.status, 'accessModes')) : '',
      textAt(object.spec, ['storageClassName']),
      textAt(object.spec, ['volumeAttributesClassName'], unsetCell),
      ageCell(object, now),
      textAt(object.spec, ['volumeMode'], unsetCell),
    ]
  },
}

export const storageClasses: Printer = {
  columns: columns('Name', 'Provisioner', 'ReclaimPolicy', 'VolumeBindingMode', 'AllowVolumeExpansion', 'Age'),
  cells: (object, now) => {
    const isDefault = object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
    return [
      `${object.metadata.name}${isDefault ? ' (default)' : ''}`,
      textAt(object, ['provisioner']),
      textAt(object, ['reclaimPolicy'], 'Delete'),
      textAt(object, ['volumeBindingMode'], 'Immediate'),
      at(object, 'allowVolumeExpansion') === true,
      ageCell(object, now),
    ]
  },
}

export const csiNodes: Printer = {
  columns: columns('Name', 'Drivers:integer', 'Age'),
  cells: (object, now) => [object.metadata.name, listOf(object.spec?.['drivers']).length, ageCell(object, now)],
}

export const csiDrivers: Printer = {
  columns: columns(
    'Name',
    'AttachRequired:boolean',
    'PodInfoOnMount:boolean',
    'StorageCapacity:boolean',
    'TokenRequests',
    'RequiresRepublish:boolean',
    'Modes',
    'Age',
  ),
  cells: (object, now) => {
    const tokens = listOf(object.spec?.['tokenRequests']).map((token) => textAt(token, ['audience']))
    return [
      object.metadata.name,
      at(object.spec, 'attachRequired') !== false,
      at(object.spec, 'podInfoOnMount') === true,
      at(object.spec, 'storageCapacity') === true,
      tokens.length === 0 ? unsetCell : tokens.join(','),
      at(object.spec, 'requiresRepublish') === true,
      listOf(object.spec?.['volumeLifecycleModes']).map(String).join(',') || none,
      ageCell(object, now),
    ]
  },
}

export const volumeAttachments: Printer = {
  columns: columns('Name', 'Attacher:string:name', 'PV', 'Node', 'Attached:boolean', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object.spec, ['attacher']),
    textAt(object.spec, ['source', 'persistentVolumeName']),
    textAt(object.spec, ['nodeName']),
    at(object.status, 'attached') === true,
    ageCell(object, now),
  ],
}

export const roleBindings: Printer = {
  columns: columns('Name', 'Role', 'Age', '*Users', '*Groups', '*ServiceAccounts'),
  cells: (object, now) => {
    const subjects = listOf(object['subjects'])
    const of = (kind: string): string =>
      subjects
        .filter((subject) => subject['kind'] === kind)
        .map((subject) => {
          const name = textAt(subject, ['name'])
          return kind === 'ServiceAccount' ? `${textAt(subject, ['namespace'])}/${name}` : name
        })
        .join(', ')
    return [
      object.metadata.name,
      `${textAt(object, ['roleRef', 'kind'])}/${textAt(object, ['roleRef', 'name'])}`,
      ageCell(object, now),
      of('User'),
      of('Group'),
      of('ServiceAccount'),
    ]
  },
}

export const resourceQuotas: Printer = {
  columns: columns('Name', 'Request', 'Limit', 'Age'),
  cells: (object, now) => {
    const hard = fieldsOf(at(object.status, 'hard'))
    const texts = (limits: boolean): string =>
      Object.keys(hard)
        .filter((name) => name.startsWith('limits.') === limits)
        .toSorted()
        .map((name) => `${name}: ${textAt(object.status, ['used', name], '0')}/${textAt(hard, [name])}`)
        .join(', ')
    return [object.metadata.name, texts(false), texts(true), ageCell(object, now)]
  },
}

export const ingresses: Printer = {
  columns: columns('Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age'),
  cells: (object, now) => {
    const hosts = listOf(object.spec?.['rules']).map((rule) => textAt(rule, ['host'], '*'))
    const shown = hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',')
    const addresses = listOf(at(object.status, 'loadBalancer', 'ingress')).map((entry) =>
      textAt(entry, ['ip'], textAt(entry, ['hostname'])),
    )
    return [
      object.metadata.name,
      textAt(object.spec, ['ingressClassName'], none),
      hosts.length === 0 ? '*' : shown,
      addresses.join(','),
      listOf(object.spec?.['tls']).length === 0 ? '80' : '80, 443',
      ageCell(object, now),
    ]
  },
}

export const ingressClasses: Printer = {
  columns: columns('Name', 'Controller', 'Parameters', 'Age'),
  cells: (object, now) => {
    const parameters = at(object.spec, 'parameters')
    const group = textAt(parameters, ['apiGroup'])
    const kind = textAt(parameters, ['kind'])
    return [
      object.metadata.name,
      textAt(object.spec, ['controller']),
      isFields(parameters) ? `${kind}${group === '' ? '' : `.${group}`}/${textAt(parameters, ['name'])}` : none,
      ageCell(object, now),
    ]
  },
}

export const networkPolicies: Printer = {
  columns: columns('Name', 'Pod-Selector', 'Age'),
  cells: (object, now) => [object.metadata.name, selectorCell(at(object.spec, 'podSelector')), ageCell(object, now)],
}

export const signingRequests: Printer = {
  columns: columns('Name', 'Age', 'SignerName', 'Requestor', 'RequestedDuration', 'Condition'),
  cells: (object, now) => {
    const seconds = at(object.spec, 'expirationSeconds')
    const decided = listOf(object.status?.['conditions']).map((condition) => textAt(condition, ['type']))
    const condition = decided.includes('Denied')
      ? 'Denied'
      : decided.includes('Approved')
        ? 'Approved'
        : decided.includes('Failed')
          ? 'Failed'
          : 'Pending'
    const issued = textAt(object.status, ['certificate']) === '' ? '' : ',Issued'
    return [
      object.metadata.name,
      ageCell(object, now),
      textAt(object.spec, ['signerName'], none),
      textAt(object.spec, ['username']),
      typeof seconds === 'number' ? humanDuration(seconds * 1000) : none,
      `${condition}${issued}`,
    ]
  },
}

export const controllerRevisions: Printer = {
  columns: columns('Name', 'Controller', 'Revision', 'Age'),
  cells: (object, now) => {
    const owner = object.metadata.ownerReferences?.find((reference) => reference.controller === true)
    const group = owner?.apiVersion.includes('/') === true ? `.${owner.apiVersion.split('/')[0]}` : ''
    return [
      object.metadata.name,
      owner === undefined ? none : `${owner.kind.toLowerCase()}${group}/${owner.name}`,
      numberAt(object, 'revision'),
      ageCell(object, now),
    ]
  },
}

export const webhookConfigurations: Printer = {
  columns: columns('Name', 'Webhooks:integer', 'Age'),
  cells: (object, now) => [object.metadata.name, listOf(object['webhooks']).length, ageCell(object, now)],
}

export const resourceClaims: Printer = {
  columns: columns('Name', 'State', 'Age'),
  cells: (object, now) => [object.metadata.name, claimState(object), ageCell(object, now)],
}

function claimState(claim: StoredObject): string {
  const states: string[] = []
  if (claim.metadata.deletionTimestamp !== undefined) states.push('deleted')
  if (at(claim.status, 'allocation') === undefined) {
    if (states.length === 0) states.push('pending')
  } else {
    states.push('allocated')
    states.push(listOf(claim.status?.['reservedFor']).length > 0 ? 'reserved' : '')
  }
  return states.filter((state) => state !== '').join(',')
}

export const resourceSlices: Printer = {
  columns: columns('Name', 'Node', 'Driver', 'Pool', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object.spec, ['nodeName'], at(object.spec, 'allNodes') === true ? '<all>' : '<unset>'),
    textAt(object.spec, ['driver']),
    textAt(object.spec, ['pool', 'name']),
    ageCell(object, now),
  ],
}

export const scales: Printer = {
  columns: columns('Name', 'Desired:integer', 'Available:integer', 'Age'),
  cells: (object, now) => [
    object.metadata.name,
    numberAt(object.spec, 'replicas'),
    numberAt(object.status, 'replicas'),
    ageCell(object, now),
  ],
}

export const componentStatuses: Printer = {
  columns: columns('Name', 'Status', 'Message', 'Error'),
  cells: (object) => {
    const [condition] = listOf(object['conditions'])
    return [
      object.metadata.name,
      condition?.['status'] === 'True' ? 'Healthy' : 'Unhealthy',
      textAt(condition, ['message']),
      textAt(condition, ['error']),
    ]
  },
}

/** As the aggregator's own columns are. */
export const apiServices: Printer = {
  columns: columns('Name', 'Service', 'Available', 'Age'),
  cells: (object, now) => {
    const service = at(object.spec, 'service')
    return [
      object.metadata.name,
      service === undefined ? 'Local' : `${textAt(service, ['namespace'])}/${textAt(service, ['name'])}`,
      textAt(conditionOf(object, 'Available'), ['status'], 'Unknown'),
      ageCell(object, now),
    ]
  },
}

export const nodeMetrics: Printer = {
  columns: columns('Name', 'cpu', 'memory', 'Window'),
  cells: (object) => metricsCells(object, [fieldsOf(object['usage'])]),
}

export const podMetrics: Printer = {
  columns: columns('Name', 'cpu', 'memory', 'Window'),
  cells: (object) =>
    metricsCells(
      object,
      listOf(object['containers']).map((container) => fieldsOf(container['usage'])),
    ),
}

function metricsCells(object: StoredObject, usages: readonly Fields[]): readonly string[] {
  const total = (resource: string): bigint =>
    usages.reduce((sum, usage) => sum + (parseQuantity(textAt(usage, [resource], '0'))?.nano ?? 0n), 0n)
  const cpu = total('cpu')
  const memory = total('memory') / 1_000_000_000n
  return [object.metadata.name, `${cpu}n`, `${memory / 1024n}Ki`, textAt(object, ['window'])]
}

export const named: Printer = {
  columns: columns('Name', 'Age'),
  cells: (object, now) => [object.metadata.name, ageCell(object, now)],
}

export const attributesClasses: Printer = {
  columns: columns('Name', 'DriverName', 'Age'),
  cells: (object, now) => [object.metadata.name, textAt(object, ['driverName']), ageCell(object, now)],
}

export const admissionPolicies: Printer = {
  columns: columns('Name', 'Validations:integer', 'ParamKind', 'Age'),
  cells: (object, now) => {
    const kind = at(object.spec, 'paramKind')
    return [
      object.metadata.name,
      listOf(at(object.spec, 'validations')).length,
      kind === undefined ? '<unset>' : `${textAt(kind, ['apiVersion'])}/${textAt(kind, ['kind'])}`,
      ageCell(object, now),
    ]
  },
}

export const admissionPolicyBindings: Printer = {
  columns: columns('Name', 'PolicyName', 'ParamRef', 'Age'),
  cells: (object, now) => {
    const name = textAt(object.spec, ['paramRef', 'name'])
    const namespace = textAt(object.spec, ['paramRef', 'namespace'], '*')
    return [
      object.metadata.name,
      textAt(object.spec, ['policyName']),
      name === '' ? '<unset>' : `${namespace}/${name}`,
      ageCell(object, now),
    ]
  },
}

export const serviceCidrs: Printer = {
  columns: columns('Name', 'CIDRs', 'Age'),
  cells: (object, now) => {
    const cidrs = at(object.spec, 'cidrs')
    return [object.metadata.name, Array.isArray(cidrs) ? cidrs.join(',') : '', ageCell(object, now)]
  },
}

export const ipAddresses: Printer = {
  columns: columns('Name', 'ParentRef'),
  cells: (object) => {
    const parent = at(object.spec, 'parentRef')
    const group = textAt(parent, ['group'])
    const place = [
      `${textAt(parent, ['resource'])}${group === '' ? '' : `.${group}`}`.toLowerCase(),
      textAt(parent, ['namespace']),
      textAt(parent, ['name']),
    ]
    const shown = parent === undefined ? none : place.filter((part) => part !== '').join('/')
    return [object.metadata.name, shown]
  },
}

export const flowSchemas: Printer = {
  columns: columns('Name', 'PriorityLevel', 'MatchingPrecedence', 'DistinguisherMethod', 'Age', 'MissingPL'),
  cells: (object, now) => [
    object.metadata.name,
    textAt(object.spec, ['priorityLevelConfiguration', 'name']),
    numberAt(object.spec, 'matchingPrecedence'),
    textAt(object.spec, ['distinguisherMethod', 'type'], none),
    ageCell(object, now),
    textAt(conditionOf(object, 'Dangling'), ['status'], '?'),
  ],
}

export const priorityLevels: Printer = {
  columns: columns('Name', 'Type', 'NominalConcurrencyShares', 'Queues', 'HandSize', 'QueueLengthLimit', 'Age'),
  cells: (object, now) => {
    const limited = (...path: readonly string[]): Cell => {
      const value = at(object.spec, 'limited', ...path)
      return typeof value === 'number' ? value : none
    }
    return [
      object.metadata.name,
      textAt(object.spec, ['type']),
      limited('nominalConcurrencyShares'),
      limited('limitResponse', 'queuing', 'queues'),
      limited('limitResponse', 'queuing', 'handSize'),
      limited('limitResponse', 'queuing', 'queueLengthLimit'),
      ageCell(object, now),
    ]
  },
}

/** Kinds that upstream has no printer for show when they were made. */
export const createdAt: Printer = {
  columns: columns('Name', 'Created At:date'),
  cells: (object) => [object.metadata.name, textAt(object.metadata, ['creationTimestamp'])],
}
