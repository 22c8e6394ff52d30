import { failure } from '../../state/failure.ts'

/** A dry run ends in an error where the operation would begin to act. @throws DryRunOperation, status 412 */
export function dryRun(input: { readonly DryRun?: boolean | undefined }): void {
  if (input.DryRun === true)
    throw failure('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412)
}
