import { InvalidArgumentError } from 'commander'

// Each parser takes the text of one option and says, when it refuses it, what it accepts.

/** How many seconds of cluster time pass in one second. */
export function parseSpeed(text: string): number {
  const speed = Number(text)
  if (text.trim() === '' || !Number.isFinite(speed) || speed < 0.1 || speed > 1000)
    throw new InvalidArgumentError('a number from 0.1 to 1000 is expected, as in --speed 10.')
  return speed
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('a port from 1 to 65535 is expected, or 0 for any free one.')
  return port
}

/** A cluster name as EKS takes it; it also names a folder. */
export function parseClusterName(text: string): string {
  if (!/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/.test(text))
    throw new InvalidArgumentError(
      'letters, digits, hyphens and underscores are expected, beginning with a letter or digit, at most 100.',
    )
  return text
}

export function parseSeed(text: string): string {
  if (text === '') throw new InvalidArgumentError('some text or a number is expected, as in --seed 7.')
  return text
}

export function parseFolder(text: string): string {
  if (text === '') throw new InvalidArgumentError('a folder is expected, as in --data-dir ./cluster.')
  return text
}
