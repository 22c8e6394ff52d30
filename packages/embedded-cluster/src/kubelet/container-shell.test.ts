import { ms, type Pod } from '@plimsoll/model'
import { VirtualClock, type ExecInput } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { execute } from './container-shell.ts'

interface Session {
  readonly input: ExecInput
  readonly out: () => string
  readonly err: () => string
  readonly ended: () => number | string | undefined
}

function session(command: string[], o: { tty?: boolean; stdin?: boolean } = {}): Session {
  let [out, err]: [string, string] = ['', '']
  let ended: number | string | undefined
  const pod = { metadata: { name: 'web', namespace: 'shop' }, status: { podIP: '10.0.0.9' } } as unknown as Pod
  const input = execute(
    { container: 'main', command, tty: o.tty === true, stdin: o.stdin !== false },
    { pod, env: { HOSTNAME: 'web', COLOUR: 'red' }, clock: new VirtualClock({ start: ms(0) }) },
    {
      stdout: (text) => (out += text),
      stderr: (text) => (err += text),
      exit: (code) => (ended = code),
      fail: (message) => (ended = message),
    },
  )
  return { input, out: () => out, err: () => err, ended: () => ended }
}

describe('a command in a simulated container', () => {
  it.each([
    [['hostname'], 'web\n', 0],
    [['/bin/echo', 'a', 'b'], 'a b\n', 0],
    [['sh', '-c', 'echo $COLOUR'], 'red\n', 0],
    [['sh', '-c', "echo '$COLOUR' && false; echo on"], '$COLOUR\non\n', 0],
    [['sh', '-c', 'false && echo never'], '', 1],
    [['sh', '-c', 'echo a; exit 3; echo b'], 'a\n', 3],
    [['sh', '-c', 'false; exit'], '', 1],
    [['printenv', 'COLOUR'], 'red\n', 0],
    [['printenv', 'NONE'], '', 1],
    [['printenv', 'constructor'], '', 1],
    [['sh', '-c', 'echo a${toString}b$__proto__'], 'ab\n', 0],
    [['cat', '/etc/hostname'], 'web\n', 0],
    [['cat', '/var/run/secrets/kubernetes.io/serviceaccount/namespace'], 'shop', 0],
    [['date'], 'Thu, 01 Jan 1970 00:00:00 GMT\n', 0],
  ])('%j', (command, out, end) => {
    const run = session(command)
    expect([run.out(), run.ended()]).toEqual([out, end])
  })

  it('cannot be begun when it is not there', () => {
    expect(session(['constructor']).ended()).toMatch(/exec: "constructor": executable file not found in \$PATH$/)
  })

  it('tells what it does not know on standard error', () => {
    const run = session(['sh', '-c', 'cat /nowhere; toString'])
    expect(run.err()).toBe("cat: can't open '/nowhere': No such file or directory\nsh: toString: not found\n")
    expect(run.ended()).toBe(127)
  })
})

describe('a shell', () => {
  it('on a terminal prompts, shows what is typed, and takes keys', () => {
    const run = session(['sh'], { tty: true })
    run.input.type('echo hx\u007fi\r')
    run.input.type('junk\u0003')
    run.input.type('exit 4\r')
    run.input.type('echo late\r')
    expect(run.out()).toBe('/ # echo hx\b \bi\r\nhi\r\n/ # junk^C\r\n/ # exit 4\r\n')
    expect(run.ended()).toBe(4)
  })

  it('without one reads its input to the end, and ends as the last line did', () => {
    const run = session(['sh'])
    run.input.type('echo a\nfal')
    run.input.type('se')
    run.input.end()
    expect(run.out()).toBe('a\n')
    expect(run.ended()).toBe(1)
  })

  it('ends at once when nobody types', () => {
    expect(session(['sh'], { stdin: false }).ended()).toBe(0)
  })
})
