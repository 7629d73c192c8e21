/* The sheets of a recovery key: made here, shown to be printed, and gone with the page. Only the public half is sent.

   Must stay true: words are put into the page as text, never kept, and nothing of them is in any form that is sent. */

import { answering } from "./answering"
import { holder } from "./sealing/calls"
import { word } from "./tray"

/** What somebody is to read off the paper, so that nobody adds a key whose sheets are still blank. */
let asked: { sheet: number; place: number; word: string } | null = null

function byId<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{([a-z]+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** One sheet, from the page's template: a title, what it opens, numbered words, the public half. */
function sheet(words: string[], number: number, needed: number, made: number, recipient: string, classic: boolean): DocumentFragment {
  const page = byId<HTMLTemplateElement>("recovery-sheet").content.cloneNode(true) as DocumentFragment
  for (const one of page.querySelectorAll<HTMLElement>("[data-share]")) {
    const text = made === 1 ? one.dataset.whole : one.dataset.share
    one.textContent = filled(text ?? "", { number, needed, made })
  }
  const list = page.querySelector("ol")
  for (const one of words) list?.append(Object.assign(document.createElement("li"), { textContent: one }))
  for (const one of page.querySelectorAll<HTMLElement>("[data-classic]")) one.hidden = !classic
  for (const one of page.querySelectorAll("[data-recipient]")) one.textContent = recipient
  return page
}

function choiceOf(form: HTMLFormElement): { needed: number; made: number; classic: boolean } {
  const chosen = new FormData(form)
  const [needed = 1, made = 1] = String(chosen.get("split")).split("/").map(Number)
  return { needed, made, classic: chosen.has("classic") }
}

export async function makeRecovery(form: HTMLFormElement): Promise<void> {
  await answering(form, async () => {
    const choice = choiceOf(form)
    const { needed, made, classic } = choice
    const { shares, recipient } = await holder().ask("recovery", choice)
    const sheets = byId("recovery-sheets")
    sheets.replaceChildren(...shares.map((words, index) => sheet(words, index + 1, needed, made, recipient, classic)))
    const add = byId<HTMLFormElement>("add-recovery")
    add.querySelector<HTMLInputElement>("[name=recipient]")!.value = recipient
    const picked = crypto.getRandomValues(new Uint16Array(2))
    const number = (picked[0] ?? 0) % shares.length
    const place = (picked[1] ?? 0) % (shares[number]?.length ?? 1)
    asked = { sheet: number + 1, place: place + 1, word: shares[number]?.[place] ?? "" }
    const label = add.querySelector<HTMLElement>("[data-asks]")
    if (label) label.textContent = filled(label.dataset.asks ?? "", { sheet: asked.sheet, place: asked.place })
    byId("recovery-made").hidden = false
    form.hidden = true
    byId("recovery-made").scrollIntoView()
    return ""
  })
}

/** Send the public half once a word was read off the paper. */
export async function addRecovery(form: HTMLFormElement): Promise<void> {
  await answering(form, async () => {
    const typed = byId<HTMLInputElement>("recovery-word").value.trim().toLowerCase()
    if (!asked || typed !== asked.word) return word("not-that-word")
    form.submit()
    return ""
  })
}
