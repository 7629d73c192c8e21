/* Passkeys: a form with data-passkey is sent once the authenticator has answered what the server asks of it.

   The challenge comes from the server and what comes back is checked there; nothing is decided here. */

import type { Used, Wanted } from "./sealing/authenticator"

interface FromJson {
  parseCreationOptionsFromJSON(options: unknown): PublicKeyCredentialCreationOptions
  parseRequestOptionsFromJSON(options: unknown): PublicKeyCredentialRequestOptions
}

export const hasPasskeys = typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential

/** Whether a passkey can protect a key here: the browser and what it runs on can have an authenticator derive secrets. */
export async function canDerive(): Promise<boolean> {
  if (!hasPasskeys || /^[\d.]+$|:/.test(location.hostname)) return false // a passkey is for a name, not for a number
  const told = (PublicKeyCredential as unknown as { getClientCapabilities?: () => Promise<Record<string, boolean>> }).getClientCapabilities
  return told !== undefined && (await told.call(PublicKeyCredential))["extension:prf"] === true
}

/** Ask an authenticator what the sealing program cannot ask itself. */
export async function useAuthenticator(wanted: Wanted): Promise<Used> {
  const made = "create" in wanted
  const credential = await (made ? navigator.credentials.create({ publicKey: wanted.create }) : navigator.credentials.get({ publicKey: wanted.get }))
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no credential")
  const { prf } = credential.getClientExtensionResults()
  const transports = credential.response instanceof AuthenticatorAttestationResponse ? credential.response.getTransports() : []
  return { id: credential.rawId, transports, derives: prf?.enabled === true, derived: prf?.results ?? null }
}

/** Ask the server, then the authenticator; send the form with its answer. */
export async function answer(form: HTMLFormElement): Promise<void> {
  const said = form.querySelector<HTMLElement>("[data-said]")
  const typed = [...new FormData(form)].filter(([name]) => name !== "response") as [string, string][]
  try {
    const asked = await fetch(form.dataset.passkey ?? "", { method: "POST", body: new URLSearchParams(typed) })
    if (!asked.headers.get("Content-Type")?.startsWith("application/json")) {
      location.assign(asked.redirected ? asked.url : location.href)
      return
    }
    const options: unknown = await asked.json()
    if (!asked.ok) {
      tell(said, (options as { problem?: string }).problem)
      return
    }
    const reader = PublicKeyCredential as unknown as FromJson
    const credential =
      form.dataset.passkeyIs === "new"
        ? await navigator.credentials.create({ publicKey: reader.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: reader.parseRequestOptionsFromJSON(options) })
    const field = form.querySelector<HTMLInputElement>('input[name="response"]')
    if (!credential || !field) return
    field.value = JSON.stringify((credential as unknown as { toJSON(): unknown }).toJSON())
    form.submit()
  } catch {
    tell(said)
  }
}

/** Show that it did not work, and why where the server has said so. */
function tell(said: HTMLElement | null, problem?: string): void {
  const words = said?.querySelector("span")
  if (words && problem) words.textContent = problem
  if (said) said.hidden = false
}
