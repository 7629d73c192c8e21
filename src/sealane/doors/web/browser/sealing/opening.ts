/* Opening an age file while it comes: fetched, opened chunk by chunk, written where it is to go.

   Must stay true: a stretch is written once it is authenticated; the file is whole only once its last chunk, marked as
   the last, has opened: before that the sink is never closed, and what fails is thrown away by it. A broken connection
   is gone on with at the chunk where it broke, of the very same age file (`If-Range`). */

import { Pulse, pause } from "../pausing"
import { Refusal, headerLength, joined, openChunks, openHeader } from "./age"
import type { Sink } from "./calls"
import { fastest } from "./cipher"
import { STORED_CHUNK_BYTES } from "./geometry"

const NONCE_BYTES = 16
const STRETCH_BYTES = 16 * STORED_CHUNK_BYTES
const STATUS_LATER = new Set([429, 502, 503, 504])

/** The server gives the file no more, and says why. */
export class NotGiven extends Error {
  constructor(
    readonly code: string,
    sentence: string,
  ) {
    super(sentence)
  }
}

/** How far it has come; and whether there is no connection now. */
export interface Telling {
  moved(bytes: number, of: number): void
  waiting(is: boolean): void
}

export async function openAddress(
  address: string,
  identities: string[],
  sink: Sink,
  stop: AbortSignal,
  tell: Telling,
): Promise<number> {
  const out = "handle" in sink ? await intoFile(sink.handle) : intoPort(sink.port)
  try {
    const written = await opened(new Source(address, stop, tell), identities, out, tell)
    await out.close()
    return written
  } catch (problem) {
    await out.abort()
    throw problem
  }
}

async function opened(source: Source, identities: string[], out: Out, tell: Telling): Promise<number> {
  let begins = -1
  for (let wanted = STRETCH_BYTES; begins < 0; wanted += STRETCH_BYTES) {
    const whole = !(await source.fill(wanted))
    begins = headerLength(source.held)
    if (begins < 0 && whole) throw new Refusal("not-age")
  }
  if (!(await source.fill(begins + NONCE_BYTES)) && source.held.length < begins + NONCE_BYTES) throw new Refusal("damaged")
  const start = source.take(begins + NONCE_BYTES)
  const key = await openHeader(start.subarray(0, begins), start.subarray(begins), identities)
  const cipher = await fastest()
  let chunk = 0
  let written = 0
  for (;;) {
    const more = await source.fill(STRETCH_BYTES + 1) // one byte more tells that this is not the end
    const stretch = source.take(more ? STRETCH_BYTES : source.held.length)
    const plain = openChunks(cipher, key, chunk, stretch, !more)
    chunk += Math.ceil(stretch.length / STORED_CHUNK_BYTES)
    written += plain.length
    await out.write(plain)
    tell.moved(source.taken, source.size)
    if (!more) return written
  }
}

/** The bytes of an address, in order, through broken connections. */
class Source {
  held: Uint8Array = new Uint8Array(0)
  taken = 0
  size = 0
  private tag = ""
  private reader: ReadableStreamDefaultReader<Uint8Array> | null = null
  private failures = 0

  constructor(
    private readonly address: string,
    private readonly stop: AbortSignal,
    private readonly tell: Telling,
  ) {}

  /** Hold at least so many bytes; false where there are no more than are held. */
  async fill(wanted: number): Promise<boolean> {
    const pieces = [this.held]
    let length = this.held.length
    while (length < wanted) {
      const piece = await this.next(length)
      if (piece === null) break
      pieces.push(piece)
      length += piece.length
    }
    if (pieces.length > 1) this.held = joined(pieces)
    return length >= wanted
  }

  take(length: number): Uint8Array {
    const taken = this.held.subarray(0, length)
    this.held = this.held.subarray(length)
    this.taken += length
    return taken
  }

  private async next(held: number): Promise<Uint8Array | null> {
    for (;;) {
      try {
        this.reader ??= await this.connect(this.taken + held)
        if (this.reader === null) return null
        const { value, done } = await alive(this.reader)
        if (!done) {
          if (this.failures > 0) this.tell.waiting(false)
          this.failures = 0
          return value
        }
        this.reader = null
        if (this.taken + held >= this.size) return null
        throw new TypeError("cut short")
      } catch (problem) {
        this.reader = null
        if (this.stop.aborted || !(problem instanceof TypeError)) throw problem
        this.tell.waiting(true)
        await pause(this.failures, this.stop)
        this.failures += 1
      }
    }
  }

  private async connect(offset: number): Promise<ReadableStreamDefaultReader<Uint8Array> | null> {
    if (this.tag !== "" && offset >= this.size) return null
    const headers: Record<string, string> = offset > 0 ? { Range: `bytes=${offset}-`, "If-Range": this.tag } : {}
    const answer = await fetch(this.address, { headers, signal: this.stop, cache: "no-store" })
    if (STATUS_LATER.has(answer.status)) throw new TypeError("not now")
    if (answer.ok && answer.status !== (offset > 0 ? 206 : 200)) throw new NotGiven("changed-there", "The file has changed on the server meanwhile.")
    if (!answer.ok || !answer.body) {
      const told = await answer.json().catch(() => null)
      throw new NotGiven(String(told?.code ?? ""), String(told?.detail ?? answer.status))
    }
    if (offset === 0) {
      this.tag = answer.headers.get("ETag") ?? ""
      this.size = Number(answer.headers.get("Content-Length"))
    }
    return answer.body.getReader()
  }
}

/** What comes next; a connection on which nothing comes any more is broken. */
async function alive(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  let pulse: Pulse | undefined
  const still = new Promise<never>((_, failed) => {
    pulse = new Pulse(() => {
      void reader.cancel().catch(() => undefined)
      failed(new TypeError("nothing comes"))
    })
  })
  try {
    return await Promise.race([reader.read(), still])
  } finally {
    pulse?.end()
  }
}

interface Out {
  write(plain: Uint8Array<ArrayBuffer>): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

/** The browser keeps what is written apart until it is closed; aborted, it leaves nothing. */
async function intoFile(handle: FileSystemFileHandle): Promise<Out> {
  const file = await handle.createWritable()
  return { write: (plain) => file.write(plain), close: () => file.close(), abort: () => file.abort() }
}

/** To the service worker, as fast as it asks (handing.ts). */
function intoPort(port: MessagePort): Out {
  let asked = 0
  let refused = false
  let heard: () => void = () => undefined
  port.onmessage = ({ data }) => {
    if (data === "more") asked += 1
    if (data === "gone") refused = true
    heard()
  }
  return {
    async write(plain) {
      while (asked === 0 && !refused) await new Promise<void>((done) => (heard = done))
      if (refused) throw new DOMException("The download was cancelled.", "AbortError")
      asked -= 1
      port.postMessage(plain, [plain.buffer])
    },
    async close() {
      port.postMessage("end")
    },
    async abort() {
      port.postMessage("broken")
    },
  }
}
