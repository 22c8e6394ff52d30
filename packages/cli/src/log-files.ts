// Log files as glog keeps them (golang/glog:glog_file.go): one for each severity, with all that is as severe or more,
// named after program, host, user, severity, time and process, and a link to the newest of each.
import { appendFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { severityOfLine } from '@plimsoll/proportional-autoscaler'

const severities = ['INFO', 'WARNING', 'ERROR', 'FATAL'] as const

/** Takes lines without their newline. A folder that cannot be written to gets none, and standard error says so once. */
export function logFiles(o: {
  readonly program: string
  readonly folder: string
  readonly now: Date
}): (line: string) => void {
  const folder = o.folder === '' ? tmpdir() : o.folder
  const files = new Map<string, string>()
  let broken = false
  const open = (severity: string): string => {
    const stamp = o.now
      .toISOString()
      .replace(/[-:]|\..*/g, '')
      .replace('T', '-')
    const host = hostname().split('.')[0]
    const name = `${o.program}.${host}.${userInfo().username}.log.${severity}.${stamp}.${process.pid}`
    const path = join(folder, name)
    writeFileSync(
      path,
      `Log file created at: ${o.now.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')}\nRunning on machine: ${host}\nLog line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg\n`,
    )
    link(basename(path), join(folder, `${o.program}.${severity}`))
    files.set(severity, path)
    return path
  }
  return (line) => {
    if (broken) return
    try {
      for (const severity of severities.slice(0, severityOfLine(line) + 1))
        appendFileSync(files.get(severity) ?? open(severity), `${line}\n`)
    } catch (error) {
      broken = true
      process.stderr.write(`log: cannot create log: ${String(error)}; --logtostderr writes no files\n`)
    }
  }
}

function link(target: string, path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // There was none.
  }
  try {
    symlinkSync(target, path)
  } catch {
    // A convenience: file systems without links do without.
  }
}
