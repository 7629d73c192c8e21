/* Opening a sealed file here, from the page's side: where it goes, and telling the sealing program to begin.

   The browser writes what was opened where the person chose (File System Access), or as a download of its own, which
   the service worker feeds (handing.ts). Either way nothing is there under its name before its last chunk has opened. */

import { holder } from "./sealing/calls"
import { worker } from "./trusted"
import type { Watcher } from "./tus"

const SCOPE = "/opened/"
const KEEP_ON_MS = 10_000

interface Picker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>
}

let lastNumber = 0

/** True while the browser leaves for an address that is a download: nobody needs to be warned then. */
export let isHandingOver = false

export async function openFile(address: string, name: string, watcher: Watcher, stop: AbortSignal): Promise<number> {
  const number = ++lastNumber
  const end = (): void => void holder().ask("stop", { number })
  stop.addEventListener("abort", end)
  const picker = (window as Picker).showSaveFilePicker
  try {
    if (picker) return await holder().ask("open", { address, sink: { handle: await picker({ suggestedName: name }) }, number }, [], watcher)
    return await throughDownload(address, name, number, watcher)
  } finally {
    stop.removeEventListener("abort", end)
  }
}

async function throughDownload(address: string, name: string, number: number, watcher: Watcher): Promise<number> {
  const active = await serviceWorker()
  const id = crypto.randomUUID()
  const { port1, port2 } = new MessageChannel()
  await new Promise<void>((ready) => {
    const said = new MessageChannel()
    said.port1.onmessage = () => ready()
    active.postMessage({ id, name }, [port2, said.port2])
  })
  const on = setInterval(() => active.postMessage("on"), KEEP_ON_MS)
  try {
    const written = holder().ask("open", { address, sink: { port: port1 }, number }, [port1], watcher)
    const link = document.createElement("a")
    link.href = SCOPE + id
    isHandingOver = true
    link.click()
    setTimeout(() => (isHandingOver = false), 1000)
    return await written
  } finally {
    clearInterval(on)
  }
}

async function serviceWorker(): Promise<ServiceWorker> {
  const address = document.querySelector<HTMLMetaElement>('meta[name="sealane-handing"]')?.content ?? ""
  const registration = await navigator.serviceWorker.register(worker(address), { scope: SCOPE })
  const coming = registration.installing ?? registration.waiting
  if (coming)
    await new Promise<void>((done) => {
      const look = (): void => (coming.state === "activated" || coming.state === "redundant" ? done() : undefined)
      coming.addEventListener("statechange", look)
      look()
    })
  if (!registration.active) throw new Error("This browser cannot write a file that was opened here.")
  return registration.active
}
