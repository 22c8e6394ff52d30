// Containers of pods and templates (kubernetes/kubernetes:pkg/apis/core/validation/validation.go, validateContainerCommon).
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  required,
  unsupported,
  type FieldError,
} from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf, type Fields } from '../object.ts'
import {
  configKeyErrors,
  descendingPathErrors,
  headerNameErrors,
  idErrors,
  noBackstepErrors,
  notNegativeErrors,
  portErrors,
  portNameErrors,
  portOrNameErrors,
  requiredErrors,
} from './formats.ts'
import { nameErrors } from './names.ts'
import { containerFieldErrors, podFieldErrors } from './references.ts'
import { resourceErrors } from './resource-validation.ts'

const pullPolicies = ['Always', 'IfNotPresent', 'Never']
const protocols = ['SCTP', 'TCP', 'UDP']
const restartPolicies = ['Always', 'Never', 'OnFailure']

/** What of the pod its containers refer to. */
export interface PodParts {
  readonly volumes: ReadonlyMap<string, Fields>
  readonly claims: ReadonlySet<string>
  readonly graceSeconds: number
}

export function checkContainers(containers: readonly Fields[], at: string, pod: PodParts, errors: FieldError[]): void {
  if (containers.length === 0) {
    errors.push(required(at))
    return
  }
  const names = new Set<string>()
  containers.forEach((container, i) => {
    const here = `${at}[${i}]`
    commonErrors(container, here, pod, errors)
    const name = textOf(container['name'])
    if (names.has(name)) errors.push(duplicate(`${here}.name`, name))
    names.add(name)
    serviceErrors(container, here, pod, errors)
    restartErrors(container, here, errors)
  })
  hostPortErrors(containers, at, errors)
}

export function checkInitContainers(
  containers: readonly Fields[],
  regular: readonly Fields[],
  at: string,
  pod: PodParts,
  errors: FieldError[],
): void {
  const names = new Set(regular.map((container) => textOf(container['name'])))
  containers.forEach((container, i) => {
    const here = `${at}[${i}]`
    commonErrors(container, here, pod, errors)
    restartErrors(container, here, errors)
    const name = textOf(container['name'])
    if (names.has(name)) errors.push(duplicate(`${here}.name`, name))
    else if (name !== '') names.add(name)
    hostPortErrors([container], at, errors)
    if (container['restartPolicy'] === 'Always') serviceErrors(container, here, pod, errors)
    else {
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
        if (container[field] === undefined) continue
        errors.push(
          forbiddenField(`${here}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
        )
      }
    }
  })
}

const ephemeralFields = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'env',
  'envFrom',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
])

export function checkEphemeralContainers(
  containers: readonly Fields[],
  others: readonly Fields[],
  at: string,
  pod: PodParts,
  errors: FieldError[],
): void {
  const otherNames = new Set(others.map((container) => textOf(container['name'])))
  const names = new Set(otherNames)
  containers.forEach((container, i) => {
    const here = `${at}[${i}]`
    commonErrors(container, here, pod, errors)
    const name = textOf(container['name'])
    if (names.has(name)) errors.push(duplicate(`${here}.name`, name))
    names.add(name)
    const target = textOf(container['targetContainerName'])
    if (target !== '' && !otherNames.has(target)) errors.push(notFoundValue(`${here}.targetContainerName`, target))
    for (const field of Object.keys(container)) {
      const value = container[field]
      if (ephemeralFields.has(field) || value === undefined || (isFields(value) && Object.keys(value).length === 0)) {
        continue
      }
      errors.push(forbiddenField(`${here}.${field}`, 'cannot be set for an Ephemeral Container'))
    }
    listOf(container['volumeMounts']).forEach((mount, k) => {
      for (const field of ['subPath', 'subPathExpr']) {
        if (textOf(mount[field]) === '') continue
        errors.push(forbiddenField(`${here}.volumeMounts[${k}].${field}`, 'cannot be set for an Ephemeral Container'))
      }
    })
  })
}

/** What pods are asked, and templates are not. */
export function imageErrors(containers: readonly Fields[], at: string, errors: FieldError[]): void {
  containers.forEach((container, i) => {
    const image = textOf(container['image'])
    if (image.trim() === image) return
    errors.push(invalidValue(`${at}[${i}].image`, image, 'must not have leading or trailing whitespace'))
  })
}

function commonErrors(container: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  const name = textOf(container['name'])
  errors.push(...(name === '' ? [required(`${at}.name`)] : nameErrors(name, 'label', `${at}.name`)))
  errors.push(...requiredErrors(container['image'], `${at}.image`))
  const messages = container['terminationMessagePolicy']
  if (messages !== undefined && messages !== 'File' && messages !== 'FallbackToLogsOnError') {
    errors.push(unsupported(`${at}.terminationMessagePolicy`, messages, ['File', 'FallbackToLogsOnError']))
  }
  listOf(container['ports']).forEach((port, i, all) =>
    containerPortErrors(port, `${at}.ports[${i}]`, all.slice(0, i), errors),
  )
  listOf(container['env']).forEach((variable, i) => variableErrors(variable, `${at}.env[${i}]`, errors))
  listOf(container['envFrom']).forEach((source, i) => variablesFromErrors(source, `${at}.envFrom`, i, errors))
  mountErrors(container, at, pod, errors)
  deviceErrors(container, at, pod, errors)
  const pull = container['imagePullPolicy']
  if (pull === undefined || pull === '') errors.push(required(`${at}.imagePullPolicy`))
  else if (!pullPolicies.includes(textOf(pull))) {
    errors.push(unsupported(`${at}.imagePullPolicy`, pull, pullPolicies))
  }
  resourceErrors(fieldsOf(container['resources']), pod.claims, `${at}.resources`, errors)
  resizeErrors(listOf(container['resizePolicy']), `${at}.resizePolicy`, errors)
  const security = container['securityContext']
  if (isFields(security)) securityErrors(security, `${at}.securityContext`, errors)
}

function containerPortErrors(port: Fields, at: string, before: readonly Fields[], errors: FieldError[]): void {
  const name = textOf(port['name'])
  if (name !== '') {
    const problems = portNameErrors(name, `${at}.name`)
    if (problems.length > 0) errors.push(...problems)
    else if (before.some((other) => other['name'] === name)) errors.push(duplicate(`${at}.name`, name))
  }
  const number = port['containerPort'] ?? 0
  errors.push(...(number === 0 ? [required(`${at}.containerPort`)] : portErrors(number, `${at}.containerPort`)))
  const host = port['hostPort'] ?? 0
  if (host !== 0) errors.push(...portErrors(host, `${at}.hostPort`))
  const protocol = textOf(port['protocol'])
  if (protocol === '') errors.push(required(`${at}.protocol`))
  else if (!protocols.includes(protocol)) errors.push(unsupported(`${at}.protocol`, protocol, protocols))
}

function hostPortErrors(containers: readonly Fields[], at: string, errors: FieldError[]): void {
  const taken = new Set<string>()
  containers.forEach((container, i) =>
    listOf(container['ports']).forEach((port, k) => {
      const host = Number(port['hostPort'] ?? 0)
      if (host === 0) return
      const id = `${textOf(port['protocol'])}/${textOf(port['hostIP'])}/${host}`
      if (taken.has(id)) errors.push(duplicate(`${at}[${i}].ports[${k}].hostPort`, id))
      taken.add(id)
    }),
  )
}

function variableNameErrors(name: string, field: string): FieldError[] {
  if (/^[ -<>-~]+$/.test(name)) return []
  const why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
  return [invalidValue(field, name, why)]
}

function variableErrors(variable: Fields, at: string, errors: FieldError[]): void {
  const name = textOf(variable['name'])
  errors.push(...(name === '' ? [required(`${at}.name`)] : variableNameErrors(name, `${at}.name`)))
  const from = variable['valueFrom']
  if (!isFields(from)) return
  const here = `${at}.valueFrom`
  let sources = 0
  const { fieldRef, resourceFieldRef } = from
  if (isFields(fieldRef)) {
    sources++
    errors.push(...podFieldErrors(fieldRef, `${here}.fieldRef`, 'env'))
  }
  if (isFields(resourceFieldRef)) {
    sources++
    errors.push(...containerFieldErrors(resourceFieldRef, `${here}.resourceFieldRef`, 'env'))
  }
  for (const kind of ['configMapKeyRef', 'secretKeyRef']) {
    const reference = from[kind]
    if (!isFields(reference)) continue
    sources++
    const named = `${here}.${kind}`
    errors.push(...nameErrors(textOf(reference['name']), 'subdomain', `${named}.name`))
    const key = textOf(reference['key'])
    errors.push(...(key === '' ? [required(`${named}.key`)] : configKeyErrors(key, `${named}.key`)))
  }
  if (isFields(from['fileKeyRef'])) sources++
  if (sources === 0) {
    const kinds = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
    errors.push(invalidValue(here, '', `must specify one of: ${kinds}`))
  } else if (textOf(variable['value']) !== '') {
    errors.push(invalidValue(here, '', 'may not be specified when `value` is not empty'))
  } else if (sources > 1) {
    errors.push(invalidValue(here, '', 'may not have more than one field specified at a time'))
  }
}

function variablesFromErrors(source: Fields, at: string, index: number, errors: FieldError[]): void {
  const here = `${at}[${index}]`
  const prefix = textOf(source['prefix'])
  if (prefix !== '') errors.push(...variableNameErrors(prefix, `${here}.prefix`))
  let sources = 0
  for (const kind of ['configMapRef', 'secretRef']) {
    const reference = source[kind]
    if (!isFields(reference)) continue
    sources++
    errors.push(...requiredErrors(reference['name'], `${here}.${kind}.name`))
  }
  if (sources === 0) errors.push(invalidValue(at, '', 'must specify one of: `configMapRef` or `secretRef`'))
  else if (sources > 1) errors.push(invalidValue(at, '', 'may not have more than one field specified at a time'))
}

function mountErrors(container: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  const devices = listOf(container['volumeDevices'])
  const list = `${at}.volumeMounts`
  const paths = new Set<string>()
  listOf(container['volumeMounts']).forEach((mount, i) => {
    const here = `${list}[${i}]`
    const name = textOf(mount['name'])
    const path = textOf(mount['mountPath'])
    errors.push(...requiredErrors(name, `${here}.name`))
    if (!pod.volumes.has(name)) errors.push(notFoundValue(`${here}.name`, name))
    errors.push(...requiredErrors(path, `${here}.mountPath`))
    if (paths.has(path)) errors.push(invalidValue(`${here}.mountPath`, path, 'must be unique'))
    paths.add(path)
    if (devices.some((device) => device['name'] === name)) {
      errors.push(invalidValue(`${here}.name`, name, 'must not already exist in volumeDevices'))
    }
    if (devices.some((device) => device['devicePath'] === path)) {
      errors.push(invalidValue(`${here}.mountPath`, path, 'must not already exist as a path in volumeDevices'))
    }
    // Upstream names the list, not the mount, from here on.
    const subPath = textOf(mount['subPath'])
    const subPathExpr = textOf(mount['subPathExpr'])
    if (subPath !== '') errors.push(...descendingPathErrors(subPath, `${list}.subPath`))
    if (subPathExpr !== '') {
      if (subPath !== '') {
        const why = 'subPathExpr and subPath are mutually exclusive'
        errors.push(invalidValue(`${here}.subPathExpr`, subPathExpr, why))
      }
      errors.push(...descendingPathErrors(subPathExpr, `${list}.subPathExpr`))
    }
    propagationErrors(mount, container, list, errors)
    readOnlyErrors(mount, `${list}.recursiveReadOnly`, errors)
  })
}

const propagations = ['Bidirectional', 'HostToContainer', 'None']

function propagationErrors(mount: Fields, container: Fields, list: string, errors: FieldError[]): void {
  const propagation = mount['mountPropagation']
  if (propagation === undefined) return
  const field = `${list}.mountPropagation`
  if (!propagations.includes(textOf(propagation))) errors.push(unsupported(field, propagation, propagations))
  if (propagation === 'Bidirectional' && fieldsOf(container['securityContext'])['privileged'] !== true) {
    const why = 'Bidirectional mount propagation is available only to privileged containers'
    errors.push(forbiddenField(field, why))
  }
}

function readOnlyErrors(mount: Fields, field: string, errors: FieldError[]): void {
  const mode = mount['recursiveReadOnly']
  if (mode === undefined || mode === 'Disabled') return
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    errors.push(unsupported(field, mode, ['Disabled', 'Enabled', 'IfPossible']))
    return
  }
  if (mount['readOnly'] !== true) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'))
  const propagation = mount['mountPropagation']
  if (propagation !== undefined && propagation !== 'None') {
    errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'))
  }
}

function deviceErrors(container: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  const mounts = listOf(container['volumeMounts'])
  const paths = new Set<string>()
  const names = new Set<string>()
  listOf(container['volumeDevices']).forEach((device, i) => {
    const here = `${at}.volumeDevices[${i}]`
    const name = textOf(device['name'])
    const path = textOf(device['devicePath'])
    const volume = pod.volumes.get(name)
    errors.push(...requiredErrors(name, `${here}.name`))
    if (names.has(name)) errors.push(invalidValue(`${here}.name`, name, 'must be unique'))
    if (volume === undefined) errors.push(notFoundValue(`${here}.name`, name))
    else if (volume['persistentVolumeClaim'] === undefined && volume['ephemeral'] === undefined) {
      const why = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
      errors.push(invalidValue(`${here}.name`, name, why))
    }
    errors.push(...requiredErrors(path, `${here}.devicePath`))
    if (paths.has(path)) errors.push(invalidValue(`${here}.devicePath`, path, 'must be unique'))
    if (noBackstepErrors(path, '').length > 0) {
      errors.push(invalidValue(`${here}.devicePath`, path, "can not contain backsteps ('..')"))
    } else paths.add(path)
    if (mounts.some((mount) => mount['name'] === name)) {
      errors.push(invalidValue(`${here}.name`, name, 'must not already exist in volumeMounts'))
    }
    if (mounts.some((mount) => mount['mountPath'] === path)) {
      errors.push(invalidValue(`${here}.devicePath`, path, 'must not already exist as a path in volumeMounts'))
    }
    if (name !== '') names.add(name)
  })
}

function resizeErrors(policies: readonly Fields[], at: string, errors: FieldError[]): void {
  for (const policy of policies) {
    const name = textOf(policy['resourceName'])
    if (name === '') errors.push(required(at))
    else if (name !== 'cpu' && name !== 'memory') errors.push(unsupported(at, name, ['cpu', 'memory']))
    const restart = textOf(policy['restartPolicy'])
    if (restart === '') errors.push(required(at))
    else if (restart !== 'NotRequired' && restart !== 'RestartContainer') {
      errors.push(unsupported(at, restart, ['NotRequired', 'RestartContainer']))
    }
  }
}

function restartErrors(container: Fields, at: string, errors: FieldError[]): void {
  const policy = container['restartPolicy']
  if (policy === undefined) return
  if (!restartPolicies.includes(textOf(policy)))
    errors.push(unsupported(`${at}.restartPolicy`, policy, restartPolicies))
}

/** Probes and hooks: what long-running containers may have. */
function serviceErrors(container: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  const lifecycle = fieldsOf(container['lifecycle'])
  for (const hook of ['postStart', 'preStop']) {
    const handler = lifecycle[hook]
    if (isFields(handler)) handlerErrors(handler, `${at}.lifecycle.${hook}`, pod, errors)
  }
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[kind]
    if (isFields(probe)) probeErrors(probe, kind, `${at}.${kind}`, pod, errors)
  }
}

function probeErrors(probe: Fields, kind: string, at: string, pod: PodParts, errors: FieldError[]): void {
  handlerErrors(probe, at, pod, errors)
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ]) {
    errors.push(...notNegativeErrors(probe[field], `${at}.${field}`))
  }
  const grace = probe['terminationGracePeriodSeconds']
  const field = `${at}.terminationGracePeriodSeconds`
  if (typeof grace === 'number' && grace <= 0) errors.push(invalidValue(field, grace, 'must be greater than 0'))
  if (kind === 'readinessProbe') {
    if (grace !== undefined) errors.push(invalidValue(field, grace, 'must not be set for readinessProbes'))
  } else if (probe['successThreshold'] !== 1) {
    errors.push(invalidValue(`${at}.successThreshold`, probe['successThreshold'] ?? 0, 'must be 1'))
  }
}

function handlerErrors(handler: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  let found = false
  for (const kind of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep']) {
    const action = handler[kind]
    if (!isFields(action)) continue
    if (found) errors.push(forbiddenField(`${at}.${kind}`, 'may not specify more than 1 handler type'))
    else actionErrors(kind, action, `${at}.${kind}`, pod, errors)
    found = true
  }
  if (!found) errors.push(required(at, 'must specify a handler type'))
}

function actionErrors(kind: string, action: Fields, at: string, pod: PodParts, errors: FieldError[]): void {
  switch (kind) {
    case 'exec':
      if (listOf(action['command']).length === 0) errors.push(required(`${at}.command`))
      return
    case 'httpGet': {
      errors.push(...requiredErrors(action['path'], `${at}.path`), ...portOrNameErrors(action['port'], `${at}.port`))
      const scheme = textOf(action['scheme'])
      if (scheme !== 'HTTP' && scheme !== 'HTTPS') errors.push(unsupported(`${at}.scheme`, scheme, ['HTTP', 'HTTPS']))
      for (const header of listOf(action['httpHeaders'])) {
        errors.push(...headerNameErrors(textOf(header['name']), `${at}.httpHeaders`))
      }
      return
    }
    case 'tcpSocket':
      errors.push(...portOrNameErrors(action['port'], `${at}.port`))
      return
    case 'grpc':
      errors.push(...portErrors(action['port'], `${at}.port`))
      return
    default: {
      const seconds = Number(action['seconds'] ?? 0)
      if (seconds >= 0 && seconds <= pod.graceSeconds) return
      const why = `must be non-negative and less than terminationGracePeriodSeconds (${pod.graceSeconds})`
      errors.push(invalidValue(at, seconds, why))
    }
  }
}

function securityErrors(context: Fields, at: string, errors: FieldError[]): void {
  errors.push(...idErrors(context['runAsUser'], `${at}.runAsUser`))
  errors.push(...idErrors(context['runAsGroup'], `${at}.runAsGroup`))
  const mount = context['procMount']
  if (mount !== undefined && mount !== 'Default' && mount !== 'Unmasked') {
    errors.push(unsupported(`${at}.procMount`, mount, ['Default', 'Unmasked']))
  }
  seccompErrors(context['seccompProfile'], `${at}.seccompProfile`, errors)
  if (context['allowPrivilegeEscalation'] !== false) return
  const why = 'cannot set `allowPrivilegeEscalation` to false and'
  if (context['privileged'] === true) {
    errors.push(invalidValue(at, goSecurityContext(context), `${why} \`privileged\` to true`))
  }
  const added = fieldsOf(context['capabilities'])['add']
  if (Array.isArray(added) && added.includes('CAP_SYS_ADMIN')) {
    errors.push(invalidValue(at, goSecurityContext(context), `${why} \`capabilities.Add\` CAP_SYS_ADMIN`))
  }
}

const profiles = ['Localhost', 'RuntimeDefault', 'Unconfined']

export function seccompErrors(profile: unknown, at: string, errors: FieldError[]): void {
  if (!isFields(profile)) return
  const type = textOf(profile['type'])
  const local = profile['localhostProfile']
  if (!profiles.includes(type)) errors.push(unsupported(`${at}.type`, type, profiles))
  else if (type === 'Localhost' && local === undefined) {
    errors.push(required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost'))
  } else if (type === 'Localhost') errors.push(...descendingPathErrors(textOf(local), `${at}.localhostProfile`))
  else if (local !== undefined) {
    errors.push(invalidValue(`${at}.localhostProfile`, local, 'can only be set when seccomp type is Localhost'))
  }
}

/** As Go prints the internal type, whose fields have no names in JSON. */
function goSecurityContext(context: Fields): Fields {
  const capabilities = context['capabilities']
  const shown: Record<string, unknown> = {}
  for (const name of [
    'capabilities',
    'privileged',
    'seLinuxOptions',
    'windowsOptions',
    'runAsUser',
    'runAsGroup',
    'runAsNonRoot',
    'readOnlyRootFilesystem',
    'allowPrivilegeEscalation',
    'procMount',
    'seccompProfile',
    'appArmorProfile',
  ]) {
    const goName = name === 'seLinuxOptions' ? 'SELinuxOptions' : name.charAt(0).toUpperCase() + name.slice(1)
    shown[goName] = context[name] ?? null
  }
  if (isFields(capabilities)) {
    shown['Capabilities'] = { Add: capabilities['add'] ?? null, Drop: capabilities['drop'] ?? null }
  }
  return shown
}
