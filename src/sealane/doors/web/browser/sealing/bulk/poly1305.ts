/* Poly1305 (RFC 8439, 2.5) of whole blocks, as WebAssembly: numbers as five limbs of 26 bits, products as 64 bits. */

import { Routine, get, i32, i64, repeat, set, tee, type Code } from "./assembly"

export const LIMBS = 5
const LIMB_BITS = 26
const LIMB_MASK = 0x3ffffff
const CLAMP = [0x3ffffff, 0x3ffff03, 0x3ffc0ff, 0x3f03fff, 0x00fffff]
const OVER = 2 ** 32
const BLOCK_BYTES = 16
/** The bit that each whole block has above its bytes, in its last limb. */
const ABOVE = 1 << 24
const [DATA, BLOCKS] = [0, 1]
const NOWHERE = i32.of(0)

/** `poly1305(data, blocks)`: takes so many blocks, one at least, into the five limbs at `state`; five of `r` follow them, each
    of all these in 8 bytes. Limbs end below 2^27. */
export function poly1305(state: number): Routine {
  const routine = new Routine("poly1305", ["i32", "i32"])
  const h = routine.several("i64", LIMBS)
  const r = routine.several("i64", LIMBS)
  const fives = routine.several("i64", LIMBS)
  const sums = routine.several("i64", LIMBS)
  h.forEach((local, index) => routine.add(set(local, i64.load(NOWHERE, state + 8 * index))))
  r.forEach((local, index) => {
    routine.add(set(local, i64.load(NOWHERE, state + 8 * (LIMBS + index))))
    routine.add(set(fives[index] as number, i64.mul(get(local), i64.of(5))))
  })
  const block: Code[] = [
    ...h.map((local, index) => set(local, i64.add(get(local), limb(index)))),
    ...sums.map((local, index) => set(local, product(index, h, r, fives))),
    carried(sums, h),
    set(DATA, i32.add(get(DATA), i32.of(BLOCK_BYTES))),
  ]
  routine.add(repeat(block.flat(), tee(BLOCKS, i32.sub(get(BLOCKS), i32.of(1)))))
  h.forEach((local, index) => routine.add(i64.store(NOWHERE, get(local), state + 8 * index)))
  return routine
}

/** Bits 26 N to 26 N + 25 of a block: they begin 2 N bits into the 32 bits at its byte 3 N. */
function limb(index: number): Code {
  const bits = i64.shr(i64.load32(get(DATA), 3 * index), i64.of(2 * index))
  return index === LIMBS - 1 ? i64.or(bits, i64.of(ABOVE)) : i64.and(bits, i64.of(LIMB_MASK))
}

/** One limb of h times r modulo 2^130 - 5: what goes over the top comes back five times. */
function product(index: number, h: number[], r: number[], fives: number[]): Code {
  const [first = [], ...more] = h.map((local, at) => {
    const from = index - at
    return i64.mul(get(local), get((from >= 0 ? r[from] : fives[from + LIMBS]) as number))
  })
  return i64.add(first, ...more)
}

/** What is over 26 bits in each goes to the next, and from the last five times to the first. */
function carried(sums: number[], h: number[]): Code {
  const over = (local: number): Code => i64.shr(get(local), i64.of(LIMB_BITS))
  const rest = (local: number): Code => i64.and(get(local), i64.of(LIMB_MASK))
  const [first = 0, second = 0] = h
  const steps = sums.map((sum, index) => {
    const follower = sums[index + 1]
    const on = follower === undefined ? [] : set(follower, i64.add(get(follower), over(sum)))
    return [...on, ...set(h[index] as number, rest(sum))]
  })
  const last = sums[LIMBS - 1] as number
  return [
    ...steps.flat(),
    ...set(first, i64.add(get(first), i64.mul(over(last), i64.of(5)))),
    ...set(second, i64.add(get(second), over(first))),
    ...set(first, rest(first)),
  ]
}

/** r as limbs, of its four words: RFC 8439, 2.5 clears some of its bits. */
export function clamped([r0 = 0, r1 = 0, r2 = 0, r3 = 0]: number[]): number[] {
  const limbs = [r0, (r0 >>> 26) | (r1 << 6), (r1 >>> 20) | (r2 << 12), (r2 >>> 14) | (r3 << 18), r3 >>> 8]
  return limbs.map((limb, index) => limb & (CLAMP[index] ?? 0))
}

/** The tag: h modulo 2^130 - 5, plus the four words of s, modulo 2^128. */
export function ended(limbs: number[], s: number[]): Uint8Array {
  const h = carriedOn(carriedOn(limbs))
  // h + 5 is 2^130 or more just where h is 2^130 - 5 or more
  const less = [...h]
  less[0] = (less[0] as number) + 5
  let carry = 0
  for (let index = 0; index < LIMBS; index++) {
    const sum = (less[index] as number) + carry
    carry = sum >>> LIMB_BITS
    less[index] = sum & LIMB_MASK
  }
  const [h0, h1, h2, h3, h4] = h.map((limb, index) => (limb & (carry - 1)) | ((less[index] as number) & -carry)) as [number, number, number, number, number]
  const words = [h0 | (h1 << 26), (h1 >>> 6) | (h2 << 20), (h2 >>> 12) | (h3 << 14), (h3 >>> 18) | (h4 << 8)]
  const told = new Uint8Array(BLOCK_BYTES)
  const view = new DataView(told.buffer)
  let over = 0
  words.forEach((word, index) => {
    const sum = (word >>> 0) + (s[index] ?? 0) + over
    over = Math.floor(sum / OVER)
    view.setUint32(4 * index, sum % OVER, true)
  })
  return told
}

/** The same number with limbs of 26 bits, what is over the last five times in the first. */
function carriedOn(limbs: number[]): number[] {
  let carry = 0
  const told = limbs.map((limb) => {
    const sum = limb + carry
    carry = sum >>> LIMB_BITS
    return sum & LIMB_MASK
  })
  told[0] = (told[0] as number) + carry * 5
  return told
}
