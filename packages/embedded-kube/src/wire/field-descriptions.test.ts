import { describe, expect, it } from 'vitest'
import { schemaNamed } from '../schema-table.ts'
import { fieldDescriptions } from './field-descriptions.ts'

describe('descriptions of fields', () => {
  it.each(Object.entries(fieldDescriptions))('of %s are of fields that it has', (type, fields) => {
    const schema = schemaNamed(`io.k8s.api.${type}`) ?? schemaNamed(`io.k8s.apimachinery.pkg.apis.${type}`) ?? undefined
    const known = Object.keys(schema?.properties ?? {})
    expect(Object.keys(fields).filter((field) => field !== '' && !known.includes(field))).toEqual([])
    for (const text of Object.values(fields)) expect(text).toMatch(/\.$/)
  })
})
