import { own } from '@plimsoll/model'

/** What the client wants back. */
export interface Negotiated {
  readonly format: 'json' | 'yaml'
  /** Another shape of the same objects. */
  readonly as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined
  /** The version of meta.k8s.io in which that shape is wanted. */
  readonly metaVersion: 'v1' | 'v1beta1'
}

const plain: Negotiated = { format: 'json', as: undefined, metaVersion: 'v1' }

interface MediaRange {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

export function parseMediaRanges(text: string): readonly MediaRange[] {
  return text
    .split(',')
    .map((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
      return {
        type: type.toLowerCase(),
        parameters: new Map(
          parameters.map((parameter) => {
            const [name = '', value = ''] = parameter.split('=')
            return [name.trim(), value.trim().replace(/^"(.*)"$/, '$1')]
          }),
        ),
      }
    })
    .filter(({ type }) => type !== '')
}

const formats: { readonly [type: string]: Negotiated['format'] } = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
}

/**
 * The first range that can be served, in the client's order; undefined when none can. `shapes` are those that the
 * endpoint has besides the object itself; undefined for any.
 */
export function negotiate(accept: string | undefined, shapes: readonly string[] | undefined): Negotiated | undefined {
  const ranges = parseMediaRanges(accept ?? '')
  if (ranges.length === 0) return plain
  for (const { type, parameters } of ranges) {
    const format = own(formats, type)
    if (format === undefined || Number(parameters.get('q') ?? '1') === 0) continue
    const as = parameters.get('as')
    if (as === undefined) return { ...plain, format }
    const version = parameters.get('v') ?? 'v1'
    if (shapes === undefined) return { ...plain, format }
    if (!shapes.includes(as) || parameters.get('g') !== 'meta.k8s.io') continue
    if (version !== 'v1' && version !== 'v1beta1') continue
    return { format, as: as as Negotiated['as'], metaVersion: version }
  }
  return undefined
}

/** The version of aggregated discovery that the client takes; undefined when it wants the old form. */
export function negotiateDiscovery(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of parseMediaRanges(accept ?? '')) {
    if (type !== 'application/json') continue
    if (parameters.get('g') !== 'apidiscovery.k8s.io' || parameters.get('as') !== 'APIGroupDiscoveryList') continue
    const version = parameters.get('v')
    if (version === 'v2' || version === 'v2beta1') return version
  }
  return undefined
}
