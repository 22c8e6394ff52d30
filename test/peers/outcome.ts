// What the peers print: one line of JSON for each check.
import { execFile } from 'node:child_process'

interface Outcome {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

/** Standard output, then standard error. */
export function runPeer(binary: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(binary, args, { timeout: 60_000 }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
}

/** One line for each check: `informers: ok`, or what went wrong; all that was printed when no check ran. */
export function told(printed: string): string[] {
  const lines = printed
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Outcome)
    .map(({ check, ok, detail }) => (ok ? `${check}: ok` : `${check}: ${detail}`))
  return lines.length === 0 ? [printed] : lines
}
