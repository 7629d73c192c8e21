/* ChaCha20-Poly1305 (RFC 8439) and SHA-256 over many bytes: WebAssembly of our own (bulk/), where the browser runs that;
   noble's JavaScript elsewhere. Both give the same bytes; only the time differs (docs/decisions/0020).

   Must stay true: the compiled code is used only after it has agreed with noble here, at this start of the program. */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as bulk from "./bulk/compiled"
import { CHUNK_BYTES, TAG_BYTES } from "./geometry"

export interface Digest {
  update(bytes: Uint8Array): void
  /** The digest of all; nothing can be added then. */
  end(): Uint8Array
}

export interface Cipher {
  /** Seal a chunk, of CHUNK_BYTES at most, into `into`, which is TAG_BYTES longer. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, into: Uint8Array): void
  /** Open a chunk into `into`, which is TAG_BYTES shorter; false where it is not what was sealed, and nothing is written. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, into: Uint8Array): boolean
  digest(): Digest
}

export const plain: Cipher = {
  seal(key, nonce, chunk, into) {
    chacha20poly1305(key, nonce).encrypt(chunk, into)
  },
  open(key, nonce, chunk, into) {
    try {
      chacha20poly1305(key, nonce).decrypt(chunk, into)
      return true
    } catch {
      into.fill(0)
      return false
    }
  },
  digest() {
    const under = sha256.create()
    return { update: (bytes) => void under.update(bytes), end: () => under.digest() }
  },
}

/** Ours; throws where the browser does not run it, or it does not agree with noble. */
export async function compiled(): Promise<Cipher> {
  const made = await bulk.compiled()
  if (!LENGTHS.every((length) => agree(made, plain, length))) throw new Error("the compiled code does not agree with noble")
  return made
}

/** An empty chunk, a full one, and some that end within a block of each of the three. */
const LENGTHS = [0, 1, 55, 1021, CHUNK_BYTES]

let chosen: Promise<Cipher> | null = null

/** The faster that runs here. */
export function fastest(): Promise<Cipher> {
  chosen ??= compiled().catch(() => plain)
  return chosen
}

/** Whether two seal, open, refuse and digest so many random bytes alike. */
function agree(one: Cipher, other: Cipher, length: number): boolean {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const nonce = crypto.getRandomValues(new Uint8Array(12))
  const chunk = crypto.getRandomValues(new Uint8Array(length))
  const [first, second] = [one, other].map((cipher) => {
    const sealed = new Uint8Array(length + TAG_BYTES)
    cipher.seal(key, nonce, chunk, sealed)
    const digest = cipher.digest()
    digest.update(chunk)
    return [...sealed, ...digest.end()].join()
  })
  const sealed = new Uint8Array(length + TAG_BYTES)
  const opened = new Uint8Array(length)
  other.seal(key, nonce, chunk, sealed)
  const opens = one.open(key, nonce, sealed, opened) && opened.every((byte, at) => byte === chunk[at])
  const last = sealed.length - 1
  sealed[last] = (sealed[last] ?? 0) ^ 1
  return first === second && opens && !one.open(key, nonce, sealed, opened)
}
