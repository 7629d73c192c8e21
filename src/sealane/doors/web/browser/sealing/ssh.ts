/* ssh-ed25519 public keys as recipients (filippo.io/age/agessh; FiloSottile/age doc "ssh-ed25519"), which typage leaves
   out: users without an age key are sealed to by their SSH key. */

import { Stanza, type Recipient } from "age-encryption"
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { base64, base64nopad } from "@scure/base"

const LABEL = new TextEncoder().encode("age-encryption.org/v1/ssh-ed25519")
const POINT_BYTES = 32
const BLOB_BEGINS = [0, 0, 0, 11, ...new TextEncoder().encode("ssh-ed25519"), 0, 0, 0, POINT_BYTES]

export class SshRecipient implements Recipient {
  private readonly blob: Uint8Array
  private readonly point: Uint8Array

  /** Takes `ssh-ed25519 BASE64`, as in `authorized_keys`. Throws where it is none. */
  constructor(line: string) {
    this.blob = base64.decode(line.split(" ")[1] ?? "")
    const whole = this.blob.length === BLOB_BEGINS.length + POINT_BYTES
    if (!whole || BLOB_BEGINS.some((byte, at) => this.blob[at] !== byte)) throw new Error("not an ssh-ed25519 key")
    this.point = ed25519.utils.toMontgomery(this.blob.subarray(BLOB_BEGINS.length))
  }

  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    const secret = x25519.utils.randomSecretKey()
    const share = x25519.getPublicKey(secret)
    const tweak = hkdf(sha256, new Uint8Array(0), this.blob, LABEL, 32)
    const shared = x25519.scalarMult(tweak, x25519.scalarMult(secret, this.point))
    const salt = new Uint8Array([...share, ...this.point])
    const key = hkdf(sha256, shared, salt, LABEL, 32)
    const tag = base64nopad.encode(sha256(this.blob).subarray(0, 4))
    const body = chacha20poly1305(key, new Uint8Array(12)).encrypt(fileKey)
    return [new Stanza(["ssh-ed25519", tag, base64nopad.encode(share)], body)]
  }
}
