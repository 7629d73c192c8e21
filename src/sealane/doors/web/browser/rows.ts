/* The rows of a folder's table, however many: what comes next is fetched as one scrolls, and a group of rows (a `tbody`)
   that is far from what is seen leaves the document until one comes back to it, so that laying out costs the same in a
   folder of ten thousand as in one of a hundred. One group comes at a time, so that no frame has more to do.

   Must stay true: what is ticked stays ticked and is sent with the rest; what has the focus stays where it is; a group
   takes its room while it is away. Without this program the link to the next page does. */

import { pieces } from "./trusted"

/** Rows as far away as this are still, or already, there. */
const NEAR = "1000px 0px"

/** Groups that are away, and their rows. */
const away = new Map<HTMLTableSectionElement, DocumentFragment>()
let table: HTMLTableElement | null = null
let observer: IntersectionObserver | null = null
/** Far away, but the focus is in it. */
const held = new Set<HTMLTableSectionElement>()
/** Come by this program, so that htmx has not met their links. */
const unmet = new WeakSet<Element>()
/** Near, and to be there in one of the next frames. */
let wanted: HTMLTableSectionElement[] = []
let coming = false
let hasMore = false

/** Do it for the table that is on the page now. */
export function watchRows(): void {
  const found = document.querySelector<HTMLTableElement>("table.files")
  if (found === table) return
  observer?.disconnect()
  away.clear()
  held.clear()
  wanted = []
  coming = false
  hasMore = false
  table = found
  if (!found) return
  observer = new IntersectionObserver(moved, { rootMargin: NEAR })
  for (const body of found.tBodies) observer.observe(body)
}

/** Whether more than the first page of rows has come. */
export function hasMorePages(): boolean {
  return hasMore
}

/** Whether a row is ticked, there or away. */
export function hasTicked(): boolean {
  const ticked = "input[name=name]:checked"
  return [table, ...away.values()].some((part) => part?.querySelector(ticked))
}

function moved(changes: IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting, boundingClientRect } of changes) {
    const body = target as HTMLTableSectionElement
    if (!body.isConnected) continue
    if (body.dataset.more !== undefined) {
      if (isIntersecting) void fetchMore(body)
    } else if (isIntersecting) want(body)
    else putAway(body, boundingClientRect.height)
  }
}

function want(body: HTMLTableSectionElement): void {
  held.delete(body)
  if (!away.has(body) || wanted.includes(body)) return
  if (wanted.push(body) === 1) requestAnimationFrame(bringOne)
}

/** Let one group be there; the others follow a frame each. */
function bringOne(): void {
  const body = wanted.shift()
  if (wanted.length > 0) requestAnimationFrame(bringOne)
  const rows = body && away.get(body)
  if (!rows) return
  away.delete(body)
  body.replaceChildren(rows)
}

function putAway(body: HTMLTableSectionElement, height: number): void {
  wanted = wanted.filter((one) => one !== body)
  if (away.has(body)) return
  if (body.contains(document.activeElement)) {
    held.add(body)
    return
  }
  const rows = document.createDocumentFragment()
  rows.append(...body.rows)
  away.set(body, rows)
  const room = body.insertRow()
  room.className = "away"
  room.setAttribute("aria-hidden", "true")
  const cell = room.insertCell()
  cell.colSpan = table?.tHead?.rows[0]?.cells.length ?? 1
  cell.style.height = `${height}px`
}

/** Fetch the page of rows that a link leads to, and put it in the link's stead. What fails leaves the link. */
async function fetchMore(body: HTMLTableSectionElement): Promise<void> {
  const link = body.querySelector("a")
  if (!link || coming) return
  coming = true
  const here = table
  try {
    const asked = new URL(link.href)
    asked.searchParams.set("part", "rows")
    const answer = await fetch(asked)
    if (answer.status !== 200 || new URL(answer.url).pathname !== asked.pathname) return
    const fresh = pieces(await answer.text()).querySelectorAll("tbody")
    if (here !== table || !here) return
    const isAtIt = body.contains(document.activeElement)
    const height = body.previousElementSibling?.getBoundingClientRect().height ?? 0
    for (const one of fresh) unmet.add(one)
    for (const one of [...fresh].slice(1)) if (one.dataset.more === undefined) putAway(one, height)
    body.replaceWith(...fresh)
    for (const one of fresh) observer?.observe(one)
    hasMore = true
    if (isAtIt) fresh[0]?.querySelector("a")?.focus({ preventScroll: true })
    if (!here.querySelector("tbody[data-more]")) here.setAttribute("aria-rowcount", String(rowsOf(here) + 1))
  } catch (problem) {
    if (!(problem instanceof TypeError)) throw problem // no connection: the link is still there
  } finally {
    if (here === table) coming = false
  }
}

function rowsOf(whole: HTMLTableElement): number {
  return [...whole.tBodies].reduce((sum, body) => sum + (away.get(body)?.childElementCount ?? body.rows.length), 0)
}

document.addEventListener("focusin", () => {
  if (held.size === 0) return
  const left = [...held].filter((body) => !body.contains(document.activeElement))
  for (const body of left) {
    held.delete(body)
    observer?.unobserve(body) // told of anew where it is
    observer?.observe(body)
  }
})

// What is ticked and away is no part of its form.
document.addEventListener("formdata", (event) => {
  if (!(event.target instanceof HTMLFormElement) || event.target.id !== "selection") return
  for (const rows of away.values())
    for (const box of rows.querySelectorAll<HTMLInputElement>("input[name=name]:checked")) event.formData.append("name", box.value)
})

// htmx makes links quick where it swaps; it is shown these when one of them is used, since most never are.
document.addEventListener(
  "click",
  ({ target }) => {
    const body = target instanceof Element ? target.closest("tbody") : null
    if (body && unmet.delete(body)) (window as { htmx?: { process(part: Element): void } }).htmx?.process(body)
  },
  true,
)
