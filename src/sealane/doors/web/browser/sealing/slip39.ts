/* A secret as words on paper: SLIP-39 (SatoshiLabs), one group, no passphrase, extendable, iteration exponent 1. It is
   what `sealane keys recovery new` prints and `sealane keys recovery combine` reads.

   Must stay true: arithmetic on secrets takes no branch and looks into no table by them; no share is handed out before
   every share has been tried, from its words, in putting the secret together. */

import { hmac } from "@noble/hashes/hmac.js"
import { pbkdf2 } from "@noble/hashes/pbkdf2.js"
import { sha256 } from "@noble/hashes/sha2.js"
import WORDS from "slip39-words"

export const SHARES_MAX = 16
const SECRET_BYTES = 32
const PREFIX_WORDS = 4
const CHECKSUM_WORDS = 3
const VALUE_WORDS = Math.ceil((SECRET_BYTES * 8) / 10)
const ROUNDS = 4
const ROUND_ITERATIONS = (10_000 << 1) / ROUNDS
const DIGEST_BYTES = 4
const DIGEST_AT = 254
const SECRET_AT = 255
const CUSTOMIZATION = [...new TextEncoder().encode("shamir_extendable")]
const GENERATOR = [0xe0e040, 0x1c1c080, 0x3838100, 0x7070200, 0xe0e0009, 0x1c0c2412, 0x38086c24, 0x3090fc48, 0x21b1f890, 0x3f3f120]

/** Where a share lies on the curve, and what is there. */
interface Point {
  x: number
  y: Uint8Array
}

// --- the field of 256 (Rijndael's) -----------------------------------------------------------------------------------

function times(a: number, b: number): number {
  let product = 0
  for (let bit = 0; bit < 8; bit++) {
    product ^= -((b >> bit) & 1) & a
    a = (a << 1) ^ (-(a >> 7) & 0x11b)
  }
  return product
}

function inverse(a: number): number {
  let power = 1
  for (let bit = 7; bit >= 0; bit--) {
    power = times(power, power)
    if ((254 >> bit) & 1) power = times(power, a)
  }
  return power
}

/** What the curve through these points has at `x` (Lagrange). */
function at(x: number, points: Point[]): Uint8Array {
  const found = new Uint8Array(SECRET_BYTES)
  for (const one of points) {
    const weight = points.reduce((product, { x: other }) => (other === one.x ? product : times(product, times(x ^ other, inverse(one.x ^ other)))), 1)
    for (let index = 0; index < found.length; index++) found[index] ^= times(one.y[index] ?? 0, weight)
  }
  return found
}

function digestOf(key: Uint8Array, secret: Uint8Array): Uint8Array {
  return hmac(sha256, key, secret).subarray(0, DIGEST_BYTES)
}

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

function split(secret: Uint8Array, needed: number, made: number): Point[] {
  if (needed === 1) return [{ x: 0, y: secret }]
  const shares = Array.from({ length: needed - 2 }, (_, x) => ({ x, y: random(SECRET_BYTES) }))
  const filler = random(SECRET_BYTES - DIGEST_BYTES)
  const checked = new Uint8Array([...digestOf(filler, secret), ...filler])
  const known = [...shares, { x: DIGEST_AT, y: checked }, { x: SECRET_AT, y: secret }]
  for (let x = shares.length; x < made; x++) shares.push({ x, y: at(x, known) })
  return shares
}

function together(points: Point[]): Uint8Array {
  const [first] = points
  if (first && points.length === 1) return first.y
  const secret = at(SECRET_AT, points)
  const checked = at(DIGEST_AT, points)
  const told = digestOf(checked.subarray(DIGEST_BYTES), secret)
  if (!told.every((byte, index) => byte === checked[index])) throw new Error("These shares do not make up a secret.")
  return secret
}

// --- the cipher that hides what is shared, so that shares of one key can be told apart from others' --------------------

function ciphered(secret: Uint8Array, rounds: number[]): Uint8Array {
  let left = secret.slice(0, SECRET_BYTES / 2)
  let right = secret.slice(SECRET_BYTES / 2)
  for (const round of rounds) {
    const mask = pbkdf2(sha256, new Uint8Array([round]), right, { c: ROUND_ITERATIONS, dkLen: right.length })
    ;[left, right] = [right, left.map((byte, index) => byte ^ (mask[index] ?? 0))]
  }
  return new Uint8Array([...right, ...left])
}

const FORWARD = [0, 1, 2, 3]
const BACK = [3, 2, 1, 0]

// --- words -----------------------------------------------------------------------------------------------------------

function polymod(values: number[]): number {
  let sum = 1
  for (const value of values) {
    const high = sum >>> 20
    sum = ((sum & 0xfffff) << 10) ^ value
    GENERATOR.forEach((one, bit) => (sum ^= -((high >>> bit) & 1) & one))
  }
  return sum
}

/** A number of many bits as numbers of ten, the highest first. */
function tens(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((value >> BigInt(10 * (count - 1 - index))) & 1023n))
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function worded(point: Point, identifier: number, needed: number): string[] {
  const header = (BigInt(identifier) << 25n) | (1n << 24n) | (1n << 20n) // extendable, iteration exponent 1; group 1 of 1
  const data = [...tens(header | BigInt((point.x << 4) | (needed - 1)), PREFIX_WORDS), ...tens(numberOf(point.y), VALUE_WORDS)]
  const sum = polymod([...CUSTOMIZATION, ...data, 0, 0, 0]) ^ 1
  return [...data, ...tens(BigInt(sum), CHECKSUM_WORDS)].map((index) => WORDS[index] ?? "")
}

function read(words: string[]): Point {
  const data = words.map((word) => WORDS.indexOf(word))
  if (data.includes(-1) || data.length !== PREFIX_WORDS + VALUE_WORDS + CHECKSUM_WORDS || polymod([...CUSTOMIZATION, ...data]) !== 1)
    throw new Error("This is no share, or it has a mistake in it.")
  let value = data.slice(PREFIX_WORDS, -CHECKSUM_WORDS).reduce((sum, ten) => (sum << 10n) | BigInt(ten), 0n)
  const y = new Uint8Array(SECRET_BYTES)
  for (let index = SECRET_BYTES - 1; index >= 0; index--, value >>= 8n) y[index] = Number(value & 255n)
  return { x: ((data[PREFIX_WORDS - 1] ?? 0) >> 4) & 15, y }
}

/** The secret that these shares, as many as are needed, make up. Throws for any others. */
export function secretOf(shares: string[][]): Uint8Array {
  return ciphered(together(shares.map(read)), BACK)
}

/** Shares of a secret of 32 bytes, each 33 words: any `needed` of the `made` have it back. */
export function sharesOf(secret: Uint8Array, needed: number, made: number): string[][] {
  const possible = (needed === 1 && made === 1) || (needed >= 2 && needed <= made && made <= SHARES_MAX)
  if (!possible || secret.length !== SECRET_BYTES) throw new Error("A secret cannot be shared so.")
  const [high = 0, low = 0] = random(2)
  const identifier = ((high & 0x7f) << 8) | low
  const shares = split(ciphered(secret, FORWARD), needed, made).map((point) => worded(point, identifier, needed))
  for (let first = 0; first < made; first++) {
    const some = Array.from({ length: needed }, (_, step) => shares[(first + step) % made] ?? [])
    if (!secretOf(some).every((byte, index) => byte === secret[index])) throw new Error("The shares do not give the secret back.")
  }
  return shares
}
