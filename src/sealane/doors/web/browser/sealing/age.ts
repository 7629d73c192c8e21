/* age files (C2SP age.md) of any length, a stretch at a time. Headers, keys and passphrases are typage's; the chunks of
   the payload are sealed here, so that any stretch can be had again after a break.

   Must stay true: whoever seals chunk N under a key again, seals the same plaintext (see upload.ts). */

import { Decrypter, Encrypter, armor, generateHybridIdentity, generateX25519Identity, identityToRecipient, webauthn } from "age-encryption"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bech32 } from "@scure/base"
import type { Cipher } from "./cipher"
import { CHUNK_BYTES, STORED_CHUNK_BYTES, TAG_BYTES } from "./geometry"
import { SshRecipient } from "./ssh"

const HEADER_BYTES_MAX = 2 << 20
const NONCE_BYTES = 16
const IDENTITY_FILE_BYTES_MAX = 1 << 20
const BEGINS = "age-encryption.org/v1\n"

export class Refusal extends Error {
  constructor(readonly code: "no-identity" | "damaged" | "not-age" | "passphrase" | "not-a-key" | "not-a-recipient" | "no-passkey" | "no-derivation") {
    super(code)
  }
}

export interface Begun {
  fileKey: Uint8Array
  nonce: Uint8Array
  /** Header and nonce, as they stand before the chunks. */
  prefix: Uint8Array
}

/** Begin an age file to these public keys. */
export async function begin(recipients: string[]): Promise<Begun> {
  const encrypter = new Encrypter()
  let fileKey = new Uint8Array(0)
  try {
    for (const one of recipients) encrypter.addRecipient(one.startsWith("ssh-ed25519 ") ? new SshRecipient(one) : one)
  } catch {
    throw new Refusal("not-a-recipient")
  }
  encrypter.addRecipient({
    wrapFileKey: (key: Uint8Array) => {
      fileKey = Uint8Array.from(key)
      return []
    },
  })
  // What typage seals of an empty file ends with its nonce and an empty chunk; only the header before them is used.
  const empty = await encrypter.encrypt(new Uint8Array(0))
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  return { fileKey, nonce, prefix: joined([empty.subarray(0, empty.length - NONCE_BYTES - TAG_BYTES), nonce]) }
}

export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return hkdf(sha256, fileKey, nonce, new TextEncoder().encode("payload"), 32)
}

/** Seal consecutive chunks from number `first` on; all are full but the one that ends the payload. */
export function sealChunks(cipher: Cipher, key: Uint8Array, first: number, plain: Uint8Array, ends: boolean, before: Uint8Array): Uint8Array<ArrayBuffer> {
  const count = Math.max(1, Math.ceil(plain.length / CHUNK_BYTES))
  if (!ends && plain.length !== count * CHUNK_BYTES) throw new Error("only the last chunk is short")
  const sealed = new Uint8Array(before.length + plain.length + count * TAG_BYTES)
  sealed.set(before)
  for (let index = 0; index < count; index++) {
    const chunk = plain.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    const at = before.length + index * STORED_CHUNK_BYTES
    const nonce = chunkNonce(first + index, ends && index === count - 1)
    cipher.seal(key, nonce, chunk, sealed.subarray(at, at + chunk.length + TAG_BYTES))
  }
  return sealed
}

/** Open what `sealChunks` made. Throws `Refusal`: nothing of the stretch is given then. */
export function openChunks(cipher: Cipher, key: Uint8Array, first: number, sealed: Uint8Array, ends: boolean): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(sealed.length / STORED_CHUNK_BYTES)
  const rest = sealed.length - (count - 1) * STORED_CHUNK_BYTES
  if (count === 0 || rest < TAG_BYTES || (rest === TAG_BYTES && first + count > 1)) throw new Refusal("damaged")
  const plain = new Uint8Array(sealed.length - count * TAG_BYTES)
  for (let index = 0; index < count; index++) {
    const chunk = sealed.subarray(index * STORED_CHUNK_BYTES, (index + 1) * STORED_CHUNK_BYTES)
    const nonce = chunkNonce(first + index, ends && index === count - 1)
    const at = index * CHUNK_BYTES
    if (!cipher.open(key, nonce, chunk, plain.subarray(at, at + chunk.length - TAG_BYTES))) throw new Refusal("damaged")
  }
  return plain
}

/** The SHA-256 of all tags of a sealed stretch: it tells whether the same plaintext was sealed again. */
export function tagsDigest(sealed: Uint8Array): Uint8Array {
  const digest = sha256.create()
  for (let end = STORED_CHUNK_BYTES; end < sealed.length + STORED_CHUNK_BYTES; end += STORED_CHUNK_BYTES) {
    const stop = Math.min(end, sealed.length)
    digest.update(sealed.subarray(stop - TAG_BYTES, stop))
  }
  return digest.digest()
}

function chunkNonce(number: number, last: boolean): Uint8Array {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  view.setUint32(3, Math.floor(number / 2 ** 32))
  view.setUint32(7, number >>> 0)
  nonce[11] = last ? 1 : 0
  return nonce
}

/** Where the header of an age file ends; -1 while more of it must come. Throws `Refusal`. */
export function headerLength(start: Uint8Array): number {
  const begins = new TextEncoder().encode(BEGINS)
  if (begins.some((byte, at) => at < start.length && start[at] !== byte)) throw new Refusal("not-age")
  const mark = [10, 45, 45, 45, 32] // "\n--- "
  for (let at = begins.length - 1; at + 4 < start.length; at = start.indexOf(10, at + 1)) {
    if (mark.every((byte, index) => start[at + index] === byte)) {
      const end = start.indexOf(10, at + 1)
      if (end !== -1) return end + 1
      break
    }
    if (start.indexOf(10, at + 1) === -1) break
  }
  if (start.length > HEADER_BYTES_MAX) throw new Refusal("not-age")
  return -1
}

/** The key of the payload that follows this header and nonce. Throws `Refusal`. */
export async function openHeader(header: Uint8Array, nonce: Uint8Array, identities: string[]): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  for (const one of identities) decrypter.addIdentity(one)
  try {
    return payloadKey(await decrypter.decryptHeader(header), nonce)
  } catch (problem) {
    throw new Refusal(String(problem).includes("no identity matched") ? "no-identity" : "damaged")
  }
}

// --- identities ------------------------------------------------------------------------------------------------------

export const newIdentity = generateHybridIdentity
export const newClassicIdentity = generateX25519Identity
export const recipientOf = identityToRecipient

/** The 32 bytes that an identity is made of, post-quantum or classic. */
export function seedOf(identity: string): Uint8Array {
  const { prefix, bytes } = bech32.decodeToBytes(identity)
  if (prefix !== "age-secret-key-pq-" && prefix !== "age-secret-key-") throw new Error("This is no identity that has a seed.")
  return bytes
}

/** An identity file as age-keygen writes it, sealed with a passphrase, in its text form. */
export async function identityFile(identity: string, passphrase: string, workFactor: number): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.setScryptWorkFactor(workFactor)
  encrypter.setPassphrase(passphrase)
  return armor.encode(await encrypter.encrypt(await identityText(identity)))
}

/** The same, sealed to a passkey that is made for it (typage's WebAuthn recipients). Throws `Refusal`. */
export async function identityFileUnderPasskey(identity: string, name: string): Promise<{ file: string; passkey: string }> {
  try {
    const passkey = await webauthn.createCredential({ keyName: name, rpId: location.hostname })
    const encrypter = new Encrypter()
    encrypter.addRecipient(new webauthn.WebAuthnRecipient({ identity: passkey }))
    return { file: armor.encode(await encrypter.encrypt(await identityText(identity))), passkey }
  } catch (problem) {
    throw problem instanceof Refusal ? problem : new Refusal("no-derivation")
  }
}

async function identityText(identity: string): Promise<string> {
  return `# created: ${new Date().toISOString().slice(0, 19)}Z\n# public key: ${await recipientOf(identity)}\n${identity}\n`
}

export function isSealedFile(content: string): boolean {
  return content.trimStart().startsWith("-----BEGIN AGE ENCRYPTED FILE-----") || content.startsWith(BEGINS)
}

/** The identities in a file of them, sealed with a passphrase, to a passkey (which may be named), or not. Throws `Refusal`. */
export async function readIdentities(content: Uint8Array, passphrase: string, passkey = ""): Promise<string[]> {
  if (content.length > IDENTITY_FILE_BYTES_MAX) throw new Refusal("not-a-key")
  let text = new TextDecoder("latin1").decode(content)
  if (isSealedFile(text)) {
    const decrypter = new Decrypter()
    decrypter.addPassphrase(passphrase)
    // asked only where the file says that a passkey opens it
    decrypter.addIdentity(new webauthn.WebAuthnIdentity(passkey ? { identity: passkey } : { rpId: globalThis.location?.hostname }))
    try {
      const sealed = text.startsWith(BEGINS) ? content : armor.decode(text)
      text = await decrypter.decrypt(sealed, "text")
    } catch (problem) {
      throw problem instanceof Refusal ? problem : new Refusal("passphrase")
    }
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"))
  if (identities.length === 0) throw new Refusal("not-a-key")
  try {
    await Promise.all(identities.map(recipientOf))
  } catch {
    throw new Refusal("not-a-key")
  }
  return identities
}

export function joined(pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
