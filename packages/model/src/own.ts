/**
 * What an object used as a table has under a key that comes from outside; undefined when that is nothing. Plain
 * indexing finds the members of Object.prototype as well: a Secret of type `constructor`, a label `toString` and a data
 * key `__proto__` would all seem to be there.
 */
export function own<V>(table: { readonly [key: string]: V } | undefined, key: string): V | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}

/**
 * Sets a key that comes from outside. Plain assignment to `__proto__` replaces the prototype and loses the value, whereas
 * Go's maps, and JSON.parse, take it for a key like others.
 */
export function setOwn<V>(table: { [key: string]: V }, key: string, value: V): void {
  if (key === '__proto__')
    Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true })
  else table[key] = value
}
