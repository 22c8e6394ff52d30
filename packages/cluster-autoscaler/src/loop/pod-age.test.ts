import { minutes, ms, seconds, timestamp, type Ms, type Pod } from '@plimsoll/model'
import { silentLog } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { areAllNew, oldEnough } from './pod-age.ts'

const now = ms(Date.parse('2024-03-10T09:00:00Z'))

function pod(age: Ms, o: { readonly gpu?: boolean; readonly delay?: string } = {}): Pod {
  return {
    metadata: {
      name: 'p',
      namespace: 'default',
      creationTimestamp: timestamp(ms(now - age)),
      annotations: o.delay === undefined ? {} : { 'cluster-autoscaler.kubernetes.io/pod-scale-up-delay': o.delay },
    },
    spec: { containers: [{ name: 'c', resources: { requests: o.gpu === true ? { 'nvidia.com/gpu': '1' } : {} } }] },
  } as unknown as Pod
}

describe('new pods', () => {
  it.each([
    { pods: [pod(seconds(1))], all: true }, // CA-42
    { pods: [pod(seconds(2))], all: false },
    { pods: [pod(seconds(0)), pod(seconds(5))], all: false },
    { pods: [pod(seconds(29), { gpu: true })], all: true },
    { pods: [pod(seconds(30), { gpu: true })], all: false },
    { pods: [pod(minutes(5)), pod(seconds(3), { gpu: true })], all: true },
  ])('are all new: $all', ({ pods, all }) => {
    expect(areAllNew(pods, now)).toBe(all)
  })

  it.each([
    { age: seconds(10), delay: seconds(0), kept: true }, // CA-43
    { age: seconds(10), delay: seconds(10), kept: false },
    { age: seconds(11), delay: seconds(10), kept: true },
    { age: seconds(11), delay: seconds(10), own: '1m', kept: false },
    { age: seconds(61), delay: seconds(10), own: '1m', kept: true },
    { age: seconds(11), delay: seconds(10), own: '1s', kept: true },
    { age: seconds(11), delay: seconds(10), own: 'soon', kept: true },
  ])('$age ms old, delay $delay, own $own: $kept', ({ age, delay, kept, ...o }) => {
    const list = [pod(age, 'own' in o ? { delay: o.own } : {})]
    expect(oldEnough(list, delay, now, silentLog)).toEqual(kept ? list : [])
  })
})
