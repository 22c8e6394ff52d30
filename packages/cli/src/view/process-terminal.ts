// The terminal that this process runs in.
import type { ColourDepth, TerminalPort } from '@plimsoll/terminal'

type Process = Pick<NodeJS.Process, 'env'> & {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

export function processTerminal({ stdin, stdout, env }: Process): TerminalPort {
  return {
    stdin,
    colours: colourDepth(env, true),
    // Some terminals say 0 by 0 when they do not know.
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    onResize: (listener) => {
      stdout.on('resize', listener)
      return () => void stdout.off('resize', listener)
    },
    write: (text, taken) => void stdout.write(text, taken),
  }
}

/** Colours are left away with NO_COLOR, on dumb terminals and where there is no terminal, unless FORCE_COLOR asks for them. */
export function colourDepth(env: NodeJS.ProcessEnv, isTerminal: boolean): ColourDepth {
  const forced = env['FORCE_COLOR']
  if (forced !== undefined && forced !== '') {
    const depths: { readonly [level: string]: ColourDepth } = {
      '0': 'none',
      false: 'none',
      '1': 'sixteen',
      '2': 'palette',
      '3': 'true',
    }
    return depths[forced] ?? 'sixteen'
  }
  const term = env['TERM'] ?? ''
  if ((env['NO_COLOR'] ?? '') !== '' || !isTerminal || term === 'dumb' || term === '') return 'none'
  if (/^(truecolor|24bit)$/.test(env['COLORTERM'] ?? '') || /-direct$|kitty|ghostty|alacritty/.test(term)) return 'true'
  return term.includes('256') ? 'palette' : 'sixteen'
}
