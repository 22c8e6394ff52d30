// A container's environment and command line, as the kubelet works them out
// (kubernetes/kubernetes:pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables; third_party/forked/golang/expansion).
import {
  ConfigMaps,
  milliValue,
  own,
  Secrets,
  setOwn,
  wholeValue,
  type Container,
  type EnvVarSource,
  type ObjectKey,
  type Pod,
} from '@plimsoll/model'
import { isKubeFailure, type KubeReader } from '@plimsoll/ports'

export interface NodeFacts {
  readonly nodeName: string
  readonly hostIP: string
  readonly podIP: string
  readonly allocatable: { readonly [resource: string]: string }
}

/** What stops a container from being made; shown as `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError'
}

type Env = { [name: string]: string }

export async function containerEnvironment(
  kube: KubeReader,
  pod: Pod,
  container: Container,
  facts: NodeFacts,
): Promise<{ readonly env: Env; readonly command: readonly string[]; readonly args: readonly string[] }> {
  const env: Env = {
    HOSTNAME: pod.spec.hostname ?? (pod.spec.hostNetwork === true ? facts.nodeName : pod.metadata.name),
    KUBERNETES_SERVICE_HOST: 'kubernetes.default.svc',
    KUBERNETES_SERVICE_PORT: '443',
  }
  for (const source of container.envFrom ?? []) {
    const data =
      source.configMapRef !== undefined
        ? await readConfigMap(kube, pod, source.configMapRef)
        : source.secretRef !== undefined
          ? await readSecret(kube, pod, source.secretRef)
          : {}
    for (const key of Object.keys(data)) setOwn(env, `${source.prefix ?? ''}${key}`, data[key]!)
  }
  for (const variable of container.env ?? []) {
    if (variable.valueFrom === undefined) {
      setOwn(env, variable.name, expand(variable.value ?? '', env))
      continue
    }
    const value = await valueOf(kube, pod, container, variable.valueFrom, facts)
    if (value !== undefined) setOwn(env, variable.name, value)
  }
  return {
    env,
    command: (container.command ?? []).map((text) => expand(text, env)),
    args: (container.args ?? []).map((text) => expand(text, env)),
  }
}

/** `$(NAME)` becomes its value, `$$(NAME)` the literal `$(NAME)`; unknown names stay as they are. */
function expand(text: string, env: { readonly [name: string]: string }): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$'
    return own(env, name!) ?? whole
  })
}

async function valueOf(
  kube: KubeReader,
  pod: Pod,
  container: Container,
  source: EnvVarSource,
  facts: NodeFacts,
): Promise<string | undefined> {
  if (source.fieldRef !== undefined) return fieldValue(pod, source.fieldRef.fieldPath, facts)
  if (source.resourceFieldRef !== undefined) {
    const { containerName, resource, divisor } = source.resourceFieldRef
    return resourceValue(pod, containerName ?? container.name, resource, divisor, facts)
  }
  const reference = source.configMapKeyRef ?? source.secretKeyRef
  if (reference === undefined) return undefined
  const data =
    source.configMapKeyRef !== undefined
      ? await readConfigMap(kube, pod, reference)
      : await readSecret(kube, pod, reference)
  const value = own(data, reference.key)
  if (value === undefined && reference.optional !== true) {
    const kind = source.configMapKeyRef !== undefined ? 'ConfigMap' : 'Secret'
    throw new ContainerConfigError(
      `couldn't find key ${reference.key} in ${kind} ${pod.metadata.namespace}/${reference.name ?? ''}`,
    )
  }
  return value
}

interface Reference {
  readonly name?: string | undefined
  readonly optional?: boolean | undefined
}

async function readConfigMap(kube: KubeReader, pod: Pod, reference: Reference): Promise<Env> {
  const map = await readOptional('configmap', reference, (key) => kube.get(ConfigMaps, key), pod)
  return { ...map?.data }
}

async function readSecret(kube: KubeReader, pod: Pod, reference: Reference): Promise<Env> {
  const secret = await readOptional('secret', reference, (key) => kube.get(Secrets, key), pod)
  const env: Env = {}
  for (const [key, value] of Object.entries(secret?.data ?? {})) setOwn(env, key, fromBase64(value))
  return env
}

async function readOptional<T>(
  what: string,
  reference: Reference,
  read: (key: ObjectKey) => Promise<T>,
  pod: Pod,
): Promise<T | undefined> {
  try {
    return await read({ namespace: pod.metadata.namespace, name: reference.name ?? '' })
  } catch (error) {
    if (!isKubeFailure(error, 'notFound')) throw error
    if (reference.optional === true) return undefined
    throw new ContainerConfigError(`${what} "${reference.name ?? ''}" not found`)
  }
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)))
}

/** The downward API (kubernetes/kubernetes:pkg/fieldpath). */
function fieldValue(pod: Pod, path: string, facts: NodeFacts): string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (subscript !== null) return own(pod.metadata[subscript[1] as 'labels'], subscript[2]!) ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace
    case 'metadata.uid':
      return pod.metadata.uid
    case 'spec.nodeName':
      return facts.nodeName
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP
    default:
      throw new ContainerConfigError(`unsupported fieldPath: ${path}`)
  }
}

function resourceValue(
  pod: Pod,
  containerName: string,
  resource: string,
  divisor: string | number | undefined,
  facts: NodeFacts,
): string {
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((c) => c.name === containerName)
  if (container === undefined) throw new ContainerConfigError(`container ${containerName} not found`)
  const [kind, name = ''] = resource.split('.')
  const list = kind === 'limits' ? container.resources?.limits : container.resources?.requests
  // A container without a limit may use the whole node.
  const quantity = own(list, name) ?? (kind === 'limits' ? own(facts.allocatable, name) : undefined) ?? '0'
  const unit = divisor === undefined || String(divisor) === '0' ? '1' : divisor
  if (name === 'cpu') return String(Math.ceil(milliValue(quantity) / milliValue(unit)))
  return String(Math.ceil(wholeValue(quantity) / wholeValue(unit)))
}
