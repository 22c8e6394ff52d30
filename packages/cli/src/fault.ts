// `plimsoll fault …`: puts faults on nodes, pods and the cloud of a running cluster, lists them and takes them away. All of
// it goes through the Kubernetes API, so `kubectl annotate` can do the same.
import { createKubeClient } from '@plimsoll/kube-client'
import {
  faultAnnotation,
  faultKinds,
  FaultOrderError,
  faultsOf,
  orderFault,
  type FaultOrder,
  type FaultScope,
} from '@plimsoll/embedded-cluster'
import { SystemClock } from '@plimsoll/ports'
import { CliError } from './failure.ts'
import { findRunning } from './instance.ts'

/** @throws {CliError} */
export async function runFault(
  o: FaultOrder & { readonly root: string; readonly name: string | undefined },
): Promise<void> {
  const { running } = findRunning(o.root, o.name)
  const kube = await createKubeClient({
    access: { kind: 'file', path: running.environment['KUBECONFIG'] ?? '' },
    userAgent: 'plimsoll-fault',
    qps: 0,
    clock: new SystemClock(),
  })
  try {
    for (const line of await orderFault(kube, o)) process.stdout.write(`${line}\n`)
  } catch (error) {
    throw error instanceof FaultOrderError ? new CliError(error.message) : error
  } finally {
    await kube.close()
  }
}

/** What `plimsoll fault --help` says below the options: every fault with its parameters, and examples. */
export function faultHelp(): string {
  const titles: readonly (readonly [FaultScope, string])[] = [
    ['node', 'Faults of a node (node/NAME, the beginning of its name, or its instance id):'],
    ['pod', 'Faults of a pod (pod/NAME, with -n or as pod/NAMESPACE/NAME):'],
    ['machine', 'Faults of machines that are to start:'],
    ['cloud', 'Faults of the cloud:'],
  ]
  const lines: string[] = ['']
  for (const [scope, title] of titles) {
    lines.push(title, '')
    for (const name of faultsOf(scope)) {
      const { help, parameters } = faultKinds[name]
      lines.push(`  ${name.padEnd(22)} ${help}`)
      for (const [parameter, { help: meaning }] of Object.entries(parameters)) {
        if (parameter !== 'for') lines.push(`  ${''.padEnd(22)}   ${parameter}=… ${meaning}`)
      }
    }
    lines.push('')
  }
  return [
    ...lines,
    'Those that last take for=DURATION and then end by themselves; others end with `plimsoll fault clear`.',
    '',
    'Examples:',
    '  plimsoll fault not-ready node/ip-192-168-1-10 for=10m      NotReady for ten minutes',
    '  plimsoll fault lease-loss i-0123456789abcdef0              its kubelet hangs, its containers run on',
    '  plimsoll fault terminate node/ip-192-168-1-10              gone without notice',
    '  plimsoll fault memory-pressure node/ip-192-168-1-10 evict=2',
    '  plimsoll fault crash-loop pod/web-5f7c9 exit=3 after=10s',
    '  plimsoll fault insufficient-capacity type=t3.medium zone=ap-northeast-2a',
    '  plimsoll fault never-registers group=ng1 for=1h            machines of ng1 that start within the hour',
    '  plimsoll fault list',
    '  plimsoll fault clear node/ip-192-168-1-10',
    '',
    'The same without this command, also in manifests and pod templates:',
    `  kubectl annotate node NAME ${faultAnnotation}='not-ready for=10m'`,
    '',
  ].join('\n')
}
