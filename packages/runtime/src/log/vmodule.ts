export type VerbosityOf = (source: string) => number

/**
 * Reads klog's --vmodule, `pattern=N` with commas between; the first pattern that matches the source's file name
 * (without `.go` and line) decides, else `verbosity` (kubernetes/klog:klog.go, moduleSpec).
 * @throws RangeError when it is malformed
 */
export function parseVmodule(text: string, verbosity: number): VerbosityOf {
  const patterns = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=]+)=(\d+)$/.exec(part)
      if (match === null)
        throw new RangeError(`vmodule: found "${part}", expected a comma-separated list of filename=N`)
      return { pattern: globPattern(match[1]!), level: Number(match[2]) }
    })
  return (source) => {
    const file = source.replace(/:\d+$/, '').replace(/\.(go|ts)$/, '')
    return patterns.find(({ pattern }) => pattern.test(file))?.level ?? verbosity
  }
}

/** As filepath.Match, without character classes. */
function globPattern(glob: string): RegExp {
  const body = glob.replace(/[\\^$.|+()[\]{}]/g, String.raw`\$&`)
  return new RegExp(`^${body.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`)
}
