/* Whose answer becomes the page. htmx asks for what is clicked; here stands who wins where several answers are under way,
   and when a folder's table may show by itself what has arrived in it.

   Must stay true: a person's latest click wins over their earlier ones and over every refresh of ours, in whatever order
   the server answers; nothing is swapped while a button is held or under what a person is at; a click that reaches no
   server is told of, and is not lost.

   Why htmx alone does not do it: an answer that takes the page away also takes from every link on it that it was a link
   (`deInitNode`), so that the answer to a click on one of them no longer changes the address. */

import { hasMorePages, hasTicked } from "./rows"
import { word } from "./tray"

interface Asked {
  verb: string
  /** How many clicks there had been when it was asked. */
  clicks: number
  ours: boolean
}

interface Told {
  xhr: XMLHttpRequest
  boosted?: boolean
  shouldSwap?: boolean
  requestConfig: { verb: string; path: string; elt: Element }
}

const REFRESH = "arrived"
const AGAIN_MS = 500

const underWay = new Map<XMLHttpRequest, Asked>()
/** Links whose click has failed once and was tried again. */
const tried = new WeakSet<Element>()
let clicks = 0
let held = false
/** Folders in which something has arrived that no table shows yet. */
let due: string[] = []

function told(event: Event): Told {
  return (event as CustomEvent<Told>).detail
}

function giveUp(which: (one: Asked) => boolean): void {
  for (const [xhr, one] of underWay) if (which(one)) xhr.abort()
}

/** A person goes somewhere: what they, or we, have asked for before is no longer wanted. */
function leaving(): void {
  clicks += 1
  giveUp((one) => one.verb === "get")
  unreached(null)
}

function follow(xhr: XMLHttpRequest, verb: string, ours: boolean): void {
  underWay.set(xhr, { verb, clicks, ours })
  xhr.addEventListener("loadend", () => {
    underWay.delete(xhr)
    setTimeout(show)
  })
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { xhr, boosted, requestConfig } = told(event)
  if (boosted) leaving()
  follow(xhr, requestConfig.verb, requestConfig.elt.id === REFRESH)
})
document.addEventListener("htmx:historyCacheMiss", (event) => {
  leaving() // back or forward
  follow(told(event).xhr, "get", false)
})

document.addEventListener("htmx:beforeSwap", (event) => {
  const detail = told(event)
  const one = underWay.get(detail.xhr)
  if (!one) return
  const asked = new URL(detail.requestConfig.path, location.href).pathname
  const elsewhere = one.ours && (detail.xhr.status !== 200 || new URL(detail.xhr.responseURL).pathname !== asked)
  if (one.clicks < clicks || elsewhere) detail.shouldSwap = false
})

// --- a table that shows what has arrived -----------------------------------------------------------------------------

/** Something has arrived in these folders. */
export function arrived(folders: Iterable<string>): void {
  due = [...folders]
  show()
}

/** Have the table show it, or say that there is something to show where a person is at the table. */
function show(): void {
  const source = document.getElementById(REFRESH)
  if (due.length === 0 || held || underWay.size > 0) return
  const here = source !== null && due.includes(source.dataset.folder ?? "")
  due = []
  if (!here) return
  if (isInUse()) {
    const note = document.getElementById("arrived-note")
    if (note) note.hidden = false
  } else source.dispatchEvent(new CustomEvent("sealane:arrived"))
}

function isInUse(): boolean {
  const table = document.getElementById("listing")
  if (!table) return false
  return table.contains(document.activeElement) || hasTicked() || hasMorePages()
}

/** What a person does ends a refresh under way; it is gone on with, or told of, when they have done. */
function keepOff(): void {
  if (![...underWay.values()].some((one) => one.ours)) return
  due.push(document.getElementById(REFRESH)?.dataset.folder ?? "")
  giveUp((one) => one.ours)
}

document.addEventListener(
  "pointerdown",
  ({ button }) => {
    if (button !== 0) return
    held = true
    keepOff()
  },
  true,
)
for (const end of ["pointerup", "pointercancel", "dragend"])
  document.addEventListener(
    end,
    () => {
      held = false
      setTimeout(show) // after the click that follows
    },
    true,
  )
document.addEventListener("focusin", ({ target }) => {
  if (document.getElementById("listing")?.contains(target as Node)) keepOff()
})

// --- a click that reaches no server ----------------------------------------------------------------------------------

document.addEventListener("htmx:sendError", (event) => {
  const { boosted, requestConfig } = told(event)
  if (!boosted) return
  const { elt, verb } = requestConfig
  const at = clicks
  if (verb === "get" && !tried.has(elt)) {
    tried.add(elt)
    setTimeout(() => at === clicks && press(elt), AGAIN_MS)
  } else unreached(elt)
})

/** Say that the server was not reached, with a button that does again what was to be done; null: say so no more. */
function unreached(elt: Element | null): void {
  const there = document.getElementById("unreached")
  there?.remove()
  const main = document.getElementById("main")
  if (!elt || !main) return
  const note = document.createElement("div")
  note.id = "unreached"
  note.className = "note bad"
  note.setAttribute("role", "alert")
  const sentence = document.createElement("span")
  sentence.textContent = word("unreached")
  const again = document.createElement("button")
  again.type = "button"
  again.textContent = word("retry")
  again.addEventListener("click", () => press(elt))
  note.append(sentence, again)
  main.prepend(note)
}

function press(elt: Element): void {
  if (elt instanceof HTMLFormElement) elt.requestSubmit()
  else if (elt instanceof HTMLElement) elt.click()
}
