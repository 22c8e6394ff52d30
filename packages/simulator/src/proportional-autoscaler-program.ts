// Cluster Proportional Autoscaler as a program that a simulated kubelet can run.
import type { ContainerProgram } from '@plimsoll/ports'
import { runProportionalAutoscaler } from '@plimsoll/proportional-autoscaler'

/** The program behind every `…/cluster-proportional-autoscaler` image. */
export const proportionalAutoscalerProgram: ContainerProgram = {
  run: (context) =>
    runProportionalAutoscaler({
      // The image's entrypoint is the program; a command takes its place, and what follows it are flags.
      args: [...context.command.slice(1), ...context.args],
      environment: context.env,
      clock: context.clock,
      random: context.random,
      identity: context.pod.metadata.name,
      signal: context.terminate,
      out: (line) => context.log(line),
      error: (line) => context.log(line),
      connect: () => Promise.resolve(context.kube),
      serve: (address, handler) =>
        Promise.resolve(context.serve(Number(address.slice(address.lastIndexOf(':') + 1)), handler)),
    }),
}
