/* Trusted Types (W3C): what may become part of a page, or run in it. Every page asks the browser to enforce them.

   Must stay true: text becomes a page only if it is, to the letter, what this server has just answered htmx; a program
   is started only from an address under which this server keeps programs; text is never run. */

const PROGRAM = /^\/static\/(sealer|handing)-[0-9a-f]{16}\.js$/
const HEAD = /<head(\s[^>]*)?>[\s\S]*?<\/head>/i
const ANSWERS_MAX = 4
/** What htmx itself writes: where it keeps the tray while it swaps a page. */
const PANTRY = "<div id='--htmx-preserve-pantry--'></div>"

interface Policy {
  createScriptURL(address: string): string
}

interface Factory {
  createPolicy(name: string, rules: { createHTML(text: string): string; createScriptURL(address: string): string }): Policy
}

/** The latest answers to htmx. It gives the browser an answer whole, without its head, or wrapped as a template. */
const answers: string[] = []

export class NotTrusted extends Error {}

/** Let an answer of our own server become part of the page. */
export function trust(answer: string): void {
  answers.unshift(answer)
  answers.length = Math.min(answers.length, ANSWERS_MAX)
}

/** What this server has just answered, as pieces of a page. */
export function pieces(answer: string): DocumentFragment {
  trust(answer)
  const template = document.createElement("template")
  template.innerHTML = answer
  return template.content
}

function createHTML(text: string): string {
  if (text === "" || text === PANTRY) return text
  for (const answer of answers) {
    const bare = answer.replace(HEAD, "")
    if (text === answer || text === bare || text === `<body><template class="internal-htmx-wrapper">${bare}</template></body>`) return text
  }
  throw new NotTrusted("This text is no page of this server.")
}

function createScriptURL(address: string): string {
  if (!PROGRAM.test(address)) throw new NotTrusted("This is no program of this server.")
  return address
}

const factory = (window as { trustedTypes?: Factory }).trustedTypes
const policy = factory?.createPolicy("default", { createHTML, createScriptURL })

/** The address of one of our own programs, as the browser wants it told. */
export function worker(address: string): string {
  return policy?.createScriptURL(address) ?? createScriptURL(address)
}
