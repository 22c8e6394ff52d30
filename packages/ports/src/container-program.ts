import type { Pod } from '@plimsoll/model'
import type { Clock } from './clock/clock.ts'
import type { KubeApi } from './kube-api.ts'
import type { Random } from './random.ts'

/** What a program in a container may see of its surroundings. */
export interface ContainerContext {
  readonly pod: Pod
  readonly container: string
  readonly image: string
  /** command and args, expanded as the kubelet expands $(VAR); the image's own entrypoint is not included. */
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: { readonly [name: string]: string }
  readonly clock: Clock
  readonly random: Random
  /** The API server, as the pod's service account. */
  readonly kube: KubeApi
  /** Aborted when the container is to stop (SIGTERM). */
  readonly terminate: AbortSignal
  /** Aborted when the container is cut off (SIGKILL, the node died): nothing may be written afterwards. */
  readonly kill: AbortSignal
  /** One line of the container's log, without its newline. */
  log(line: string): void
  /** Answers the container's HTTP ports: probes and scrapes reach it. Returns the function that closes the port. */
  serve(port: number, handler: (request: ContainerRequest) => ContainerResponse): () => void
}

export interface ContainerRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
}

export interface ContainerResponse {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Runs in a container of the embedded cluster; resolves to its exit code. */
export interface ContainerProgram {
  run(context: ContainerContext): Promise<number>
}

/** The program that an image runs, or undefined: every other image just runs. */
export type ProgramTable = (image: string) => ContainerProgram | undefined
