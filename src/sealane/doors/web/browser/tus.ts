/* Sending bytes by tus 1.0: created, sent piece by piece, resumed where they stand, joined. Knows no page. */

import { Pulse, pause } from "./pausing"

const PART_BYTES = 16 * 1024 * 1024
const CONFLICTS_MAX = 6
const STATUS_LATER = new Set([0, 408, 423, 429, 502, 503, 504])

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: string,
  ) {
    super(sentence)
  }
}

interface Answer {
  status: number
  header: (name: string) => string | null
  body: string
}

export interface Watcher {
  /** Bytes that the server has, or that are on their way. */
  progressed(sent: number): void
  /** The connection broke, or is back. */
  waiting(is: boolean): void
}

function formToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="sealane-form-token"]')?.content ?? ""
}

/** One request. XMLHttpRequest and not fetch: only it tells how much of a body has left. Status 0: no connection. */
function ask(
  method: string,
  address: string,
  headers: Record<string, string>,
  body: Blob | null,
  stop: AbortSignal,
  sent?: (bytes: number) => void,
): Promise<Answer> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    request.open(method, address)
    const all = { "Tus-Resumable": "1.0.0", "Sealane-Form-Token": formToken(), ...headers }
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value)
    const pulse = new Pulse(() => request.abort())
    request.upload.onprogress = (event) => {
      pulse.beat()
      sent?.(event.loaded)
    }
    request.onloadend = () => {
      pulse.end()
      stop.removeEventListener("abort", abort)
      if (stop.aborted) failed(stop.reason)
      else done({ status: request.status, header: (name) => request.getResponseHeader(name), body: request.responseText })
    }
    const abort = (): void => request.abort()
    stop.addEventListener("abort", abort)
    if (stop.aborted) {
      pulse.end()
      failed(stop.reason)
    } else request.send(body)
  })
}

export function refusal(status: number, body: string): Refused {
  try {
    const told = JSON.parse(body)
    return new Refused(status, String(told.code ?? ""), String(told.detail ?? status))
  } catch {
    return new Refused(status, "", String(status))
  }
}

function base64(text: string): string {
  let binary = ""
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** What is sent: its length, and what the next request takes from a place on. */
export interface Source {
  size: number
  piece(offset: number): Promise<Blob>
}

export function ofFile(file: Blob): Source {
  return { size: file.size, piece: (offset) => Promise.resolve(file.slice(offset, offset + PART_BYTES)) }
}

function metadata(words: Record<string, string>): string {
  return Object.entries(words)
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(",")
}

/** Ask until there is an answer: a broken connection, or a server that has no time now, is waited for. */
async function insist(asking: () => Promise<Answer>, stop: AbortSignal, waiting?: (is: boolean) => void): Promise<Answer> {
  for (let failures = 0; ; failures++) {
    const answer = await asking()
    waiting?.(STATUS_LATER.has(answer.status))
    if (!STATUS_LATER.has(answer.status)) return answer
    await pause(failures, stop)
  }
}

/** Make the upload, of a whole file or of a part of one; return its address. One that is made and not told of, since the
    connection broke, is forgotten by the server in time. */
export async function create(words: Record<string, string>, size: number, watcher: Watcher, stop: AbortSignal, partial = false): Promise<string> {
  const headers: Record<string, string> = { "Upload-Length": String(size), "Upload-Metadata": metadata(words) }
  if (partial) headers["Upload-Concat"] = "partial"
  const answer = await insist(() => ask("POST", "/api/v1/uploads", headers, null, stop), stop, (is) => watcher.waiting(is))
  const address = answer.header("Location")
  if (answer.status !== 201 || !address) throw refusal(answer.status, answer.body)
  return new URL(address, location.href).pathname
}

/** How many bytes of an upload the server has. */
export async function standing(address: string, watcher: Watcher, stop: AbortSignal): Promise<number> {
  const answer = await insist(() => ask("HEAD", address, {}, null, stop), stop, (is) => watcher.waiting(is))
  if (answer.status !== 200) throw refusal(answer.status, answer.body)
  return Number(answer.header("Upload-Offset"))
}

/** Join parts into the file that the words name. */
export async function join(addresses: string[], words: Record<string, string>, stop: AbortSignal): Promise<void> {
  const headers = { "Upload-Concat": "final;" + addresses.join(" "), "Upload-Metadata": metadata(words) }
  const answer = await insist(() => ask("POST", "/api/v1/uploads", headers, null, stop), stop)
  if (answer.status !== 201) throw refusal(answer.status, answer.body)
}

/** What the server says at an address, as JSON. */
export async function get(address: string, stop: AbortSignal): Promise<unknown> {
  const answer = await insist(() => ask("GET", address, {}, null, stop), stop)
  if (answer.status !== 200) throw refusal(answer.status, answer.body)
  return JSON.parse(answer.body)
}

/** Send what there is to its upload, from wherever that stands; `known`: where that is, if it is known.

    Goes on after broken connections until told to stop. */
export async function send(address: string, source: Source, watcher: Watcher, stop: AbortSignal, known: number | null = null): Promise<void> {
  let failures = 0
  let offset: number | null = known
  for (;;) {
    const answer: Answer =
      offset === null
        ? await ask("HEAD", address, {}, null, stop)
        : await part(address, await source.piece(offset), offset, watcher, stop)
    if (answer.status === 200 || answer.status === 204) {
      const stands: number = Number(answer.header("Upload-Offset"))
      if (offset === null || stands > offset) failures = 0
      offset = stands
      watcher.waiting(false)
      watcher.progressed(offset)
      if (offset >= source.size) return
    } else if (answer.status === 409 && offset !== null && failures < CONFLICTS_MAX) {
      failures += 1
      offset = null // it stands elsewhere: ask
    } else if (STATUS_LATER.has(answer.status)) {
      watcher.waiting(true)
      await pause(failures, stop)
      failures += 1
      offset = null
    } else {
      throw refusal(answer.status, answer.body)
    }
  }
}

function part(address: string, piece: Blob, offset: number, watcher: Watcher, stop: AbortSignal): Promise<Answer> {
  const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" }
  return ask("PATCH", address, headers, piece, stop, (sent) => watcher.progressed(offset + sent))
}

/** Let the server forget an upload. */
export async function abandon(address: string): Promise<void> {
  await ask("DELETE", address, {}, null, new AbortController().signal)
}

/** Make a folder; that it is there already is as good. */
export async function makeFolder(path: string): Promise<void> {
  const encoded = path.split("/").map(encodeURIComponent).join("/")
  const stop = new AbortController().signal
  const answer = await insist(() => ask("POST", `/api/v1/folders${encoded}`, {}, null, stop), stop)
  if (answer.status !== 201 && refusal(answer.status, answer.body).code !== "already-exists")
    throw refusal(answer.status, answer.body)
}
