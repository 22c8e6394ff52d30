// Reads an expression (google/cel-spec:doc/langdef.md, Syntax; google/cel-go:parser/gen/CEL.g4).
import { tokens, type Token } from './lexer.ts'
import { expandMacro } from './macros.ts'
import { textSize } from './values.ts'
import { CelSyntaxError, type Expression, type ListLiteral, type Literal, type MapLiteral } from './syntax.ts'

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const afterOperand = ['[', '{', '(', '.', '-', '!', 'true', 'false', 'null']
const expected = `{${afterOperand.map((t) => `'${t}'`).join(', ')}, NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`
const depthMax = 250
const sizeMax = 100_000
const int64Max = (1n << 63n) - 1n
const uint64Max = (1n << 64n) - 1n

/** @throws {CelSyntaxError} */
export function parseExpression(text: string): Expression {
  const size = textSize(text)
  if (size > sizeMax) {
    const message = `expression code point size exceeds limit: size: ${size}, limit ${sizeMax}`
    throw new CelSyntaxError(text, [{ at: 0, message }])
  }
  const parser = new Parser(text)
  const expression = parser.expression()
  parser.end()
  return expression
}

const relations = ['==', '!=', '<', '<=', '>', '>=']

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokens(text)
  }

  expression(): Expression {
    if (++this.#depth > depthMax) this.fail(0, `expression recursion limit exceeded: ${depthMax}`)
    const condition = this.#or()
    const mark = this.#peek()
    let result = condition
    if (this.#take('?')) {
      const then = this.#or()
      this.#expect(':')
      const otherwise = this.expression()
      result = call(mark.at, '_?_:_', [condition, then, otherwise])
    }
    this.#depth--
    return result
  }

  end(): void {
    const token = this.#peek()
    if (token.kind !== 'end') this.fail(token.at, `Syntax error: extraneous input '${token.text}' expecting <EOF>`)
  }

  fail(at: number, message: string): never {
    throw new CelSyntaxError(this.#text, [{ at, message }])
  }

  #peek(): Token {
    return this.#tokens[this.#next]!
  }

  #is(symbol: string): boolean {
    const token = this.#peek()
    return token.kind === 'symbol' && token.text === symbol
  }

  #take(symbol: string): boolean {
    const found = this.#is(symbol)
    if (found) this.#next++
    return found
  }

  #expect(symbol: string): Token {
    const token = this.#peek()
    if (this.#take(symbol)) return token
    if (token.kind === 'end') this.fail(token.at, `Syntax error: missing '${symbol}' at '<EOF>'`)
    this.fail(token.at, `Syntax error: mismatched input '${token.text}' expecting '${symbol}'`)
  }

  #or(): Expression {
    return this.#chain('||', '_||_', () => this.#chain('&&', '_&&_', () => this.#relation()))
  }

  /** Long chains of && and || make balanced trees: their depth costs stack. */
  #chain(symbol: string, name: string, operand: () => Expression): Expression {
    const terms = [operand()]
    const marks: number[] = []
    for (let token = this.#peek(); this.#take(symbol); token = this.#peek()) {
      marks.push(token.at)
      terms.push(operand())
    }
    const balanced = (low: number, high: number): Expression => {
      if (low === high) return terms[low]!
      const middle = Math.floor((low + high) / 2)
      return call(marks[middle]!, name, [balanced(low, middle), balanced(middle + 1, high)])
    }
    return balanced(0, terms.length - 1)
  }

  #relation(): Expression {
    let left = this.#sum()
    for (;;) {
      const token = this.#peek()
      const isIn = token.kind === 'identifier' && token.text === 'in'
      if (!isIn && !(token.kind === 'symbol' && relations.includes(token.text))) return left
      this.#next++
      left = call(token.at, isIn ? '@in' : `_${token.text}_`, [left, this.#sum()])
    }
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#binary(['*', '/', '%'], () => this.#unary()))
  }

  #binary(symbols: readonly string[], operand: () => Expression): Expression {
    let left = operand()
    for (;;) {
      const token = this.#peek()
      if (token.kind !== 'symbol' || !symbols.includes(token.text)) return left
      this.#next++
      left = call(token.at, `_${token.text}_`, [left, operand()])
    }
  }

  #unary(): Expression {
    const token = this.#peek()
    for (const symbol of ['!', '-'] as const) {
      if (!this.#is(symbol)) continue
      let count = 0
      while (this.#take(symbol)) count++
      // A minus before a number belongs to the number.
      const number = this.#peek()
      const literal = symbol === '-' && (number.kind === 'int' || number.kind === 'double')
      if (literal) this.#next--
      const operand = this.#member(literal ? token.at : undefined)
      if (literal) count--
      return count % 2 === 0 ? operand : call(token.at, symbol === '!' ? '!_' : '-_', [operand])
    }
    return this.#member(undefined)
  }

  #member(negativeAt: number | undefined): Expression {
    let operand = this.#primary(negativeAt)
    for (;;) {
      const token = this.#peek()
      if (this.#take('.')) {
        const optional = this.#take('?')
        const name = this.#peek()
        if (name.kind !== 'identifier' && name.kind !== 'quoted') {
          this.fail(name.at, `Syntax error: no viable alternative at input '.${name.kind === 'end' ? '' : name.text}'`)
        }
        this.#next++
        const open = this.#peek()
        if (!optional && name.kind === 'identifier' && this.#take('(')) {
          operand = this.#call(open.at, name.text, operand, this.#arguments(')'))
        } else {
          const field = name.kind === 'quoted' ? (name.value as string) : name.text
          operand = { kind: 'select', at: token.at, operand, field, test: false, optional }
        }
      } else if (this.#take('[')) {
        const optional = this.#take('?')
        const index = this.expression()
        this.#expect(']')
        operand = call(token.at, optional ? '_[?_]' : '_[_]', [operand, index])
      } else return operand
    }
  }

  #primary(negativeAt: number | undefined): Expression {
    if (negativeAt !== undefined) this.#next++
    const token = this.#peek()
    if (token.kind === 'symbol') {
      switch (token.text) {
        case '(': {
          this.#next++
          const inner = this.expression()
          this.#expect(')')
          return inner
        }
        case '[':
          return this.#list()
        case '{':
          return this.#map()
        case '.':
          this.#next++
          return this.#name()
        default:
          this.#unexpected(token)
      }
    }
    if (token.kind === 'identifier') return this.#name()
    if (token.kind === 'end' || token.kind === 'quoted') this.#unexpected(token)
    this.#next++
    return this.#literal(token, negativeAt)
  }

  #unexpected(token: Token): never {
    this.fail(token.at, `Syntax error: mismatched input '${token.text}' expecting ${expected}`)
  }

  #literal(token: Token, negativeAt: number | undefined): Literal {
    const at = negativeAt ?? token.at
    const { value } = token
    if (token.kind === 'int') {
      const whole = negativeAt === undefined ? (value as bigint) : -(value as bigint)
      if (whole > int64Max || whole < -int64Max - 1n) this.fail(at, 'invalid int literal')
      return { kind: 'literal', at, type: 'int', value: whole }
    }
    if (token.kind === 'double') {
      return {
        kind: 'literal',
        at,
        type: 'double',
        value: negativeAt === undefined ? (value as number) : -(value as number),
      }
    }
    if (token.kind === 'uint' && (value as bigint) > uint64Max) this.fail(at, 'invalid uint literal')
    return { kind: 'literal', at, type: token.kind as 'uint' | 'string' | 'bytes', value: value as Literal['value'] }
  }

  #name(): Expression {
    const token = this.#peek()
    if (token.kind !== 'identifier' || token.text === 'in') this.#unexpected(token)
    this.#next++
    const { at, text } = token
    if (text === 'true' || text === 'false') return { kind: 'literal', at, type: 'bool', value: text === 'true' }
    if (text === 'null') return { kind: 'literal', at, type: 'null', value: null }
    if (reserved.has(text)) this.fail(at, `reserved identifier: ${text}`)
    const open = this.#peek()
    if (this.#take('(')) return this.#call(open.at, text, undefined, this.#arguments(')'))
    if (this.#is('{')) {
      this.#next++
      while (!this.#is('}') && this.#peek().kind !== 'end') this.#next++
      this.#expect('}')
      return { kind: 'struct', at: open.at, name: text }
    }
    return { kind: 'identifier', at, name: text }
  }

  #arguments(close: string): Expression[] {
    const found: Expression[] = []
    if (this.#take(close)) return found
    do found.push(this.expression())
    while (this.#take(','))
    this.#expect(close)
    return found
  }

  #call(at: number, name: string, target: Expression | undefined, args: readonly Expression[]): Expression {
    return expandMacro({ kind: 'call', at, name, target, args }, (place, message) => this.fail(place, message))
  }

  #list(): ListLiteral {
    const { at } = this.#expect('[')
    const elements: { value: Expression; optional: boolean }[] = []
    while (!this.#is(']')) {
      const optional = this.#take('?')
      elements.push({ value: this.expression(), optional })
      if (!this.#take(',')) break
    }
    this.#expect(']')
    return { kind: 'list', at, elements }
  }

  #map(): MapLiteral {
    const { at } = this.#expect('{')
    const entries: { key: Expression; value: Expression; optional: boolean }[] = []
    while (!this.#is('}')) {
      const optional = this.#take('?')
      const key = this.expression()
      this.#expect(':')
      entries.push({ key, value: this.expression(), optional })
      if (!this.#take(',')) break
    }
    this.#expect('}')
    return { kind: 'map', at, entries }
  }
}

function call(at: number, name: string, args: readonly Expression[]): Expression {
  return { kind: 'call', at, name, target: undefined, args }
}
