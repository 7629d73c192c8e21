/* SHA-256 (FIPS 180-4) of whole blocks, as WebAssembly. The words of the schedule are made four at a time. */

import { Routine, get, i32, repeat, set, tee, v128, type Code } from "./assembly"

/** The first 32 bits of the fractional parts of a root of the first primes: where FIPS 180-4 takes its constants from. */
export function fractions(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = []
  for (let one = 2; primes.length < count; one++) if (primes.every((prime) => one % prime !== 0)) primes.push(one)
  return primes.map((prime) => Math.floor((root(prime) % 1) * 2 ** 32))
}

export const ROUND_CONSTANTS = fractions(64, Math.cbrt)
export const BEGINNING = fractions(8, Math.sqrt)
export const BLOCK_BYTES = 64
const ROUNDS_AT_ONCE = 4

const [STATE, DATA, BLOCKS] = [0, 1, 2]
const BIG_ENDIAN = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]
const NOWHERE = i32.of(0)

/** `sha256(state, data, blocks)`: takes so many blocks, one at least, into the eight words at `state`. In memory lie the
    round constants, at `constants`, and 64 bytes of room at `room`. */
export function sha256(constants: number, room: number): Routine {
  const routine = new Routine("sha256", ["i32", "i32", "i32"])
  const words = routine.several("v128", 4)
  const taken = routine.local("v128")
  const zero = routine.local("v128")
  const state = routine.several("i32", 8)
  const rounds = new Rounds(state, routine.several("i32", 2))
  const block: Code[] = [
    ...state.map((local, index) => set(local, i32.load(get(STATE), 4 * index))),
    rounds.begin(),
    ...words.map((local, index) => set(local, v128.bytes(tee(local, v128.load(get(DATA), 16 * index)), get(local), BIG_ENDIAN))),
  ]
  for (let four = 0; four < 64 / ROUNDS_AT_ONCE; four++) {
    const [one = 0, two = 0, three = 0, last = 0] = words.map((_, index) => words[(four + index) % 4] as number)
    const place = room + 16 * (four % 4)
    block.push(v128.store(NOWHERE, v128.add(get(one), v128.load(NOWHERE, constants + 16 * four)), place))
    if (four < 12) block.push(next(one, two, three, last, taken, zero))
    for (let index = 0; index < ROUNDS_AT_ONCE; index++) block.push(rounds.next(place + 4 * index))
  }
  block.push(...state.map((local, index) => i32.store(get(STATE), i32.add(i32.load(get(STATE), 4 * index), get(local)), 4 * index)))
  block.push(set(DATA, i32.add(get(DATA), i32.of(BLOCK_BYTES))))
  routine.add(repeat(block.flat(), tee(BLOCKS, i32.sub(get(BLOCKS), i32.of(1)))))
  return routine
}

/** W[t] for the four t after those of `last`, in place of `one`. The last two need the first two of them. */
function next(one: number, two: number, three: number, last: number, taken: number, zero: number): Code {
  return [
    ...set(taken, v128.lanes(get(one), get(two), [1, 2, 3, 4])),
    ...set(one, v128.add(get(one), small(taken, 7, 18, 3), v128.lanes(get(three), get(last), [1, 2, 3, 4]))),
    ...set(taken, v128.lanes(get(last), get(zero), [2, 3, 4, 4])),
    ...set(one, v128.add(get(one), small(taken, 17, 19, 10))),
    ...set(taken, v128.lanes(get(zero), get(one), [0, 0, 4, 5])),
    ...set(one, v128.add(get(one), small(taken, 17, 19, 10))),
  ]
}

/** σ0 and σ1 of four words: rotated to the right twice and shifted once. */
function small(words: number, first: number, second: number, shifted: number): Code {
  const turned = [first, second].flatMap((bits) => [v128.right(get(words), bits), v128.left(get(words), 32 - bits)])
  return v128.xor(v128.right(get(words), shifted), ...turned)
}

/** Writes one round after the other. No value moves from a to b: the locals change names. */
class Rounds {
  constructor(
    private state: number[],
    /** a^b of this round, and b^c, which was a^b of the round before. */
    private differing: number[],
  ) {}

  begin(): Code {
    const [, b = 0, c = 0] = this.state
    return set(this.differing[1] as number, i32.xor(get(b), get(c)))
  }

  next(word: number): Code {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = this.state
    const [ab = 0, bc = 0] = this.differing
    this.state = [h, a, b, c, d, e, f, g]
    this.differing = [bc, ab]
    const choice = i32.xor(get(g), i32.and(get(e), i32.xor(get(f), get(g))))
    const majority = i32.xor(get(b), i32.and(tee(ab, i32.xor(get(a), get(b))), get(bc)))
    return [
      ...set(h, i32.add(get(h), i32.load(NOWHERE, word), choice, large(e, 14, 5, 6))),
      ...set(d, i32.add(get(d), get(h))),
      ...set(h, i32.add(get(h), majority, large(a, 9, 11, 2))),
    ]
  }
}

/** Σ0 and Σ1: three rotations, each of them by what is left to the next. */
function large(word: number, first: number, second: number, third: number): Code {
  const turned = (value: Code, bits: number): Code => i32.rotr(value, i32.of(bits))
  return turned(i32.xor(turned(i32.xor(turned(get(word), first), get(word)), second), get(word)), third)
}
