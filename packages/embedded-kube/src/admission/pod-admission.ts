// What admission adds to pods: priority, default tolerations, the service account with its token volume, runtime class
// overhead, limit ranges (kubernetes/kubernetes:plugin/pkg/admission/{priority,defaulttolerationseconds,serviceaccount,…}).
import { compareQuantities, own } from '@plimsoll/model'
import type { Random } from '@plimsoll/ports'
import { forbidden, type FieldError } from '../errors.ts'
import { podOnlyDefaults, podSpecDefaults } from '../kinds/pod-spec-defaults.ts'
import { newPodErrors } from '../kinds/pod-spec-validation.ts'
import {
  equal,
  fieldsOf,
  isFields,
  listOf,
  mapSame,
  textOf,
  withField,
  withMeta,
  type Fields,
  type StoredObject,
} from '../object.ts'
import type { Store } from '../store/store.ts'
import { applyLimitRanges, limitRangerAnnotation } from './limit-ranges.ts'
import { qosClass } from './qos-class.ts'

const podType = { group: '', plural: 'pods', kind: 'Pod' }
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const tokenLetters = 'bcdfghjklmnpqrstvwxz2456789'

interface Prepared {
  readonly namespace: string
  readonly epoch: number
  readonly spec: Fields
  /** What LimitRanges filled in, for the pod's annotations. */
  readonly filledByRanges: string | undefined
  readonly qosClass: string
  readonly errors: readonly FieldError[]
}

/**
 * Prepares the specs of new pods. A spec that is the stored template of a workload is prepared once: its pods share
 * the result, in memory and in time.
 */
export class PodAdmission {
  readonly #store: Store
  readonly #random: Random
  readonly #tokenVolumes: boolean
  readonly #templates = new WeakSet<object>()
  readonly #prepared = new WeakMap<object, Prepared>()

  constructor(store: Store, random: Random, options: { readonly tokenVolumes: boolean }) {
    this.#store = store
    this.#random = random
    this.#tokenVolumes = options.tokenVolumes
  }

  /** Notes the template of a stored workload: it never changes, so what is derived from it may be kept. */
  noteTemplate(workload: StoredObject): void {
    const template = workload.spec?.['template']
    if (isFields(template) && isFields(template['spec'])) this.#templates.add(template['spec'])
  }

  /** The pod as it will be stored, and what is wrong with it. @throws {KubeError} forbidden when admission refuses it */
  prepare(pod: StoredObject): { readonly pod: StoredObject; readonly errors: readonly FieldError[] } {
    const given = fieldsOf(pod.spec)
    const namespace = pod.metadata.namespace ?? ''
    const epoch = this.#epoch()
    let prepared = this.#prepared.get(given)
    if (prepared === undefined || prepared.namespace !== namespace || prepared.epoch !== epoch) {
      const { spec, said } = this.#admit(podOnlyDefaults(podSpecDefaults(given)), namespace, pod.metadata.name)
      prepared = {
        namespace,
        epoch,
        spec,
        filledByRanges: said,
        qosClass: qosClass(spec),
        errors: newPodErrors(spec),
      }
      if (this.#templates.has(given)) this.#prepared.set(given, prepared)
    }
    const status = { phase: 'Pending', qosClass: prepared.qosClass }
    const { spec, filledByRanges, errors } = prepared
    const admitted = { ...pod, spec, status }
    if (filledByRanges === undefined) return { pod: admitted, errors }
    const annotations = { ...pod.metadata.annotations, [limitRangerAnnotation]: filledByRanges }
    return { pod: withMeta(admitted, { annotations }), errors }
  }

  /** Changes with anything that admission reads. */
  #epoch(): number {
    return (
      this.#store.collection('', 'serviceaccounts').changedAt +
      this.#store.collection('', 'limitranges').changedAt +
      this.#store.collection('scheduling.k8s.io', 'priorityclasses').changedAt +
      this.#store.collection('node.k8s.io', 'runtimeclasses').changedAt
    )
  }

  #admit(given: Fields, namespace: string, name: string): ReturnType<typeof applyLimitRanges> {
    let spec = this.#withRuntimeClass(given, name)
    spec = this.#withPriority(spec, name)
    spec = withDefaultTolerations(spec)
    const filled = applyLimitRanges(spec, this.#store.collection('', 'limitranges'), namespace)
    return { ...filled, spec: this.#withServiceAccount(filled.spec, namespace, name) }
  }

  #withPriority(spec: Fields, name: string): Fields {
    const classes = this.#store.collection('scheduling.k8s.io', 'priorityclasses')
    const asked = spec['priorityClassName'] as string | undefined
    let chosen: StoredObject | undefined
    if (asked !== undefined && asked !== '') {
      chosen = classes.get('', asked)
      if (chosen === undefined) throw forbidden(podType, name, `no PriorityClass with name ${asked} was found`)
    } else if (classes.size > 0) {
      chosen = classes
        .list({
          namespace: undefined,
          matches: (c) => c['globalDefault'] === true,
          name: undefined,
          nodeName: undefined,
        })
        .sort((a, b) => Number(a['value']) - Number(b['value']))[0]
    }
    const value = Number(chosen?.['value'] ?? 0)
    const given = spec['priority']
    if (given !== undefined && given !== value) {
      throw forbidden(
        podType,
        name,
        `the integer value of priority (${textOf(given)}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      )
    }
    const policy = chosen?.['preemptionPolicy'] ?? 'PreemptLowerPriority'
    const asksPolicy = spec['preemptionPolicy']
    if (asksPolicy !== undefined && asksPolicy !== policy) {
      throw forbidden(
        podType,
        name,
        `the string value of PreemptionPolicy (${textOf(asksPolicy)}) must not be provided in pod spec; priority admission controller computed ${textOf(policy)} from the given PriorityClass name`,
      )
    }
    return {
      ...spec,
      priority: value,
      ...(chosen === undefined ? {} : { priorityClassName: chosen.metadata.name }),
      preemptionPolicy: policy,
    }
  }

  #withRuntimeClass(spec: Fields, name: string): Fields {
    const refuse = (why: string): never => {
      throw forbidden(podType, name, why)
    }
    const asked = (spec['runtimeClassName'] ?? '') as string
    const found = asked === '' ? undefined : this.#store.collection('node.k8s.io', 'runtimeclasses').get('', asked)
    if (asked !== '' && found === undefined) refuse(`pod rejected: RuntimeClass ${JSON.stringify(asked)} not found`)
    const overhead = fieldsOf(found?.['overhead'])['podFixed']
    const given = spec['overhead']
    if (given !== undefined && overhead === undefined) {
      refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
    }
    if (given !== undefined && !sameAmounts(given, overhead)) {
      refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    }
    const { nodeSelector, tolerations } = fieldsOf(found?.['scheduling'])
    const selected = fieldsOf(spec['nodeSelector'])
    for (const [key, value] of Object.entries(fieldsOf(nodeSelector))) {
      const its = own(selected, key)
      if (its !== undefined && its !== value) {
        refuse(
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${textOf(value)}; pod.spec.nodeSelector[${key}] = ${textOf(its)}`,
        )
      }
    }
    const tolerated = listOf(spec['tolerations'])
    const added = listOf(tolerations).filter((one) => !tolerated.some((other) => equal(one, other)))
    return {
      ...spec,
      ...(overhead === undefined ? {} : { overhead }),
      ...(isFields(nodeSelector) ? { nodeSelector: { ...selected, ...nodeSelector } } : {}),
      ...(added.length === 0 ? {} : { tolerations: [...tolerated, ...added] }),
    }
  }

  #withServiceAccount(spec: Fields, namespace: string, name: string): Fields {
    const given = spec['serviceAccountName'] as string | undefined
    const account = given === undefined || given === '' ? 'default' : given
    const found = this.#store.collection('', 'serviceaccounts').get(namespace, account)
    if (found === undefined) {
      throw forbidden(
        podType,
        name,
        `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`,
      )
    }
    let filled: Fields = { ...spec, serviceAccountName: account, serviceAccount: account }
    const secrets = found['imagePullSecrets']
    if (Array.isArray(secrets) && secrets.length > 0 && listOf(spec['imagePullSecrets']).length === 0) {
      filled = withField(filled, 'imagePullSecrets', secrets)
    }
    const mount = spec['automountServiceAccountToken'] ?? found['automountServiceAccountToken'] ?? true
    return mount === true && this.#tokenVolumes ? this.#withTokenVolume(filled) : filled
  }

  #withTokenVolume(spec: Fields): Fields {
    let suffix = ''
    for (let i = 0; i < 5; i++) suffix += tokenLetters[this.#random.below(tokenLetters.length)]
    const volume = `kube-api-access-${suffix}`
    let used = false
    const mounted = (containers: unknown): readonly Fields[] =>
      mapSame(listOf(containers), (container) => {
        const mounts = listOf(container['volumeMounts'])
        if (mounts.some((mount) => mount['mountPath'] === tokenPath)) return container
        used = true
        return {
          ...container,
          volumeMounts: [...mounts, { name: volume, readOnly: true, mountPath: tokenPath }],
        }
      })
    let filled = withField(spec, 'containers', mounted(spec['containers']))
    if (Array.isArray(spec['initContainers'])) {
      filled = withField(filled, 'initContainers', mounted(spec['initContainers']))
    }
    return used ? { ...filled, volumes: [...listOf(spec['volumes']), tokenVolume(volume)] } : spec
  }
}

function tokenVolume(name: string): Fields {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 420,
    },
  }
}

/** Equal by value, however they are written. */
function sameAmounts(a: unknown, b: unknown): boolean {
  const [left, right] = [fieldsOf(a), fieldsOf(b)]
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...names].every((name) => {
    const [l, r] = [own(left, name), own(right, name)]
    return l !== undefined && r !== undefined && compareQuantities(textOf(l), textOf(r)) === 0
  })
}

const nodeProblems = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

/** Five minutes of patience with a node that is not ready or not reachable, unless the pod says otherwise. */
function withDefaultTolerations(spec: Fields): Fields {
  const present = listOf(spec['tolerations'])
  const added = nodeProblems
    .filter((key) => !present.some((toleration) => toleratesNoExecute(toleration, key)))
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }))
  return added.length === 0 ? spec : { ...spec, tolerations: [...present, ...added] }
}

function toleratesNoExecute(toleration: Fields, key: string): boolean {
  const effect = toleration['effect'] ?? ''
  const its = toleration['key'] ?? ''
  return (its === key || its === '') && (effect === 'NoExecute' || effect === '')
}
