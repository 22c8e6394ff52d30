import { encodeBase64, formatTimestamp } from './scalar.ts'
import type { Shape, StructShape } from './shape.ts'

/** The members of an output, as the elements inside its response element. */
export function encodeXmlMembers(shape: Shape, value: object): string {
  return shape.kind === 'struct' ? encodeStruct(shape, value) : ''
}

function encodeStruct(shape: StructShape, value: object): string {
  const record = value as { readonly [member: string]: unknown }
  let xml = ''
  for (const member of shape.members()) {
    const inner = record[member.name]
    if (inner === undefined || inner === null) continue
    xml += encodeElement(member.shape, member.xmlName, inner)
  }
  return xml
}

/** One element, or for flattened lists and maps one per entry. */
function encodeElement(shape: Shape, name: string, value: unknown): string {
  switch (shape.kind) {
    case 'struct':
      return element(name, encodeStruct(shape, value as object))
    case 'list': {
      const items = (value as readonly unknown[]).filter((item) => item !== undefined && item !== null)
      const itemName = shape.flattened ? name : shape.itemName
      let xml = ''
      for (const item of items) xml += encodeElement(shape.item(), itemName, item)
      return shape.flattened ? xml : element(name, xml)
    }
    case 'map': {
      const entryName = shape.flattened ? name : 'entry'
      let xml = ''
      for (const [key, inner] of Object.entries(value as object)) {
        if (inner === undefined || inner === null) continue
        const entry = element(shape.keyName, escapeXml(key)) + encodeElement(shape.value(), shape.valueName, inner)
        xml += element(entryName, entry)
      }
      return shape.flattened ? xml : element(name, xml)
    }
    case 'timestamp':
      return element(name, formatTimestamp(value as Date, shape.format ?? 'date-time'))
    case 'blob':
      return element(name, encodeBase64(value))
    case 'unit':
      return element(name, '')
    case 'string':
    case 'number':
    case 'bigNumber':
    case 'boolean':
    case 'document':
      return element(name, escapeXml(String(value)))
  }
}

export function element(name: string, inner: string): string {
  return inner === '' ? `<${name}/>` : `<${name}>${inner}</${name}>`
}

const entities: { readonly [char: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
}

export function escapeXml(text: string): string {
  return /[&<>"'\r]/.test(text) ? text.replace(/[&<>"'\r]/g, (char) => entities[char]!) : text
}
