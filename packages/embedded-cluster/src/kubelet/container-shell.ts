// What can be run in a simulated container: a few commands that tell of it, and a shell that takes them.
import { ms, own, type Pod } from '@plimsoll/model'
import type { Clock, ExecInput, ExecOptions, ExecStreams } from '@plimsoll/ports'

export interface ShellFacts {
  readonly pod: Pod
  readonly env: { readonly [name: string]: string }
  readonly clock: Clock
}

type Command = (args: readonly string[], facts: ShellFacts) => { readonly out: string; readonly code?: number }

const folders = 'bin  dev  etc  home  proc  root  run  sys  tmp  usr  var\n'

const files: { readonly [path: string]: (facts: ShellFacts) => string } = {
  '/etc/hostname': ({ env }) => `${env['HOSTNAME'] ?? ''}\n`,
  '/etc/hosts': ({ pod, env }) =>
    `# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n${pod.status?.podIP ?? ''}\t${env['HOSTNAME'] ?? ''}\n`,
  '/etc/resolv.conf': ({ pod }) =>
    `search ${pod.metadata.namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.100.0.10\noptions ndots:5\n`,
  '/var/run/secrets/kubernetes.io/serviceaccount/namespace': ({ pod }) => pod.metadata.namespace,
}

const commands: { readonly [name: string]: Command } = {
  cat: (args, facts) => {
    const path = args[0] ?? ''
    const file = own(files, path)
    return file === undefined
      ? { out: `cat: can't open '${path}': No such file or directory\n`, code: 1 }
      : { out: file(facts) }
  },
  date: (_, { clock }) => ({ out: `${new Date(clock.now()).toUTCString()}\n` }),
  echo: (args) => ({ out: `${args.join(' ')}\n` }),
  env: (_, { env }) => ({
    out: Object.keys(env)
      .map((name) => `${name}=${env[name]}\n`)
      .join(''),
  }),
  false: () => ({ out: '', code: 1 }),
  hostname: (_, { env }) => ({ out: `${env['HOSTNAME'] ?? ''}\n` }),
  id: () => ({ out: 'uid=0(root) gid=0(root) groups=0(root)\n' }),
  ls: () => ({ out: folders }),
  printenv: ([name], { env }) =>
    name === undefined
      ? {
          out: Object.keys(env)
            .map((each) => `${each}=${env[each]}\n`)
            .join(''),
        }
      : { out: Object.hasOwn(env, name) ? `${env[name]}\n` : '', code: Object.hasOwn(env, name) ? 0 : 1 },
  pwd: () => ({ out: '/\n' }),
  true: () => ({ out: '' }),
  whoami: () => ({ out: 'root\n' }),
}

const shells = /^(\/bin\/)?(sh|bash|ash)$/
const prompt = '/ # '
const simulated = 'This container is simulated. It knows: '

/** Runs one command; what is typed goes to it when it is a shell. */
export function execute(options: ExecOptions, facts: ShellFacts, streams: ExecStreams): ExecInput {
  const [name = '', ...args] = options.command
  if (shells.test(name)) {
    const script = args[0] === '-c' ? args[1] : undefined
    return script === undefined ? shell(options, facts, streams) : finished(runLine(script, facts, streams), streams)
  }
  if (name === 'sleep') {
    facts.clock.after(ms((Number(args[0]) || 0) * 1000), () => streams.exit(0))
    return ignored
  }
  if (!Object.hasOwn(commands, name.replace(/^\/(usr\/)?bin\//, ''))) {
    streams.fail(
      `error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: ${JSON.stringify(name)}: executable file not found in $PATH`,
    )
    return ignored
  }
  return finished(runWords([name, ...args], facts, streams), streams)
}

const ignored: ExecInput = { type: () => {}, end: () => {} }

function finished(code: number, streams: ExecStreams): ExecInput {
  streams.exit(code)
  return ignored
}

/** Commands apart by `;`, `&&` or newlines; each is begun while the one before went well, or after `;`. */
function runLine(line: string, facts: ShellFacts, streams: ExecStreams): number {
  let code = 0
  for (const [, part = '', link] of line.matchAll(/((?:"[^"]*"|'[^']*'|[^;&\n])+)(;|&&|\n)?/g)) {
    const words = [...part.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) =>
      b !== undefined ? b : (a ?? c ?? '').replace(/\$\{?(\w+)\}?/g, (_, name: string) => own(facts.env, name) ?? ''),
    )
    if (words[0] === 'exit') return Number(words[1] ?? code) || 0
    if (words.length > 0) code = runWords(words, facts, streams)
    if (code !== 0 && link === '&&') break
  }
  return code
}

function runWords([first = '', ...args]: readonly string[], facts: ShellFacts, streams: ExecStreams): number {
  const name = first.replace(/^\/(usr\/)?bin\//, '')
  if (!Object.hasOwn(commands, name)) {
    streams.stderr(`sh: ${first}: not found\n`)
    return 127
  }
  const { out, code = 0 } = commands[name]!(args, facts)
  if (code === 0 || name !== 'cat') streams.stdout(out)
  else streams.stderr(out)
  return code
}

/** A shell that reads lines; with a terminal it prompts and shows what is typed. */
function shell({ tty, stdin }: ExecOptions, facts: ShellFacts, streams: ExecStreams): ExecInput {
  if (!stdin) return finished(0, streams)
  const newline = tty ? '\r\n' : '\n'
  const show: ExecStreams = tty
    ? {
        ...streams,
        stdout: (text) => streams.stdout(text.replaceAll('\n', '\r\n')),
        stderr: (text) => streams.stdout(text.replaceAll('\n', '\r\n')),
      }
    : streams
  let line = ''
  let code = 0
  let over = false
  const end = (): void => {
    if (!over) streams.exit(code)
    over = true
  }
  const take = (): void => {
    const text = line.trim()
    line = ''
    const left = /^exit(?:\s+(\d+))?$/.exec(text)
    if (left !== null) {
      code = left[1] === undefined ? code : Number(left[1])
      end()
      return
    }
    if (text === 'help') show.stdout(`${simulated}${Object.keys(commands).join(' ')} exit\n`)
    else if (text !== '') code = runLine(text, facts, show)
    if (tty) streams.stdout(prompt)
  }
  if (tty) streams.stdout(prompt)
  return {
    type: (text) => {
      for (const key of text) {
        if (over) return
        if (key === '\r' || key === '\n') {
          if (tty) streams.stdout(newline)
          take()
        } else if (key === '\u0004' && tty) {
          if (line === '') end()
        } else if (key === '\u0003' && tty) {
          line = ''
          streams.stdout(`^C${newline}${prompt}`)
        } else if (key === '\u007f' && tty) {
          if (line !== '') streams.stdout('\b \b')
          line = line.slice(0, -1)
        } else {
          line += key
          if (tty) streams.stdout(key)
        }
      }
    },
    end: () => {
      if (line !== '') take()
      end()
    },
  }
}
