// `npm run bench [-- NAME…] [--rounds N]`: medians over rounds, each case's answer hashed.
import { createHash } from 'node:crypto'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, small: { type: 'boolean', default: false } },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds takes a whole number from 1, found ${values.rounds}`)

const chosen = cases.filter(({ name }) => positionals.length === 0 || positionals.some((word) => isIn(word, name)))
if (chosen.length === 0) {
  const names = cases.map(({ name }) => `  ${name}`).join('\n')
  throw new Error(`no benchmark has ${positionals.join(' or ')} in its name; there are:\n${names}`)
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, median of ${rounds}`,
)
for (const bench of chosen) {
  const figures = new Map<string, number[]>()
  const answers = new Set<string>()
  for (let round = 0; round < rounds; round++) {
    const result = await bench.run(values.small ? 'small' : 'full')
    for (const [name, value] of Object.entries(result.figures)) figures.set(name, [...(figures.get(name) ?? []), value])
    answers.add(createHash('sha256').update(result.answer).digest('hex').slice(0, 12))
  }
  console.log(`\n${bench.name}; answer ${[...answers].join(' AND ALSO ')}`)
  for (const [name, values] of figures) console.log(`${round3(median(values)).padStart(10)}  ${name}`)
}

function isIn(word: string, name: string): boolean {
  return name.toLowerCase().includes(word.toLowerCase())
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

function round3(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
