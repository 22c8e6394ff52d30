/** Something a user can understand and act on: printed as one line, without a stack; the process ends with 1. */
export class CliError extends Error {
  override readonly name = 'CliError'
}
