/* The transfers of this browser: a queue, what is remembered of it over a reload, and the tray that shows it.

   A file's bytes cannot be kept over a reload, so what was under way then waits until the same file is chosen again;
   the server still has what had arrived. */

import { Refused, abandon, create, makeFolder, send } from "./tus"

type State = "waiting" | "sending" | "done" | "failed" | "paused"

interface Remembered {
  id: string
  folder: string
  name: string
  size: number
  modified: number
  address: string
  sent: number
  state: State
}

interface Transfer extends Remembered {
  file: File | null
  said: string
  offline: boolean
  stop: AbortController | null
}

const KEY = "sealane-transfers"
const AT_ONCE = 2
const REMEMBERED_MAX = 500

class Transfers {
  private all: Transfer[] = []
  private drawn = new Map<string, HTMLLIElement>()
  private live: HTMLElement | null = null

  constructor() {
    for (const one of remembered())
      this.all.push({ ...one, file: null, said: "", offline: false, stop: null, state: one.state === "done" ? "done" : "paused" })
  }

  get isBusy(): boolean {
    return this.all.some((one) => one.state === "sending" || one.state === "waiting")
  }

  add(folder: string, name: string, file: File): void {
    const begun = this.all.find((one) => one.state === "paused" && one.folder === folder && isSame(one, name, file))
    if (begun) {
      begun.file = file
      begun.state = "waiting"
    } else {
      const id = crypto.randomUUID()
      const modified = file.lastModified
      this.all.push({ id, folder, name, size: file.size, modified, address: "", sent: 0, state: "waiting", file, said: "", offline: false, stop: null })
    }
    this.changed()
    this.next()
  }

  async makeFolder(inside: string, name: string): Promise<string> {
    const path = joined(inside, name)
    await makeFolder(path)
    return path
  }

  /** Draw the tray; called again when the page was swapped. */
  show(): void {
    this.drawn.clear()
    const tray = document.getElementById("tray")
    tray?.replaceChildren()
    this.live = null
    this.draw()
  }

  private next(): void {
    const sending = this.all.filter((one) => one.state === "sending").length
    for (const one of this.all.filter((other) => other.state === "waiting").slice(0, AT_ONCE - sending)) void this.run(one)
  }

  private async run(one: Transfer): Promise<void> {
    if (!one.file) return
    one.state = "sending"
    one.stop = new AbortController()
    const stop = one.stop.signal
    this.changed()
    try {
      if (!one.address) one.address = await create(joined(one.folder, one.name), one.size, stop)
      this.remember()
      const watcher = {
        progressed: (sent: number) => {
          one.sent = sent
          this.draw()
        },
        waiting: (is: boolean) => {
          one.offline = is
          this.draw()
        },
      }
      await send(one.address, one.file, watcher, stop)
      one.state = "done"
      one.sent = one.size
      this.say(`${one.name}: ${word("done")}`)
    } catch (problem) {
      if (stop.aborted) return
      one.state = "failed"
      one.said = problem instanceof Error ? problem.message : String(problem)
      if (problem instanceof Refused && (problem.status === 404 || problem.status === 410)) one.address = ""
      this.say(`${one.name}: ${one.said}`)
    } finally {
      one.offline = false
      this.changed()
      this.next()
    }
    if (!this.isBusy) this.arrived(one.folder)
  }

  /** Have the folder's table show what has arrived, if it is still on the page. */
  private arrived(folder: string): void {
    const here = document.querySelector<HTMLInputElement>("input[data-upload-to]")
    if (here?.dataset.uploadTo === folder) document.querySelector<HTMLAnchorElement>('.crumbs a[aria-current="page"]')?.click()
  }

  private cancel(one: Transfer): void {
    one.stop?.abort()
    if (one.address && one.state !== "done") void abandon(one.address)
    this.all = this.all.filter((other) => other !== one)
    this.changed()
    this.next()
  }

  private retry(one: Transfer): void {
    one.said = ""
    if (one.file) {
      one.state = "waiting"
      this.changed()
      this.next()
      return
    }
    const chooser = document.createElement("input")
    chooser.type = "file"
    chooser.onchange = () => {
      const file = chooser.files?.[0]
      if (!file) return
      if (!isSame(one, file.name, file)) {
        one.said = word("other")
        this.changed()
        return
      }
      one.file = file
      this.retry(one)
    }
    chooser.click()
  }

  private changed(): void {
    this.remember()
    this.draw()
  }

  private remember(): void {
    const kept: Remembered[] = this.all
      .filter((one) => one.state !== "done")
      .slice(-REMEMBERED_MAX)
      .map(({ id, folder, name, size, modified, address, sent, state }) => ({ id, folder, name, size, modified, address, sent, state }))
    try {
      localStorage.setItem(KEY, JSON.stringify(kept))
    } catch {
      // without room to remember, a reload forgets; the server does not
    }
  }

  // --- the tray ------------------------------------------------------------------------------------------------

  private draw(): void {
    const tray = document.getElementById("tray")
    if (!tray) return
    tray.hidden = this.all.length === 0
    if (tray.hidden) return
    if (!this.live) this.frame(tray)
    const list = tray.querySelector("ul")
    for (const [id, line] of this.drawn) {
      if (this.all.some((one) => one.id === id)) continue
      line.remove()
      this.drawn.delete(id)
    }
    for (const one of this.all) {
      let line = this.drawn.get(one.id)
      if (!line) {
        line = this.line(one)
        this.drawn.set(one.id, line)
        list?.append(line)
      }
      this.fill(line, one)
    }
  }

  private frame(tray: HTMLElement): void {
    const title = document.createElement("h2")
    title.append(tray.getAttribute("aria-label") ?? "")
    const clear = button(word("dismiss"), () => {
      this.all = this.all.filter((one) => one.state !== "done")
      this.changed()
    })
    title.append(clear)
    this.live = document.createElement("p")
    this.live.className = "quietly"
    this.live.setAttribute("aria-live", "polite")
    tray.replaceChildren(title, document.createElement("ul"), this.live)
  }

  private line(one: Transfer): HTMLLIElement {
    const line = document.createElement("li")
    const what = document.createElement("span")
    what.className = "what"
    what.textContent = one.name
    const act = button("", () => (one.state === "failed" || one.state === "paused" ? this.retry(one) : this.cancel(one)))
    const bar = document.createElement("progress")
    bar.max = Math.max(1, one.size)
    bar.setAttribute("aria-label", one.name)
    const how = document.createElement("span")
    how.className = "how"
    const forget = button(word("cancel"), () => this.cancel(one))
    forget.className = "quiet"
    forget.setAttribute("aria-label", `${word("cancel")}: ${one.name}`)
    line.append(what, act, bar, how, forget)
    return line
  }

  private fill(line: HTMLLIElement, one: Transfer): void {
    const [, act, bar, how, forget] = line.children as unknown as [Element, HTMLButtonElement, HTMLProgressElement, Element, HTMLButtonElement]
    line.className = one.state
    bar.value = one.size === 0 ? (one.state === "done" ? 1 : 0) : one.sent
    bar.hidden = one.state === "done"
    const percent = one.size === 0 ? "" : ` ${Math.floor((100 * one.sent) / one.size)} %`
    how.textContent = one.said || (one.offline ? word("offline") : word(one.state) + (one.state === "sending" ? percent : ""))
    const again = one.state === "failed" || one.state === "paused"
    act.hidden = one.state === "done"
    act.textContent = one.state === "paused" || (again && !one.file) ? word("choose") : again ? word("retry") : word("cancel")
    act.setAttribute("aria-label", `${act.textContent}: ${one.name}`)
    forget.hidden = !again
  }

  private say(sentence: string): void {
    if (this.live) this.live.textContent = sentence
  }
}

function button(label: string, press: () => void): HTMLButtonElement {
  const made = document.createElement("button")
  made.type = "button"
  made.textContent = label
  made.addEventListener("click", press)
  return made
}

/** A word in the language of the page; the tray carries them. */
function word(name: string): string {
  return document.getElementById("tray")?.dataset[name] ?? name
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
    return kept.filter((one) => typeof one?.id === "string" && typeof one.name === "string" && /^$|^\/api\/v1\/uploads\//.test(one.address))
  } catch {
    return []
  }
}

export const uploads = new Transfers()
