// A gzipped tar archive of a few small files, the same bytes for the same files on every run: one owner, one mode, one
// time, and the order given. Headers are written by hand: ustar is one block of fields, and a library would be asked to
// leave out all that it does beyond that.
import { strict as assert } from 'node:assert'
import { gzipSync } from 'node:zlib'

export interface ArchivedFile {
  /** With slashes. */
  readonly path: string
  readonly content: Uint8Array
}

/** When everything that we pack was last changed, in the format of a chart index. */
export const packedAt = '2026-01-01T00:00:00Z'

const blockBytes = 512
/** A byte of gzip's header that says which system wrote it; 255 is unknown. */
const gzipSystemByte = 9

export function tarball(files: readonly ArchivedFile[]): Buffer {
  const blocks = files.flatMap(({ path, content }) => [
    header(path, content.byteLength),
    content,
    Buffer.alloc(-content.byteLength & (blockBytes - 1)),
  ])
  const archive = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]), { level: 9 })
  archive[gzipSystemByte] = 255
  return archive
}

function header(path: string, bytes: number): Buffer {
  const { prefix, name } = splitPath(path)
  const block = Buffer.alloc(blockBytes)
  block.write(name, 0)
  block.write(octal(0o644, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(bytes, 12), 124)
  block.write(octal(Date.parse(packedAt) / 1000, 12), 136)
  // The sum of the header's bytes is taken with blanks in its own field.
  block.write(' '.repeat(8), 148)
  block.write('0', 156)
  block.write('ustar\0' + '00', 257)
  block.write(prefix, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(octal(sum, 7) + ' ', 148)
  return block
}

/** With leading zeros and a closing NUL, `width` bytes in all. */
function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0') + '\0'
}

/** A path of more than 100 bytes is divided at a slash; ustar has room for 155 in front of it. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  const fits = (text: string, bytesMax: number): boolean => Buffer.byteLength(text) <= bytesMax
  if (fits(path, 100)) return { prefix: '', name: path }
  const slash = [...path.matchAll(/\//g)].find(({ index }) => fits(path.slice(index + 1), 100))?.index
  assert(slash !== undefined && fits(path.slice(0, slash), 155), `the path is too long for an archive: ${path}`)
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) }
}
