// What a chapter is made of: commands as a person types them, and what must then be seen.
import type { Ms } from '@plimsoll/model'
import type { AwsApi } from '@plimsoll/ports'
import type { Observer } from './observer.ts'

export interface Chapter {
  readonly title: string
  /** Files that the commands name, put into the working folder: their names there, and where they are under deploy/. */
  readonly files: { readonly [name: string]: string }
  readonly steps: readonly Step[]
}

export interface Step {
  readonly title: string
  /** As typed. Variables that it exports are there for the steps after it. */
  readonly command: string
  /**
   * `once`: runs to its end. `follow`: a command without an end (`-w`, `-f`), stopped when everything expected was seen.
   * `repeat`: `watch …`: its command runs when the wait begins and when it ends.
   */
  readonly runs?: 'once' | 'follow' | 'repeat'
  /** Only lines of the output that match are shown. */
  readonly shows?: RegExp
  /** The same question without the AWS CLI, for machines that have none. */
  readonly aws?: AwsQuestion
  readonly expects: readonly Expectation[]
}

export interface AwsQuestion {
  ask(aws: AwsApi, environment: { readonly [variable: string]: string | undefined }): Promise<unknown>
  /** JMESPath, as after --query. */
  readonly query?: string
  /** The variable that takes the answer. */
  readonly assigns?: string
}

export type Expectation =
  /** Something that the step's command must print. */
  | { readonly kind: 'printed'; readonly says: string; readonly pattern: RegExp }
  /** Something that must come true in the cluster, within so much of its own time. */
  | {
      readonly kind: 'happens'
      readonly says: string
      readonly within: Ms
      /** How things stand: `met`, and one line for whoever waits. */
      readonly look: (observer: Observer) => Promise<Standing>
    }

export interface Standing {
  readonly met: boolean
  readonly now: string
}

export interface Outcome {
  readonly step: string
  readonly says: string
  readonly met: boolean
  /** What was found instead. */
  readonly found?: string
}
