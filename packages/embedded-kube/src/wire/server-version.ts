import type { Fields } from '../object.ts'

/** /version. The text's build metadata leaves it a release, so that charts' kubeVersion constraints hold. */
export const gitVersionDefault = 'v1.35.0+plimsoll'

/** What /version answers. `gitVersion` may take EKS's form, `v1.35.0-eks-3025e55`. */
export function serverVersion(gitVersion: string = gitVersionDefault): Fields {
  const [, major = '1', minor = '35'] = /^v(\d+)\.(\d+)\./.exec(gitVersion) ?? []
  return {
    major,
    minor: gitVersion.includes('-eks-') ? `${minor}+` : minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2025-12-17T00:00:00Z',
    goVersion: 'go1.25.5',
    compiler: 'gc',
    platform: 'linux/amd64',
  }
}
