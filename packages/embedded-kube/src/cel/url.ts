// URLs as Go's net/url reads them.

export interface UrlParts {
  readonly scheme: string
  /** With its port. */
  readonly host: string
  readonly hostname: string
  readonly port: string
  readonly escapedPath: string
  readonly query: string
}

/** Why url.ParseRequestURI refuses a text; undefined when it does not. */
export function requestUrlProblem(text: string): string | undefined {
  const name = JSON.stringify(text)
  // oxlint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) return `parse ${name}: net/url: invalid control character in URL`
  if (text === '') return `parse ${name}: empty url`
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(text)
  if (scheme === null && text.startsWith(':')) return `parse ${name}: missing protocol scheme`
  const rest = scheme === null ? text : text.slice(scheme[0].length)
  if (!rest.startsWith('/') && (scheme === null || rest === '')) return `parse ${name}: invalid URI for request`
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(rest.split('?')[0]!)
  if (escape !== null) return `parse ${name}: invalid URL escape ${JSON.stringify(escape[0])}`
  const authority = /^\/\/([^/?]*)/.exec(rest)?.[1]
  return authority === undefined ? undefined : authorityProblem(authority, name)
}

function authorityProblem(authority: string, name: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (host.startsWith('[')) {
    const close = host.lastIndexOf(']')
    if (close < 0) return `parse ${name}: missing ']' in host`
    const port = host.slice(close + 1)
    return port === '' || /^:\d*$/.test(port)
      ? undefined
      : `parse ${name}: invalid port ${JSON.stringify(port)} after host`
  }
  const colon = host.lastIndexOf(':')
  if (colon >= 0 && !/^:\d*$/.test(host.slice(colon))) {
    return `parse ${name}: invalid port ${JSON.stringify(host.slice(colon))} after host`
  }
  const bad = /[ "<>\\^`{|}]/.exec(host)
  return bad === null ? undefined : `parse ${name}: invalid character ${JSON.stringify(bad[0])} in host name`
}

/** The parts of a text that requestUrlProblem lets through. */
export function parseUrl(text: string): UrlParts {
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(text)
  const [, scheme = '', authority = '', path = '', query = ''] = match ?? []
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const port = /:(\d*)$/.exec(host)
  const bare = port === null ? host : host.slice(0, port.index)
  return {
    scheme: scheme.toLowerCase(),
    host,
    hostname: bare.replace(/^\[(.*)\]$/, '$1'),
    port: port?.[1] ?? '',
    escapedPath: escaped(path),
    query,
  }
}

/** What is no part of a path is escaped; escapes that are there stay. */
function escaped(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]]+/g, (part) => encodeURIComponent(part))
}

/** The values of each key in their order; what cannot be read is left out. */
export function queryOf(query: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const key = decoded(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1))
    if (key === undefined || value === undefined) continue
    const values = found.get(key)
    if (values === undefined) found.set(key, [value])
    else values.push(value)
  }
  return found
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
