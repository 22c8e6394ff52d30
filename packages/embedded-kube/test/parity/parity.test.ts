// The answers that a real kube-apiserver gave to the same requests, letter for letter. What differs stands in
// differences/, a file each: `npx vitest run packages/embedded-kube/test/parity -u` writes them anew.
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { serve, type TestServer } from '../serve.ts'
import { WireClient } from '../wire-client.ts'
import { caseFiles, casesOf, recordedOf, type Answer, type Outgoing, type Raw } from './cases.ts'

let world: TestServer
let client: WireClient

beforeAll(async () => {
  world = await serve()
  client = new WireClient(world)
})
afterAll(async () => {
  client.close()
  await world.close()
})

async function send({ method, path, contentType, body }: Outgoing): Promise<Raw> {
  const headers = { 'user-agent': 'parity/1', ...(contentType === undefined ? {} : { 'content-type': contentType }) }
  const answer = await client.send(path, { method, headers, ...(body === undefined ? {} : { body }) })
  const warning = answer.headers['warning']
  return { status: answer.status, warnings: [warning ?? []].flat(), text: answer.text }
}

/** Where two answers differ, a line each. */
function differences(real: unknown, ours: unknown, at = ''): string[] {
  if (isDeepStrictEqual(real, ours)) return []
  if (isTree(real) && isTree(ours) && Array.isArray(real) === Array.isArray(ours)) {
    const names = [...new Set([...Object.keys(real), ...Object.keys(ours)])].sort()
    return names.flatMap((name) => differences(real[name], ours[name], at === '' ? name : `${at}.${name}`))
  }
  return [`    ${at}`, `      real ${JSON.stringify(real)}`, `      ours ${JSON.stringify(ours)}`]
}

function isTree(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null
}

/** Of refusals the sentence says it all, unless only the rest differs. */
function describeDifference(real: Answer | undefined, ours: Answer): string[] {
  const [was, is] = [real, ours].map((answer) => {
    const message = isTree(answer?.body) && answer.body['kind'] === 'Status' ? answer.body['message'] : undefined
    return { code: answer?.code, warnings: answer?.warnings, message }
  })
  return isDeepStrictEqual(was, is) ? differences(real, ours) : differences(was, is)
}

it.each(caseFiles())('%s', async (file) => {
  const recorded = recordedOf(file)
  const lines: string[] = []
  for (const each of casesOf(file)) {
    for (const [step, ours] of await each.run(send)) {
      const real = recorded[each.name]?.[step]
      if (isDeepStrictEqual(real, ours)) continue
      lines.push(each.name, `  ${step}`, ...describeDifference(real, ours))
    }
  }
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`differences/${file}.txt`)
})
