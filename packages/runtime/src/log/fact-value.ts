/** `namespace/name` of an object or a key, as klog's KObj and KRef; undefined for anything else. */
export function objectName(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const named = 'metadata' in value ? value.metadata : value
  if (typeof named !== 'object' || named === null || !('name' in named) || typeof named.name !== 'string')
    return undefined
  const namespace = 'namespace' in named ? named.namespace : undefined
  // Anything with more than a name is a record of its own, not a key.
  if (named === value && Object.keys(value).some((key) => key !== 'name' && key !== 'namespace')) return undefined
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}/${named.name}` : named.name
}
