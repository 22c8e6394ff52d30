// Colours as red, green and blue of 0..255, blends between them, and how terminals of several depths are told of them.

export type Rgb = readonly [red: number, green: number, blue: number]

/** How many colours a terminal shows. */
export type ColourDepth = 'none' | 'sixteen' | 'palette' | 'true'

/** `#04B575` or `#FFF`; undefined when malformed. */
export function parseColour(text: string): Rgb | undefined {
  const match = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(text.trim())
  if (match === null) return undefined
  const digits = match[1]!.length === 3 ? match[1]!.replace(/./g, '$&$&') : match[1]!
  const channel = (at: number): number => parseInt(digits.slice(at, at + 2), 16)
  return [channel(0), channel(2), channel(4)]
}

/**
 * `cells` colours from one to the other, blended in CIE L*u*v*: half way between red and green lies a bright yellow, where
 * blending red, green and blue themselves would give mud.
 */
export function gradient(from: Rgb, to: Rgb, cells: number): Rgb[] {
  const start = toLuv(from)
  const end = toLuv(to)
  return Array.from({ length: cells }, (_, cell) => {
    const t = cells === 1 ? 0 : cell / (cells - 1)
    return fromLuv([0, 1, 2].map((axis) => start[axis]! + t * (end[axis]! - start[axis]!)) as unknown as Luv)
  })
}

type Luv = readonly [number, number, number]

/** The white of sRGB (D65): u' and v' of CIE 1976. */
const white = { u: 0.19783, v: 0.46832 }
const kappa = 903.2963
const epsilon = 216 / 24389

function toLuv(rgb: Rgb): Luv {
  const [r, g, b] = rgb.map((byte) => {
    const value = byte / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  const x = 0.4124564 * r + 0.3575761 * g + 0.1804375 * b
  const y = 0.2126729 * r + 0.7151522 * g + 0.072175 * b
  const z = 0.0193339 * r + 0.119192 * g + 0.9503041 * b
  const sum = x + 15 * y + 3 * z
  const lightness = y > epsilon ? 116 * Math.cbrt(y) - 16 : kappa * y
  if (sum === 0) return [0, 0, 0]
  return [lightness, 13 * lightness * ((4 * x) / sum - white.u), 13 * lightness * ((9 * y) / sum - white.v)]
}

function fromLuv([lightness, u, v]: Luv): Rgb {
  if (lightness <= 0) return [0, 0, 0]
  const uPrime = u / (13 * lightness) + white.u
  const vPrime = v / (13 * lightness) + white.v
  const y = lightness > kappa * epsilon ? ((lightness + 16) / 116) ** 3 : lightness / kappa
  const x = (y * 9 * uPrime) / (4 * vPrime)
  const z = (y * (12 - 3 * uPrime - 20 * vPrime)) / (4 * vPrime)
  const channel = (linear: number): number => {
    const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.max(0, linear) ** (1 / 2.4) - 0.055
    return Math.round(255 * Math.min(1, Math.max(0, value)))
  }
  return [
    channel(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
    channel(-0.969266 * x + 1.8760108 * y + 0.041556 * z),
    channel(0.0556434 * x - 0.2040259 * y + 1.0572252 * z),
  ]
}

/** The escape sequence that switches to the colour; '' where there are none. */
export function colourSequence(colour: Rgb, depth: ColourDepth): string {
  switch (depth) {
    case 'none':
      return ''
    case 'true':
      return `\u001b[38;2;${colour.join(';')}m`
    case 'palette':
      return `\u001b[38;5;${paletteIndex(colour)}m`
    case 'sixteen':
      return `\u001b[${basicCode(colour)}m`
  }
}

/** In the palette of 256: a grey of 24 steps, or the cube of six levels per channel. */
function paletteIndex([red, green, blue]: Rgb): number {
  if (red === green && green === blue && red > 7 && red < 249) return 232 + Math.round(((red - 8) / 247) * 24)
  const level = (channel: number): number => (channel < 48 ? 0 : channel < 115 ? 1 : Math.floor((channel - 35) / 40))
  return 16 + 36 * level(red) + 6 * level(green) + level(blue)
}

/** 30..37 for what is on or off in red, green and blue; 90 is grey, which every theme can show on its background. */
function basicCode([red, green, blue]: Rgb): number {
  const peak = Math.max(red, green, blue)
  if (peak - Math.min(red, green, blue) < 24) return peak > 180 ? 37 : 90
  const on = (channel: number): number => (channel > peak * 0.7 ? 1 : 0)
  return 30 + on(red) + 2 * on(green) + 4 * on(blue)
}
