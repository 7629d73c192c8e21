/* Sending a file that is sealed on the way: the same age file through every break, reload and restart of the browser.

   Must stay true: **no chunk nonce is ever used for two plaintexts.** The key and nonce of an upload are kept until it
   is sent; so before a body leaves, what its tags are is on record on disk, and a body that would get other tags ends
   this age file for good: the next try begins a new one with a new key. An upload is gone on with only for a file of
   the same size, time, first and last bytes, and for the same recipients. */

import { forgetUpload, keepUpload, keptUpload, recordBody, type KeptPart, type KeptUpload } from "../keeping"
import { Refused, abandon, create, get, join, send, type Watcher } from "../tus"
import { hasher, sealer } from "./calls"
import { Geometry } from "./geometry"

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
  const digest = hasher().ask("digest", { file })
  digest.catch(() => undefined) // a failure is told where it is waited for
  for (let again = 0; ; again++) {
    const sealing = await Sealing.of(id, path, file, recipients)
    try {
      await sealing.send(watcher, stop)
      const words = {
        path,
        sealed: "age",
        "plaintext-length": String(file.size),
        "plaintext-digest": hexadecimal(await digest),
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

/** One age file under way. */
class Sealing {
  private readonly geometry: Geometry
  private readonly sent: number[]

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
    if (kept && same && kept.recipients.join("\n") === recipients.join("\n")) return new Sealing(kept, path, file)
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

  /** Bring all parts to the server, several at a time. The first failure ends the others. */
  async send(watcher: Watcher, stop: AbortSignal): Promise<void> {
    const ended = new AbortController()
    const either = AbortSignal.any([stop, ended.signal])
    const waiting = this.kept.parts.map((_, number) => number)
    const lane = async (): Promise<void> => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) await this.part(number, watcher, either)
    }
    try {
      await Promise.all(Array.from({ length: LANES }, lane))
    } finally {
      ended.abort(new DOMException("another part has failed", "AbortError"))
    }
  }

  private async part(number: number, watcher: Watcher, stop: AbortSignal): Promise<void> {
    const part = this.kept.parts[number]
    if (!part) return
    const fresh = part.address === ""
    if (fresh) {
      part.address = await create({ path: this.path, sealed: "age", "plaintext-length": String(this.file.size) }, part.length, watcher, stop, true)
      await keepUpload(this.kept)
    }
    const source = { size: part.length, piece: (offset: number) => this.piece(part.start + offset) }
    const ours: Watcher = {
      progressed: (sent) => {
        this.sent[number] = sent
        watcher.progressed(this.geometry.shown(this.sent.reduce((sum, one) => sum + one, 0)))
      },
      waiting: (is) => watcher.waiting(is),
    }
    await send(part.address, source, ours, stop, fresh ? 0 : null)
  }

  /** What one request takes from a place of the age file on. Throws `ChangedHere`.

      As a Blob: Chromium takes ten times the time to send the same bytes from memory. */
  private async piece(place: number): Promise<Blob> {
    const body = this.geometry.bodyAt(place)
    const { fileKey, nonce, prefix, id } = this.kept
    const before = body.number === 0 ? prefix : new Uint8Array(0)
    const { start, end, firstChunk, ends } = body
    const given = { file: this.file, fileKey, nonce, before, start, end, firstChunk, ends }
    const sealed = await sealer().ask("seal", given)
    if (!(await recordBody(id, body.number, hexadecimal(sealed.tags)))) throw new ChangedHere("The file has changed since it was begun.")
    return new Blob([sealed.bytes.subarray(place - body.at)])
  }
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
