// The whole gate: formatting, types, lint, layers, dead code, tests. Arguments go to the test runner (`npm test -- -u`).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly string[]
}

const bin = (name: string): string => join('node_modules', '.bin', name)

const steps: readonly Step[] = [
  { name: 'format', command: [bin('prettier'), '--check', '--log-level', 'warn', '.'] },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'lint', command: [bin('oxlint'), '--quiet'] },
  { name: 'layers', command: [bin('depcruise'), 'packages', '--config', '.dependency-cruiser.mjs'] },
  { name: 'dead code', command: [bin('knip'), '--no-progress'] },
]

let passed = 0
let failed = 0

for (const step of steps) {
  const begun = Date.now()
  const run = spawnSync(step.command[0]!, step.command.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28 })
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  if (run.status === 0) {
    passed++
    console.log(`ok    ${step.name} (${seconds} s)`)
  } else {
    failed++
    console.log(`FAIL  ${step.name} (${seconds} s)\n${run.stdout}${run.stderr}`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-gate-'))
const report = join(folder, 'tests.json')
const tests = spawnSync(
  bin('vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
let skipped = 0
try {
  const counts = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
  }
  passed += counts.numPassedTests
  failed += counts.numFailedTests
  skipped = counts.numPendingTests
} catch (error) {
  failed++
  console.log(`FAIL  tests: no report (${String(error)})`)
}
// A crash outside a test (an unhandled rejection) fails the run without failing a test.
if (tests.status !== 0 && failed === 0) failed++
rmSync(folder, { recursive: true, force: true })

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
