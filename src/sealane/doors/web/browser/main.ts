/* The browser's program: what pages do better with JavaScript than without. Sources in browser/, bundled into static/.

   Must stay true: no page needs it to look, download or administer; nothing is put into a page as HTML here; what it
   asks of the server, it asks with the form token of the page. */

import { uploads } from "./transfers"

/** Do once, for what is on the page now; htmx swaps bodies, so it is called again after each swap. */
function enhance(): void {
  for (const element of document.querySelectorAll<HTMLElement>(".needs-script")) element.hidden = false
  for (const element of document.querySelectorAll<HTMLElement>("[data-absolute]"))
    if (element.textContent?.startsWith("/")) element.textContent = location.origin + (element.dataset.absolute ?? "")
  uploads.show()
}

function chooser(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("input[data-upload-to]")
}

document.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null
  if (pressed?.dataset.act === "choose") chooser()?.click()
  if (pressed?.dataset.act === "print") window.print()
})

document.addEventListener("change", (event) => {
  const input = event.target
  if (!(input instanceof HTMLInputElement) || input.dataset.uploadTo === undefined) return
  for (const file of input.files ?? []) uploads.add(input.dataset.uploadTo, file.name, file)
  input.value = ""
})

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
  const folder = chooser()?.dataset.uploadTo
  if (folder === undefined || !event.dataTransfer) return
  event.preventDefault()
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry())
  for (const entry of entries) if (entry) void dropped(folder, entry)
})

/** Send what was dropped; a folder is made first, then what is in it. */
async function dropped(folder: string, entry: FileSystemEntry): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))
    uploads.add(folder, entry.name, file)
    return
  }
  const made = await uploads.makeFolder(folder, entry.name)
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
    if (some.length === 0) return
    for (const inner of some) await dropped(made, inner)
  }
}

window.addEventListener("beforeunload", (event) => {
  if (uploads.isBusy) event.preventDefault()
})
document.addEventListener("htmx:afterSettle", (event) => {
  enhance()
  if ((event as CustomEvent).detail?.boosted) document.getElementById("main")?.focus({ preventScroll: true })
})
enhance()
