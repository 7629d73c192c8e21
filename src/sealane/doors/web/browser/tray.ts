/* The tray: the list of transfers at the edge of the page. It knows how each stands, not how it goes on. */

export interface Shown {
  id: string
  name: string
  size: number
  sent: number
  state: "waiting" | "sending" | "done" | "failed" | "paused"
  /** What went wrong, in words. */
  said: string
  offline: boolean
  sealed: boolean
  /** `none`: nothing can be done about it but to take note. */
  kind: "send" | "open" | "none"
  file: File | null
}

const PAUSE_MS = 250

interface Acts {
  again(one: Shown): void
  cancel(one: Shown): void
  clear(): void
}

export class Tray {
  private readonly drawn = new Map<string, HTMLLIElement>()
  private live: HTMLElement | null = null
  private waiting = false
  private latest: Shown[] = []

  constructor(private readonly acts: Acts) {}

  /** The page was swapped. htmx keeps the tray itself over most swaps, with the finger that may be on it: everything is
      drawn anew only in another one. */
  moved(): void {
    const tray = document.getElementById("tray")
    if (this.live && tray?.contains(this.live)) return
    this.drawn.clear()
    tray?.replaceChildren()
    this.live = null
  }

  /** Draw how things stand, a few times a second at most: painting costs more than sending. */
  draw(all: Shown[]): void {
    this.latest = all
    if (this.waiting) return
    this.waiting = true
    setTimeout(() => {
      this.waiting = false
      this.now()
    }, PAUSE_MS)
  }

  say(sentence: string): void {
    this.now()
    if (this.live) this.live.textContent = sentence
  }

  private now(): void {
    const tray = document.getElementById("tray")
    if (!tray) return
    tray.hidden = this.latest.length === 0
    if (tray.hidden) return
    if (!this.live) this.frame(tray)
    const list = tray.querySelector("ul")
    const there = new Set(this.latest.map((one) => one.id))
    for (const [id, line] of this.drawn) {
      if (there.has(id)) continue
      line.remove()
      this.drawn.delete(id)
    }
    for (const one of this.latest) {
      let line = this.drawn.get(one.id)
      if (!line) {
        line = this.line(one)
        this.drawn.set(one.id, line)
        list?.append(line)
      }
      fill(line, one)
    }
  }

  private frame(tray: HTMLElement): void {
    const title = document.createElement("h2")
    title.append(tray.getAttribute("aria-label") ?? "", button(word("dismiss"), () => this.acts.clear()))
    this.live = document.createElement("p")
    this.live.className = "quietly"
    this.live.setAttribute("aria-live", "polite")
    tray.replaceChildren(title, document.createElement("ul"), this.live)
  }

  private line(one: Shown): HTMLLIElement {
    const line = document.createElement("li")
    const what = document.createElement("span")
    what.className = "what"
    what.textContent = one.name
    const act = button("", () => (mayAgain(one) ? this.acts.again(one) : this.acts.cancel(one)))
    const bar = document.createElement("progress")
    bar.setAttribute("aria-label", one.name)
    const how = document.createElement("span")
    how.className = "how"
    const forget = button(word("cancel"), () => this.acts.cancel(one))
    forget.className = "quiet"
    forget.setAttribute("aria-label", `${word("cancel")}: ${one.name}`)
    line.append(what, act, bar, how, forget)
    return line
  }
}

function mayAgain(one: Shown): boolean {
  return one.state === "failed" || one.state === "paused"
}

function fill(line: HTMLLIElement, one: Shown): void {
  const [, act, bar, how, forget] = line.children as unknown as [Element, HTMLButtonElement, HTMLProgressElement, Element, HTMLButtonElement]
  line.className = one.state
  bar.max = Math.max(1, one.size)
  bar.value = one.size === 0 ? (one.state === "done" ? 1 : 0) : one.sent
  bar.hidden = one.state === "done"
  how.textContent = one.said || (one.offline ? word("offline") : standing(one))
  act.hidden = one.state === "done" || one.kind === "none"
  const choose = one.state === "paused" || (one.state === "failed" && one.kind === "send" && !one.file)
  act.textContent = choose ? word("choose") : one.state === "failed" ? word("retry") : word("cancel")
  act.setAttribute("aria-label", `${act.textContent}: ${one.name}`)
  forget.hidden = !mayAgain(one)
}

function standing(one: Shown): string {
  const moving = one.kind === "open" ? "opening" : one.sealed ? "sealing" : "sending"
  if (one.state !== "sending") return word(one.state)
  return word(moving) + (one.size === 0 ? "" : ` ${Math.floor((100 * one.sent) / one.size)} %`)
}

function button(label: string, press: () => void): HTMLButtonElement {
  const made = document.createElement("button")
  made.type = "button"
  made.textContent = label
  made.addEventListener("click", press)
  return made
}

/** A word in the language of the page; the tray carries them. */
export function word(name: string, otherwise = name): string {
  const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return document.getElementById("tray")?.dataset[key] ?? otherwise
}
