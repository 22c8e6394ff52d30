// Running a command in a container: between whoever asks over the API server and whoever runs the container.

export interface ExecOptions {
  readonly container: string
  /** Empty: attach to what runs. */
  readonly command: readonly string[]
  readonly tty: boolean
  /** Whether somebody types. */
  readonly stdin: boolean
}

/** Where the output of one command goes. */
export interface ExecStreams {
  stdout(text: string): void
  stderr(text: string): void
  /** Called once, last. */
  exit(code: number): void
  /** The command cannot be begun. Called instead of exit. */
  fail(message: string): void
}

/** What is typed into a command. */
export interface ExecInput {
  type(text: string): void
  /** Nothing more will be typed. */
  end(): void
}
