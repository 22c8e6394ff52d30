// The forms that a text can be asked to have: `format` of schemas and `format.…()` of expressions
// (kubernetes/kube-openapi:pkg/validation/strfmt, kubernetes/apiserver:pkg/cel/library/format.go).
import { own } from '@plimsoll/model'
import { labelValueProblems, nameProblems, qualifiedNameProblems } from '../kinds/names.ts'
import { isDate, parseDuration } from './time.ts'
import { requestUrlProblem } from './url.ts'

export interface TextFormat {
  readonly name: string
  /** Characters of the regular expression that it is taken to be, for costs. */
  readonly regexLength: number
  /** In upstream's words; empty when the text has the form. */
  problems(text: string): readonly string[]
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const byte = /^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$/
const hostname =
  /^(?:[a-zA-Z0-9\p{S}\p{L}](?:(?:-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|(?:[a-zA-Z0-9\p{S}\p{L}](?:(?:[a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)\.)+[a-zA-Z\p{L}]{2,63})$/u
const creditCard =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/
const rgbPart = String.raw`\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*`
const rgb = new RegExp(`^rgb\\(${rgbPart},${rgbPart},${rgbPart}\\)$`)
const scalaUnits = [
  'ns',
  'nano',
  'us',
  'µs',
  'micro',
  'ms',
  'milli',
  's',
  'sec',
  'm',
  'min',
  'h',
  'hr',
  'hour',
  'd',
  'day',
  'w',
  'wk',
  'week',
]

function isDuration(text: string): boolean {
  if (parseDuration(text) !== undefined) return true
  const long = ['nano', 'micro', 'milli', 'sec', 'min', 'hour', 'day', 'week']
  return [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some(([, word]) => {
    const unit = word!.toLowerCase()
    return scalaUnits.includes(unit) || long.some((head) => unit.startsWith(head))
  })
}

function isDateTime(text: string): boolean {
  const [date, time] = text.toLowerCase().split('t')
  const match = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(time ?? '')
  return match !== null && isFullDate(date!) && match[1]! <= '23' && match[2]! <= '59' && match[3]! <= '59'
}

function isFullDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && isDate(text)
}

/** Leading zeros are let through, as Go once did. */
function isFour(text: string): boolean {
  return /^\d{1,10}(?:\.\d{1,10}){3}$/.test(text) && text.split('.').every((field) => Number(field) <= 255)
}

function isSix(text: string): boolean {
  if (!text.includes(':') || !/^[0-9a-fA-F:.]+$/.test(text)) return false
  const four = /^(.*:)([^:]*\.[^:]*)$/.exec(text)
  if (four !== null && !isFour(four[2]!)) return false
  const plain = four === null ? text : `${four[1]}0:0`
  const halves = plain.split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  if (halves.length > 2 || !groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false
  return halves.length === 2 ? groups.length < 8 : groups.length === 8
}

function isCidr(text: string): boolean {
  const match = /^(.*)\/(\d{1,3})$/.exec(text)
  if (match === null) return false
  return isFour(match[1]!) ? Number(match[2]) <= 32 : isSix(match[1]!) && Number(match[2]) <= 128
}

/** 6, 8 or 20 bytes. */
function isMac(text: string): boolean {
  const pairs = /^[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2})*)$/
  const fours = /^[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+$/
  if (!pairs.test(text) && !fours.test(text) && !/^[0-9a-fA-F]+$/.test(text)) return false
  return [12, 16, 40].includes(text.replaceAll(/[:.-]/g, '').length)
}

function isEmail(text: string): boolean {
  const address = /^[^<>]*<([^<>]+)>$/.exec(text)?.[1] ?? text
  const atom = String.raw`[A-Za-z0-9!#$%&'*+\-/=?^_\x60{|}~\u0080-\uffff]+`
  return new RegExp(`^(?:${atom}(?:\\.${atom})*|"(?:[^"\\\\]|\\\\.)*")@(?:${atom}(?:\\.${atom})*|\\[[^\\]]*\\])$`).test(
    address.trim(),
  )
}

function isIsbn(text: string, length: 10 | 13): boolean {
  const digits = text.replaceAll(/[\s-]/g, '')
  const sum = (weights: (i: number) => number): number =>
    Array.from(digits).reduce((total, digit, i) => total + weights(i) * (digit === 'X' ? 10 : Number(digit)), 0)
  if (length === 10) return /^(?:\d{9}X|\d{10})$/.test(digits) && sum((i) => 10 - i) % 11 === 0
  return /^\d{13}$/.test(digits) && sum((i) => (i % 2 === 0 ? 1 : 3)) % 10 === 0
}

function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/[^0-9]+/g, '')
  if (!creditCard.test(digits)) return false
  const sum = Array.from(digits)
    .toReversed()
    .map((digit, i) => (i % 2 === 0 ? Number(digit) : Number(digit) * 2))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0)
  return sum % 10 === 0
}

const schemaFormats: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-fA-F]{24}$/.test(text),
  uri: (text) => requestUrlProblem(text) === undefined,
  email: isEmail,
  hostname: (text) => hostname.test(text) && text.length <= 255 && text.split('.').every((label) => label.length <= 63),
  ipv4: isFour,
  ipv6: isSix,
  cidr: isCidr,
  mac: isMac,
  uuid: (text) => uuid.test(text),
  uuid3: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid4: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  uuid5: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  isbn: (text) => isIsbn(text, 10) || isIsbn(text, 13),
  isbn10: (text) => isIsbn(text, 10),
  isbn13: (text) => isIsbn(text, 13),
  creditcard: isCreditCard,
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => rgb.test(text),
  byte: (text) => byte.test(text),
  password: () => true,
  date: isFullDate,
  duration: isDuration,
  datetime: isDateTime,
  'k8s-short-name': (text) => nameProblems(text, 'label').length === 0,
  'k8s-long-name': (text) => nameProblems(text, 'subdomain').length === 0,
}

/** Whether a text has a form of a schema; forms that upstream does not know let everything through. */
export function hasFormat(text: string, format: string): boolean {
  const check = own(schemaFormats, format) ?? own(schemaFormats, format.replaceAll('-', ''))
  return check === undefined || check(text)
}

type Problems = (text: string) => readonly string[]

function named(name: string, regexLength: number, problems: Problems): TextFormat {
  return { name, regexLength, problems }
}

function checked(format: string, why: string): Problems {
  return (text) => (schemaFormats[format]!(text) ? [] : [why])
}

/** A prefix of a name may end in a dash: what is to follow ends it. */
function ofPrefix(problems: Problems): Problems {
  return (text) => problems(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -1)}a` : text)
}

const label: Problems = (text) => nameProblems(text, 'label')
const subdomain: Problems = (text) => nameProblems(text, 'subdomain')
const label1035: Problems = (text) => nameProblems(text, 'label1035')
const uri: Problems = (text) => {
  const problem = requestUrlProblem(text)
  return problem === undefined ? [] : [problem]
}

const expressionFormats: Readonly<Record<string, TextFormat>> = {
  dns1123Label: named('DNS1123Label', 30, label),
  dns1123Subdomain: named('DNS1123Subdomain', 60, subdomain),
  dns1035Label: named('DNS1035Label', 30, label1035),
  qualifiedName: named('QualifiedName', 60, qualifiedNameProblems),
  dns1123LabelPrefix: named('DNS1123LabelPrefix', 30, ofPrefix(label)),
  dns1123SubdomainPrefix: named('DNS1123SubdomainPrefix', 60, ofPrefix(subdomain)),
  dns1035LabelPrefix: named('DNS1035LabelPrefix', 30, ofPrefix(label1035)),
  labelValue: named('LabelValue', 40, labelValueProblems),
  uri: named('URI', 1103, uri),
  uuid: named('uuid', 73, checked('uuid', 'does not match the UUID format')),
  byte: named('byte', 84, checked('byte', 'invalid base64')),
  date: named('date', 76, checked('date', 'invalid date')),
  datetime: named('datetime', 76, checked('datetime', 'invalid datetime')),
}

export const textFormatNames: readonly string[] = Object.keys(expressionFormats)

export function textFormat(name: string): TextFormat | undefined {
  return own(expressionFormats, name)
}
