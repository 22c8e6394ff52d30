// Requests and what is compared of their answers: recorded from a real kube-apiserver, replayed against ours.
import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** An answer as it is compared: what differs between two runs of the same server is masked. */
export interface Answer {
  readonly code: number
  readonly warnings?: readonly string[]
  readonly body?: unknown
}

export interface Raw {
  readonly status: number
  readonly warnings: readonly string[]
  readonly text: string
}

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly contentType: string | undefined
  readonly body: string | undefined
}

export type Send = (request: Outgoing) => Promise<Raw>

/** Changes of an object: path → value; null removes. */
type Mutation = { readonly [path: string]: unknown }

/** One object of one kind, created and updated (dry run) with each mutation in turn. */
interface KindGroup {
  readonly name: string
  readonly path: string
  readonly base: Json
  readonly create?: readonly Mutation[]
  readonly update?: readonly Mutation[]
}

/** A sequence of requests, in a namespace of its own: `METHOD [type] path` → body. */
interface Flow {
  readonly name: string
  readonly steps: readonly { readonly [request: string]: unknown }[]
}

type Json = { readonly [field: string]: unknown }

const types: { readonly [name: string]: string } = {
  json: 'application/json',
  yaml: 'application/yaml',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  'json-patch': 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
  other: 'text/csv',
}

export interface Case {
  readonly name: string
  /** The answers in order, one line each for the eye. */
  run(send: Send): Promise<readonly (readonly [string, Answer])[]>
}

const folder = new URL('./', import.meta.url)

export function caseFiles(): readonly string[] {
  return readdirSync(new URL('cases/', folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort()
}

/** `run` tells namespaces of one recording from those of another. */
export function casesOf(file: string, run = 'x'): readonly Case[] {
  const text = readFileSync(new URL(`cases/${file}.yaml`, folder), 'utf8')
  const entries = parse(text, { merge: true }) as readonly (KindGroup | Flow | { readonly anchors: unknown })[]
  const slug = file.replaceAll(/[^a-z0-9]/g, '')
  return entries
    .filter((entry): entry is KindGroup | Flow => 'name' in entry)
    .map((entry, i) => ({
      name: entry.name,
      run: (send) =>
        'steps' in entry
          ? runFlow(entry, `ns-${slug}-${i}-${run}`, send)
          : runGroup(entry, `ns-${slug}-${i}-${run}`, send),
    }))
}

/** name → request → answer */
export type Recorded = { readonly [name: string]: { readonly [request: string]: Answer } }

export function recordedOf(file: string): Recorded {
  return JSON.parse(readFileSync(new URL(`recorded/${file}.json`, folder), 'utf8')) as Recorded
}

async function makeNamespace(namespace: string, send: Send): Promise<void> {
  const post = (path: string, body: Json): Promise<Raw> =>
    send({ method: 'POST', path, contentType: types['json'], body: JSON.stringify(body) })
  await post('/api/v1/namespaces', { metadata: { name: namespace } })
  // A real API server leaves this to its controllers.
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } })
}

async function runFlow(flow: Flow, namespace: string, send: Send): Promise<(readonly [string, Answer])[]> {
  await makeNamespace(namespace, send)
  const answers: (readonly [string, Answer])[] = []
  for (const [i, step] of flow.steps.entries()) {
    for (const [request, body] of Object.entries(step)) {
      const words = request.split(' ')
      const [method = '', second = ''] = words
      const hidden = method.startsWith('-')
      const path = words.at(-1)!
      const typed = words.length > 2 ? types[second] : undefined
      const raw = await send({
        method: hidden ? method.slice(1) : method,
        path: path.replaceAll('NS', namespace),
        contentType: typed ?? (body === null ? undefined : types['json']),
        body: textOf(body)?.replaceAll('NS', namespace),
      })
      if (!hidden) answers.push([`${i} ${request}`, answerOf(raw, namespace)])
    }
  }
  return answers
}

function textOf(body: unknown): string | undefined {
  if (body === null || body === undefined) return undefined
  return typeof body === 'string' ? body : JSON.stringify(body)
}

async function runGroup(group: KindGroup, namespace: string, send: Send): Promise<(readonly [string, Answer])[]> {
  await makeNamespace(namespace, send)
  const path = group.path.replaceAll('NS', namespace)
  const answers: (readonly [string, Answer])[] = []
  const write = async (method: string, at: string, object: unknown): Promise<Raw> =>
    send({ method, path: at, contentType: types['json'], body: JSON.stringify(object).replaceAll('NS', namespace) })
  const created = await write('POST', path, group.base)
  answers.push(['base', answerOf(created, namespace)])
  for (const mutation of group.create ?? []) {
    const object = mutated(group.base, {
      'metadata.name': `${String((group.base['metadata'] as Json)['name'])}2`,
      ...mutation,
    })
    answers.push([
      `create ${JSON.stringify(mutation)}`,
      briefly(await write('POST', `${path}?dryRun=All`, object), namespace),
    ])
  }
  if (created.status !== 201) return answers
  const stored = JSON.parse(created.text) as Json
  const name = (stored['metadata'] as Json | undefined)?.['name']
  for (const mutation of group.update ?? []) {
    const at = `${path}/${String(name)}?dryRun=All`
    answers.push([
      `update ${JSON.stringify(mutation)}`,
      briefly(await write('PUT', at, mutated(stored, mutation)), namespace),
    ])
  }
  return answers
}

/** Of success the code is enough. */
function briefly(raw: Raw, namespace: string): Answer {
  const answer = answerOf(raw, namespace)
  if (answer.code >= 400) return answer
  const { body: _, ...rest } = answer
  return rest
}

function mutated(base: Json, mutation: Mutation): unknown {
  const copy = JSON.parse(JSON.stringify(base)) as Record<string, unknown>
  for (const [path, value] of Object.entries(mutation)) {
    const parts = [...path.matchAll(/\["([^"]+)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, quoted, index, plain]) =>
      index === undefined ? (quoted ?? plain!) : Number(index),
    )
    let at: Record<string | number, unknown> = copy
    for (const [i, part] of parts.slice(0, -1).entries()) {
      at[part] ??= typeof parts[i + 1] === 'number' ? [] : {}
      at = at[part] as Record<string | number, unknown>
    }
    const last = parts.at(-1)!
    if (value === null) delete at[last]
    else at[last] = value
  }
  return copy
}

function answerOf(raw: Raw, namespace: string): Answer {
  const text = raw.text
    .replaceAll(namespace, 'NS')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>')
    .replaceAll(/20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replaceAll(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access-<random>')
    .replaceAll(/\b(Bad_|gen-)[a-z0-9]{5}\b/g, '$1<random>')
    .replaceAll(/\b10\.100\.\d+\.\d+\b/g, '<address>')
  let body: unknown
  try {
    body = masked(JSON.parse(text))
  } catch {
    body = text
  }
  return { code: raw.status, ...(raw.warnings.length === 0 ? {} : { warnings: raw.warnings }), body }
}

function masked(value: unknown): unknown {
  // Of a pod that may not change so upstream prints how its internal type would.
  if (typeof value === 'string') return value.replace(/\n@@ [\s\S]*$/, '')
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Json
  const out: Record<string, unknown> = {}
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name]
    if (name === 'resourceVersion' && typeof field === 'string' && /^\d+$/.test(field)) out[name] = '<version>'
    else if ((name === 'nodePort' || name === 'healthCheckNodePort') && Number(field) >= 30000) out[name] = '<port>'
    else if (
      name === 'name' &&
      typeof fields['generateName'] === 'string' &&
      String(field).startsWith(fields['generateName'])
    ) {
      out[name] = `${fields['generateName']}<random>`
    } else out[name] = masked(field)
  }
  return out
}
