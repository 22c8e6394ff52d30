// Which cluster `plimsoll view` looks at.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { KubeAccess } from '@plimsoll/kube-client'
import { CliError } from '../failure.ts'
import { findRunning, livingInstances } from '../instance.ts'

export interface ChosenAccess {
  readonly access: KubeAccess
  /** For errors: what was looked at. */
  readonly where: string
}

/**
 * The kubeconfig that was given, by flag, environment or file; else the one embedded cluster that runs, so that a fresh
 * terminal needs no `eval "$(plimsoll env)"`; else ~/.kube/config, or the service account of the pod that we are in.
 * @throws {CliError} when there is nothing to look at
 */
export function chooseAccess(
  o: { readonly kubeconfig: string; readonly context: string; readonly name: string },
  at: {
    /** Where embedded clusters keep their files. */
    readonly root: string
    readonly home: string
    /** By a flag, not only by environment or file. */
    readonly kubeconfigGiven: boolean
    readonly inPod: boolean
  },
): ChosenAccess {
  const context = o.context === '' ? {} : { context: o.context }
  if (o.name !== '') {
    if (at.kubeconfigGiven) throw new CliError('--name and --kubeconfig name two clusters; give one of them')
    return embedded(at.root, o.name)
  }
  if (o.kubeconfig !== '') {
    const where = `kubeconfig ${o.kubeconfig}`
    if (!o.kubeconfig.includes(delimiter)) return { access: { kind: 'file', path: o.kubeconfig, ...context }, where }
    // Several files are merged only when they come from the environment.
    process.env['KUBECONFIG'] = o.kubeconfig
    return { access: { kind: 'file', ...context }, where }
  }
  const running = o.context === '' ? livingInstances(at.root) : []
  if (running.length === 1) return embedded(at.root, running[0]!.name)
  const usual = join(at.home, '.kube', 'config')
  if (existsSync(usual))
    return { access: { kind: 'file', path: usual, ...context }, where: 'kubeconfig ~/.kube/config' }
  if (running.length > 1)
    throw new CliError(
      `several clusters are running (${running.map((r) => r.name).join(', ')}); choose one with --name`,
    )
  if (at.inPod) return { access: { kind: 'inCluster' }, where: 'service account' }
  throw new CliError(
    'no cluster to view: no --kubeconfig, no $KUBECONFIG, no embedded cluster running (`plimsoll up` starts one), no ~/.kube/config',
  )
}

function embedded(root: string, name: string): ChosenAccess {
  const { running } = findRunning(root, name)
  const path = running.environment['KUBECONFIG']
  if (path === undefined) throw new CliError(`cluster ${name} does not say where its kubeconfig is`)
  return { access: { kind: 'file', path }, where: `cluster ${name}` }
}
