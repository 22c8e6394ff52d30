// Defaults of the workload kinds (kubernetes/kubernetes:pkg/apis/apps/v1/defaults.go, pkg/apis/batch/v1/defaults.go).
import { isFields, listOf, mapSame, withDefaults, withField, type Fields, type StoredObject } from '../object.ts'
import { podSpecDefaults } from './pod-spec-defaults.ts'

const rollingDefaults = { maxUnavailable: '25%', maxSurge: '25%' }

function withSpec(object: StoredObject, change: (spec: Fields) => Fields): StoredObject {
  return isFields(object.spec) ? withField(object, 'spec', change(object.spec)) : object
}

/** A spec with a pod template in it. */
function withTemplate(spec: Fields): Fields {
  const template = spec['template']
  if (!isFields(template)) return spec
  const podSpec = template['spec']
  let filled = withDefaults(template, { metadata: {} })
  if (isFields(podSpec)) filled = withField(filled, 'spec', podSpecDefaults(podSpec))
  return withField(spec, 'template', filled)
}

/** The update strategy, filled also when it is there but empty. */
function withStrategy(spec: Fields, field: string, rolling: Fields): Fields {
  const strategy = withDefaults((spec[field] ?? {}) as Fields, { type: 'RollingUpdate' })
  if (strategy['type'] !== 'RollingUpdate') return withField(spec, field, strategy)
  const rollingUpdate = withDefaults((strategy['rollingUpdate'] ?? {}) as Fields, rolling)
  return withField(spec, field, withField(strategy, 'rollingUpdate', rollingUpdate))
}

/** The template of a PodTemplate stands where others have their spec. */
export function podTemplateDefaults(object: StoredObject): StoredObject {
  return withTemplate(object) as StoredObject
}

export function deploymentDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) =>
    withStrategy(
      withDefaults(withTemplate(spec), { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }),
      'strategy',
      rollingDefaults,
    ),
  )
}

export function replicaSetDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) => withDefaults(withTemplate(spec), { replicas: 1 }))
}

/** The selector and labels of a ReplicationController come from its template when absent. */
export function replicationControllerDefaults(object: StoredObject): StoredObject {
  const filled = withSpec(object, (spec) => {
    const labels = (spec['template'] as StoredObject | undefined)?.metadata?.labels
    return withDefaults(withTemplate(spec), { replicas: 1, selector: labels })
  })
  return labelledAsTemplate(filled)
}

/** What has no labels has those of its template. */
function labelledAsTemplate(object: StoredObject): StoredObject {
  const labels = (object.spec?.['template'] as StoredObject | undefined)?.metadata?.labels
  if (labels === undefined || Object.keys(object.metadata.labels ?? {}).length > 0) return object
  return { ...object, metadata: { ...object.metadata, labels } }
}

export function statefulSetDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) =>
    withStrategy(
      withDefaults(withClaims(withTemplate(spec)), {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      }),
      'updateStrategy',
      { partition: 0, maxUnavailable: 1 },
    ),
  )
}

export function daemonSetDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) =>
    withStrategy(withDefaults(withTemplate(spec), { revisionHistoryLimit: 10 }), 'updateStrategy', {
      maxUnavailable: 1,
      maxSurge: 0,
    }),
  )
}

/** Selector and pod labels are generated from the Job's uid unless `manualSelector` says otherwise. */
export function jobDefaults(object: StoredObject): StoredObject {
  const filled = withSpec(object, (given) => {
    let spec = jobSpecDefaults(given)
    if (spec['manualSelector'] !== true && spec['selector'] === undefined && object.metadata.uid !== '') {
      const uid = object.metadata.uid
      const template = (spec['template'] ?? {}) as StoredObject
      const labels = {
        ...template.metadata?.labels,
        'batch.kubernetes.io/controller-uid': uid,
        'batch.kubernetes.io/job-name': object.metadata.name,
        'controller-uid': uid,
        'job-name': object.metadata.name,
      }
      spec = {
        ...spec,
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      }
    }
    return spec
  })
  return labelledAsTemplate(filled)
}

/** A condition of a pod is asked for as true. */
function withFailurePolicy(spec: Fields): Fields {
  const policy = spec['podFailurePolicy']
  if (!isFields(policy) || !Array.isArray(policy['rules'])) return spec
  const rules = mapSame(listOf(policy['rules']), (rule) => {
    const conditions = rule['onPodConditions']
    if (!Array.isArray(conditions)) return rule
    const asked = mapSame(listOf(conditions), (condition) =>
      (condition['status'] ?? '') === '' ? { ...condition, status: 'True' } : condition,
    )
    return withField(rule, 'onPodConditions', asked)
  })
  return withField(spec, 'podFailurePolicy', withField(policy, 'rules', rules))
}

/** The claims of a StatefulSet are claims already. */
function withClaims(spec: Fields): Fields {
  const claims = spec['volumeClaimTemplates']
  if (!Array.isArray(claims)) return spec
  const filled = mapSame(listOf(claims), (claim) => {
    const status = withDefaults((claim['status'] ?? {}) as Fields, { phase: 'Pending' })
    const named = withDefaults(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' })
    const claimSpec = withDefaults((claim['spec'] ?? {}) as Fields, { volumeMode: 'Filesystem' })
    return withField(withField(named, 'spec', claimSpec), 'status', status)
  })
  return withField(spec, 'volumeClaimTemplates', filled)
}

function jobSpecDefaults(spec: Fields): Fields {
  const alone = spec['completions'] === undefined && spec['parallelism'] === undefined
  return withDefaults(withFailurePolicy(withTemplate(spec)), {
    ...(alone ? { completions: 1 } : {}),
    parallelism: 1,
    backoffLimit: spec['backoffLimitPerIndex'] === undefined ? 6 : 2_147_483_647,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed',
  })
}

export function cronJobDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) => {
    const filled = withDefaults(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    })
    const template = filled['jobTemplate']
    if (!isFields(template) || !isFields(template['spec'])) return filled
    const jobTemplate = withDefaults(withField(template, 'spec', withTemplate(template['spec'])), { metadata: {} })
    return withField(filled, 'jobTemplate', jobTemplate)
  })
}
