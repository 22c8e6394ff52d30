// What may change of a pod through its own endpoints (kubernetes/kubernetes:pkg/apis/core/validation/validation.go,
// ValidatePodEphemeralContainersUpdate and ValidatePodResize).
import { forbiddenField, type FieldError } from '../errors.ts'
import { equal, fieldsOf, listOf, textOf, type Fields, type StoredObject } from '../object.ts'

export function subresourceErrors(
  pod: StoredObject,
  old: StoredObject,
  subresource: string | undefined,
): readonly FieldError[] {
  if (subresource === 'ephemeralcontainers') return ephemeralErrors(pod, old)
  return subresource === 'resize' ? resizeErrors(pod, old) : []
}

/** They may only be added. */
function ephemeralErrors(pod: StoredObject, old: StoredObject): FieldError[] {
  const field = 'spec.ephemeralContainers'
  const present = new Map(listOf(pod.spec?.['ephemeralContainers']).map((container) => [container['name'], container]))
  return listOf(old.spec?.['ephemeralContainers']).flatMap((container) => {
    const now = present.get(container['name'])
    const name = JSON.stringify(textOf(container['name']))
    if (now === undefined) return [forbiddenField(field, `existing ephemeral containers ${name} may not be removed\n`)]
    if (equal(now, container)) return []
    return [forbiddenField(field, `existing ephemeral containers ${name} may not be changed`)]
  })
}

/** Of what containers ask for only CPU and memory may change. */
function resizeErrors(pod: StoredObject, old: StoredObject): FieldError[] {
  const others = (spec: unknown): unknown =>
    ['containers', 'initContainers'].map((field) =>
      listOf(fieldsOf(spec)[field]).map((container) => {
        const resources = fieldsOf(container['resources'])
        return ['requests', 'limits'].map((kind) => withoutComputing(fieldsOf(resources[kind])))
      }),
    )
  if (equal(others(pod.spec), others(old.spec))) return []
  return [forbiddenField('spec', 'only cpu and memory resources are mutable')]
}

function withoutComputing({ cpu: _c, memory: _m, ...rest }: Fields): Fields {
  return rest
}
