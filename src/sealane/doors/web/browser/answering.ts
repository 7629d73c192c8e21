/* A form that the sealing program answers: how it stands is said in the form itself. */

import { SealingFailed } from "./sealing/calls"
import { word } from "./tray"

/** Say in a form how it stands, and let it be sent once at a time. */
export async function answering(form: HTMLFormElement, act: () => Promise<string>): Promise<void> {
  const said = form.querySelector<HTMLElement>("[data-said]")
  const send = form.querySelector<HTMLButtonElement>("button[type=submit]")
  const say = (text: string): void => void (said && (said.textContent = text))
  if (send) send.disabled = true
  say(word("working"))
  try {
    say(await act())
  } catch (problem) {
    const code = problem instanceof SealingFailed ? problem.code : ""
    say((code && word(code, "")) || (problem instanceof Error ? problem.message : String(problem)))
  } finally {
    if (send) send.disabled = false
  }
}
