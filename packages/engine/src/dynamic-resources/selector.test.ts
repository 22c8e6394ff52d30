import { describe, expect, it } from 'vitest'
import { compileSelector, deviceFacts } from './selector.ts'

const facts = deviceFacts('gpu.example.com', {
  name: 'd',
  attributes: {
    model: { string: 'A100' },
    healthy: { bool: true },
    driverVersion: { version: '1.10.2' },
    beta: { version: '2.0.0-rc.1' },
    'topology.example.com/numa': { int: 3 },
  },
  capacity: { memory: { value: '80Gi' } },
})

/** What the selector says of the device, or why it cannot. */
function asked(expression: string): boolean | string {
  const selector = compileSelector(expression)
  if (selector.error !== undefined) return selector.error
  try {
    return selector.matches(facts)
  } catch (error) {
    return (error as Error).message
  }
}

const own = 'device.attributes["gpu.example.com"]'
const memory = 'device.capacity["gpu.example.com"].memory'

describe('a selector', () => {
  it.each<readonly [expression: string, answer: boolean | string]>([
    ['device.driver == "gpu.example.com"', true],
    ['!device.allowMultipleAllocations', true],
    [`${own}.model == "A100"`, true],
    [`${own}.model in ["H100", "A100"]`, true],
    [`${own}.model.lowerAscii().startsWith("a1")`, true],
    [`${own}.healthy`, true],
    ['device.attributes["topology.example.com"].numa == 3', true],
    ['device.attributes["topology.example.com"].numa > 3', false],
    // Every domain is there to be looked into, but only those with attributes are in the map.
    ['"topology.example.com" in device.attributes', true],
    ['"elsewhere.example.com" in device.attributes', false],
    ['device.attributes["elsewhere.example.com"].numa == 3', 'no such key: numa'],
    ['has(device.attributes["elsewhere.example.com"].numa)', false],
    [`has(${own}.model) && ${own}.model != ""`, true],
    [`has(${own}.nothing) || "nothing" in ${own}`, false],
    [`${own}.nothing == 1`, 'no such key: nothing'],
    [`${own}.nothing == 1 || true`, true],
    [`cel.bind(gpu, ${own}, gpu.healthy && "model" in gpu && !("other" in gpu))`, true],
    [`${memory}.compareTo(quantity("80Gi")) == 0`, true],
    [`${memory} == quantity("81920Mi")`, true],
    [`${memory}.isGreaterThan(quantity("81Gi"))`, false],
    [`${memory}.sub(quantity("1Gi")).isLessThan(quantity("80Gi"))`, true],
    [`${memory}.asInteger() == 85899345920`, true],
    ['isQuantity("80Gi") && !isQuantity("80 GB")', true],
    [
      'quantity("x") == quantity("x")',
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': unable to parse quantity",
    ],
    [`${own}.driverVersion.isGreaterThan(semver("1.9.9"))`, true],
    [`${own}.driverVersion == semver("1.10.2")`, true],
    [`${own}.driverVersion.major() == 1 && ${own}.driverVersion.minor() == 10`, true],
    [`${own}.beta.isLessThan(semver("2.0.0"))`, true],
    [`${own}.beta.isGreaterThan(semver("2.0.0-beta.9"))`, true],
    ['isSemver("1.0.0") && !isSemver("v1.0") && isSemver("v1.0", true)', true],
    ['semver("v01.2", true) == semver("1.2.0")', true],
    ['"a1b22".find("[0-9]+") == "1" && "a1b22".findAll("[0-9]+") == ["1", "22"]', true],
    ['[3, 1, 2].max() == 3 && [1, 2].sum() == 3 && [1, 2].isSorted() && [1, 2].indexOf(2) == 1', true],
    ['sets.contains([1, 2], [2]) && sets.intersects([1], [1, 2]) && !sets.equivalent([1], [2])', true],
    ['device.attributes.exists(domain, domain == "topology.example.com")', true],
    ['1', 'must evaluate to bool or the unknown type, not int'],
    [`${own}.model`, 'CEL result could not be converted to bool'],
    ['foo', 'compilation failed: unknown variable: foo'],
    ['device.nothing', 'compilation failed: no such key: nothing'],
    ['1 +', 'compilation failed: unexpected token: EOF'],
    ['url("x") == url("x")', "compilation failed: found no matching overload for 'url(string)'"],
    [`${own}.model < 3`, 'no such overload: dyn<string> < int'],
  ])('%s', (expression, answer) => {
    expect(asked(expression)).toBe(answer)
  })

  it('fails on attributes that are of no kind', () => {
    expect(() => deviceFacts('x', { name: 'd', attributes: { odd: {} } })).toThrow(
      'attribute odd: unsupported attribute value',
    )
    expect(() => deviceFacts('x', { name: 'd', attributes: { odd: { version: '1' } } })).toThrow('attribute odd: parse')
  })
})
