import { describe, expect, it } from 'vitest'
import type { StoredObject } from '../object.ts'
import { limitRangeErrors, resourceQuotaErrors } from './quota-validation.ts'

function texts(check: (object: StoredObject) => readonly { field: string; message: string }[], spec: object): string[] {
  return check({ metadata: { name: 'x' }, spec } as unknown as StoredObject).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

// What an API server of release 1.35 answers.
describe('a quota', () => {
  it.each([
    { spec: { hard: { pods: '2', 'count/deployments.apps': '1', 'requests.nvidia.com/gpu': '1' } }, said: [] },
    { spec: { hard: { pods: '1.5' } }, said: ['spec.hard[pods]: Invalid value: "1500m": must be an integer'] },
    {
      spec: { hard: { storage: '1' } },
      said: ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'],
    },
    {
      spec: { hard: { 'requests.cpu': '1' }, scopes: ['BestEffort'] },
      said: ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    },
    {
      spec: { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] },
      said: ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    },
    {
      spec: {
        hard: { services: '1' },
        scopeSelector: { matchExpressions: [{ scopeName: 'Terminating', operator: 'Exists' }] },
      },
      said: [
        'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"Terminating","Operator":"Exists","Values":null}]}: unsupported scope applied to resource',
      ],
    },
    {
      spec: {
        hard: { pods: '1' },
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] },
      },
      said: [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ],
    },
  ])('$spec', ({ spec, said }) => {
    expect(texts(resourceQuotaErrors, spec)).toEqual(said)
  })
})

describe('a limit range', () => {
  it.each([
    { item: { type: 'Container', min: { cpu: '1' }, default: { cpu: '2' }, max: { cpu: '3' } }, said: [] },
    {
      item: { type: 'Odd' },
      said: ['spec.limits[0].type: Invalid value: "Odd": must be a standard limit type or fully qualified'],
    },
    {
      item: { type: 'Pod', default: { cpu: '1' } },
      said: ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
    },
    {
      item: { type: 'PersistentVolumeClaim' },
      said: [
        'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
      ],
    },
    {
      item: { type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } },
      said: ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
    },
    {
      item: { type: 'Container', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } },
      said: [
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
      ],
    },
  ])('$item', ({ item, said }) => {
    expect(texts(limitRangeErrors, { limits: [item] })).toEqual(said)
  })
})
