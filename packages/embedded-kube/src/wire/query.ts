import { badRequest } from '../errors.ts'

/** The parameters of a request, read as loosely as upstream does. */
export class Query {
  readonly #parameters: URLSearchParams

  constructor(text: string) {
    this.#parameters = new URLSearchParams(text)
  }

  /** undefined when absent or empty. */
  text(name: string): string | undefined {
    const value = this.#parameters.get(name)
    return value === null || value === '' ? undefined : value
  }

  all(name: string): readonly string[] {
    return this.#parameters.getAll(name)
  }

  has(name: string): boolean {
    return this.#parameters.has(name)
  }

  /** True unless absent, `0` or `false` (kubernetes/apimachinery:pkg/runtime/conversion.go, Convert_Slice_string_To_bool). */
  flag(name: string): boolean {
    const value = this.#parameters.get(name)
    return value !== null && value !== '0' && value.toLowerCase() !== 'false'
  }

  /** @throws {KubeError} badRequest when it is not a whole number */
  whole(name: string): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (!/^[+-]?\d+$/.test(value)) {
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`)
    }
    return Number(value)
  }
}
