/* Where what lies in an age file, and how it is cut into parts and requests. Pure. */

export const CHUNK_BYTES = 64 * 1024
export const TAG_BYTES = 16
export const STORED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

/** Chunks that are sealed at once, and sent by one request. */
const BODY_CHUNKS = 128
const BODY_BYTES = BODY_CHUNKS * CHUNK_BYTES
const STORED_BODY_BYTES = BODY_CHUNKS * STORED_CHUNK_BYTES
const PARTS_MAX = 400

/** A run of bytes of the age file that is sent as one upload of its own. */
export interface Stretch {
  start: number
  length: number
}

/** What one request takes at most: so many bytes of the file, sealed. */
export interface Body {
  number: number
  firstChunk: number
  /** Of the plaintext. */
  start: number
  end: number
  /** Where it begins in the age file, what stands before the chunks included, and where it ends. */
  at: number
  until: number
  /** It is the end of the file. */
  ends: boolean
}

export class Geometry {
  readonly sealedSize: number
  readonly bodies: number
  /** Bodies of each part but the last: one, as long as there are not too many parts then. */
  private readonly each: number

  constructor(
    readonly size: number,
    readonly prefix: number,
  ) {
    this.sealedSize = prefix + size + Math.max(1, Math.ceil(size / CHUNK_BYTES)) * TAG_BYTES
    this.bodies = Math.max(1, Math.ceil(size / BODY_BYTES))
    this.each = Math.ceil(this.bodies / PARTS_MAX)
  }

  /** Parts that cover the age file without gap or overlap; each begins where a body does. */
  parts(): Stretch[] {
    const parts: Stretch[] = []
    for (let first = 0; first < this.bodies; first += this.each) {
      const start = this.beginning(first)
      parts.push({ start, length: this.beginning(Math.min(this.bodies, first + this.each)) - start })
    }
    return parts
  }

  /** In which part a body is. */
  partOf(body: number): number {
    return Math.floor(body / this.each)
  }

  body(number: number): Body {
    return {
      number,
      firstChunk: number * BODY_CHUNKS,
      start: number * BODY_BYTES,
      end: Math.min(this.size, (number + 1) * BODY_BYTES),
      at: this.beginning(number),
      until: this.beginning(number + 1),
      ends: number === this.bodies - 1,
    }
  }

  /** The body that a place of the age file is in. */
  bodyAt(place: number): Body {
    return this.body(Math.min(this.bodies - 1, Math.max(0, Math.floor((place - this.prefix) / STORED_BODY_BYTES))))
  }

  /** How much of the file so many bytes of the age file are. */
  shown(sealed: number): number {
    return this.sealedSize === 0 ? 0 : Math.floor((sealed / this.sealedSize) * this.size)
  }

  private beginning(body: number): number {
    if (body >= this.bodies) return this.sealedSize
    return body === 0 ? 0 : this.prefix + body * STORED_BODY_BYTES
  }
}
