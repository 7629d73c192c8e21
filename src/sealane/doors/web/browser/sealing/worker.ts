/* The sealing program: what runs in workers. It alone has private keys in memory; what it is asked is in calls.ts. */

import { sha256 } from "@noble/hashes/sha2.js"
import { Refusal, begin, identityFile, isSealedFile, newIdentity, payloadKey, readIdentities, recipientOf, seedOf, sealChunks, tagsDigest } from "./age"
import type { Asked, Calls, Name, Told } from "./calls"
import { openAddress } from "./opening"
import { sharesOf } from "./slip39"

type Answers = { [N in Name]: (given: Calls[N]["given"], tell: (moved: number, of: number) => void) => Promise<Calls[N]["told"]> | Calls[N]["told"] }

const DIGEST_BYTES = 1 << 20

let identities: string[] = []
const running = new Map<number, AbortController>()

const answers: Answers = {
  begin: ({ recipients }) => begin(recipients),
  async seal({ file, fileKey, nonce, before, start, end, firstChunk, ends }) {
    const plain = new Uint8Array(await file.slice(start, end).arrayBuffer())
    if (plain.length !== end - start) throw new Error("The file has changed.")
    const bytes = sealChunks(payloadKey(fileKey, nonce), firstChunk, plain, ends, before)
    return { bytes, tags: tagsDigest(bytes.subarray(before.length)) }
  },
  async digest({ file }) {
    const digest = sha256.create()
    for (let at = 0; at < file.size; at += DIGEST_BYTES) digest.update(new Uint8Array(await file.slice(at, at + DIGEST_BYTES).arrayBuffer()))
    return digest.digest()
  },
  async make({ passphrase, workFactor }) {
    const identity = await newIdentity()
    const file = await identityFile(identity, passphrase, workFactor)
    identities = [...identities, identity]
    return { file, recipient: await recipientOf(identity) }
  },
  async recovery({ needed, made }) {
    const identity = await newIdentity()
    return { shares: sharesOf(seedOf(identity), needed, made), recipient: await recipientOf(identity) }
  },
  async unlock({ content, passphrase }) {
    const found = await readIdentities(content, passphrase)
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

scope.onmessage = async ({ data }: MessageEvent<Asked>): Promise<void> => {
  const { id, name } = data
  const answer = answers[name] as (given: unknown, tell: (moved: number, of: number) => void) => unknown
  try {
    const told = await answer(data.given, (moved, of) => scope.postMessage({ id, moved, of }))
    const sealed = name === "seal" ? [(told as Calls["seal"]["told"]).bytes.buffer] : []
    scope.postMessage({ id, told }, sealed)
  } catch (problem) {
    const code = problem instanceof Refusal ? problem.code : problem instanceof DOMException ? problem.name : ""
    scope.postMessage({ id, problem: problem instanceof Error ? problem.message : String(problem), code })
  }
}
