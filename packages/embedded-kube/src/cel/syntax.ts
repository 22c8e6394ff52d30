// What an expression is made of, once read, with macros written out (google/cel-spec:doc/langdef.md).

/** Offsets count UTF-16 units from the start of the text; they point where cel-go points. */
interface Node {
  readonly at: number
}

export type Literal = Node & {
  readonly kind: 'literal'
  readonly type: 'bool' | 'bytes' | 'double' | 'int' | 'null' | 'string' | 'uint'
  readonly value: boolean | Uint8Array | number | bigint | null | string
}
export type Identifier = Node & { readonly kind: 'identifier'; readonly name: string }
export type Select = Node & {
  readonly kind: 'select'
  readonly operand: Expression
  readonly field: string
  /** has(operand.field): whether it is there. */
  readonly test: boolean
  /** operand.?field */
  readonly optional: boolean
}
export type Call = Node & {
  readonly kind: 'call'
  readonly name: string
  readonly target: Expression | undefined
  readonly args: readonly Expression[]
}
export type ListLiteral = Node & {
  readonly kind: 'list'
  readonly elements: readonly { readonly value: Expression; readonly optional: boolean }[]
}
export type MapLiteral = Node & {
  readonly kind: 'map'
  readonly entries: readonly { readonly key: Expression; readonly value: Expression; readonly optional: boolean }[]
}
export type StructLiteral = Node & { readonly kind: 'struct'; readonly name: string }
/** A loop over a list or a map, as the macros are written out. */
export type Fold = Node & {
  readonly kind: 'fold'
  readonly range: Expression
  /** The element (of a map the key), or with `second` the index or key. */
  readonly first: string
  readonly second: string | undefined
  readonly accumulator: string
  readonly initial: Expression
  readonly condition: Expression
  readonly step: Expression
  readonly result: Expression
}

export type Expression = Literal | Identifier | Select | Call | ListLiteral | MapLiteral | StructLiteral | Fold

export interface Issue {
  readonly at: number
  readonly message: string
}

/** An expression that does not compile; its message is all of them, each with the line and a caret under the place. */
export class CelSyntaxError extends Error {
  override readonly name = 'CelSyntaxError'
  constructor(text: string, issues: readonly Issue[]) {
    super(issuesText(text, issues))
  }
}

const issuesMax = 100

function issuesText(text: string, issues: readonly Issue[]): string {
  const sorted = issues.toSorted((a, b) => a.at - b.at).slice(0, issuesMax)
  const lines = text.split('\n')
  return sorted
    .map(({ at, message }) => {
      let row = 0
      let rest = at
      while (row < lines.length - 1 && rest > lines[row]!.length) rest -= lines[row++]!.length + 1
      const line = lines[row]!.replaceAll('\t', ' ')
      return `ERROR: <input>:${row + 1}:${rest + 1}: ${message}\n | ${line}\n | ${'.'.repeat(rest)}^`
    })
    .join('\n')
}
