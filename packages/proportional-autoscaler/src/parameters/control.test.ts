// Parameters × sizes, and what is said of parameters that cannot be read. The rules are those of docs/parity/cpa.md.
import { assert } from '@plimsoll/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClusterSize } from '../cluster/cluster-size.ts'
import { readParameters, replicasFor, type ScalingParameters } from './control.ts'

function size(nodes: number, cores: number, totalNodes = nodes, totalCores = cores): ClusterSize {
  return { schedulableNodes: nodes, schedulableCores: cores, totalNodes, totalCores }
}

function parameters(mode: ScalingParameters['mode'], text: string): ScalingParameters {
  const read = readParameters(mode, text)
  if ('problem' in read) throw new Error(read.problem)
  return read.parameters
}

/** Each row: the parameters, then `nodes/cores` (or `nodes/cores of totalNodes/totalCores`) and the replicas they call for. */
type Row = readonly [parameters: string, ...cases: (readonly [size: string, replicas: number])[]]

function sizeOf(text: string): ClusterSize {
  const [, ...numbers] = /^(\d+)\/(\d+)(?: of (\d+)\/(\d+))?$/.exec(text)!
  const [nodes, cores, totalNodes, totalCores] = numbers.filter((each) => each !== undefined).map(Number)
  return size(nodes!, cores!, totalNodes ?? nodes!, totalCores ?? cores!)
}

function flat(rows: readonly Row[]): { parameters: string; at: string; replicas: number }[] {
  return rows.flatMap(([text, ...cases]) => cases.map(([at, replicas]) => ({ parameters: text, at, replicas })))
}

const pspf = '"preventSinglePointFailure":true'
const include = '"includeUnschedulableNodes":true'

describe('linear', () => {
  it.each(
    flat([
      // CPA-50: the larger part, each rounded up.
      [`{"coresPerReplica":2,"nodesPerReplica":1,"min":1,"max":100,${pspf}}`, ['4/13', 7], ['4/8', 4], ['1/1', 1]],
      ['{"coresPerReplica":2,"min":2,"max":100}', ['9/0', 2], ['9/1', 2], ['9/2', 2], ['9/3', 2], ['9/4', 2]],
      ['{"coresPerReplica":2,"min":2,"max":100}', ['9/6', 3], ['9/10', 5], ['9/11', 6], ['9/19', 10], ['9/40', 20]],
      ['{"nodesPerReplica":1}', ['0/0', 1], ['1/4', 1], ['3/4', 3], ['1000/4000', 1000]],
      [
        `{"coresPerReplica":2,"nodesPerReplica":2.5,${pspf}}`,
        ['0/0', 1],
        ['2/1', 2],
        ['3/2', 2],
        ['4/3', 2],
        ['4/4', 2],
      ],
      [
        `{"coresPerReplica":2,"nodesPerReplica":2.5,${pspf}}`,
        ['4/6', 3],
        ['5/6', 3],
        ['5/8', 4],
        ['15/8', 6],
        ['16/8', 7],
      ],
      [
        `{"coresPerReplica":2,"nodesPerReplica":2.5,${pspf}}`,
        ['21/19', 10],
        ['20/23', 12],
        ['38/26', 16],
        ['49/30', 20],
      ],
      [`{"coresPerReplica":256,"nodesPerReplica":16,${pspf}}`, ['1/4', 1], ['2/8', 2], ['32/128', 2], ['33/132', 3]],
      ['{"coresPerReplica":0.5}', ['1/3', 6]],
      ['{"coresPerReplica":1e2}', ['1/99', 1], ['1/101', 2]],
      ['{"nodesPerReplica":0.3333}', ['1/1', 4], ['2/1', 7]],
      // CPA-51: min is at least 1, so that there are never none.
      ['{"nodesPerReplica":5,"min":0}', ['0/0', 1], ['6/0', 2]],
      ['{"nodesPerReplica":5,"min":3}', ['0/0', 3], ['1/9', 3], ['16/9', 4]],
      // CPA-52: 0 is no maximum.
      ['{"nodesPerReplica":1,"max":0}', ['5000/0', 5000]],
      ['{"nodesPerReplica":1,"max":10}', ['9/0', 9], ['10/0', 10], ['11/0', 10], ['5000/0', 10]],
      ['{"coresPerReplica":1,"nodesPerReplica":1,"min":2,"max":2}', ['0/0', 2], ['9/99', 2]],
      // CPA-53: the part that is not used is 1, not min.
      ['{"coresPerReplica":4}', ['5/3', 1], ['5/5', 2]],
      ['{"coresPerReplica":4,"min":2}', ['5/3', 2]],
      // CPA-54: what prevents a single point of failure goes before max.
      [`{"nodesPerReplica":10,"max":1,${pspf}}`, ['0/0', 1], ['1/8', 1], ['2/8', 2], ['3/8', 2], ['3000/8', 2]],
      [`{"nodesPerReplica":1,"max":1,${pspf}}`, ['3/8', 2]],
      // CPA-55: it looks at nodes, also where only cores count.
      [`{"coresPerReplica":4,${pspf}}`, ['1/3', 1], ['5/3', 2], ['5/12', 3]],
      [`{"nodesPerReplica":10,"preventSinglePointFailure":false}`, ['2/8', 1]],
      // CPA-56: unschedulable nodes count where they are asked for.
      [`{"coresPerReplica":2,"nodesPerReplica":2,${include}}`, ['1/6 of 1/8', 4], ['3/21 of 9/210', 105]],
      [`{"coresPerReplica":2,"nodesPerReplica":2}`, ['1/6 of 1/8', 3], ['3/21 of 9/210', 11]],
      [`{"nodesPerReplica":2,"max":100,${include}}`, ['0/0 of 210/840', 100]],
      [`{"nodesPerReplica":10,${pspf},${include}}`, ['1/4 of 2/8', 2]],
      [`{"nodesPerReplica":10,${pspf}}`, ['1/4 of 2/8', 1]],
      // CPA-42: keys in any case, the last of several.
      ['{"NODESPERREPLICA":2}', ['4/0', 2]],
      ['{"nodesPerReplica":2,"NodesPerReplica":4}', ['4/0', 1]],
      ['{"nodesPerReplica":4,"nodesPerReplica":2}', ['4/0', 2]],
      // CPA-43: null leaves what was there; unknown keys pass.
      ['{"nodesPerReplica":2,"min":null,"max":null}', ['9/0', 5]],
      ['{"nodesPerReplica":2,"minimum":9}', ['2/0', 1]],
      // *Ours* (CPA-57): no wrapping around at 32 bits.
      ['{"coresPerReplica":1e-300}', ['1/1', 2_147_483_647]],
    ]),
  )('$parameters at $at: $replicas', ({ parameters: text, at, replicas }) => {
    expect(replicasFor(parameters('linear', text), sizeOf(at))).toBe(replicas)
  })
})

describe('ladder', () => {
  const workshop = '{"nodesToReplicas":[[1,1],[2,2],[3,3],[4,3],[5,5]]}'
  const big = '{"coresToReplicas":[[1,1],[64,3],[512,5],[1024,7],[2048,10],[4096,15]],"nodesToReplicas":[[1,1],[2,2]]}'
  const steps = '{"coresToReplicas":[[1,1],[2,2],[3,3],[4,4],[10,10],[20,20]]}'
  it.each(
    flat([
      // CPA-60: the last step at or below; nothing in between.
      [workshop, ['0/0', 1], ['1/2', 1], ['2/4', 2], ['3/6', 3], ['4/8', 3], ['5/10', 5], ['6/12', 5], ['7/14', 5]],
      [steps, ['1/0', 1], ['1/6', 4], ['1/11', 10], ['1/19', 10], ['1/21', 20], ['1/40', 20]],
      // CPA-61: the higher of both.
      [big, ['100/400', 3], ['1/800', 5], ['3/1', 2], ['1/63', 1], ['1/64', 3], ['9/5000', 15]],
      ['{"nodesToReplicas":[[1,1]],"coresToReplicas":[[0,0],[100,4]]}', ['3/12', 1], ['3/100', 4]],
      // CPA-62: below the first step it is the first step.
      ['{"nodesToReplicas":[[3,2]]}', ['0/0', 2], ['1/0', 2], ['2/0', 2], ['3/0', 2], ['4/0', 2]],
      // CPA-63: zero is a number of replicas.
      ['{"nodesToReplicas":[[0,0],[6,1]]}', ['0/0', 0], ['1/0', 0], ['5/0', 0], ['6/0', 1], ['7/0', 1]],
      ['{"nodesToReplicas":[[1,0],[3,3]]}', ['0/0', 0], ['1/0', 0], ['2/0', 0], ['3/0', 3], ['4/0', 3]],
      ['{"nodesToReplicas":[[0,0],[3,3]]}', ['0/0', 0], ['1/0', 0], ['2/0', 0], ['3/0', 3], ['4/0', 3]],
      // CPA-64: steps may come in any order, need not climb, and the last of equal thresholds counts.
      ['{"nodesToReplicas":[[5,5],[1,1],[3,3]]}', ['2/0', 1], ['4/0', 3], ['9/0', 5]],
      ['{"nodesToReplicas":[[1,9],[5,2]]}', ['4/0', 9], ['5/0', 2]],
      ['{"nodesToReplicas":[[1,9],[1,4]]}', ['4/0', 4]],
      // CPA-65: no step at all is 0 replicas.
      ['{}', ['9/36', 0]],
      ['null', ['9/36', 0]],
      ['{"nodeToReplicas":[[1,1]]}', ['9/36', 0]],
      ['{"nodesToReplicas":[]}', ['9/36', 0]],
      // CPA-66: short pairs are filled with 0, long ones cut.
      ['{"nodesToReplicas":[[5]]}', ['9/0', 0]],
      ['{"nodesToReplicas":[[]]}', ['9/0', 0]],
      ['{"nodesToReplicas":[null,[2,2]]}', ['1/0', 0], ['2/0', 2]],
      ['{"nodesToReplicas":[[1,2,3]]}', ['9/0', 2]],
      // CPA-67: as linear's.
      [`{"nodesToReplicas":[[1,1],[3,3]],${include}}`, ['1/4 of 3/12', 3]],
      ['{"nodesToReplicas":[[1,1],[3,3]]}', ['1/4 of 3/12', 1]],
      [`{"coresToReplicas":[[1,1],[12,3]],${include}}`, ['1/4 of 3/12', 3]],
      // min, max and the like are linear's alone.
      ['{"nodesToReplicas":[[1,1]],"min":3,"max":9}', ['9/0', 1]],
    ]),
  )('$parameters at $at: $replicas', ({ parameters: text, at, replicas }) => {
    expect(replicasFor(parameters('ladder', text), sizeOf(at))).toBe(replicas)
  })
})

describe('parameters that cannot be read', () => {
  it.each<[ScalingParameters['mode'], string, string]>([
    ['linear', '{}', 'should at least provide either CoresPerReplica or NodesPerReplica (Greater than 0)'],
    ['linear', 'null', 'should at least provide either CoresPerReplica or NodesPerReplica (Greater than 0)'],
    ['linear', '{"min":2}', 'should at least provide either CoresPerReplica or NodesPerReplica (Greater than 0)'],
    [
      'linear',
      '{"nodePerReplica":2}',
      'should at least provide either CoresPerReplica or NodesPerReplica (Greater than 0)',
    ],
    ['linear', '{"nodesPerReplica":1,"min":-1}', 'invalid negative value for min: -1'],
    [
      'linear',
      '{"nodesPerReplica":1,"min":3,"max":2}',
      'max replicas count 2 should be greater than / equal to min replicas count 3',
    ],
    [
      'linear',
      '{"nodesPerReplica":1,"max":-1}',
      'max replicas count -1 should be greater than / equal to min replicas count 1',
    ],
    ['linear', '{"coresPerReplica":-2}', 'invalid negative value for coresPerReplica: -2'],
    ['linear', '{"coresPerReplica":-2.5}', 'invalid negative value for coresPerReplica: -2.5'],
    ['linear', '{"coresPerReplica":-1e30}', 'invalid negative value for coresPerReplica: -1e+30'],
    ['linear', '{"coresPerReplica":-0.00001}', 'invalid negative value for coresPerReplica: -1e-05'],
    ['linear', '{"nodesPerReplica":-1}', 'invalid negative value for nodesPerReplica: -1'],
    // The order of the checks: min, max, both zero, cores, nodes.
    ['linear', '{"coresPerReplica":-1,"nodesPerReplica":-1,"min":-1,"max":-9}', 'invalid negative value for min: -1'],
    [
      'linear',
      '{"coresPerReplica":-1,"nodesPerReplica":-1,"max":-9}',
      'max replicas count -9 should be greater than / equal to min replicas count 1',
    ],
    ['linear', '{"coresPerReplica":-1,"nodesPerReplica":-1}', 'invalid negative value for coresPerReplica: -1'],
    [
      'ladder',
      '{"coresToReplicas":[[1,1],[-1,2]]}',
      'invalid negative values in entry [-1 2] in cores_to_replicas_map',
    ],
    ['ladder', '{"nodesToReplicas":[[1,-1]]}', 'invalid negative values in entry [1 -1] in nodes_to_replicas_map'],
    [
      'ladder',
      '{"nodesToReplicas":[[1,-1]],"coresToReplicas":[[-3]]}',
      'invalid negative values in entry [-3 0] in cores_to_replicas_map',
    ],
    // What Go's decoder says; go-json has thousands of these.
    ['linear', '', 'could not parse parameters (unexpected end of JSON input)'],
    [
      'linear',
      '{"nodesPerReplica":1,}',
      "could not parse parameters (invalid character '}' looking for beginning of object key string)",
    ],
    [
      'linear',
      'nodesPerReplica: 1',
      "could not parse parameters (invalid character 'o' in literal null (expecting 'u'))",
    ],
    ['linear', '{"nodesPerReplica":1} x', "could not parse parameters (invalid character 'x' after top-level value)"],
    [
      'linear',
      '{"nodesPerReplica":1 // one\n}',
      "could not parse parameters (invalid character '/' after object key:value pair)",
    ],
    [
      'linear',
      '{"nodesPerReplica":foo}',
      "could not parse parameters (invalid character 'o' in literal false (expecting 'a'))",
    ],
    [
      'linear',
      '[1]',
      'could not parse parameters (json: cannot unmarshal array into Go value of type linearcontroller.linearParams)',
    ],
    [
      'linear',
      '"x"',
      'could not parse parameters (json: cannot unmarshal string into Go value of type linearcontroller.linearParams)',
    ],
    [
      'linear',
      '{"nodesPerReplica":"2"}',
      'could not parse parameters (json: cannot unmarshal string into Go struct field linearParams.nodesPerReplica of type float64)',
    ],
    [
      'linear',
      '{"nodesPerReplica":1,"min":2.0}',
      'could not parse parameters (json: cannot unmarshal number 2.0 into Go struct field linearParams.min of type int)',
    ],
    [
      'linear',
      '{"nodesPerReplica":1,"max":1e2}',
      'could not parse parameters (json: cannot unmarshal number 1e2 into Go struct field linearParams.max of type int)',
    ],
    [
      'linear',
      '{"nodesPerReplica":1,"includeUnschedulableNodes":"true"}',
      'could not parse parameters (json: cannot unmarshal string into Go struct field linearParams.includeUnschedulableNodes of type bool)',
    ],
    [
      'ladder',
      '{"nodesToReplicas":[["1",1]]}',
      'could not parse parameters (json: cannot unmarshal string into Go struct field ladderParams.nodesToReplicas of type int)',
    ],
    [
      'ladder',
      '{"nodesToReplicas":[[1.5,1]]}',
      'could not parse parameters (json: cannot unmarshal number 1.5 into Go struct field ladderParams.nodesToReplicas of type int)',
    ],
    [
      'ladder',
      '{"nodesToReplicas":{"1":1}}',
      'could not parse parameters (json: cannot unmarshal object into Go struct field ladderParams.nodesToReplicas of type laddercontroller.paramEntries)',
    ],
    [
      'ladder',
      '{"nodesToReplicas":[1]}',
      'could not parse parameters (json: cannot unmarshal number into Go struct field ladderParams.nodesToReplicas of type laddercontroller.paramEntry)',
    ],
    [
      'ladder',
      '{"includeUnschedulableNodes":"true","nodesToReplicas":[[1,1]]}',
      'could not parse parameters (json: cannot unmarshal string into Go struct field ladderParams.includeUnschedulableNodes of type bool)',
    ],
  ])('%s %s: %s', (mode, text, problem) => {
    expect(readParameters(mode, text)).toEqual({ problem })
  })
})

describe('warnings, ours', () => {
  it.each<[ScalingParameters['mode'], string, string[]]>([
    ['linear', '{"nodesPerReplica":1}', []],
    [
      'linear',
      `{"nodesPerReplica":1,"max":1,${pspf}}`,
      ['preventSinglePointFailure goes before max: with two nodes or more there are 2 replicas, although max is 1'],
    ],
    [
      'linear',
      '{"nodesPerReplica":1,"maximum":3}',
      [
        'unknown parameter "maximum" has no effect; known are coresPerReplica, nodesPerReplica, min, max, preventSinglePointFailure, includeUnschedulableNodes',
      ],
    ],
    ['ladder', '{"nodesToReplicas":[[1,1]]}', []],
    [
      'ladder',
      '{"nodeToReplicas":[[1,1]]}',
      [
        'unknown parameter "nodeToReplicas" has no effect; known are coresToReplicas, nodesToReplicas, includeUnschedulableNodes',
        'neither coresToReplicas nor nodesToReplicas has a step: this ladder means 0 replicas',
      ],
    ],
  ])('%s %s', (mode, text, warnings) => {
    const read = readParameters(mode, text)
    expect('warnings' in read && read.warnings).toEqual(warnings)
  })
})

describe('YAML, where it is asked for', () => {
  it('reads what is no JSON, by the same rules', () => {
    const read = readParameters('linear', 'nodesPerReplica: 2 # two\nmin: 3\n', true)
    expect('parameters' in read && read.parameters).toMatchObject({ nodesPerReplica: 2, min: 3 })
    expect(readParameters('linear', 'nodesPerReplica: 2\nmin: three\n', true)).toEqual({
      problem:
        'could not parse parameters (json: cannot unmarshal string into Go struct field linearParams.min of type int)',
    })
  })

  it("says of what is neither what Go's JSON says", () => {
    const text = '{"nodesPerReplica":'
    expect(readParameters('linear', text, true)).toEqual(readParameters('linear', text))
  })
})

const anySize = fc.record({
  schedulableNodes: fc.nat(6000),
  schedulableCores: fc.nat(400_000),
  totalNodes: fc.nat(6000),
  totalCores: fc.nat(400_000),
})
const anyLinear = fc
  .record({
    coresPerReplica: fc.double({ min: 0, max: 1000, noNaN: true }),
    nodesPerReplica: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    min: fc.nat(20),
    max: fc.oneof(fc.constant(0), fc.integer({ min: 20, max: 5000 })),
    preventSinglePointFailure: fc.boolean(),
    includeUnschedulableNodes: fc.boolean(),
  })
  .map((record) => parameters('linear', JSON.stringify(record)))
const anySteps = fc.array(fc.tuple(fc.nat(5000), fc.nat(500)), { maxLength: 20 })
const anyLadder = fc
  .record({ coresToReplicas: anySteps, nodesToReplicas: anySteps, includeUnschedulableNodes: fc.boolean() })
  .map((record) => ({ record, parameters: parameters('ladder', JSON.stringify(record)) }))

describe('properties', () => {
  it('linear stays within min and max, but for what prevents a single point of failure', () => {
    fc.assert(
      fc.property(anyLinear, anySize, (p, at) => {
        assert(p.mode === 'linear', 'linear was asked for')
        const replicas = replicasFor(p, at)
        const most = Math.max(p.max === 0 ? Infinity : p.max, p.preventSinglePointFailure ? 2 : 1)
        expect(Number.isInteger(replicas) && replicas >= p.min && replicas >= 1 && replicas <= most).toBe(true)
      }),
    )
  })

  it('linear never asks for fewer where there is more', () => {
    fc.assert(
      fc.property(anyLinear, anySize, fc.nat(100), fc.nat(1000), (p, at, nodes, cores) => {
        const more: ClusterSize = {
          schedulableNodes: at.schedulableNodes + nodes,
          schedulableCores: at.schedulableCores + cores,
          totalNodes: at.totalNodes + nodes,
          totalCores: at.totalCores + cores,
        }
        expect(replicasFor(p, more) >= replicasFor(p, at)).toBe(true)
      }),
    )
  })

  it('a ladder asks only for what stands on one of its steps, and is as high as it climbs', () => {
    fc.assert(
      fc.property(anyLadder, anySize, ({ record, parameters: p }, at) => {
        const replicas = replicasFor(p, at)
        const steps = [...record.coresToReplicas, ...record.nodesToReplicas]
        expect(replicas === 0 || steps.some(([, each]) => each === replicas)).toBe(true)
      }),
    )
  })

  it('a ladder that climbs never asks for fewer where there is more', () => {
    const climbing = fc
      .array(fc.tuple(fc.nat(500), fc.nat(50)), { minLength: 1, maxLength: 10 })
      .map((steps) => {
        let [threshold, replicas] = [0, 0]
        return steps.map(([t, r]) => [(threshold += t + 1), (replicas += r)])
      })
      .map((nodesToReplicas) => parameters('ladder', JSON.stringify({ nodesToReplicas })))
    fc.assert(
      fc.property(climbing, fc.nat(3000), fc.nat(3000), (p, nodes, more) => {
        expect(replicasFor(p, size(nodes + more, 0)) >= replicasFor(p, size(nodes, 0))).toBe(true)
      }),
    )
  })

  it('the order of the steps does not matter where thresholds differ', () => {
    const shuffled = fc
      .uniqueArray(fc.tuple(fc.nat(300), fc.nat(50)), { selector: ([threshold]) => threshold, minLength: 1 })
      .chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length })))
    fc.assert(
      fc.property(shuffled, fc.nat(400), ([steps, others], nodes) => {
        const ask = (nodesToReplicas: readonly (readonly [number, number])[]): number =>
          replicasFor(parameters('ladder', JSON.stringify({ nodesToReplicas })), size(nodes, 0))
        expect(ask(steps)).toBe(ask(others))
      }),
    )
  })
})
