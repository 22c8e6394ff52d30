// The images on one node: what is there, what is being pulled, and how long that takes.
import { formatGoDuration, ms, type ContainerImage, type Ms } from '@plimsoll/model'
import type { Timing } from '../timing.ts'
import type { Timer } from '@plimsoll/ports'
import type { Lifetime } from '../machinery/lifetime.ts'

export interface Pull {
  readonly bytes: number
  readonly took: Ms
}

/** The node status names at most so many, the largest first. */
const reportedMax = 50

export class ImageStore {
  readonly #lifetime: Lifetime
  readonly #timing: Timing
  readonly #present = new Set<string>()
  readonly #pulling = new Map<string, Promise<Pull>>()
  readonly #line: Line
  readonly #onAdded: () => void

  constructor(lifetime: Lifetime, timing: Timing, onAdded: () => void) {
    this.#lifetime = lifetime
    this.#timing = timing
    this.#line = new Line(lifetime)
    this.#onAdded = onAdded
  }

  has(image: string): boolean {
    return this.#present.has(image)
  }

  /** One pull serves all who wait for it; pulls at the same time share the line. */
  pull(image: string): Promise<Pull> {
    const running = this.#pulling.get(image)
    if (running !== undefined) return running
    const bytes = imageBytes(image)
    const { clock } = this.#lifetime
    const pull = async (): Promise<Pull> => {
      const began = clock.now()
      await this.#lifetime.sleep(this.#timing.pullOverhead())
      if (!this.#present.has(image)) await this.#line.carry(this.#timing.transfer(bytes))
      const took = ms(clock.now() - began)
      this.#pulling.delete(image)
      if (!this.#present.has(image)) {
        this.#present.add(image)
        this.#onAdded()
      }
      return { bytes, took }
    }
    const promise = pull()
    if (!this.#present.has(image)) this.#pulling.set(image, promise)
    return promise
  }

  report(): ContainerImage[] {
    return [...this.#present]
      .map((image) => ({ names: [...new Set([imageId(image), imageName(image)])], sizeBytes: imageBytes(image) }))
      .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.names.at(-1)! < b.names.at(-1)! ? -1 : 1))
      .slice(0, reportedMax)
  }
}

/** A node's line to registries: those who use it at the same time share it evenly. */
class Line {
  readonly #lifetime: Lifetime
  readonly #users: { left: number; readonly done: () => void }[] = []
  #at = 0
  #timer: Timer | undefined

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime
  }

  /** Resolves when what takes `alone` by itself has come. */
  carry(alone: Ms): Promise<void> {
    if (alone <= 0) return Promise.resolve()
    this.#advance()
    return new Promise((done) => {
      this.#users.push({ left: alone, done })
      this.#arm()
    })
  }

  #advance(): void {
    const now = this.#lifetime.clock.now()
    const share = (now - this.#at) / Math.max(1, this.#users.length)
    for (const user of this.#users) user.left -= share
    this.#at = now
  }

  #arm(): void {
    this.#timer?.cancel()
    const least = Math.min(...this.#users.map((user) => user.left))
    if (least === Infinity) return
    this.#timer = this.#lifetime.after(ms(Math.ceil(Math.max(0, least) * this.#users.length)), () => {
      this.#advance()
      for (let i = this.#users.length - 1; i >= 0; i--) {
        if (this.#users[i]!.left <= 1e-6) for (const user of this.#users.splice(i, 1)) user.done()
      }
      this.#arm()
    })
  }
}

export function pulledMessage(image: string, pull: Pull): string {
  const took = formatGoDuration(ms(Math.max(1, Math.round(pull.took))))
  return `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${pull.bytes} bytes.`
}

/** What the container runtime says of an image that it cannot find. */
export function pullError(image: string): string {
  const name = normalImage(image)
  return `rpc error: code = NotFound desc = failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${name}: not found`
}

/** The whole name of an image, as a container runtime knows it (distribution/reference: ParseNormalizedNamed). */
function normalImage(image: string): string {
  const slash = image.indexOf('/')
  const host = slash < 0 ? '' : image.slice(0, slash)
  const named = /[.:]/.test(host) || host === 'localhost'
  const full = named ? image : `docker.io/${slash < 0 ? 'library/' : ''}${image}`
  return full.includes('@') || /:[^/]*$/.test(full) ? full : `${full}:latest`
}

const facts = new Map<string, { readonly name: string; readonly id: string; readonly bytes: number }>()

/** `repository@sha256:…`, always the same for one image. */
export function imageId(image: string): string {
  return factsOf(image).id
}

/** normalImage, remembered. */
export function imageName(image: string): string {
  return factsOf(image).name
}

/** Unknown to us, so decided by the name: 20 to 220 MB, little for pause images. */
function imageBytes(image: string): number {
  return factsOf(image).bytes
}

function factsOf(image: string): { readonly name: string; readonly id: string; readonly bytes: number } {
  let known = facts.get(image)
  if (known === undefined) {
    let digest = ''
    for (let i = 0; i < 8; i++) digest += fnv(`${i}${image}`).toString(16).padStart(8, '0')
    const normal = normalImage(image)
    const at = normal.indexOf('@')
    const repository = normal.replace(/:[^/:]*$/, '')
    const bytes = /(^|\/)pause[:@-]|\/pause$/.test(image) ? 299_513 : 20_000_000 + (fnv(image) % 200_000_000)
    known = { name: normal, id: at >= 0 ? normal : `${repository}@sha256:${digest}`, bytes }
    facts.set(image, known)
  }
  return known
}

function fnv(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
