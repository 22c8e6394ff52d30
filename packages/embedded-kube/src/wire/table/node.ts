import { listOf, type StoredObject } from '../../object.ts'
import { ageCell, columns, conditionOf, none, textAt, type Printer } from './printer.ts'

export const nodes: Printer = {
  columns: columns(
    'Name',
    'Status',
    'Roles',
    'Age',
    'Version',
    '*Internal-IP',
    '*External-IP',
    '*OS-Image',
    '*Kernel-Version',
    '*Container-Runtime',
  ),
  cells: (node, now) => {
    const fact = (name: string): string => textAt(node.status, ['nodeInfo', name], '<unknown>')
    return [
      node.metadata.name,
      statusOf(node),
      rolesOf(node),
      ageCell(node, now),
      textAt(node.status, ['nodeInfo', 'kubeletVersion']),
      addressOf(node, 'InternalIP'),
      addressOf(node, 'ExternalIP'),
      fact('osImage'),
      fact('kernelVersion'),
      fact('containerRuntimeVersion'),
    ]
  },
}

function statusOf(node: StoredObject): string {
  const ready = conditionOf(node, 'Ready')
  const status = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady'
  return node.spec?.['unschedulable'] === true ? `${status},SchedulingDisabled` : status
}

const rolePrefix = 'node-role.kubernetes.io/'

function rolesOf(node: StoredObject): string {
  const roles = new Set<string>()
  for (const [label, value] of Object.entries(node.metadata.labels ?? {})) {
    if (label.startsWith(rolePrefix) && label.length > rolePrefix.length) roles.add(label.slice(rolePrefix.length))
    if (label === 'kubernetes.io/role' && value !== '') roles.add(value)
  }
  return roles.size === 0 ? none : [...roles].toSorted().join(',')
}

function addressOf(node: StoredObject, type: string): string {
  return textAt(
    listOf(node.status?.['addresses']).find((address) => address['type'] === type),
    ['address'],
    none,
  )
}
