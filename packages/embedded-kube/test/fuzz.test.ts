/* oxlint-disable vitest/no-standalone-expect -- what the test begins with is checked as well */
// Tens of thousands of spoiled requests: each gets a well-formed answer, soon, and never the server's own failure.
// PLIMSOLL_FUZZ says how many, PLIMSOLL_SEED which.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { ApiServer } from '../src/api-server.ts'
import { bootstrap } from '../src/bootstrap.ts'
import { requestHandler } from '../src/http/kube-server.ts'
import { createPki } from '../src/http/pki.ts'
import { ask, type FuzzAnswer, type FuzzRequest } from './fuzz/in-memory.ts'
import { fuzzRequest, knownSamples } from './fuzz/requests.ts'

const count = Number(process.env['PLIMSOLL_FUZZ'] ?? 10_000)
const seed = process.env['PLIMSOLL_SEED'] ?? '1'
const boatsPath = '/apis/sea.dev/v1/namespaces/default/boats'
const together = 50
const patienceMs = 25
/** What one request may take of the processor, together with those beside it. */
const stallMs = 1000

let handle: (request: IncomingMessage, response: ServerResponse) => void
beforeAll(async () => {
  const api = new ApiServer({ clock: new SystemClock(), random: new SeededRandom(`fuzz ${seed}`), ringCapacity: 1000 })
  bootstrap(api)
  const handler = requestHandler(api, { pki: await createPki() })
  handle = (request, response) => handler.handle(request, response, true)
  const boats = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.sea.dev' },
    spec: {
      group: 'sea.dev',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.length', statusReplicasPath: '.status.n' } },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  properties: {
                    length: { type: 'integer', maximum: 100 },
                    flag: { type: 'string', pattern: '^(a|b|c)+$', maxLength: 30 },
                    sails: {
                      type: 'array',
                      maxItems: 9,
                      'x-kubernetes-list-type': 'map',
                      'x-kubernetes-list-map-keys': ['name'],
                      items: {
                        type: 'object',
                        required: ['name'],
                        properties: { name: { type: 'string', maxLength: 20 }, area: { type: 'integer' } },
                      },
                    },
                  },
                  'x-kubernetes-validations': [{ rule: '!has(self.length) || self.length > 0' }],
                },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  }
  const post = (url: string, body: unknown): Promise<FuzzAnswer> => ask(handle, request('POST', url, body), 1000)
  expect((await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', boats)).status).toBe(201)
  await vi.waitUntil(async () => (await ask(handle, request('GET', boatsPath, undefined), 1000)).status === 200)
  for (const { path, object } of knownSamples) {
    const { status, text } = await ask(handle, request('POST', path, object), 1000)
    expect({ path, status, text: status === 201 ? '' : text }).toEqual({ path, status: 201, text: '' })
  }
})

function request(method: string, url: string, body: unknown): FuzzRequest {
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  return { method, url, headers, body: new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body)) }
}

/** What is wrong with an answer; undefined when nothing is. */
function complaint(sent: FuzzRequest, { status, contentType, text, isOpen }: FuzzAnswer): string | undefined {
  if (status === 0) return 'no answer'
  if (status < 200 || status > 599) return `status ${status}`
  // Upstream answers 500 without a reason for errors of no kind, as for an apply that does not fit its type: those are
  // its own words. 501: what is not served says so; 504: a version that is not reached.
  const internal = /Internal error occurred: [^"\n]*/.exec(text)
  // Upstream's words for an exec into what does not run.
  if (internal !== null && !internal[0].includes('unable to upgrade connection')) return internal[0]
  // A proxied pod refuses the connection, a log has nobody to read it from.
  const isOthers = status === 503 && /\/(proxy|log)\b/.test(sent.url)
  if (status > 500 && status !== 501 && status !== 504 && !isOthers) return `status ${status}: ${text.slice(0, 400)}`
  // What every object inherits is nobody's field.
  if (/\[native code\]|\[object Object\]/.test(text)) return `an inherited member: ${text.slice(0, 400)}`
  if (isOpen || sent.method === 'HEAD' || !contentType.startsWith('application/json')) return undefined
  if (/[?&]watch=/.test(sent.url)) return undefined
  let answer: { readonly kind?: string; readonly code?: number; readonly status?: unknown; readonly message?: string }
  try {
    answer = JSON.parse(text) as typeof answer
  } catch {
    return `not JSON: ${text.slice(0, 300)}`
  }
  if (status < 400) return undefined
  const isStatus = answer.kind === 'Status' && answer.status === 'Failure' && answer.code === status
  return isStatus ? undefined : `no Status: ${text.slice(0, 300)}`
}

describe('the server', () => {
  it(
    `answers ${count} spoiled requests, seed ${seed}`,
    async () => {
      const random = new SeededRandom(`requests ${seed}`)
      const statuses = new Map<number, number>()
      /** What is wrong, with the first request that it befell. */
      const wrong = new Map<string, string>()
      let slowest = 0
      for (let begun = 0; begun < count; begun += together) {
        const requests = Array.from({ length: together }, () => fuzzRequest(random))
        const answers: Promise<FuzzAnswer>[] = []
        let stalled = 0
        for (const sent of requests) {
          const before = process.threadCpuUsage()
          answers.push(ask(handle, sent, patienceMs))
          // The body is read, and the request carried out, within the next turns.
          await new Promise((resolve) => setImmediate(resolve))
          const { user, system } = process.threadCpuUsage(before)
          const took = (user + system) / 1000
          if (took > stallMs) wrong.set(`${Math.round(took)} ms`, described(sent))
          stalled = Math.max(stalled, took)
        }
        slowest = Math.max(slowest, stalled)
        for (const [i, answer] of (await Promise.all(answers)).entries()) {
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
          const problem = complaint(requests[i]!, answer)
          // A version that is not reached yet is waited for.
          if (problem !== undefined && !(problem === 'no answer' && /resourceVersion=/.test(requests[i]!.url)))
            wrong.set(problem, wrong.get(problem) ?? described(requests[i]!))
        }
        if (wrong.size > 20) break
        // Some were deleted meanwhile: without them everything would soon be a 404.
        if (begun % 1000 === 0)
          for (const { path, object } of knownSamples) await ask(handle, request('POST', path, object), 1000)
      }
      expect([...wrong].map(([problem, sent]) => `${problem}\n  ${sent}`).join('\n')).toBe('')
      // Most are refused, many are none the worse.
      expect(statuses.get(201) ?? 0).toBeGreaterThan(count / 100)
      expect(statuses.get(422) ?? 0).toBeGreaterThan(count / 100)
      if (process.env['PLIMSOLL_FUZZ'] !== undefined)
        process.stdout.write(
          `slowest ${Math.round(slowest)} ms ${JSON.stringify([...statuses].toSorted(([x], [y]) => x - y))}\n`,
        )
    },
    120_000 + count * 10,
  )
})

function described({ method, url, headers, body }: FuzzRequest): string {
  return `${method} ${url} ${JSON.stringify(headers)} ${JSON.stringify(new TextDecoder().decode(body.slice(0, 3000)))}`
}
