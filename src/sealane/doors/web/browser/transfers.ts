/* The transfers of this browser: a queue, and what is remembered of it over a reload. What shows them is tray.ts.

   A file's bytes cannot be kept over a reload, so what was under way then waits until the browser may have the same
   file again; the server still has what had arrived. */

import { arrived } from "./answers"
import { forgetUpload, keepHandle, keptHandle } from "./keeping"
import { giveUp, sendSealed, ChangedHere } from "./sealing/upload"
import { SealingFailed } from "./sealing/calls"
import { openFile } from "./opened"
import { Refused, abandon, create, makeFolder, ofFile, send, type Watcher } from "./tus"
import { Tray, word, type Shown } from "./tray"

interface Remembered {
  id: string
  folder: string
  name: string
  size: number
  modified: number
  address: string
  sent: number
  state: Shown["state"]
  /** It is sealed here before it leaves. */
  sealed: boolean
}

interface Transfer extends Remembered, Shown {
  file: File | null
  stop: AbortController | null
}

const KEY = "sealane-transfers"
const AT_ONCE = 2
const REMEMBERED_MAX = 500

class Transfers {
  private all: Transfer[] = []
  /** Folders in which something has arrived since the last was told of. */
  private readonly reached = new Set<string>()
  private readonly tray = new Tray({
    again: (one) => void this.again(one as Transfer),
    cancel: (one) => this.cancel(one as Transfer),
    clear: () => {
      this.all = this.all.filter((one) => one.state !== "done")
      this.changed()
    },
  })

  constructor() {
    for (const one of remembered())
      this.all.push({ ...one, kind: "send", file: null, said: "", offline: false, stop: null, state: one.state === "done" ? "done" : "paused" })
  }

  get isBusy(): boolean {
    return this.all.some((one) => one.state === "sending" || one.state === "waiting")
  }

  add(folder: string, name: string, file: File, sealed: boolean, handle?: FileSystemFileHandle): void {
    const begun = this.all.find((one) => one.state === "paused" && one.folder === folder && isSame(one, name, file))
    if (begun) {
      begun.file = file
      begun.state = "waiting"
    } else {
      const id = crypto.randomUUID()
      const known = { id, folder, name, size: file.size, modified: file.lastModified, address: "", sent: 0, sealed }
      this.all.push({ ...known, kind: "send", state: "waiting", file, said: "", offline: false, stop: null })
      if (handle) void keepHandle(id, handle).catch(() => undefined)
    }
    this.changed()
    this.next()
  }

  /** Fetch a sealed file and open it here. Ends when it is written, or has failed. */
  async open(address: string, name: string, size: number): Promise<void> {
    const known = { id: crypto.randomUUID(), folder: "", name, size, modified: 0, address, sent: 0, sealed: true }
    const one: Transfer = { ...known, kind: "open", state: "waiting", file: null, said: "", offline: false, stop: null }
    this.all.push(one)
    await this.run(one)
  }

  async makeFolder(inside: string, name: string): Promise<string> {
    const path = joined(inside, name)
    await makeFolder(path)
    this.reached.add(inside)
    if (!this.isBusy) this.tell()
    return path
  }

  /** What was dropped could not be taken: say so where its transfer would stand. */
  refused(name: string, problem: unknown): void {
    const known = { id: crypto.randomUUID(), folder: "", name, size: 0, modified: 0, address: "", sent: 0, sealed: false }
    const one: Transfer = { ...known, kind: "none", state: "waiting", file: null, said: "", offline: false, stop: null }
    this.all.push(one)
    this.failed(one, problem)
    this.changed()
  }

  /** Draw the tray; called again when the page was swapped. */
  show(): void {
    this.tray.moved()
    this.tray.draw(this.all)
  }

  private next(): void {
    const sending = this.all.filter((one) => one.state === "sending" && one.kind === "send").length
    for (const one of this.all.filter((other) => other.state === "waiting").slice(0, Math.max(0, AT_ONCE - sending))) void this.run(one)
  }

  private async run(one: Transfer): Promise<void> {
    one.state = "sending"
    one.stop = new AbortController()
    const stop = one.stop.signal
    this.changed()
    const watcher: Watcher = {
      progressed: (sent) => {
        one.sent = sent
        this.tray.draw(this.all)
      },
      waiting: (is) => {
        one.offline = is
        this.tray.draw(this.all)
      },
    }
    try {
      if (one.kind === "open") one.size = await openFile(one.address, one.name, watcher, stop)
      else if (one.file) await this.send(one, one.file, watcher, stop)
      one.state = "done"
      one.sent = one.size
      if (one.kind === "send") this.reached.add(one.folder)
      this.tray.say(`${one.name}: ${word("done")}`)
    } catch (problem) {
      if (stop.aborted) return
      this.failed(one, problem)
    } finally {
      one.offline = false
      this.changed()
      this.next()
    }
    if (!this.isBusy) this.tell()
  }

  private tell(): void {
    arrived(this.reached)
    this.reached.clear()
  }

  private async send(one: Transfer, file: File, watcher: Watcher, stop: AbortSignal): Promise<void> {
    const path = joined(one.folder, one.name)
    if (one.sealed) {
      await sendSealed(one.id, path, file, watcher, stop)
      return
    }
    const fresh = one.address === ""
    if (fresh) one.address = await create({ path, mtime: String(Math.floor(file.lastModified / 1000)) }, one.size, watcher, stop)
    this.remember()
    await send(one.address, ofFile(file), watcher, stop, fresh ? 0 : null)
    await forgetUpload(one.id).catch(() => undefined)
  }

  private failed(one: Transfer, problem: unknown): void {
    one.state = "failed"
    const told = problem instanceof SealingFailed || problem instanceof Refused
    const code = told ? problem.code : problem instanceof ChangedHere ? "changed" : ""
    one.said = (code && word(code, "")) || (problem instanceof Error ? problem.message : String(problem))
    if (problem instanceof Refused && (problem.status === 404 || problem.status === 410)) one.address = one.kind === "open" ? one.address : ""
    this.tray.say(`${one.name}: ${one.said}`)
  }

  private cancel(one: Transfer): void {
    one.stop?.abort()
    if (one.kind === "send" && one.state !== "done") void (one.sealed ? giveUp(one.id) : this.abandoned(one))
    this.all = this.all.filter((other) => other !== one)
    this.changed()
    this.next()
  }

  private async abandoned(one: Transfer): Promise<void> {
    if (one.address) await abandon(one.address)
    await forgetUpload(one.id)
  }

  /** Go on with what failed, or with what a reload has interrupted: with the same file, which the person may have to
      choose or allow again. */
  private async again(one: Transfer): Promise<void> {
    one.said = ""
    const file = one.kind === "open" ? null : (one.file ?? (await chosen(one)))
    if (one.kind === "send" && !file) return
    if (file && !isSame(one, file.name, file)) {
      one.said = word("other")
      this.changed()
      return
    }
    one.file = file
    one.state = "waiting"
    this.changed()
    this.next()
  }

  private changed(): void {
    this.remember()
    this.tray.draw(this.all)
  }

  private remember(): void {
    const kept: Remembered[] = this.all
      .filter((one) => one.state !== "done" && one.kind === "send")
      .slice(-REMEMBERED_MAX)
      .map(({ id, folder, name, size, modified, address, sent, state, sealed }) => ({ id, folder, name, size, modified, address, sent, state, sealed }))
    try {
      localStorage.setItem(KEY, JSON.stringify(kept))
    } catch {
      // without room to remember, a reload forgets; the server does not
    }
  }
}

/** Ask for the file of an upload again: by leave where the browser remembers it, else by choosing it. */
async function chosen(one: Remembered): Promise<File | null> {
  const handle = await keptHandle(one.id).catch(() => undefined)
  if (handle) {
    const allowed = await (handle as unknown as { requestPermission(): Promise<string> }).requestPermission().catch(() => "denied")
    if (allowed === "granted") return await handle.getFile().catch(() => null)
  }
  return await new Promise((done) => {
    const chooser = document.createElement("input")
    chooser.type = "file"
    chooser.onchange = () => done(chooser.files?.[0] ?? null)
    chooser.oncancel = () => done(null)
    chooser.click()
  })
}

function joined(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`
}

function isSame(one: Remembered, name: string, file: File): boolean {
  return one.name === name && one.size === file.size && one.modified === file.lastModified
}

function remembered(): Remembered[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]")
    if (!Array.isArray(kept)) return []
    const sound = kept.filter((one) => typeof one?.id === "string" && typeof one.name === "string" && /^$|^\/api\/v1\/uploads\//.test(one.address))
    return sound.map((one) => ({ ...one, sealed: one.sealed === true }))
  } catch {
    return []
  }
}

export const uploads = new Transfers()
