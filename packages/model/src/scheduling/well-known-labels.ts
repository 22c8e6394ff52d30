// The label keys that Karpenter knows by name, as data. A cloud adds its own with `extendLabelRegistry`; nothing here is
// a global that someone sets, so two autoscalers with different clouds can live in one process.
//
// Mirrors kubernetes-sigs/karpenter:pkg/apis/v1/labels.go.

export const labelKeys = {
  nodePool: 'karpenter.sh/nodepool',
  capacityType: 'karpenter.sh/capacity-type',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
  instanceType: 'node.kubernetes.io/instance-type',
  arch: 'kubernetes.io/arch',
  os: 'kubernetes.io/os',
  windowsBuild: 'node.kubernetes.io/windows-build',
  hostname: 'kubernetes.io/hostname',
} as const

export interface LabelRegistry {
  /** Keys that scheduling narrows further: a new node may be asked for them though its template does not name them. */
  readonly wellKnown: ReadonlySet<string>
  /** Keys nobody may set, though their domain is free. */
  readonly restricted: ReadonlySet<string>
  /** Domains nobody may set labels of, subdomains included, but for well-known keys. */
  readonly restrictedDomains: ReadonlySet<string>
  /** Old name of a key → the name in use. */
  readonly aliases: ReadonlyMap<string, string>
  /** Key in use → value as written → value meant. */
  readonly valueAliases: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Key → the only values it takes; requirements that name others are called out. */
  readonly knownValues: ReadonlyMap<string, ReadonlySet<string>>
}

export const coreLabels: LabelRegistry = {
  wellKnown: new Set([
    labelKeys.nodePool,
    labelKeys.zone,
    labelKeys.region,
    labelKeys.instanceType,
    labelKeys.arch,
    labelKeys.os,
    labelKeys.capacityType,
    labelKeys.windowsBuild,
  ]),
  restricted: new Set([labelKeys.hostname]),
  restrictedDomains: new Set(['karpenter.sh']),
  aliases: new Map([
    ['failure-domain.beta.kubernetes.io/zone', labelKeys.zone],
    ['failure-domain.beta.kubernetes.io/region', labelKeys.region],
    ['beta.kubernetes.io/arch', labelKeys.arch],
    ['beta.kubernetes.io/os', labelKeys.os],
    ['beta.kubernetes.io/instance-type', labelKeys.instanceType],
  ]),
  valueAliases: new Map(),
  knownValues: new Map([[labelKeys.capacityType, new Set(['spot', 'on-demand', 'reserved'])]]),
}

/** What a cloud adds: more of any of the registry's tables. */
export interface LabelExtension {
  readonly wellKnown?: Iterable<string>
  readonly restricted?: Iterable<string>
  readonly restrictedDomains?: Iterable<string>
  readonly aliases?: Iterable<readonly [string, string]>
  readonly valueAliases?: Iterable<readonly [string, ReadonlyMap<string, string>]>
  readonly knownValues?: Iterable<readonly [string, ReadonlySet<string>]>
}

/** A new registry; where both name the same key of a table, the extension's entry counts. */
export function extendLabelRegistry(base: LabelRegistry, extension: LabelExtension): LabelRegistry {
  return {
    wellKnown: new Set([...base.wellKnown, ...(extension.wellKnown ?? [])]),
    restricted: new Set([...base.restricted, ...(extension.restricted ?? [])]),
    restrictedDomains: new Set([...base.restrictedDomains, ...(extension.restrictedDomains ?? [])]),
    aliases: new Map([...base.aliases, ...(extension.aliases ?? [])]),
    valueAliases: new Map([...base.valueAliases, ...(extension.valueAliases ?? [])]),
    knownValues: new Map([...base.knownValues, ...(extension.knownValues ?? [])]),
  }
}

/** The key in use for a key that may be an old name. */
export function normalizeLabelKey(key: string, registry: LabelRegistry = coreLabels): string {
  return registry.aliases.get(key) ?? key
}

/** Whether a user may not set the label (IsRestrictedLabel). */
export function isRestrictedLabel(key: string, registry: LabelRegistry = coreLabels): boolean {
  if (registry.wellKnown.has(key)) return false
  if (registry.restricted.has(key)) return true
  const slash = key.indexOf('/')
  if (slash < 0) return false
  const domain = key.slice(0, slash)
  for (const restricted of registry.restrictedDomains) {
    if (domain === restricted || domain.endsWith(`.${restricted}`)) return true
  }
  return false
}

/** Upstream's sentence for a label that may not be set; undefined when it may. */
export function restrictedLabelProblem(key: string, registry: LabelRegistry = coreLabels): string | undefined {
  if (!isRestrictedLabel(key, registry)) return undefined
  const wellKnown = [...registry.wellKnown].toSorted().join(' ')
  const domains = [...registry.restrictedDomains].toSorted().join(' ')
  return (
    `using label ${key} is not allowed as it might interfere with the internal provisioning logic; ` +
    `specify a well known label: [${wellKnown}], or a custom label that does not use a restricted domain: [${domains}]`
  )
}
