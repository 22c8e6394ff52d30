// A command-line flag as data: parser, help text, reference page and chart values derive from one table a program.

export type FlagType = 'string' | 'int' | 'float' | 'bool' | 'duration' | 'list' | 'csv'

/** What setting the flag does here. */
export type FlagEffect =
  | 'effective'
  /** Upstream reads it nowhere, or only for another cloud, or it says where and how a log file is written. */
  | 'accepted-no-effect'
  /** Upstream acts on it and Plimsoll does not yet: any value but the default is refused. */
  | 'not-yet'

export interface Flag {
  /** Without the dashes. */
  readonly name: string
  readonly type: FlagType
  /** In the text form in which it would be typed; lists start empty. */
  readonly default: string
  readonly help: string
  /** Upstream's file. */
  readonly source: string
  readonly effect: FlagEffect
  /** The closed set of values that are accepted, where there is one. */
  readonly accepted?: readonly string[]
  /** The name that this one is another spelling of. */
  readonly aliasOf?: string
  /** What the usage calls its value, where that is not the type's name. */
  readonly valueName?: string
  /** Reads the text of a flag whose value has a form of its own; answers why not, in the words of upstream's Set. */
  readonly check?: (text: string) => string | undefined
}

export type FlagTable = readonly Flag[]
