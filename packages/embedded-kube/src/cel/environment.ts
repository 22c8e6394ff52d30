// Common Expression Language as Kubernetes' API server has it (kubernetes/apiserver:pkg/cel/environment/base.go): typed
// before it runs, every run with a price and a limit to it. It knows nothing of where its values come from.
import { check, type Checked } from './checker.ts'
import type { Range } from './cost.ts'
import { estimateCost, type SizeAt } from './estimator.ts'
import { planned, type Outcome } from './interpreter.ts'
import type { Overload } from './overload.ts'
import { parseExpression } from './parser.ts'
import { RegexError } from './regex.ts'
import { typeNames } from './standard-library.ts'
import { CelSyntaxError } from './syntax.ts'
import type { CelType } from './type.ts'
import { CelError, type Value } from './values.ts'

export interface Program {
  readonly text: string
  /** The type of its result. */
  readonly type: CelType
  /** Variables that it mentions. */
  readonly uses: ReadonlySet<string>
  /** What it can cost, when variables are as big as `sizeAt` says. */
  estimate(sizeAt: SizeAt): Range
  /** Runs it with a value for each variable. Never throws: what goes wrong is the outcome, with what it cost so far. */
  run(values: Readonly<Record<string, Value | undefined>>, costMax: number): Outcome
}

/** An expression that is well-formed but cannot be made ready to run. */
export class CelProgramError extends Error {
  override readonly name = 'CelProgramError'
}

export class Environment {
  readonly #functions: ReadonlyMap<string, readonly Overload[]>
  readonly #typeNames: ReadonlyMap<string, string>

  /** `libraries` in the order in which overloads of one name are tried. */
  constructor(libraries: readonly (readonly Overload[])[], opaqueTypes: readonly string[] = []) {
    const functions = new Map<string, Overload[]>()
    for (const overload of libraries.flat()) {
      const present = functions.get(overload.name)
      if (present === undefined) functions.set(overload.name, [overload])
      else present.push(overload)
    }
    this.#functions = functions
    this.#typeNames = new Map([...typeNames, ...opaqueTypes.map((name) => [name, name] as const)])
  }

  #plan(checked: Checked, names: readonly string[]): ReturnType<typeof planned> {
    try {
      return planned(checked, names)
    } catch (error) {
      if (error instanceof CelError || error instanceof RegexError) throw new CelProgramError(error.message)
      throw error
    }
  }

  /** @throws {CelProgramError} when a constant in it is none; {CelSyntaxError} with every mistake found, and where, in cel-go's words */
  compile(text: string, variables: Readonly<Record<string, CelType>>): Program {
    try {
      return this.#compile(text, variables)
    } catch (error) {
      // Long chains are as deep as they are long.
      if (!(error instanceof RangeError)) throw error
      throw new CelSyntaxError(text, [{ at: 0, message: 'expression recursion limit exceeded: 250' }])
    }
  }

  #compile(text: string, variables: Readonly<Record<string, CelType>>): Program {
    const names = Object.keys(variables)
    const checked: Checked = check(parseExpression(text), {
      functions: this.#functions,
      variables: new Map(Object.entries(variables)),
      typeNames: this.#typeNames,
    })
    if (checked.issues.length > 0) throw new CelSyntaxError(text, checked.issues)
    const run = this.#plan(checked, names)
    return {
      text,
      type: checked.types.get(checked.expression)!,
      uses: checked.uses,
      estimate: (sizeAt) => estimateCost(checked, sizeAt),
      run: (values, costMax) =>
        run(
          names.map((name) => values[name]),
          costMax,
        ),
    }
  }
}
