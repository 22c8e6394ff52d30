import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import type * as clientNode from '@kubernetes/client-node'
import type { KubeConfig } from '@kubernetes/client-node'
import { KubeError } from '@plimsoll/ports'

/** Where the address and the credentials come from. */
export type KubeAccess =
  /** A kubeconfig; without a path $KUBECONFIG, else ~/.kube/config, else the pod's service account. */
  | { readonly kind: 'file'; readonly path?: string; readonly context?: string }
  /** The text of a kubeconfig. */
  | { readonly kind: 'text'; readonly text: string; readonly context?: string }
  /** The service account of the pod that we run in. */
  | { readonly kind: 'inCluster' }

export interface TlsOptions {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export interface Credentials {
  readonly tls: TlsOptions
  readonly headers: { readonly [name: string]: string }
}

export interface Endpoint {
  /** Without a slash at the end; may have a path. */
  readonly server: string
  readonly proxyUrl: string | undefined
  /** Namespace of the context. */
  readonly namespace: string | undefined
  /**
   * Reads files and runs exec plugins again where what they gave has expired, or, to `renew`, in any case.
   * @throws KubeError `unauthorized`
   */
  credentials(o: { readonly renew: boolean }): Promise<Credentials>
}

/** @throws Error in one line: what is missing, and what there is */
export async function readAccess(access: KubeAccess): Promise<Endpoint> {
  // The library is large, and only needed by who speaks to a server over the wire.
  const library = await import('@kubernetes/client-node')
  const read = (): { config: KubeConfig; where: string } => {
    const config = new library.KubeConfig()
    const where = load(library, config, access)
    if (access.kind !== 'inCluster' && access.context !== undefined) config.setCurrentContext(access.context)
    return { config, where }
  }
  let { config, where } = read()
  const { server, proxyUrl, namespace } = prepare(config, where)
  return {
    server,
    proxyUrl,
    namespace,
    credentials: ({ renew }) => {
      if (renew) {
        // The library remembers tokens until they expire, also those that the server refuses.
        ;({ config, where } = read())
        prepare(config, where)
      }
      return credentialsOf(config, where)
    },
  }
}

type Library = typeof clientNode

interface NamedUser {
  readonly name: string
  readonly user?: { readonly tokenFile?: string } | null
}

/** Answers the words by which errors name the place. */
function load(library: Library, config: KubeConfig, access: KubeAccess): string {
  switch (access.kind) {
    case 'inCluster':
      loadServiceAccount(config, 'no access to a cluster')
      return 'service account'
    case 'text':
      loadText(library, config, access.text, 'kubeconfig', '.')
      return 'kubeconfig'
    case 'file': {
      const paths = access.path === undefined ? usualPaths() : [access.path]
      if (paths.length === 0) {
        loadServiceAccount(config, 'no access to a cluster: neither $KUBECONFIG nor ~/.kube/config is there')
        return 'service account'
      }
      return loadFiles(library, config, paths)
    }
  }
}

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount/token'

function loadServiceAccount(config: KubeConfig, otherwise: string): void {
  if (!process.env['KUBERNETES_SERVICE_HOST'] || !existsSync(tokenPath))
    throw new Error(`${otherwise}; this is no pod either: no $KUBERNETES_SERVICE_HOST with ${tokenPath}`)
  config.loadFromCluster()
}

/** As kubectl looks: files of the list that do not exist are passed over. */
function usualPaths(): string[] {
  const listed = process.env['KUBECONFIG']
  if (listed !== undefined && listed !== '') {
    const paths = listed.split(delimiter).filter((path) => path !== '')
    const there = paths.filter((path) => existsSync(path))
    if (there.length === 0) throw new Error(`kubeconfig ${paths.join(', ')} ($KUBECONFIG): no such file`)
    return there
  }
  const path = join(homedir(), '.kube', 'config')
  return existsSync(path) ? [path] : []
}

/** Merges the files; the first that names a context, cluster or user decides, as with kubectl. */
function loadFiles(library: Library, config: KubeConfig, paths: readonly string[]): string {
  const where = `kubeconfig ${paths.join(', ')}`
  for (const path of paths) {
    if (!existsSync(path)) throw new Error(`kubeconfig ${path}: no such file`)
    const one = new library.KubeConfig()
    loadText(library, one, readFileSync(path, 'utf8'), `kubeconfig ${path}`, dirname(path))
    config.currentContext ||= one.currentContext
    for (const list of ['clusters', 'users', 'contexts'] as const) {
      const known = new Set(config[list].map(({ name }) => name))
      config[list] = [...config[list], ...one[list].filter(({ name }) => !known.has(name))] as never
    }
  }
  return where
}

function loadText(library: Library, config: KubeConfig, text: string, where: string, folder: string): void {
  try {
    config.loadFromString(text)
    config.makePathsAbsolute(folder)
    const { users = [] } = library.loadYaml<{ users?: readonly NamedUser[] }>(text)
    config.users = config.users.map((user) => {
      const tokenFile = users.find(({ name }) => name === user.name)?.user?.tokenFile
      // The library knows such files only by another name.
      return tokenFile === undefined
        ? user
        : { ...user, authProvider: { name: 'tokenFile', config: { tokenFile: resolve(folder, tokenFile) } } }
    })
  } catch (error) {
    throw new Error(`${where}: ${oneLine(error)}`, { cause: error })
  }
}

/** Checks that the current context is whole, and readies its cluster and user. */
function prepare(config: KubeConfig, where: string): Pick<Endpoint, 'server' | 'proxyUrl' | 'namespace'> {
  const name = config.currentContext as string | undefined
  if (name === undefined || name === '') throw new Error(`${where}: no current-context; ${listed(config.contexts)}`)
  const context = config.contexts.find((found) => found.name === name)
  if (context === undefined) throw new Error(`${where}: no context "${name}"; ${listed(config.contexts)}`)
  const cluster = config.clusters.find((found) => found.name === context.cluster)
  if (cluster === undefined)
    throw new Error(`${where}: context "${name}" names cluster "${context.cluster}"; ${listed(config.clusters)}`)
  if (context.user !== undefined && !config.users.some((user) => user.name === context.user))
    throw new Error(`${where}: context "${name}" names user "${context.user}"; ${listed(config.users)}`)
  if (!/^https?:\/\//.test(cluster.server))
    throw new Error(`${where}: cluster "${cluster.name}" has server ${cluster.server}: expected an http or https URL`)
  // The library refuses plain HTTP unless verification is off, where there is nothing to verify.
  if (cluster.server.startsWith('http:'))
    config.clusters = config.clusters.map((found) => (found === cluster ? { ...found, skipTLSVerify: true } : found))
  tellExecPlugins(config)
  return { server: cluster.server, proxyUrl: cluster.proxyUrl, namespace: context.namespace }
}

function listed(entries: readonly { readonly name: string }[]): string {
  return entries.length === 0 ? 'it has none' : `it has ${entries.map(({ name }) => name).join(', ')}`
}

/** Plugins are told which version of their protocol to speak. */
function tellExecPlugins(config: KubeConfig): void {
  for (const user of config.users) {
    const exec = user.exec as { apiVersion?: string; env?: { name: string; value: string }[] | null } | null | undefined
    if (exec === undefined || exec === null) continue
    const info = {
      kind: 'ExecCredential',
      apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
      spec: { interactive: false },
    }
    exec.env = [{ name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }, ...(exec.env ?? [])]
  }
}

async function credentialsOf(config: KubeConfig, where: string): Promise<Credentials> {
  const options: RequestOptions & { auth?: string | null } = { headers: {} }
  try {
    await config.applyToHTTPSOptions(options)
  } catch (error) {
    const message = `${where}: getting credentials: ${oneLine(error)}`
    throw new KubeError('unauthorized', { kind: 'Status', status: 'Failure', message, code: 401 }, error)
  }
  const headers: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim()
  if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
  const { ca, cert, key, servername, rejectUnauthorized } = options
  return {
    headers,
    tls: {
      ...(ca === undefined ? {} : { ca: ca as Buffer }),
      ...(cert === undefined ? {} : { cert: cert as Buffer }),
      ...(key === undefined ? {} : { key: key as Buffer }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  }
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().split('\n')[0] ?? ''
}
