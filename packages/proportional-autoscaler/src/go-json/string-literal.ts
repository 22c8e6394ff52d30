/** Strings between quotes, as Go's encoding/json (v1) reads and writes them. */

const replacement = 0xfffd

const escapes: { readonly [code: string]: string } = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/**
 * The string that a literal stands for; `start` is behind its first quote, `end` at its last. The syntax has been checked.
 * As in Go each byte that is not UTF-8, and each half of a surrogate pair alone, becomes U+FFFD.
 */
export function unquote(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end;) {
    const byte = bytes[at]!
    if (byte !== 0x5c) {
      const { point, size } = runeAt(bytes, at)
      text += String.fromCodePoint(point)
      at += size
      continue
    }
    const code = String.fromCharCode(bytes[at + 1]!)
    if (code === 'u') {
      text += String.fromCharCode(Number.parseInt(ascii(bytes, at + 2, at + 6), 16))
      at += 6
    } else {
      text += escapes[code] ?? code
      at += 2
    }
  }
  return text.toWellFormed()
}

export function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

/** The smallest code point that may be written in so many bytes. */
const pointMin = [0, 0, 0x80, 0x800, 0x10000]

/**
 * One character of UTF-8; the quote behind the string ends a sequence cut short. A TextDecoder will not do: of such a
 * sequence it makes one U+FFFD, Go one per byte.
 */
function runeAt(bytes: Uint8Array, at: number): { readonly point: number; readonly size: number } {
  const lead = bytes[at]!
  if (lead < 0x80) return { point: lead, size: 1 }
  const invalid = { point: replacement, size: 1 }
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc0 || lead >= 0xf8) return invalid
  let point = lead & (0x7f >> size)
  for (let i = at + 1; i < at + size; i++) {
    if ((bytes[i]! & 0xc0) !== 0x80) return invalid
    point = (point << 6) | (bytes[i]! & 0x3f)
  }
  const surrogate = point >= 0xd800 && point < 0xe000
  return point < pointMin[size]! || point > 0x10ffff || surrogate ? invalid : { point, size }
}

/** The literal that json.Marshal writes: JSON.stringify's, with what might hurt in HTML or JavaScript escaped as well. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
