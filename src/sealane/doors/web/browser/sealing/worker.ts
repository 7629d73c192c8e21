/* The sealing program: what runs in workers. It alone has private keys in memory; what it is asked is in calls.ts. */

import { Refusal, begin, identityFile, identityFileUnderPasskey, isSealedFile, newClassicIdentity, newIdentity, payloadKey, readIdentities, recipientOf, seedOf, sealChunks, tagsDigest } from "./age"
import { carry, type Used, type Wanted } from "./authenticator"
import type { Answered, Asked, Calls, Name, Told } from "./calls"
import { fastest, type Cipher, type Digest } from "./cipher"
import { NotGiven, openAddress, type Telling } from "./opening"
import { sharesOf } from "./slip39"

type Answers = { [N in Name]: (given: Calls[N]["given"], tell: Telling) => Promise<Calls[N]["told"]> | Calls[N]["told"] }

let identities: string[] = []
const running = new Map<number, AbortController>()
const digests = new Map<string, Digest>()
/** Ends when what was asked to be read last has been read and hashed. */
let turn: Promise<unknown> = Promise.resolve()

function digestNamed(name: string, cipher: Cipher): Digest {
  const digest = digests.get(name) ?? cipher.digest()
  digests.set(name, digest)
  return digest
}

const answers: Answers = {
  begin: ({ recipients }) => begin(recipients),
  async read({ file, start, end, digest }) {
    const cipher = await fastest()
    const coming = file.slice(start, end).arrayBuffer()
    const mine = Promise.all([coming, turn]).then(([buffer]) => {
      const bytes = new Uint8Array(buffer)
      if (bytes.length !== end - start) throw new Error("The file has changed.")
      if (digest !== "") digestNamed(digest, cipher).update(bytes)
      return bytes
    })
    turn = mine.catch(() => undefined)
    return await mine
  },
  async digested({ digest }) {
    const told = digestNamed(digest, await fastest()).end()
    digests.delete(digest)
    return told
  },
  async seal({ plain, fileKey, nonce, before, firstChunk, ends }) {
    const bytes = sealChunks(await fastest(), payloadKey(fileKey, nonce), firstChunk, plain, ends, before)
    return { bytes, tags: tagsDigest(bytes.subarray(before.length)) }
  },
  async make({ passphrase, workFactor }) {
    const identity = await newIdentity()
    const file = await identityFile(identity, passphrase, workFactor)
    identities = [...identities, identity]
    return { file, recipient: await recipientOf(identity) }
  },
  async recovery({ needed, made, classic }) {
    const identity = await (classic ? newClassicIdentity() : newIdentity())
    return { shares: sharesOf(seedOf(identity), needed, made), recipient: await recipientOf(identity) }
  },
  async makeByPasskey({ name }) {
    const identity = await newIdentity()
    const made = await identityFileUnderPasskey(identity, name)
    identities = [...identities, identity]
    return { ...made, recipient: await recipientOf(identity) }
  },
  async unlock({ content, passphrase, passkey }) {
    const found = await readIdentities(content, passphrase, passkey)
    identities = [...new Set([...identities, ...found])]
    return { recipients: await Promise.all(found.map(recipientOf)) }
  },
  isSealedFile: ({ content }) => isSealedFile(new TextDecoder("latin1").decode(content.subarray(0, 1024))),
  held: async () => ({ recipients: await Promise.all(identities.map(recipientOf)) }),
  async open({ address, sink, number }, tell) {
    const stop = new AbortController()
    running.set(number, stop)
    try {
      return await openAddress(address, identities, sink, stop.signal, tell)
    } finally {
      running.delete(number)
    }
  },
  stop({ number }) {
    running.get(number)?.abort()
    return null
  },
}

const scope = self as unknown as { onmessage: unknown; postMessage(said: Told, transfer?: Transferable[]): void }

const asking: ((answer: Answered) => void)[] = []

carry(async (wanted: Wanted): Promise<Used> => {
  const answer = await new Promise<Answered>((done) => scope.postMessage({ asks: asking.push(done) - 1, wanted }))
  if ("problem" in answer) throw new Refusal("no-passkey")
  return answer.used
})

/** The bytes of a file go from one program to the other, and are not copied. */
function handedOver(told: Calls["seal" | "read"]["told"]): Transferable[] {
  return [told instanceof Uint8Array ? told.buffer : told.bytes.buffer]
}

scope.onmessage = async ({ data }: MessageEvent<Asked | Answered>): Promise<void> => {
  if ("asks" in data) {
    asking[data.asks]?.(data)
    return
  }
  const { id, name } = data
  const answer = answers[name] as (given: unknown, tell: Telling) => unknown
  try {
    const told = await answer(data.given, {
      moved: (moved, of) => scope.postMessage({ id, moved, of }),
      waiting: (waiting) => scope.postMessage({ id, waiting }),
    })
    scope.postMessage({ id, told }, name === "seal" || name === "read" ? handedOver(told as Calls["seal" | "read"]["told"]) : [])
  } catch (problem) {
    const code = problem instanceof Refusal || problem instanceof NotGiven ? problem.code : problem instanceof DOMException ? problem.name : ""
    scope.postMessage({ id, problem: problem instanceof Error ? problem.message : String(problem), code })
  }
}
