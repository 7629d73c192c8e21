/* The details of one entry beside the folder's table, without leaving it. The link leads to the entry's own page: where
   the window is narrow, another key is held, or the server answers otherwise, it is followed. */

import { pieces } from "./trusted"

/** Where less than this is wide, there is no beside. */
const WIDE = "(min-width: 64rem)"

let opener: HTMLAnchorElement | null = null
/** The link that is followed after all. */
let followed: HTMLAnchorElement | null = null
let asked = 0

function drawer(): HTMLElement | null {
  return document.getElementById("drawer")
}

async function fill(place: HTMLElement, link: HTMLAnchorElement): Promise<void> {
  const number = ++asked
  const answer = await answerOf(link)
  if (number !== asked || !place.isConnected) return
  if (answer === null) {
    followed = link // its own page says what is the matter
    link.click()
    followed = null
    return
  }
  mark(null)
  place.replaceChildren(pieces(answer))
  place.hidden = false
  ;(window as { htmx?: { process(part: Element): void } }).htmx?.process(place)
  for (const element of place.querySelectorAll<HTMLElement>(".needs-script")) element.hidden = false
  mark(link)
  const at = document.activeElement // whoever has gone on to something else meanwhile is left there
  if (at === link || at === null || at === document.body) {
    place.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true })
  }
}

async function answerOf(link: HTMLAnchorElement): Promise<string | null> {
  const address = new URL(link.href)
  address.searchParams.set("part", "drawer")
  try {
    const answer = await fetch(address)
    if (answer.status !== 200 || new URL(answer.url).pathname !== address.pathname) return null
    return await answer.text()
  } catch {
    return null
  }
}

/** Mark the row whose details are shown, and no other. */
function mark(link: HTMLAnchorElement | null): void {
  opener?.closest("tr")?.removeAttribute("aria-current")
  opener = link
  opener?.closest("tr")?.setAttribute("aria-current", "true")
}

function close(place: HTMLElement): void {
  const from = opener
  asked += 1
  mark(null)
  place.hidden = true
  place.replaceChildren()
  const links = [...document.querySelectorAll<HTMLAnchorElement>("a[data-act=details]")]
  const there = from?.isConnected ? from : links.find((one) => one.href === from?.href)
  const next = there ?? document.getElementById("main")
  next?.focus()
}

// Before htmx, which would follow the link.
document.addEventListener(
  "click",
  (event) => {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null
    const place = drawer()
    if (!place || !pressed) return
    if (pressed.dataset.act === "close-drawer") close(place)
    const otherwise = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey
    if (pressed.dataset.act !== "details" || otherwise || pressed === followed || !matchMedia(WIDE).matches) return
    event.preventDefault()
    event.stopImmediatePropagation()
    void fill(place, pressed as HTMLAnchorElement)
  },
  true,
)
// A person goes elsewhere: what was asked for before is no longer wanted.
document.addEventListener("htmx:beforeRequest", (event) => {
  if ((event as CustomEvent<{ boosted?: boolean }>).detail.boosted) asked += 1
})
document.addEventListener("keydown", ({ key, target }) => {
  const place = drawer()
  if (key === "Escape" && place && !place.hidden && target instanceof Node && (place.contains(target) || target === opener)) close(place)
})
