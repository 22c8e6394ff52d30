// Defaults of the smaller kinds (kubernetes/kubernetes:pkg/apis/*/v1/defaults.go).
import { setOwn, timestamp, type Ms } from '@plimsoll/model'
import {
  equal,
  fieldsOf,
  isFields,
  listOf,
  mapSame,
  withDefaults,
  withField,
  type Fields,
  type StoredObject,
} from '../object.ts'

function withSpec(object: StoredObject, change: (spec: Fields) => Fields): StoredObject {
  return withField(object, 'spec', change(fieldsOf(object.spec)))
}

export function namespaceDefaults(object: StoredObject): StoredObject {
  const label = 'kubernetes.io/metadata.name'
  let filled = object
  if (object.metadata.labels?.[label] !== object.metadata.name) {
    const labels = { ...object.metadata.labels, [label]: object.metadata.name }
    filled = { ...object, metadata: { ...object.metadata, labels } }
  }
  if (object.metadata.deletionTimestamp !== undefined) return filled
  filled = withSpec(filled, (spec) => withDefaults(spec, { finalizers: ['kubernetes'] }))
  return withField(filled, 'status', withDefaults(fieldsOf(filled.status), { phase: 'Active' }))
}

export function serviceDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (given) => {
    let spec = withDefaults(given, { type: 'ClusterIP', sessionAffinity: 'None' })
    const type = spec['type']
    if (spec['sessionAffinity'] === 'ClientIP') {
      spec = withDefaults(spec, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } })
    }
    if (type !== 'ExternalName') {
      spec = withDefaults(spec, {
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
      })
    }
    if (type === 'NodePort' || type === 'LoadBalancer') spec = withDefaults(spec, { externalTrafficPolicy: 'Cluster' })
    if (type === 'LoadBalancer') spec = withDefaults(spec, { allocateLoadBalancerNodePorts: true })
    const ports = spec['ports']
    if (!Array.isArray(ports)) return spec
    return withField(
      spec,
      'ports',
      mapSame(listOf(ports), (port) => {
        const filled = withDefaults(port, { protocol: 'TCP' })
        const target = filled['targetPort']
        // Nought and no name are as good as none, as upstream takes them.
        return target === undefined || target === 0 || target === '' ? { ...filled, targetPort: port['port'] } : filled
      }),
    )
  })
}

/** stringData is folded into data, base64 encoded. */
export function secretDefaults(object: StoredObject): StoredObject {
  const filled = withDefaults(object, { type: 'Opaque' })
  const plain = filled['stringData']
  if (!isFields(plain)) return filled
  const { stringData: _, ...rest } = filled
  const data: Record<string, unknown> = { ...fieldsOf(rest['data']) }
  for (const [name, text] of Object.entries(plain)) setOwn(data, name, base64(String(text)))
  return { ...(rest as StoredObject), data }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

export function claimDefaults(object: StoredObject): StoredObject {
  const filled = withSpec(object, (spec) => withDefaults(spec, { volumeMode: 'Filesystem' }))
  return withField(filled, 'status', withDefaults(fieldsOf(filled.status), { phase: 'Pending' }))
}

export function volumeDefaults(object: StoredObject, now: Ms): StoredObject {
  const filled = withSpec(object, (spec) =>
    withDefaults(spec, { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' }),
  )
  if (filled.status?.['phase'] !== undefined) return filled
  const status = { ...filled.status, phase: 'Pending', lastPhaseTransitionTime: timestamp(now) }
  return withField(filled, 'status', status)
}

/** Of a container: the most is the limit by default, the limit the request, and the least where there is no limit. */
export function limitRangeDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) =>
    withField(
      spec,
      'limits',
      mapSame(listOf(spec['limits']), (item) => {
        if (item['type'] !== 'Container') return item
        const limit = { ...fieldsOf(item['max']), ...fieldsOf(item['default']) }
        const request = { ...fieldsOf(item['min']), ...limit, ...fieldsOf(item['defaultRequest']) }
        return {
          ...item,
          ...(Object.keys(limit).length === 0 ? {} : { default: limit }),
          ...(Object.keys(request).length === 0 ? {} : { defaultRequest: request }),
        }
      }),
    ),
  )
}

export function storageClassDefaults(object: StoredObject): StoredObject {
  return withDefaults(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' })
}

export function autoscalerDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) => {
    const metrics =
      listOf(spec['metrics']).length > 0
        ? undefined
        : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]
    const { behavior } = spec
    return {
      ...withDefaults(spec, { minReplicas: 1, metrics }),
      ...(isFields(behavior) ? { behavior: behaviorDefaults(behavior) } : {}),
    }
  })
}

/** What an autoscaler may do is written out as soon as a part of it is said. */
function behaviorDefaults(behavior: Fields): Fields {
  const scaleUp = withDefaults(fieldsOf(behavior['scaleUp']), {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  })
  const scaleDown = withDefaults(fieldsOf(behavior['scaleDown']), {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  })
  return equal(behavior['scaleUp'], scaleUp) && equal(behavior['scaleDown'], scaleDown)
    ? behavior
    : { ...behavior, scaleUp, scaleDown }
}

export function priorityClassDefaults(object: StoredObject): StoredObject {
  return withDefaults(object, { preemptionPolicy: 'PreemptLowerPriority' })
}

export function roleBindingDefaults(object: StoredObject): StoredObject {
  let filled = object
  const subjects = object['subjects']
  if (Array.isArray(subjects)) {
    const named = mapSame(listOf(subjects), (subject) => {
      const kind = subject['kind']
      return kind === 'User' || kind === 'Group'
        ? withDefaults(subject, { apiGroup: 'rbac.authorization.k8s.io' })
        : subject
    })
    filled = withField(filled, 'subjects', named)
  }
  const role = object['roleRef']
  return isFields(role)
    ? withField(filled, 'roleRef', withDefaults(role, { apiGroup: 'rbac.authorization.k8s.io' }))
    : filled
}

export function endpointsDefaults(object: StoredObject): StoredObject {
  const subsets = object['subsets']
  if (!Array.isArray(subsets)) return object
  const filled = mapSame(listOf(subsets), (subset) =>
    Array.isArray(subset['ports'])
      ? withField(
          subset,
          'ports',
          mapSame(listOf(subset['ports']), (port) => withDefaults(port, { protocol: 'TCP' })),
        )
      : subset,
  )
  return withField(object, 'subsets', filled)
}

export function endpointSliceDefaults(object: StoredObject): StoredObject {
  const ports = object['ports']
  if (!Array.isArray(ports)) return object
  const filled = mapSame(listOf(ports), (port) => withDefaults(port, { name: '', protocol: 'TCP' }))
  return withField(object, 'ports', filled)
}

export function csiDriverDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) =>
    withDefaults(spec, {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    }),
  )
}

export function networkPolicyDefaults(object: StoredObject): StoredObject {
  return withSpec(object, (spec) => {
    const egress = listOf(spec['egress']).length > 0
    return withDefaults(spec, { policyTypes: egress ? ['Ingress', 'Egress'] : ['Ingress'] })
  })
}

export function webhooksDefaults(object: StoredObject): StoredObject {
  const webhooks = object['webhooks']
  if (!Array.isArray(webhooks)) return object
  const filled = mapSame(listOf(webhooks), (webhook) =>
    withDefaults(webhook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...('reinvocationPolicy' in webhook || object.kind === 'MutatingWebhookConfiguration'
        ? { reinvocationPolicy: 'Never' }
        : {}),
    }),
  )
  return withField(object, 'webhooks', filled)
}
