// The embedded world on real ports: the house of `simulator`, served to clients that we did not write.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Clock, AwsApi, KubeApi } from '@plimsoll/ports'
import { CliError } from './failure.ts'
import type { InstancePaths, RunningCluster } from './instance.ts'

export interface LiveClusterOptions {
  readonly name: string
  readonly speed: number
  readonly seed: string
  /** Absent: the usual port, or a free one when that is taken. 0: any free one. */
  readonly port?: number
  readonly awsPort?: number
  /** Nothing installed, at most three nodes. */
  readonly workshop: boolean
  readonly paths: InstancePaths
}

export interface LiveCluster {
  readonly running: RunningCluster
  readonly clock: Clock
  readonly kube: KubeApi
  readonly aws: AwsApi
  /** What runs where, in a few lines. */
  summary(): Promise<string>
  stop(): Promise<void>
}

export async function startLiveCluster(o: LiveClusterOptions): Promise<LiveCluster> {
  void [readFileSync, createServer, fileURLToPath, CliError]
  void o
  throw new Error('waiting')
}
