import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tarball } from './tarball.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-tarball-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('tarball', () => {
  const texts: Readonly<Record<string, string>> = {
    'web/Chart.yaml': 'name: web\n',
    'web/empty': '',
    'web/한글.txt': 'x'.repeat(512),
    [`${'folder-of-a-chart/'.repeat(8)}${'n'.repeat(90)}.yaml`]: 'y'.repeat(513),
  }
  const files = Object.entries(texts).map(([path, text]) => ({ path, content: bytes(text) }))

  it('is what tar unpacks, whatever the length of names and files', () => {
    execFileSync('tar', ['-xzf', '-', '-C', folder], { input: tarball(files) })
    const listed = execFileSync('tar', ['-tzf', '-'], { input: tarball(files), encoding: 'utf8' })
    expect(listed.split('\n')).toEqual(expect.arrayContaining([files[0]!.path, files[3]!.path]))
    for (const [path, text] of Object.entries(texts)) {
      const file = join(folder, path)
      expect(readFileSync(file, 'utf8')).toBe(text)
      expect(statSync(file).mtime.toISOString()).toBe('2026-01-01T00:00:00.000Z')
      expect(statSync(file).mode & 0o111).toBe(0)
    }
  })

  it('has the same bytes for the same files', () => {
    expect(tarball(files).equals(tarball(files))).toBe(true)
    expect(tarball(files).equals(tarball(files.toReversed()))).toBe(false)
  })

  it('refuses a path that no header holds', () => {
    expect(() => tarball([{ path: 'n'.repeat(101), content: bytes('') }])).toThrow('the path is too long')
    expect(() => tarball([{ path: `${'n'.repeat(156)}/n`, content: bytes('') }])).toThrow('the path is too long')
  })
})
