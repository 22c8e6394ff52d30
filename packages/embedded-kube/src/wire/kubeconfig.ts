import { fieldsOf, listOf, type Fields } from '../object.ts'
import { parseYamlText, yamlText } from './yaml-text.ts'

/** How a kubeconfig's user proves who it is. PEM texts are given as they are and encoded here. */
export type KubeconfigCredential =
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'token'; readonly token: string }
  /** `aws eks get-token`, as `aws eks update-kubeconfig` writes it. */
  | {
      readonly kind: 'eks'
      readonly clusterName: string
      readonly region: string
      readonly env?: { readonly [name: string]: string }
    }

export interface KubeconfigEntry {
  /** Of the context, the cluster and the user. */
  readonly name: string
  readonly server: string
  /** PEM. */
  readonly ca: string
  readonly credential: KubeconfigCredential
  readonly namespace?: string
}

/** A whole kubeconfig with one context, which is the current one. */
export function kubeconfig(entry: KubeconfigEntry): string {
  return yamlText(withEntry({}, entry))
}

/**
 * An existing kubeconfig with the entry added, or put in the place of one of the same name, and made current. Nothing
 * else is lost. @throws {Error} when the text is not YAML
 */
export function mergeKubeconfig(existing: string, entry: KubeconfigEntry): string {
  return yamlText(withEntry(fieldsOf(parsed(existing)), entry))
}

function parsed(existing: string): unknown {
  try {
    return parseYamlText(existing).value
  } catch (error) {
    throw new Error(`the existing kubeconfig is not valid YAML: ${(error as Error).message}`, { cause: error })
  }
}

function withEntry(config: Fields, entry: KubeconfigEntry): Fields {
  const { name, server, ca, namespace } = entry
  const context = { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) }
  return {
    ...config,
    apiVersion: 'v1',
    kind: 'Config',
    preferences: config['preferences'] ?? {},
    clusters: named(config['clusters'], name, 'cluster', { server, 'certificate-authority-data': base64(ca) }),
    users: named(config['users'], name, 'user', userOf(entry.credential)),
    contexts: named(config['contexts'], name, 'context', context),
    'current-context': name,
  }
}

function named(list: unknown, name: string, field: string, value: Fields): readonly Fields[] {
  const entry = { name, [field]: value }
  const all = listOf(list)
  const at = all.findIndex((found) => found['name'] === name)
  return at < 0 ? [...all, entry] : all.with(at, entry)
}

function userOf(credential: KubeconfigCredential): Fields {
  switch (credential.kind) {
    case 'certificate':
      return {
        'client-certificate-data': base64(credential.certificate),
        'client-key-data': base64(credential.key),
      }
    case 'token':
      return { token: credential.token }
    case 'eks':
      return {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: 'aws',
          args: ['--region', credential.region, 'eks', 'get-token', '--cluster-name', credential.clusterName],
          env: Object.entries(credential.env ?? {}).map(([name, value]) => ({ name, value })),
          interactiveMode: 'IfAvailable',
        },
      }
  }
}

/** PEM is ASCII. */
function base64(pem: string): string {
  return btoa(pem)
}
