/* ChaCha20-Poly1305 (RFC 8439, 2.8, nothing beside the text) and SHA-256, by WebAssembly that is written here at the start of
   the program. One chunk at a time lies in its memory. What is secret decides over no branch and no address. */

import type { Cipher, Digest } from "../cipher"
import { CHUNK_BYTES, TAG_BYTES } from "../geometry"
import { module } from "./assembly"
import { GROUP_BYTES, chacha } from "./chacha"
import { LIMBS, clamped, ended, poly1305 } from "./poly1305"
import { BEGINNING, BLOCK_BYTES, ROUND_CONSTANTS, sha256 } from "./sha256"

// Where what lies in the memory.
const CONSTANTS = 0
const ROOM = 256
const DIGEST = 320
const CHACHA = 512
const POLY = 768
/** A group of the key stream, for the one-time key of what is to be opened. */
const APART = 1024
/** Before the chunk is a block of zeros: it becomes the one-time key of Poly1305, as block 0 of the key stream. */
const KEY = 2048
const CHUNK = KEY + BLOCK_BYTES
const PAGES = 2

const KEY_BYTES = 32
const NONCE_BYTES = 12
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
/** Bytes whose bits fill 32 bits. */
const OVER_BYTES = 2 ** 29

interface Routines {
  memory: WebAssembly.Memory
  chacha(data: number, groups: number): void
  poly1305(data: number, blocks: number): void
  sha256(state: number, data: number, blocks: number): void
}

/** Throws where the browser does not run it. */
export async function compiled(): Promise<Cipher> {
  const written = module([chacha(CHACHA), poly1305(POLY), sha256(CONSTANTS, ROOM)], PAGES)
  const { instance } = await WebAssembly.instantiate(written)
  return new Compiled(instance.exports as unknown as Routines)
}

class Compiled implements Cipher {
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(private readonly routines: Routines) {
    this.bytes = new Uint8Array(routines.memory.buffer)
    this.view = new DataView(routines.memory.buffer)
    this.put(CONSTANTS, ROUND_CONSTANTS)
  }

  seal(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array, into: Uint8Array): void {
    if (chunk.length > CHUNK_BYTES || into.length !== chunk.length + TAG_BYTES) throw new Error("a chunk of another length")
    this.bytes.set(chunk, CHUNK)
    this.stream(key, nonce, chunk.length)
    into.set(this.bytes.subarray(CHUNK, CHUNK + chunk.length))
    into.set(this.tag(KEY, chunk.length), chunk.length)
  }

  open(key: Uint8Array, nonce: Uint8Array, chunk: Uint8Array, into: Uint8Array): boolean {
    const length = chunk.length - TAG_BYTES
    if (length < 0 || length > CHUNK_BYTES || into.length !== length) throw new Error("a chunk of another length")
    this.bytes.set(chunk.subarray(0, length), CHUNK)
    this.begin(key, nonce)
    this.bytes.fill(0, APART, APART + GROUP_BYTES)
    this.routines.chacha(APART, 1)
    const differing = this.tag(APART, length).reduce((all, byte, at) => all | (byte ^ (chunk[length + at] ?? 0)), 0)
    if (differing !== 0) return false
    this.stream(key, nonce, length)
    into.set(this.bytes.subarray(CHUNK, CHUNK + length))
    return true
  }

  digest(): Digest {
    return new CompiledDigest(this.routines, this.bytes, this.view)
  }

  /** XOR the key stream into what lies from KEY on: zeros, and so many bytes from CHUNK on. */
  private stream(key: Uint8Array, nonce: Uint8Array, length: number): void {
    this.begin(key, nonce)
    this.bytes.fill(0, KEY, CHUNK)
    this.routines.chacha(KEY, Math.ceil((BLOCK_BYTES + length) / GROUP_BYTES))
  }

  private begin(key: Uint8Array, nonce: Uint8Array): void {
    if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw new Error("a key or nonce of another length")
    const words = [...SIGMA, ...wordsOf(key), 0, ...wordsOf(nonce)]
    this.put(CHACHA, words.flatMap((word, index) => (index === 12 ? [0, 1, 2, 3] : [word, word, word, word])))
  }

  /** The tag of so many bytes from CHUNK on, under the one-time key that lies at `key`; what lies behind them is lost. */
  private tag(key: number, length: number): Uint8Array {
    const padded = Math.ceil(length / TAG_BYTES) * TAG_BYTES
    this.bytes.fill(0, CHUNK + length, CHUNK + padded + TAG_BYTES)
    this.view.setUint32(CHUNK + padded + 8, length, true)
    this.bytes.fill(0, POLY, POLY + 16 * LIMBS)
    const words = wordsOf(this.bytes.subarray(key, key + KEY_BYTES))
    clamped(words.slice(0, 4)).forEach((limb, index) => this.view.setUint32(POLY + 8 * (LIMBS + index), limb, true))
    this.routines.poly1305(CHUNK, padded / TAG_BYTES + 1)
    const limbs = Array.from({ length: LIMBS }, (_, index) => this.view.getUint32(POLY + 8 * index, true))
    return ended(limbs, words.slice(4))
  }

  private put(place: number, words: number[]): void {
    words.forEach((word, index) => this.view.setUint32(place + 4 * index, word, true))
  }
}

class CompiledDigest implements Digest {
  private state = [...BEGINNING]
  private length = 0
  /** What is no whole block yet. */
  private readonly rest = new Uint8Array(BLOCK_BYTES)

  constructor(
    private readonly routines: Routines,
    private readonly memory: Uint8Array,
    private readonly view: DataView,
  ) {}

  update(bytes: Uint8Array): void {
    const held = this.length % BLOCK_BYTES
    const missing = held === 0 ? 0 : Math.min(BLOCK_BYTES - held, bytes.length)
    this.rest.set(bytes.subarray(0, missing), held)
    this.length += bytes.length
    if (held + missing === BLOCK_BYTES) this.take(this.rest)
    const whole = missing + Math.floor((bytes.length - missing) / BLOCK_BYTES) * BLOCK_BYTES
    for (let at = missing; at < whole; at += CHUNK_BYTES) this.take(bytes.subarray(at, Math.min(at + CHUNK_BYTES, whole)))
    if (missing < bytes.length) this.rest.set(bytes.subarray(whole))
  }

  end(): Uint8Array {
    const held = this.length % BLOCK_BYTES
    const last = new Uint8Array(held < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES)
    last.set(this.rest.subarray(0, held))
    last[held] = 0x80
    const view = new DataView(last.buffer)
    view.setUint32(last.length - 8, Math.floor(this.length / OVER_BYTES))
    view.setUint32(last.length - 4, (this.length % OVER_BYTES) * 8)
    this.take(last)
    const told = new Uint8Array(32)
    this.state.forEach((word, index) => new DataView(told.buffer).setUint32(4 * index, word))
    return told
  }

  /** Whole blocks, a chunk of them at most. */
  private take(blocks: Uint8Array): void {
    this.memory.set(blocks, CHUNK)
    this.state.forEach((word, index) => this.view.setUint32(DIGEST + 4 * index, word, true))
    this.routines.sha256(DIGEST, CHUNK, blocks.length / BLOCK_BYTES)
    this.state = this.state.map((_, index) => this.view.getUint32(DIGEST + 4 * index, true))
  }
}

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index, true))
}
