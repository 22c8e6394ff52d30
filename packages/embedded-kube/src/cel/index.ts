// The expressions of Kubernetes, with everything that they may call there.
import { CelProgramError, Environment } from './environment.ts'
import { kubernetesLibrary, kubernetesTypes } from './kubernetes-library.ts'
import { listsLibrary } from './lists-library.ts'
import { networkLibrary } from './network-library.ts'
import { optionalLibrary } from './optional-library.ts'
import { standardLibrary } from './standard-library.ts'
import { stringsLibrary } from './strings-library.ts'

export { CelProgramError }
export { CelSyntaxError } from './syntax.ts'
export type { Program } from './environment.ts'

let made: Environment | undefined

/** Made when it is first asked for: most servers see no rule. */
export function kubernetesEnvironment(): Environment {
  made ??= new Environment(
    [standardLibrary, stringsLibrary, listsLibrary, networkLibrary, optionalLibrary, kubernetesLibrary],
    kubernetesTypes,
  )
  return made
}
