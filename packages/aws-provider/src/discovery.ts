/** A group named on the command line: its bounds stand whatever the cloud says. */
export interface ExplicitGroup {
  readonly name: string
  readonly minSize: number
  readonly maxSize: number
}

/** Which Auto Scaling Groups are managed. */
export interface Discovery {
  readonly explicit: readonly ExplicitGroup[]
  /** A group must carry all of these tags; an undefined value stands for any. Empty: nothing is discovered. */
  readonly tags: ReadonlyMap<string, string | undefined>
}

export interface DiscoveryProblem {
  readonly path: string
  readonly message: string
}

/**
 * `--node-group-auto-discovery=asg:tag=k1,k2=v2`; several are joined into one demand for all tags (rule CA-201).
 * kubernetes/autoscaler:cluster-autoscaler/cloudprovider/aws/aws_manager.go, parseASGAutoDiscoverySpecs.
 */
export function parseNodeGroupAutoDiscovery(
  specs: readonly string[],
): { readonly tags: Discovery['tags'] } | { readonly problems: readonly DiscoveryProblem[] } {
  const tags = new Map<string, string | undefined>()
  const problems: DiscoveryProblem[] = []
  for (const spec of specs) {
    const error = addTags(spec, tags)
    if (error !== undefined) problems.push({ path: '--node-group-auto-discovery', message: error })
  }
  return problems.length > 0 ? { problems } : { tags }
}

function addTags(spec: string, tags: Map<string, string | undefined>): string | undefined {
  const cut = spec.indexOf(':')
  if (cut < 0) return `invalid node group auto discovery spec specified via --node-group-auto-discovery: ${spec}`
  const discoverer = spec.slice(0, cut)
  if (discoverer !== 'asg') return `unsupported discoverer specified: ${discoverer}`
  const parameter = spec.slice(cut + 1)
  const equals = parameter.indexOf('=')
  if (equals < 0) return `invalid key=value pair ${parameter}`
  const key = parameter.slice(0, equals)
  if (key !== 'tag') {
    return `unsupported parameter key "${key}" is specified for discoverer "asg". The only supported key is "tag"`
  }
  const value = parameter.slice(equals + 1)
  if (value === '') return 'tag value not supplied'
  for (const term of value.split(',')) {
    const at = term.indexOf('=')
    const tag = at < 0 ? term : term.slice(0, at)
    if (tag === '') return `tag value not supplied: ${JSON.stringify(value)} holds an empty tag`
    tags.set(tag, at < 0 ? undefined : term.slice(at + 1))
  }
  return undefined
}

/**
 * `--nodes=<min>:<max>:<name>`.
 * kubernetes/autoscaler:cluster-autoscaler/config/dynamic/node_group_spec.go, SpecFromString and Validate.
 */
export function parseNodeGroupSpecs(
  specs: readonly string[],
): { readonly explicit: readonly ExplicitGroup[] } | { readonly problems: readonly DiscoveryProblem[] } {
  const explicit: ExplicitGroup[] = []
  const problems: DiscoveryProblem[] = []
  for (const spec of specs) {
    const group = groupOf(spec)
    if (typeof group === 'string') {
      problems.push({ path: '--nodes', message: `failed to parse node group spec: ${group}` })
    } else explicit.push(group)
  }
  return problems.length > 0 ? { problems } : { explicit }
}

function groupOf(spec: string): ExplicitGroup | string {
  const [min, max, ...rest] = spec.split(':')
  if (rest.length === 0) return `wrong nodes configuration: ${spec}`
  if (!/^[+-]?\d+$/.test(min!)) return `failed to set min size: ${min}, expected integer`
  if (!/^[+-]?\d+$/.test(max!)) return `failed to set max size: ${max}, expected integer`
  const name = rest.join(':')
  const minSize = Number(min)
  const maxSize = Number(max)
  if (minSize < 0) return 'invalid node group spec: min size must be >= 0'
  if (maxSize < minSize) return 'invalid node group spec: max size must be greater or equal to min size'
  if (name === '') return 'invalid node group spec: name must not be blank'
  return { name, minSize, maxSize }
}
