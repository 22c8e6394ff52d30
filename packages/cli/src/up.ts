// `plimsoll up`: one cluster in the foreground of a terminal.
import { announceInstance, claimInstance, instancePaths, releaseInstance } from './instance.ts'
import { installedCommand } from './shims.ts'

export interface UpRequest {
  readonly root: string
  readonly name: string
  readonly workshop?: boolean
  readonly speed: number
  readonly port?: number
  readonly awsPort?: number
  readonly chartsPort?: number
  readonly seed: string
  readonly authorizationMode?: 'AlwaysAllow' | 'RBAC'
  readonly dataDir?: string
}

/** Resolves when the cluster was asked to stop and has. @throws {CliError} when it cannot start. */
export async function up(request: UpRequest): Promise<void> {
  const began = Date.now()
  const paths = instancePaths(request.root, request.name)
  claimInstance(paths, request.name)
  process.once('exit', () => releaseInstance(paths))

  const stopped = untilSignal()
  const { startLiveCluster } = await import('./live-cluster.ts')
  const cluster = await startLiveCluster({ ...request, workshop: request.workshop === true, paths })
  announceInstance(paths, request.name, cluster.running)
  const path = process.env['PATH'] ?? ''
  const plimsoll = installedCommand('plimsoll', path, paths.bin) === undefined ? 'npx plimsoll' : 'plimsoll'
  say(await cluster.summary())
  say(
    greeting({
      plimsoll,
      name: request.name,
      workshop: request.workshop === true,
      dataDir: request.dataDir,
      seconds: (Date.now() - began) / 1000,
    }),
  )
  if (process.stdout.isTTY) {
    const { startTicker } = await import('./ticker.ts')
    await startTicker(cluster.kube, (line) => say(`${clockTime()} ${line}`))
  }

  const signal = await stopped
  say(`${signal}: stopping`)
  await cluster.stop()
  // Anything that would still hold the process is of no use to anybody now.
  process.exit(process.exitCode ?? 0)
}

function greeting(o: {
  readonly plimsoll: string
  readonly name: string
  readonly workshop: boolean
  readonly dataDir: string | undefined
  readonly seconds: number
}): string {
  const named = o.name === 'myeks' ? '' : ` --name ${o.name}`
  const tries = o.workshop
    ? [
        [
          `${o.plimsoll} view --resources cpu,memory`,
          'three nodes, one in each zone, and what is asked of them: leave it open beside what you do',
        ],
        [
          'aws autoscaling describe-auto-scaling-groups --output table',
          'the group behind them: at most three until you raise its maximum',
        ],
        [`${o.plimsoll} walkthrough ca`, 'the first chapter of the workshop, on a cluster of its own'],
      ]
    : [
        [
          'kubectl create deployment web --image=nginx --replicas=15\n    kubectl set resources deployment web --requests=cpu=500m,memory=512Mi',
          'more than fits: the nodes grow from three to six',
        ],
        [`${o.plimsoll} view --resources cpu,memory`, 'the nodes, live: how full they are and what they cost'],
        ['kubectl -n kube-system logs -f deployment/cluster-autoscaler', 'what Cluster Autoscaler thinks'],
        ['kubectl delete deployment web', 'ten minutes later the three nodes are gone again'],
      ]
  return [
    '',
    `Ready in ${o.seconds.toFixed(1)} s. In another terminal${o.plimsoll.startsWith('npx') ? ', in this folder' : ''}:`,
    '',
    `    eval "$(${o.plimsoll} env${named})"`,
    '',
    'To try:',
    ...tries.flatMap(([command, promise]) => ['', `    ${command}`, `        ${promise}`]),
    '',
    o.dataDir === undefined
      ? 'Ctrl-C stops the cluster; nothing of it is kept.'
      : `Ctrl-C stops the cluster; \`plimsoll up --data-dir ${o.dataDir}\` goes on with it.`,
  ].join('\n')
}

function say(text: string): void {
  process.stdout.write(text + '\n')
}

function clockTime(): string {
  return new Date().toTimeString().slice(0, 8)
}

/** One Ctrl-C may arrive twice, from the terminal and through npm: only later is it another one. */
const sameSignalMs = 1000

/** The first signal stops cleanly; the second ends the process at once. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked: number | undefined
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked !== undefined && Date.now() - asked > sameSignalMs) process.exit(130)
        asked ??= Date.now()
        resolve(signal)
      })
    }
  })
}
