/* Keys at a page: making one, reading one from a file, unlocking for opening. Private keys stay in the sealing program. */

import { answering } from "./answering"
import { forgetIdentity, keepIdentity, keptIdentity } from "./keeping"
import { canDerive } from "./passkeys"
import { addRecovery, makeRecovery } from "./recovery"
import { SealingFailed, holder } from "./sealing/calls"
import { uploads } from "./transfers"
import { word } from "./tray"

const PASSPHRASE_CHARACTERS_MIN = 12

function user(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="sealane-user"]')?.content ?? ""
}

function field(id: string): HTMLInputElement {
  return document.getElementById(id) as HTMLInputElement
}

async function bytesOf(file: Blob): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer())
}

/** Let the person register a public key, unless the server knows it already. */
function offer(recipient: string): void {
  const form = document.getElementById("add-key") as HTMLFormElement | null
  const known = [...document.querySelectorAll<HTMLElement>("#own-recipients [data-recipient]")].some((one) => one.dataset.recipient === recipient)
  if (!form || known) return
  form.querySelector<HTMLInputElement>("[name=recipient]")!.value = recipient
  form.querySelector<HTMLElement>("[data-new-recipient]")!.textContent = recipient
  form.hidden = false
  form.scrollIntoView()
}

function save(text: string, name: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

async function makeKey(form: HTMLFormElement): Promise<void> {
  await answering(form, async () => {
    const passphrase = field("make-passphrase").value
    if (passphrase !== field("make-again").value) return word("differ")
    if (passphrase.length < PASSPHRASE_CHARACTERS_MIN) return word("short")
    const made = await holder().ask("make", { passphrase, workFactor: Number(form.dataset.workFactor) })
    if (field("make-keep").checked) await keepIdentity({ user: user(), file: made.file, recipient: made.recipient })
    save(made.file, `sealane-key-${user()}.txt`)
    field("make-passphrase").value = field("make-again").value = ""
    offer(made.recipient)
    unlocking()
    return ""
  })
}

async function makeKeyByPasskey(form: HTMLFormElement): Promise<void> {
  await answering(form, async () => {
    const made = await holder().ask("makeByPasskey", { name: `${user()} (${document.title})` })
    await keepIdentity({ user: user(), ...made })
    save(made.file, `sealane-key-${user()}-passkey.txt`)
    offer(made.recipient)
    unlocking()
    return ""
  })
}

async function loadKey(form: HTMLFormElement): Promise<void> {
  await answering(form, async () => {
    const file = field("load-file").files?.[0]
    if (!file) return word("no-file")
    const { recipients } = await holder().ask("unlock", { content: await bytesOf(file), passphrase: field("load-passphrase").value, passkey: "" })
    field("load-passphrase").value = ""
    for (const recipient of recipients) offer(recipient)
    return recipients.map((one) => one.slice(0, 24) + "…").join(", ")
  })
}

// --- opening ---------------------------------------------------------------------------------------------------------

/** What is to be done once a key is at hand. */
let then: (() => void) | null = null

async function unlock(form: HTMLFormElement): Promise<void> {
  const dialog = form.closest("dialog")
  await answering(form, async () => {
    const chosen = field("unlock-file").files?.[0]
    const kept = await keptIdentity(user())
    if (!chosen && !kept) return word("no-file")
    const content = chosen ? await bytesOf(chosen) : new TextEncoder().encode(kept?.file)
    const passkey = chosen ? "" : (kept?.passkey ?? "")
    await holder().ask("unlock", { content, passphrase: field("unlock-passphrase").value, passkey })
    field("unlock-passphrase").value = field("unlock-file").value = ""
    dialog?.close()
    then?.()
    then = null
    return ""
  })
}

/** Show where it matters whether a key is kept here. */
export function unlocking(): void {
  if (!user()) return
  void keptIdentity(user()).then((kept) => {
    const by = kept?.passkey ? "passkey" : "passphrase"
    for (const one of document.querySelectorAll<HTMLElement>("[data-kept]"))
      one.hidden = kept === undefined || (one.dataset.kept !== "" && one.dataset.kept !== by)
  })
  const offered = document.getElementById("make-passkey-key")
  if (offered) void canDerive().then((can) => (offered.hidden = !can))
}

async function forgetKey(): Promise<void> {
  await forgetIdentity(user())
  unlocking()
}

/** Open the sealed file that a button names: with the keys at hand, or after asking for one. */
export async function openHere(pressed: HTMLElement): Promise<void> {
  const { address = "", name = "", size = "0" } = pressed.dataset
  const open = (): void => void uploads.open(address, name, Number(size))
  const { recipients } = await holder().ask("held", {})
  if (recipients.length > 0) {
    open()
    return
  }
  then = open
  ;(document.getElementById("unlock") as HTMLDialogElement | null)?.showModal()
}

/** What each form does, by its id. */
export const forms: Record<string, ((form: HTMLFormElement) => Promise<void>) | undefined> = {
  "make-key": makeKey,
  "make-passkey-key": makeKeyByPasskey,
  "load-key": loadKey,
  "unlock-form": unlock,
  "forget-key": forgetKey,
  "make-recovery": makeRecovery,
  "add-recovery": addRecovery,
}
