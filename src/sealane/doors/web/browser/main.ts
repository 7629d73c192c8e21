/* The browser's program: what pages do better with JavaScript than without. Sources in browser/, bundled into static/.

   Must stay true: no page needs it to look, download or administer; what becomes part of a page is this server's answer (trusted.ts); what it
   asks of the server, it asks with the form token of the page. */

import "./drawer"
import { forms, openHere, unlocking } from "./keys"
import { isHandingOver } from "./opened"
import { answer, hasPasskeys } from "./passkeys"
import { watchRows } from "./rows"
import { uploads } from "./transfers"
import { trust } from "./trusted"

/** Do once, for what is on the page now; htmx swaps bodies, so it is called again after each swap. */
function enhance(): void {
  for (const element of document.querySelectorAll<HTMLElement>(".needs-script")) element.hidden = false
  for (const element of document.querySelectorAll<HTMLElement>("[data-passkey]")) element.hidden = !hasPasskeys
  for (const element of document.querySelectorAll<HTMLElement>("[data-absolute]"))
    if (element.textContent?.startsWith("/")) element.textContent = location.origin + (element.dataset.absolute ?? "")
  uploads.show()
  unlocking()
  watchRows()
}

function chooser(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("input[data-upload-to]")
}

interface Picker {
  showOpenFilePicker?: (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>
}

/** Let the person choose files. A browser that can remember them is asked for handles, so that what is interrupted goes
    on without choosing again. */
async function choose(input: HTMLInputElement): Promise<void> {
  const picker = (window as Picker).showOpenFilePicker
  if (!picker) {
    input.click()
    return
  }
  const handles = await picker({ multiple: true }).catch(() => [])
  for (const handle of handles) {
    const file = await handle.getFile()
    uploads.add(input.dataset.uploadTo ?? "/", file.name, file, isSealed(input), handle)
  }
}

function isSealed(input: HTMLInputElement): boolean {
  return input.dataset.sealed !== undefined
}

document.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null
  const input = chooser()
  if (pressed?.dataset.act === "choose" && input) void choose(input)
  if (pressed?.dataset.act === "choose-folder") document.querySelector<HTMLInputElement>("input[data-folder-to]")?.click()
  if (pressed?.dataset.act === "print") window.print()
  if (pressed?.dataset.act === "close") pressed.closest("dialog")?.close()
  if (pressed?.dataset.act === "open") void openHere(pressed)
})

document.addEventListener("submit", (event) => {
  const form = event.target instanceof HTMLFormElement ? event.target : null
  const act = form && (form.dataset.passkey === undefined ? forms[form.id] : answer)
  if (!form || !act) return
  event.preventDefault()
  void act(form)
})

document.addEventListener("change", (event) => {
  const input = event.target
  if (!(input instanceof HTMLInputElement)) return
  const { uploadTo, folderTo } = input.dataset
  const files = [...(input.files ?? [])]
  if (uploadTo !== undefined) for (const file of files) uploads.add(uploadTo, file.name, file, isSealed(input))
  else if (folderTo !== undefined) void chosenFolder(folderTo, files, isSealed(input))
  else return
  input.value = ""
})

/** Send a folder that was chosen: each file says where below it lies. Folders without files are not told of by the browser. */
async function chosenFolder(into: string, files: File[], sealed: boolean): Promise<void> {
  const made = new Map<string, Promise<string>>([["", Promise.resolve(into)]])
  for (const file of files) {
    const names = file.webkitRelativePath.split("/").slice(0, -1)
    const within = names.map((_, depth) => names.slice(0, depth + 1).join("/"))
    try {
      for (const [depth, path] of within.entries()) {
        const above = await made.get(within[depth - 1] ?? "")
        if (!made.has(path)) made.set(path, uploads.makeFolder(above ?? into, names[depth] ?? ""))
      }
      uploads.add((await made.get(within.at(-1) ?? "")) ?? into, file.name, file, sealed)
    } catch (problem) {
      uploads.refused(file.webkitRelativePath || file.name, problem)
    }
  }
}

/* Dropping files and folders anywhere on a folder's page. */

document.addEventListener("dragover", (event) => {
  if (!chooser() || !event.dataTransfer?.types.includes("Files")) return
  event.preventDefault()
  document.body.classList.add("dropping")
})
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping")
})
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping")
  const input = chooser()
  if (input?.dataset.uploadTo === undefined || !event.dataTransfer) return
  event.preventDefault()
  for (const item of event.dataTransfer.items) {
    const entry = item.webkitGetAsEntry() // both must be asked for at once: the list is empty in a moment
    const handle = (item as Handled).getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null)
    if (entry) void dropped(input.dataset.uploadTo, entry, isSealed(input), handle)
  }
})

interface Handled {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>
}

/** Send what was dropped, or say at its name why not. */
async function dropped(folder: string, entry: FileSystemEntry, sealed: boolean, handle: Promise<FileSystemHandle | null>): Promise<void> {
  try {
    await sent(folder, entry, sealed, handle)
  } catch (problem) {
    uploads.refused(entry.name, problem)
  }
}

/** A folder is made first, then what is in it. */
async function sent(folder: string, entry: FileSystemEntry, sealed: boolean, handle: Promise<FileSystemHandle | null>): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))
    const known = await handle
    uploads.add(folder, entry.name, file, sealed, known?.kind === "file" ? (known as FileSystemFileHandle) : undefined)
    return
  }
  const made = await uploads.makeFolder(folder, entry.name)
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
    if (some.length === 0) return
    for (const inner of some) await dropped(made, inner, sealed, Promise.resolve(null))
  }
}

window.addEventListener("beforeunload", (event) => {
  if (uploads.isBusy && !isHandingOver) event.preventDefault()
})
// Told at where an answer is to stand: whoever asked may be gone by then, with the page that another answer took away.
for (const answered of ["htmx:beforeSwap", "htmx:historyCacheMissLoad"])
  document.addEventListener(answered, (event) => {
    const { xhr, response } = (event as CustomEvent<{ xhr: XMLHttpRequest; response?: string }>).detail
    trust(response ?? xhr.response)
    trust(xhr.response)
  })
document.addEventListener("htmx:afterSettle", (event) => {
  enhance()
  if ((event as CustomEvent).detail?.boosted) document.getElementById("main")?.focus({ preventScroll: true })
})
enhance()
