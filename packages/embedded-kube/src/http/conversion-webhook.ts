// Asks conversion webhooks (kubernetes/apiextensions-apiserver:pkg/apiserver/conversion/webhook_converter.go).
import { randomUUID } from 'node:crypto'
import { request } from 'node:https'
import { fieldsOf, textOf, type Fields, type StoredObject } from '../object.ts'
import type { WebhookCaller } from '../crd/conversion.ts'

const timeoutMs = 30_000
const answerBytesMax = 64 * 1024 * 1024

/** Where a service is reached from the API server; undefined when it is not. */
export type ServiceAddress = (service: {
  readonly namespace: string
  readonly name: string
  readonly port: number
}) => { readonly host: string; readonly port: number } | undefined

export function webhookCaller(addressOf: ServiceAddress | undefined): WebhookCaller {
  return async (webhook, objects, apiVersion) => {
    const client = fieldsOf(webhook['clientConfig'])
    const target = targetOf(client, addressOf)
    const uid = randomUUID()
    const review = {
      kind: 'ConversionReview',
      apiVersion: reviewVersion(webhook),
      request: { uid, desiredAPIVersion: apiVersion, objects },
    }
    let answer: Fields
    try {
      answer = fieldsOf(await post(target, textOf(client['caBundle']), JSON.stringify(review)))
    } catch (error) {
      throw new Error(
        `Post ${JSON.stringify(target.name)}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      )
    }
    return convertedObjects(answer, uid, review.apiVersion)
  }
}

function reviewVersion(webhook: Fields): string {
  const versions = webhook['conversionReviewVersions']
  const known = Array.isArray(versions)
    ? versions.find((version) => version === 'v1' || version === 'v1beta1')
    : undefined
  if (known === undefined) throw new Error('no supported conversion review versions')
  return `apiextensions.k8s.io/${String(known)}`
}

function convertedObjects(answer: Fields, uid: string, apiVersion: string): readonly StoredObject[] {
  if (answer['apiVersion'] !== apiVersion || answer['kind'] !== 'ConversionReview') {
    const [group, version] = apiVersion.split('/')
    const found = `${textOf(answer['apiVersion'])}, Kind=${textOf(answer['kind'])}`
    throw new Error(`expected webhook response of ${group}/${version}, Kind=ConversionReview, got ${found}`)
  }
  const response = answer['response']
  if (response === undefined) throw new Error('no response provided')
  const { uid: answered, result, convertedObjects: converted } = fieldsOf(response)
  if (answered !== uid && apiVersion.endsWith('/v1')) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(textOf(answered))}`)
  }
  const { status, message } = fieldsOf(result)
  if (status !== 'Success') {
    const why = textOf(message)
    throw new Error(why === '' ? `response.result.status was '${textOf(status)}', not 'Success'` : why)
  }
  return Array.isArray(converted) ? (converted as readonly StoredObject[]) : []
}

interface Target {
  /** As messages name it. */
  readonly name: string
  readonly url: URL
  /** Whom the certificate must name. */
  readonly serverName: string
}

function targetOf(client: Fields, addressOf: ServiceAddress | undefined): Target {
  const { url, service } = client
  if (typeof url === 'string') {
    const target = new URL(url)
    target.searchParams.set('timeout', `${timeoutMs / 1000}s`)
    return { name: target.href, url: target, serverName: target.hostname }
  }
  const { namespace, name, path, port } = fieldsOf(service)
  const serverName = `${textOf(name)}.${textOf(namespace)}.svc`
  const number = typeof port === 'number' ? port : 443
  const target = new URL(`https://${serverName}:${number}${textOf(path)}?timeout=${timeoutMs / 1000}s`)
  const shown = `https://${serverName}:${number}${target.pathname === '/' ? '' : target.pathname}${target.search}`
  const address = addressOf?.({ namespace: textOf(namespace), name: textOf(name), port: number })
  if (address === undefined) {
    throw new Error(`Post ${JSON.stringify(shown)}: no endpoints available for service ${JSON.stringify(textOf(name))}`)
  }
  const reached = new URL(target)
  reached.hostname = address.host
  reached.port = String(address.port)
  return { name: shown, url: reached, serverName }
}

function post(target: Target, caBundle: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(
      target.url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', host: target.serverName },
        servername: /^[\d.]+$|:/.test(target.serverName) ? '' : target.serverName,
        ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString('utf8') }),
        timeout: timeoutMs,
      },
      (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > answerBytesMax) sent.destroy(new Error('http: response body too large'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          if (response.statusCode !== 200) {
            reject(
              new Error(text.trim() === '' ? `the server responded with status ${response.statusCode}` : text.trim()),
            )
            return
          }
          try {
            resolve(JSON.parse(text))
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)))
          }
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error('context deadline exceeded')))
    sent.on('error', reject)
    sent.end(body)
  })
}
