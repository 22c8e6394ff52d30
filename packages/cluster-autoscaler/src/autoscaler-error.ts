import { NodeGroupError, KubeError } from '@plimsoll/ports'

/** kubernetes-sigs/cluster-autoscaler:pkg/utils/errors/errors.go */
export type AutoscalerErrorType =
  'cloudProviderError' | 'apiCallError' | 'internalError' | 'transientError' | 'configurationError'

/** A step of the loop that failed. A transient one does not make the loop count as failed. */
export class AutoscalerError extends Error {
  override readonly name = 'AutoscalerError'
  readonly type: AutoscalerErrorType

  constructor(type: AutoscalerErrorType, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.type = type
  }
}

/** The error as one of ours: by the port that it came from, or `otherwise`. */
export function autoscalerError(error: unknown, otherwise: AutoscalerErrorType = 'internalError'): AutoscalerError {
  if (error instanceof AutoscalerError) return error
  if (error instanceof NodeGroupError) return new AutoscalerError('cloudProviderError', error.message, error)
  if (error instanceof KubeError) return new AutoscalerError('apiCallError', error.message, error)
  return new AutoscalerError(otherwise, messageOf(error), error)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
