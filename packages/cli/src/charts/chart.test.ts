import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCharts, shippedCharts } from './chart.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-charts-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(files: { readonly [path: string]: string }): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

const web = {
  'web/values.yaml': 'replicas: 1\n',
  'web/charts.md': 'What the charts are for.\n',
  'web/templates/web.yaml': 'kind: Deployment\n',
  'web/templates/web.yaml.bak': 'kind: Pod\n',
  'web/charts/cache/Chart.yaml': 'name: cache\nversion: 0.1.0\n',
  'web/ci/values.yaml': 'replicas: 2\n',
  'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: "7"\n',
  'web/.helmignore': 'ci/\n*.bak\n.helmignore\n',
}

describe('readCharts', () => {
  it('finds every chart, by name, and passes over other folders', () => {
    write({
      ...web,
      'api/Chart.yaml': 'name: api\nversion: 0.1.0\n',
      'drafts/notes.txt': 'none yet',
      'README.md': 'not a chart',
    })
    expect(readCharts(folder).map(({ name, version }) => `${name} ${version}`)).toEqual(['api 0.1.0', 'web 1.2.3'])
    expect(readCharts(join(folder, 'nowhere'))).toEqual([])
  })

  it('packs what is not ignored under the name of the chart, sorted by path', () => {
    write(web)
    symlinkSync('/etc/hostname', join(folder, 'web', 'templates', 'link.yaml'))
    const [chart] = readCharts(folder)
    const listed = execFileSync('tar', ['-tzf', '-'], { input: chart!.archive, encoding: 'utf8' })
    expect(listed.trim().split('\n')).toEqual([
      'web/Chart.yaml',
      'web/charts.md',
      'web/charts/cache/Chart.yaml',
      'web/templates/web.yaml',
      'web/values.yaml',
    ])
    expect(chart!.metadata).toEqual({ apiVersion: 'v2', name: 'web', version: '1.2.3', appVersion: '7' })
  })

  it('gives the same package whenever and in whatever order the files were written', () => {
    write(web)
    const before = readCharts(folder)[0]!
    rmSync(join(folder, 'web'), { recursive: true })
    write(Object.fromEntries(Object.entries(web).toReversed()))
    utimesSync(join(folder, 'web/values.yaml'), 1, 1)
    expect(readCharts(folder)[0]!.sha256).toBe(before.sha256)
    write({ 'web/values.yaml': 'replicas: 3\n' })
    expect(readCharts(folder)[0]!.sha256).not.toBe(before.sha256)
  })

  it('says which chart has a version that is a number', () => {
    write({ 'web/Chart.yaml': 'name: web\nversion: 1.2\n' })
    expect(() => readCharts(folder)).toThrow('web/Chart.yaml: version should be text')
  })

  it('finds the charts that we ship', () => {
    expect(readCharts(shippedCharts()).map(({ name }) => name)).toContain('cluster-proportional-autoscaler')
  })
})
