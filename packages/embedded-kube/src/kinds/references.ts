// What environment variables and volumes take from elsewhere (kubernetes/kubernetes:pkg/apis/core/validation).
import { formatQuantity, parseQuantity } from '@plimsoll/model'
import { invalidValue, required, unsupported, type FieldError } from '../errors.ts'
import { textOf, type Fields } from '../object.ts'
import { qualifiedNameProblems } from './names.ts'

const envFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
const volumeFields = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid']
/** Whatever the downward API knows how to convert. */
const convertible = new Set([
  ...envFields,
  ...volumeFields,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'spec.hostNetwork',
])
const containerFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

/** A field of the pod. */
export function podFieldErrors(reference: Fields, at: string, use: 'env' | 'volume'): FieldError[] {
  const version = textOf(reference['apiVersion'])
  const path = textOf(reference['fieldPath'])
  if (version === '') return [required(`${at}.apiVersion`)]
  if (path === '') return [required(`${at}.fieldPath`)]
  const refuse = (why: string): FieldError[] => [
    invalidValue(`${at}.fieldPath`, path, `error converting fieldPath: ${why}`),
  ]
  if (version !== 'v1') return refuse(`unsupported pod version: ${version}`)
  const [, base = path, key] = /^(.*)\['(.*)'\]$/.exec(path) ?? []
  if (key !== undefined) {
    if (base !== 'metadata.annotations' && base !== 'metadata.labels') {
      return convertible.has(base)
        ? [invalidValue(at, base, 'does not support subscript')]
        : refuse(`field label does not support subscript: ${path}`)
    }
    const name = base === 'metadata.annotations' ? key.toLowerCase() : key
    return qualifiedNameProblems(name).map((why) => invalidValue(at, name, why))
  }
  if (!convertible.has(path)) return refuse(`field label not supported: ${path}`)
  const supported = use === 'env' ? envFields : volumeFields
  return supported.includes(path) ? [] : [unsupported(`${at}.fieldPath`, path, supported)]
}

/** A limit or request of a container. */
export function containerFieldErrors(reference: Fields, at: string, use: 'env' | 'volume'): FieldError[] {
  const errors: FieldError[] = []
  const name = textOf(reference['resource'])
  if (use === 'volume' && textOf(reference['containerName']) === '') errors.push(required(`${at}.containerName`))
  else if (name === '') errors.push(required(`${at}.resource`))
  else if (!containerFields.includes(name) && !/^(requests|limits)\.hugepages-/.test(name)) {
    errors.push(unsupported(`${at}.resource`, name, containerFields))
  }
  const divisor = parseQuantity(textOf(reference['divisor'] ?? '0'))
  if (divisor === undefined || divisor.nano === 0n) return errors
  const text = formatQuantity(divisor)
  const isCpu = name.endsWith('.cpu')
  if (!(isCpu ? ['1m', '1'] : byteDivisors).includes(text)) {
    const kind = isCpu ? 'cpu' : name.endsWith('.memory') ? 'memory' : 'local ephemeral storage'
    const values = isCpu ? '1m and 1' : byteDivisors.join(', ')
    errors.push(
      invalidValue(`${at}.divisor`, name, `only divisor's values ${values} are supported with the ${kind} resource`),
    )
  }
  return errors
}
