/* ChaCha20-Poly1305 (RFC 8439) and SHA-256 over many bytes: libsodium's, compiled to WebAssembly, where the browser runs
   that; noble's JavaScript elsewhere. Both give the same bytes; only the time differs (docs/decisions/0020).

   Must stay true: the compiled code is used only after it has agreed with noble here, at this start of the program. */

import libsodium from "libsodium-sumo"
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { CHUNK_BYTES, STORED_CHUNK_BYTES, TAG_BYTES } from "./geometry"

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

/** What is used of libsodium (its C functions; a 64-bit length is two numbers, the lower first). Addresses are numbers. */
interface Sodium {
  HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _free(address: number): void
  _sodium_init(): number
  _crypto_aead_chacha20poly1305_ietf_encrypt(...given: number[]): number
  _crypto_aead_chacha20poly1305_ietf_decrypt(...given: number[]): number
  _crypto_hash_sha256_init(state: number): number
  _crypto_hash_sha256_update(state: number, bytes: number, low: number, high: number): number
  _crypto_hash_sha256_final(state: number, into: number): number
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const DIGEST_BYTES = 32
const DIGEST_STATE_BYTES = 104

class Compiled implements Cipher {
  private readonly key: number
  private readonly nonce: number
  /** A chunk is sealed and opened where it lies. */
  private readonly chunk: number

  constructor(private readonly sodium: Sodium) {
    this.key = sodium._malloc(KEY_BYTES)
    this.nonce = sodium._malloc(NONCE_BYTES)
    this.chunk = sodium._malloc(STORED_CHUNK_BYTES)
  }

  seal(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array, into: Uint8Array): void {
    if (chunk.length > CHUNK_BYTES || into.length !== chunk.length + TAG_BYTES) throw new Error("a chunk of another length")
    this.put(key, nonce, chunk)
    this.sodium._crypto_aead_chacha20poly1305_ietf_encrypt(this.chunk, 0, this.chunk, chunk.length, 0, 0, 0, 0, 0, this.nonce, this.key)
    into.set(this.sodium.HEAPU8.subarray(this.chunk, this.chunk + into.length))
  }

  open(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array, into: Uint8Array): boolean {
    if (chunk.length > STORED_CHUNK_BYTES || into.length !== chunk.length - TAG_BYTES) throw new Error("a chunk of another length")
    this.put(key, nonce, chunk)
    const failed = this.sodium._crypto_aead_chacha20poly1305_ietf_decrypt(this.chunk, 0, 0, this.chunk, chunk.length, 0, 0, 0, 0, this.nonce, this.key)
    if (failed !== 0) return false
    into.set(this.sodium.HEAPU8.subarray(this.chunk, this.chunk + into.length))
    return true
  }

  digest(): Digest {
    const { sodium, chunk } = this
    const state = sodium._malloc(DIGEST_STATE_BYTES)
    sodium._crypto_hash_sha256_init(state)
    return {
      update(bytes) {
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
          const some = bytes.subarray(at, at + CHUNK_BYTES)
          sodium.HEAPU8.set(some, chunk)
          sodium._crypto_hash_sha256_update(state, chunk, some.length, 0)
        }
      },
      end() {
        sodium._crypto_hash_sha256_final(state, chunk)
        sodium._free(state)
        return sodium.HEAPU8.slice(chunk, chunk + DIGEST_BYTES)
      },
    }
  }

  private put(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array): void {
    if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw new Error("a key or nonce of another length")
    this.sodium.HEAPU8.set(key, this.key)
    this.sodium.HEAPU8.set(nonce, this.nonce)
    this.sodium.HEAPU8.set(chunk, this.chunk)
  }
}

/** libsodium's; throws where the browser does not run it, or it does not agree with noble. */
export async function compiled(): Promise<Cipher> {
  const sodium = (await libsodium()) as Sodium
  if (sodium._sodium_init() < 0) throw new Error("libsodium does not begin")
  const made = new Compiled(sodium)
  if (!LENGTHS.every((length) => agree(made, plain, length))) throw new Error("libsodium does not agree with noble")
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
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES))
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
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
