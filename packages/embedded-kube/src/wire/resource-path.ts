/** What a path under /api or /apis addresses. */
export interface ResourcePath {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly namespace: string | undefined
  readonly plural: string
  readonly name: string | undefined
  readonly subresource: string | undefined
  /** What follows the subresource, as proxies have it. */
  readonly rest: string | undefined
  /** The old form of a watch: `/api/v1/watch/…`. */
  readonly watch: boolean
}

/**
 * Reads `/api/v1/…` and `/apis/GROUP/VERSION/…` (kubernetes/apiserver:pkg/endpoints/request/requestinfo.go).
 * undefined when the path addresses no resource; throws URIError when an escape is malformed.
 */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = path.split('/').slice(1).map(decodeURIComponent)
  if (segments.at(-1) === '') segments.pop()
  const core = segments[0] === 'api'
  if (!core && segments[0] !== 'apis') return undefined
  const [group, version] = core ? ['', segments[1]] : [segments[1], segments[2]]
  const all = segments.slice(core ? 2 : 3)
  const watch = all[0] === 'watch' && all.length > 1
  const parts = watch ? all.slice(1) : all
  if (group === undefined || version === undefined || parts.length === 0) return undefined
  // A namespace may be empty: the resource in all of them.
  if (parts.some((part, i) => part === '' && !(i === 1 && parts[0] === 'namespaces' && parts.length > 2)))
    return undefined
  const [first, second, third] = parts
  const inNamespace = first === 'namespaces' && third !== undefined && !namespaceSubresources.has(third)
  const [plural, name, subresource, ...rest] = inNamespace ? parts.slice(2) : parts
  return {
    group,
    version,
    namespace: inNamespace ? second : undefined,
    plural: plural!,
    name,
    subresource,
    rest: rest.length === 0 ? undefined : rest.join('/'),
    watch,
  }
}

/** Those of a Namespace itself: every other third segment is a resource inside of it. */
const namespaceSubresources = new Set(['status', 'finalize'])
