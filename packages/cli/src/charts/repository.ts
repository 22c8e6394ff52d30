// A classic chart repository: index.yaml and the packages beside it, and a page that says what to type.
import { stringify } from 'yaml'
import type { Chart } from './chart.ts'
import type { Served } from './served.ts'
import { packedAt } from './tarball.ts'

/** By path, all that the repository holds. `url` is its own address, `http://127.0.0.1:6445`. */
export function chartRepository(charts: readonly Chart[], url: string): Map<string, Served> {
  const page = { type: 'text/plain; charset=utf-8', body: Buffer.from(frontPage(charts, url)) }
  const index = { type: 'application/yaml', body: Buffer.from(chartIndex(charts)) }
  return new Map<string, Served>([
    ['/', page],
    ['/index.yaml', index],
    ...charts.map((chart) => [`/${packageName(chart)}`, { type: 'application/gzip', body: chart.archive }] as const),
  ])
}

function chartIndex(charts: readonly Chart[]): string {
  const entries = charts.map((chart) => [
    chart.name,
    [{ ...chart.metadata, digest: chart.sha256, urls: [packageName(chart)], created: packedAt }],
  ])
  return stringify({ apiVersion: 'v1', entries: Object.fromEntries(entries), generated: packedAt })
}

function packageName({ name, version }: Chart): string {
  return `${name}-${version}.tgz`
}

function frontPage(charts: readonly Chart[], url: string): string {
  const oci = url.replace(/^http:/, 'oci:')
  const sections = charts.map(({ name, version, appVersion, description }) =>
    [
      `${name} ${version}${appVersion === '' ? '' : ` (${appVersion})`}`,
      description,
      '',
      `    helm repo add ${name} ${url}`,
      `    helm show values ${name}/${name}`,
      `    helm upgrade --install ${name} ${name}/${name} -f values.yaml`,
      'or',
      `    helm upgrade --install ${name} ${oci}/charts/${name} --version ${version} --plain-http -f values.yaml`,
    ].join('\n'),
  )
  return ["Plimsoll's charts", ...sections].join('\n\n') + '\n'
}
