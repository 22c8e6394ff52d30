// What is let pass and warned of (kubernetes/kubernetes:pkg/api/{pod,node}/warnings.go, pkg/registry/*/strategy.go
// WarningsOnCreate and WarningsOnUpdate; kubernetes/apiserver:pkg/registry/rest/create.go for finalizers).
import { formatQuantity, own, parseQuantity } from '@plimsoll/model'
import { fieldsOf, isFields, listOf, textOf, type Fields, type StoredObject } from '../object.ts'
import { nameProblems } from './names.ts'
import type { ResourceInfo } from '../resource-info.ts'

const goneLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

const goneVolumes: readonly (readonly [string, string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
]

/** Where kinds keep the template of their pods. */
const templates: Readonly<Record<string, string>> = {
  'apps/deployments': 'spec.template',
  'apps/replicasets': 'spec.template',
  'apps/statefulsets': 'spec.template',
  'apps/daemonsets': 'spec.template',
  'batch/jobs': 'spec.template',
  'batch/cronjobs': 'spec.jobTemplate.spec.template',
  '/replicationcontrollers': 'spec.template',
  '/podtemplates': 'template',
}

/** What the server says besides its answer. */
export function warningsFor(info: ResourceInfo, object: StoredObject, old: StoredObject | undefined): string[] {
  const warnings: string[] = []
  finalizerWarnings(object, old, warnings)
  const id = `${info.group}/${info.plural}`
  if (id === '/pods') {
    if (old === undefined) {
      const problems = nameProblems(object.metadata.name, 'label')
      if (problems.length > 0) {
        const why = "this is used in the Pod's hostname, which can result in surprising behavior"
        warnings.push(`metadata.name: ${why}; a DNS label is recommended: [${problems.join(' ')}]`)
      }
    }
    if (old === undefined || old.spec !== object.spec) podWarnings(fieldsOf(object.spec), 'spec', warnings)
  }
  const path = templates[id]
  if (path !== undefined && (old === undefined || specOf(old, path) !== specOf(object, path))) {
    podWarnings(specOf(object, path), `${path}.spec`, warnings)
  }
  if (id === 'apps/statefulsets' && Number(object.spec?.['revisionHistoryLimit'] ?? 0) < 0) {
    warnings.push(
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    )
  }
  if (id === '/nodes' && old === undefined) nodeWarnings(object, warnings)
  return warnings
}

function specOf(object: StoredObject, path: string): Fields {
  let at: unknown = object
  for (const field of [...path.split('.'), 'spec']) at = fieldsOf(at)[field]
  return fieldsOf(at)
}

function finalizerWarnings(object: StoredObject, old: StoredObject | undefined, warnings: string[]): void {
  const before = old?.metadata.finalizers ?? []
  for (const finalizer of object.metadata.finalizers ?? []) {
    if (finalizer.includes('/') || before.includes(finalizer)) continue
    if (finalizer === 'orphan' || finalizer === 'foregroundDeletion') continue
    warnings.push(
      `metadata.finalizers: ${JSON.stringify(finalizer)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    )
  }
}

function nodeWarnings(node: StoredObject, warnings: string[]): void {
  if (node.spec?.['externalID'] !== undefined)
    warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes')
  if (node.spec?.['configSource'] !== undefined) {
    warnings.push('spec.configSource: the feature is removed')
  }
}

function podWarnings(spec: Fields, path: string, warnings: string[]): void {
  for (const key of Object.keys(fieldsOf(spec['nodeSelector']))) {
    const gone = own(goneLabels, key)
    if (gone !== undefined) warnings.push(`${path}.nodeSelector[${key}]: ${gone}`)
  }
  nodeAffinityWarnings(fieldsOf(fieldsOf(spec['affinity'])['nodeAffinity']), `${path}.affinity.nodeAffinity`, warnings)
  listOf(spec['topologySpreadConstraints']).forEach((constraint, i) => {
    const at = `${path}.topologySpreadConstraints[${i}]`
    const key = textOf(constraint['topologyKey'])
    const gone = own(goneLabels, key)
    if (gone !== undefined) warnings.push(`${at}.topologyKey: ${key} is ${gone}`)
    if (!isFields(constraint['labelSelector'])) {
      warnings.push(`${at}.labelSelector: a null labelSelector results in matching no pod`)
    }
  })
  listOf(spec['volumes']).forEach((volume, i) => {
    for (const [name, gone] of goneVolumes) {
      const shown = name === 'storageos' ? 'storageOS' : name
      if (volume[name] !== undefined) warnings.push(`${path}.volumes[${i}].${shown}: ${gone}`)
    }
    const projected = volume['projected']
    if (isFields(projected) && listOf(projected['sources']).every((source) => Object.keys(source).length === 0)) {
      warnings.push(`volume ${JSON.stringify(volume['name'])} (Projected) has no sources provided`)
    }
  })
  repeatWarnings(listOf(spec['hostAliases']), 'ip', `${path}.hostAliases`, warnings)
  repeatWarnings(listOf(spec['imagePullSecrets']), 'name', `${path}.imagePullSecrets`, warnings)
  listOf(spec['imagePullSecrets']).forEach((secret, i) => {
    if (textOf(secret['name']) === '') warnings.push(`${path}.imagePullSecrets[${i}].name: invalid empty name ""`)
  })
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((field) =>
    listOf(spec[field]).map((container, i) => ({ container, at: `${path}.${field}[${i}]` })),
  )
  for (const { container, at } of containers) containerWarnings(container, at, warnings)
  portWarnings(containers, warnings)
}

function nodeAffinityWarnings(affinity: Fields, path: string, warnings: string[]): void {
  const needed = fieldsOf(affinity['requiredDuringSchedulingIgnoredDuringExecution'])
  const wished = listOf(affinity['preferredDuringSchedulingIgnoredDuringExecution'])
  const terms = [
    ...listOf(needed['nodeSelectorTerms']).map((term, i) => ({
      term,
      at: `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`,
    })),
    ...wished.map((preference, i) => ({
      term: fieldsOf(preference['preference']),
      at: `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`,
    })),
  ]
  for (const { term, at } of terms) {
    listOf(term['matchExpressions']).forEach((expression, i) => {
      const key = textOf(expression['key'])
      const gone = own(goneLabels, key)
      if (gone !== undefined) warnings.push(`${at}.matchExpressions[${i}].key: ${key} is ${gone}`)
    })
  }
}

function repeatWarnings(list: readonly Fields[], field: string, path: string, warnings: string[]): void {
  const seen = new Set<string>()
  list.forEach((item, i) => {
    const value = textOf(item[field])
    if (seen.has(value)) warnings.push(`${path}[${i}].${field}: duplicate ${field} ${JSON.stringify(value)}`)
    seen.add(value)
  })
}

function containerWarnings(container: Fields, at: string, warnings: string[]): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const kind of ['limits', 'requests']) {
      const amount = parseQuantity(textOf(fieldsOf(fieldsOf(container['resources'])[kind])[name]))
      if (amount === undefined || amount.nano % 1_000_000_000n === 0n) continue
      const text = JSON.stringify(formatQuantity(amount))
      warnings.push(`${at}.resources.${kind}[${name}]: fractional byte value ${text} is invalid, must be an integer`)
    }
  }
  const seen = new Set<string>()
  listOf(container['env']).forEach((variable, i) => {
    const name = textOf(variable['name'])
    const value = textOf(variable['value'])
    const reference = `$(${name})`
    const hides = variable['valueFrom'] !== undefined || value === reference || !value.includes(reference)
    if (seen.has(name) && hides) {
      const what = JSON.stringify(name)
      warnings.push(`${at}.env[${i}]: hides previous definition of ${what}, which may be dropped when using apply`)
    }
    seen.add(name)
  })
}

function portWarnings(
  containers: readonly { readonly container: Fields; readonly at: string }[],
  warnings: string[],
): void {
  const known = new Map<string, { readonly field: string; readonly host: number; readonly ip: string }[]>()
  for (const { container, at } of containers) {
    listOf(container['ports']).forEach((port, i) => {
      const field = `${at}.ports[${i}]`
      const host = Number(port['hostPort'] ?? 0)
      const ip = textOf(port['hostIP'])
      const id = `${textOf(port['containerPort'])}/${textOf(port['protocol'])}`
      const others = known.get(id) ?? []
      for (const other of others) {
        if (ip === other.ip && host === other.host)
          warnings.push(`${field}: duplicate port definition with ${other.field}`)
        else if (host === 0 || other.host === 0)
          warnings.push(`${field}: overlapping port definition with ${other.field}`)
        else if (host === other.host && (ip === '') !== (other.ip === '')) {
          warnings.push(`${field}: dangerously ambiguous port definition with ${other.field}`)
        }
      }
      known.set(id, [...others, { field, host, ip }])
    })
  }
}
