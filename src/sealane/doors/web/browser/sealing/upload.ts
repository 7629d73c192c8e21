/* Sending a file that is sealed on the way: the same age file through every break, reload and restart of the browser.

   Must stay true: **no chunk nonce is ever used for two plaintexts.** The key and nonce of an upload are kept until it
   is sent; so before a body leaves, what its tags are is on record on disk, and a body that would get other tags ends
   this age file for good: the next try begins a new one with a new key. An upload is gone on with only for a file of
   the same size, time, first and last bytes, and for the same recipients. */

import { forgetUpload, keepOn, keepUpload, keptUpload, recordBody, type KeptPart, type KeptUpload } from "../keeping"
import { Refused, abandon, create, get, join, send, standing, type Watcher } from "../tus"
import { reader, sealer } from "./calls"
import { Geometry, type Body } from "./geometry"

const LANES = 3
const MARK_BYTES = 64 * 1024
const BEGUN_AGAIN_MAX = 3

export class ChangedHere extends Error {}

interface Recipients {
  sealed: boolean
  recipients: { recipient: string; user: string | null; recovery: boolean }[]
}

/** Send a file, sealed to whoever may read at its path now. */
export async function sendSealed(id: string, path: string, file: File, watcher: Watcher, stop: AbortSignal): Promise<void> {
  const told = (await get(`/api/v1/recipients${path.split("/").map(encodeURIComponent).join("/")}`, stop)) as Recipients
  if (!told.sealed) throw new Refused(409, "not-sealed", "This folder is not sealed any more, as the server says. Nothing was sent.")
  const recipients = told.recipients.map((one) => one.recipient)
  for (let again = 0; ; again++) {
    const sealing = await Sealing.of(id, path, file, recipients)
    try {
      const digest = await sealing.send(watcher, stop)
      const words = {
        path,
        sealed: "age",
        "plaintext-length": String(file.size),
        "plaintext-digest": hexadecimal(digest),
        "sealed-to": await sha256(new TextEncoder().encode(recipients.join("\n"))),
        mtime: String(Math.floor(file.lastModified / 1000)),
      }
      await join(sealing.addresses, words, stop)
      break
    } catch (problem) {
      const lost = problem instanceof Refused && (problem.status === 404 || problem.status === 410)
      if (problem instanceof ChangedHere || lost) await forgetUpload(id)
      if (!lost || again >= BEGUN_AGAIN_MAX) throw problem
    }
  }
  await forgetUpload(id)
}

/** Give an upload up: its key is forgotten, and what the server has of it. */
export async function giveUp(id: string): Promise<void> {
  const kept = await keptUpload(id)
  await forgetUpload(id)
  for (const part of kept?.parts ?? []) if (part.address) await abandon(part.address).catch(() => undefined)
}

/** One age file under way. Its bodies are read, each once, in their order; several are sealed and sent at a time. */
class Sealing {
  private readonly geometry: Geometry
  /** How much of each part the server has, or is on its way. */
  private readonly sent: number[]
  /** For each part, when the last of its bodies that were begun has been sent: they arrive in their order. */
  private readonly last: Promise<void>[] = []

  private constructor(
    private readonly kept: KeptUpload,
    private readonly path: string,
    private readonly file: File,
  ) {
    this.geometry = new Geometry(file.size, kept.prefix.length)
    this.sent = kept.parts.map(() => 0)
  }

  /** The age file that an earlier try began of this very file for these recipients, or a new one. */
  static async of(id: string, path: string, file: File, recipients: string[]): Promise<Sealing> {
    const kept = await keptUpload(id)
    const mark = await markOf(file)
    const same = kept && kept.size === file.size && kept.modified === file.lastModified && kept.mark === mark
    if (kept && same && kept.recipients.join("\n") === recipients.join("\n") && isCutAlike(kept)) return new Sealing(kept, path, file)
    if (kept) await giveUp(id)
    const begun = await sealer().ask("begin", { recipients })
    const parts: KeptPart[] = new Geometry(file.size, begun.prefix.length).parts().map((part) => ({ ...part, address: "" }))
    const fresh: KeptUpload = { id, size: file.size, modified: file.lastModified, mark, recipients, ...begun, parts }
    await keepUpload(fresh)
    return new Sealing(fresh, path, file)
  }

  get addresses(): string[] {
    return this.kept.parts.map((part) => part.address)
  }

  /** Bring all parts to the server, and tell the SHA-256 of the file. The first failure ends the others. */
  async send(watcher: Watcher, stop: AbortSignal): Promise<Uint8Array> {
    const ended = new AbortController()
    const either = AbortSignal.any([stop, ended.signal])
    const digest = crypto.randomUUID()
    try {
      await inLanes(this.kept.parts.length, async (part) => await this.learn(part, watcher, either))
      await inLanes(this.geometry.bodies, async (body) => {
        if (!either.aborted) await this.body(this.geometry.body(body), digest, watcher, either)
      })
      stop.throwIfAborted()
    } catch (problem) {
      reader().ask("digested", { digest }).catch(() => undefined) // it is not wanted any more
      throw problem
    } finally {
      ended.abort(new DOMException("another part has failed", "AbortError"))
    }
    return await reader().ask("digested", { digest })
  }

  private async learn(part: number, watcher: Watcher, stop: AbortSignal): Promise<void> {
    const address = this.kept.parts[part]?.address ?? ""
    if (address !== "") this.sent[part] = await standing(address, watcher, stop)
  }

  /** Read, hash and seal a body, and send it unless the server has it. */
  private async body(body: Body, digest: string, watcher: Watcher, stop: AbortSignal): Promise<void> {
    const number = this.geometry.partOf(body.number)
    const part = this.kept.parts[number]
    if (!part) return
    const stands = part.start + (this.sent[number] ?? 0)
    const before = this.last[number] ?? Promise.resolve()
    const reading = this.read(body, digest)
    const sending = (async () => {
      const sealed = await this.sealed(body, await reading) // what the server has too: it must be of this very content
      await before
      if (stands < body.until) await this.deliver(number, body, sealed, Math.max(stands, body.at), watcher, stop)
    })()
    this.last[number] = sending
    await sending
  }

  /** Send a body from a place of the age file on, to its part. */
  private async deliver(number: number, body: Body, sealed: Blob, from: number, watcher: Watcher, stop: AbortSignal): Promise<void> {
    const part = this.kept.parts[number] as KeptPart
    if (part.address === "") {
      part.address = await create({ path: this.path, sealed: "age", "plaintext-length": String(this.file.size) }, part.length, watcher, stop, true)
      await keepOn(this.kept)
    }
    const ours: Watcher = {
      progressed: (sent) => {
        this.sent[number] = sent
        watcher.progressed(this.geometry.shown(this.sent.reduce((sum, one) => sum + one, 0)))
      },
      waiting: (is) => watcher.waiting(is),
    }
    const piece = (offset: number): Promise<Blob> => {
      const within = part.start + offset - body.at
      return within < 0 ? this.again(part.start + offset) : Promise.resolve(sealed.slice(within))
    }
    await send(part.address, { size: body.until - part.start, piece }, ours, stop, from - part.start)
  }

  /** The rest of a body that the server had and has lost. */
  private async again(place: number): Promise<Blob> {
    const body = this.geometry.bodyAt(place)
    return (await this.sealed(body, await this.read(body, ""))).slice(place - body.at)
  }

  private async read({ start, end }: Body, digest: string): Promise<Uint8Array<ArrayBuffer>> {
    return await reader().ask("read", { file: this.file, start, end, digest })
  }

  /** A body as it lies in the age file. Throws `ChangedHere`.

      As a Blob: Chromium takes ten times the time to send the same bytes from memory. */
  private async sealed({ number, firstChunk, ends }: Body, plain: Uint8Array<ArrayBuffer>): Promise<Blob> {
    const { fileKey, nonce, prefix } = this.kept
    const before = number === 0 ? prefix : new Uint8Array(0)
    const { bytes, tags } = await sealer().ask("seal", { plain, fileKey, nonce, before, firstChunk, ends }, [plain.buffer])
    if (!(await recordBody(this.kept, number, hexadecimal(tags)))) throw new ChangedHere("The file has changed since it was begun.")
    return new Blob([bytes])
  }
}

/** Do something with each number below `count`, in their order, a few at a time. */
async function inLanes(count: number, act: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** False where another version of this program has begun the upload, and cut it otherwise. */
function isCutAlike({ size, prefix, parts }: KeptUpload): boolean {
  const ours = new Geometry(size, prefix.length).parts()
  return ours.length === parts.length && ours.every(({ start, length }, index) => parts[index]?.start === start && parts[index].length === length)
}

async function markOf(file: File): Promise<string> {
  const ends = new Blob([file.slice(0, MARK_BYTES), file.slice(Math.max(0, file.size - MARK_BYTES))])
  return await sha256(new Uint8Array(await ends.arrayBuffer()))
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hexadecimal(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
