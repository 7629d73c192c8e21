/* ChaCha20 (RFC 8439, 2.3 and 2.4) of four blocks at a time, as WebAssembly: lane N of each word is of block N. */

import { Routine, get, i32, repeat, set, tee, v128, type Code } from "./assembly"

export const GROUP_BYTES = 256
const LANES = 4
const DOUBLE_ROUNDS = 10
const COUNTER = 12
const [DATA, GROUPS] = [0, 1]
const NOWHERE = i32.of(0)
const BY_16 = [2, 3, 0, 1]
const BY_8 = [3, 0, 1, 2]
const QUARTERS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]]

/** `chacha(data, groups)`: XORs so many groups of four blocks, one at least, where they lie. The 16 words of the state, each
    in four lanes, are at `state`; the counter goes on there. */
export function chacha(state: number): Routine {
  const routine = new Routine("chacha", ["i32", "i32"])
  const words = routine.several("v128", 16)
  const rows = routine.several("v128", 4)
  const rounds = routine.local("i32")
  const quarters = QUARTERS.map(([a = 0, b = 0, c = 0, d = 0]) => quarter(words[a] as number, words[b] as number, words[c] as number, words[d] as number))
  const four = v128.of([LANES, 0, 0, 0, LANES, 0, 0, 0, LANES, 0, 0, 0, LANES, 0, 0, 0])
  const counter = state + 16 * COUNTER
  const group: Code[] = [
    ...words.map((local, index) => set(local, v128.load(NOWHERE, state + 16 * index))),
    set(rounds, i32.of(DOUBLE_ROUNDS)),
    repeat(quarters.flat(), tee(rounds, i32.sub(get(rounds), i32.of(1)))),
    ...words.map((local, index) => set(local, v128.add(get(local), v128.load(NOWHERE, state + 16 * index)))),
    v128.store(NOWHERE, v128.add(v128.load(NOWHERE, counter), four), counter),
    ...[0, 1, 2, 3].map((row) => into(words.slice(4 * row, 4 * row + 4), rows, 16 * row)),
    set(DATA, i32.add(get(DATA), i32.of(GROUP_BYTES))),
  ]
  routine.add(repeat(group.flat(), tee(GROUPS, i32.sub(get(GROUPS), i32.of(1)))))
  return routine
}

function quarter(a: number, b: number, c: number, d: number): Code {
  return [
    ...half(a, b, d, (word) => byBytes(word, BY_16)),
    ...half(c, d, b, (word) => byBits(word, 12)),
    ...half(a, b, d, (word) => byBytes(word, BY_8)),
    ...half(c, d, b, (word) => byBits(word, 7)),
  ]
}

/** one += other; turned ^= one; turned is rotated. */
function half(one: number, other: number, turned: number, rotated: (word: number) => Code): Code {
  return [...set(one, v128.add(get(one), get(other))), ...set(turned, v128.xor(get(turned), get(one))), ...set(turned, rotated(turned))]
}

function byBytes(word: number, places: number[]): Code {
  return v128.bytes(get(word), get(word), [0, 4, 8, 12].flatMap((lane) => places.map((place) => lane + place)))
}

function byBits(word: number, bits: number): Code {
  return v128.or(v128.left(get(word), bits), v128.right(get(word), 32 - bits))
}

/** XOR four words of all four blocks into the data: lanes become rows (a transposition) first. */
function into(words: number[], rows: number[], offset: number): Code {
  const [a, b, c, d] = words.map(get) as [Code, Code, Code, Code]
  const [low, high, lower, higher] = rows as [number, number, number, number]
  const blocks = [
    v128.lanes(get(low), get(lower), [0, 1, 4, 5]),
    v128.lanes(get(low), get(lower), [2, 3, 6, 7]),
    v128.lanes(get(high), get(higher), [0, 1, 4, 5]),
    v128.lanes(get(high), get(higher), [2, 3, 6, 7]),
  ]
  return [
    ...set(low, v128.lanes(a, b, [0, 4, 1, 5])),
    ...set(high, v128.lanes(a, b, [2, 6, 3, 7])),
    ...set(lower, v128.lanes(c, d, [0, 4, 1, 5])),
    ...set(higher, v128.lanes(c, d, [2, 6, 3, 7])),
    ...blocks.flatMap((block, number) => {
      const place = 64 * number + offset
      return v128.store(get(DATA), v128.xor(v128.load(get(DATA), place), block), place)
    }),
  ]
}
