/* Writing a WebAssembly module (Core Specification 2.0, chapter 5): as much of it as chacha.ts, poly1305.ts and sha256.ts
   need. Code is a list of bytes; what takes operands puts their code before its own. Pure. */

export type Code = number[]
export type Kind = "i32" | "i64" | "v128"

const KINDS: Record<Kind, number> = { i32: 0x7f, i64: 0x7e, v128: 0x7b }

/** An integer in LEB128, which the specification writes u32. */
function unsigned(value: number): Code {
  const bytes: Code = []
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

/** The same with a sign (s32, s64), for what fits a number's bits. */
function signed(value: number): Code {
  const bytes: Code = []
  for (; value < -64 || value > 63; value >>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value & 0x7f]
}

/** An operator that takes two or more operands, from the left. */
function joining(...operator: Code): (first: Code, ...more: Code[]) => Code {
  return (first, ...more) => more.reduce((all, one) => [...all, ...one, ...operator], first)
}

function loading(align: number, ...operator: Code): (base: Code, offset?: number) => Code {
  return (base, offset = 0) => [...base, ...operator, align, ...unsigned(offset)]
}

function storing(align: number, ...operator: Code): (base: Code, value: Code, offset?: number) => Code {
  return (base, value, offset = 0) => [...base, ...value, ...operator, align, ...unsigned(offset)]
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
export const tee = (local: number, value: Code): Code => [...value, 0x22, ...unsigned(local)]

/** Do something once, and again as long as what is told at its end is not 0. */
export const repeat = (body: Code, again: Code): Code => [0x03, 0x40, ...body, ...again, 0x0d, 0, 0x0b]

export const i32 = {
  of: (value: number): Code => [0x41, ...signed(value | 0)],
  add: joining(0x6a),
  sub: joining(0x6b),
  and: joining(0x71),
  xor: joining(0x73),
  rotr: joining(0x78),
  load: loading(2, 0x28),
  store: storing(2, 0x36),
}

export const i64 = {
  of: (value: number): Code => [0x42, ...signed(value)],
  add: joining(0x7c),
  mul: joining(0x7e),
  and: joining(0x83),
  or: joining(0x84),
  shr: joining(0x88),
  load: loading(3, 0x29),
  store: storing(3, 0x37),
  /** 32 bits from anywhere, the others 0. */
  load32: loading(0, 0x35),
}

/** Four lanes of 32 bits. */
export const v128 = {
  of: (bytes: number[]): Code => [0xfd, 0x0c, ...bytes],
  load: loading(0, 0xfd, 0x00),
  store: storing(0, 0xfd, 0x0b),
  add: joining(0xfd, 0xae, 0x01),
  xor: joining(0xfd, 0x51),
  or: joining(0xfd, 0x50),
  left: (value: Code, bits: number): Code => [...value, ...i32.of(bits), 0xfd, 0xab, 0x01],
  right: (value: Code, bits: number): Code => [...value, ...i32.of(bits), 0xfd, 0xad, 0x01],
  /** Bytes by their place in both operands, one after the other. */
  bytes: (one: Code, other: Code, places: number[]): Code => [...one, ...other, 0xfd, 0x0d, ...places],
  /** The same by lanes, 0 to 7. */
  lanes: (one: Code, other: Code, places: number[]): Code => v128.bytes(one, other, places.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte))),
}

/** A function that gives nothing back. Its parameters are the first locals. */
export class Routine {
  private readonly locals: Kind[] = []
  code: Code = []

  constructor(
    readonly name: string,
    readonly given: Kind[],
  ) {}

  local(kind: Kind): number {
    return this.given.length + this.locals.push(kind) - 1
  }

  several(kind: Kind, count: number): number[] {
    return Array.from({ length: count }, () => this.local(kind))
  }

  add(...code: Code[]): void {
    for (const some of code) for (const byte of some) this.code.push(byte)
  }

  /** What the code section has of it. */
  written(): Code {
    const body = [...vector(this.locals.map((kind) => [1, KINDS[kind]])), ...this.code, 0x0b]
    return sized(body)
  }
}

function vector(items: Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content]
}

function section(number: number, items: Code[]): Code {
  return [number, ...sized(vector(items))]
}

function named(name: string, kind: number, index: number): Code {
  return [...sized([...new TextEncoder().encode(name)]), kind, ...unsigned(index)]
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const FUNCTION = 0
const MEMORY = 2

/** A module of these routines, told of by their names, and a memory of so many pages of 64 KiB, told of as `memory`. */
export function module(routines: Routine[], pages: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, routines.map(({ given }) => [0x60, ...vector(given.map((kind) => [KINDS[kind]])), 0])),
    ...section(3, routines.map((_, index) => unsigned(index))),
    ...section(5, [[1, ...unsigned(pages), ...unsigned(pages)]]),
    ...section(7, [...routines.map(({ name }, index) => named(name, FUNCTION, index)), named("memory", MEMORY, 0)]),
    ...section(10, routines.map((routine) => routine.written())),
  ])
}
