import { join } from 'node:path'

export interface ClusterFacts {
  readonly name: string
  readonly region: string
  readonly accountId: string
  readonly kubeconfig: string
  /** Where kubectl may keep what it learnt of the API: ports are reused by other clusters, caches must not be. */
  readonly kubeCache: string
  readonly awsUrl: string
  /** Where Helm finds the charts. */
  readonly chartsUrl: string
  /** Image ids for arm64 and amd64 nodes, where the cloud knows them. */
  readonly images: { readonly arm64?: string; readonly amd64?: string }
}

/** The variables that make a tutorial's commands work as typed. */
export function clusterEnvironment(facts: ClusterFacts): { readonly [variable: string]: string } {
  return {
    KUBECONFIG: facts.kubeconfig,
    KUBECACHEDIR: facts.kubeCache,
    AWS_ENDPOINT_URL: facts.awsUrl,
    AWS_REGION: facts.region,
    AWS_DEFAULT_REGION: facts.region,
    // Any key is accepted; these are AWS's own documentation examples, so no scanner takes them for real ones.
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    AWS_PAGER: '',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCOUNT_ID: facts.accountId,
    AWS_PARTITION: 'aws',
    CLUSTER_NAME: facts.name,
    PLIMSOLL_CHARTS_URL: facts.chartsUrl,
    PLIMSOLL_CHARTS_OCI: `${facts.chartsUrl.replace(/^http:/, 'oci:')}/charts`,
    KARPENTER_NAMESPACE: 'kube-system',
    KARPENTER_VERSION: '1.14.1',
    ...(facts.images.arm64 === undefined ? {} : { ARM_AMI_ID: facts.images.arm64 }),
    ...(facts.images.amd64 === undefined ? {} : { AMD_AMI_ID: facts.images.amd64 }),
  }
}

/** Variables of a user's own AWS set-up that would win over ours, or send a command to the real cloud. */
const overruling = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_CA_BUNDLE']

/** Lines for `eval` in a POSIX shell. Running them twice changes nothing more. */
export function shellExports(environment: { readonly [variable: string]: string }, bin: string): string {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`)
  lines.push(`unset ${overruling.join(' ')}`)
  lines.push(`case ":$PATH:" in *:${quoted(bin)}:*) ;; *) export PATH=${quoted(bin)}:"$PATH" ;; esac`)
  return lines.join('\n') + '\n'
}

/** The same for a child process: `base` with the variables, and `bin` first on PATH. */
export function childEnvironment(
  base: NodeJS.ProcessEnv,
  environment: { readonly [variable: string]: string },
  bin: string,
): NodeJS.ProcessEnv {
  const merged: NodeJS.ProcessEnv = { ...base, ...environment, PATH: `${bin}:${base['PATH'] ?? ''}` }
  for (const name of overruling) delete merged[name]
  return merged
}

/** One word to a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** The first executable of that name on the search path, passing over some folders; undefined when there is none. */
export function findOnPath(
  command: string,
  path: string,
  isExecutable: (file: string) => boolean,
  except: (folder: string) => boolean = () => false,
): string | undefined {
  for (const folder of path.split(':')) {
    if (folder === '' || except(folder)) continue
    const file = join(folder, command)
    if (isExecutable(file)) return file
  }
  return undefined
}
