/* What is asked of the sealing program, which runs in workers of its own (worker.ts), and asking it. */

export interface Sealed {
  bytes: Uint8Array<ArrayBuffer>
  /** Tells whether the same was sealed again. */
  tags: Uint8Array
}

/** Where an opened file goes: a file that the person chose, or the browser's own download (handing.ts). */
export type Sink = { handle: FileSystemFileHandle } | { port: MessagePort }

export interface Calls {
  begin: { given: { recipients: string[] }; told: { fileKey: Uint8Array; nonce: Uint8Array; prefix: Uint8Array } }
  /** Read a stretch of a file. `digest` names the digest that it is added to, in the order of asking; none where it is empty. */
  read: { given: { file: Blob; start: number; end: number; digest: string }; told: Uint8Array<ArrayBuffer> }
  /** The SHA-256 of all that was read under that name, which is forgotten. */
  digested: { given: { digest: string }; told: Uint8Array }
  seal: {
    given: { plain: Uint8Array<ArrayBuffer>; fileKey: Uint8Array; nonce: Uint8Array; before: Uint8Array; firstChunk: number; ends: boolean }
    told: Sealed
  }
  /** Make an identity and hold it. */
  make: { given: { passphrase: string; workFactor: number }; told: { file: string; recipient: string } }
  /** Make a recovery key and forget it: its words for paper, and its public half. Any `needed` of the sheets open. */
  recovery: { given: { needed: number; made: number; classic: boolean }; told: { shares: string[][]; recipient: string } }
  /** Make an identity under a new passkey, and hold it. `passkey` tells later which one opens the file. */
  makeByPasskey: { given: { name: string }; told: { file: string; recipient: string; passkey: string } }
  /** Hold the identities of a file of them, sealed with the passphrase, to a passkey, or not at all. */
  unlock: { given: { content: Uint8Array; passphrase: string; passkey: string }; told: { recipients: string[] } }
  isSealedFile: { given: { content: Uint8Array }; told: boolean }
  held: { given: Record<string, never>; told: { recipients: string[] } }
  /** Fetch an age file, open it with what is held, and write it. Tells how many bytes it has. */
  open: { given: { address: string; sink: Sink; number: number }; told: number }
  stop: { given: { number: number }; told: null }
}

export type Name = keyof Calls

export interface Asked {
  id: number
  name: Name
  given: unknown
}

export type Told =
  | { id: number; told: unknown }
  | { id: number; problem: string; code: string }
  | { id: number; moved: number; of: number }
  | { id: number; waiting: boolean }
  /** An authenticator is to be asked, which a worker cannot. */
  | { asks: number; wanted: Wanted }

/** What the page answers then. */
export type Answered = { asks: number; used: Used } | { asks: number; problem: string }

import { useAuthenticator } from "../passkeys"
import { worker } from "../trusted"
import type { Watcher } from "../tus"
import type { Used, Wanted } from "./authenticator"

/** A failure that the sealing program told of; `code` names it where a person is told of it in their language. */
export class SealingFailed extends Error {
  constructor(
    readonly code: string,
    sentence: string,
  ) {
    super(sentence)
  }
}

interface Waiting {
  done: (told: never) => void
  failed: (problem: Error) => void
  watcher?: Watcher
}

/** One worker. */
export class SealingWorker {
  private readonly worker: Worker
  private readonly waiting = new Map<number, Waiting>()
  private last = 0

  constructor(address: string) {
    this.worker = new Worker(worker(address))
    this.worker.onmessage = ({ data }: MessageEvent<Told>) => this.heard(data)
    this.worker.onerror = () => {
      for (const one of this.waiting.values()) one.failed(new SealingFailed("worker", "The sealing program has failed."))
      this.waiting.clear()
    }
  }

  get busy(): number {
    return this.waiting.size
  }

  ask<N extends Name>(name: N, given: Calls[N]["given"], transfer: Transferable[] = [], watcher?: Watcher): Promise<Calls[N]["told"]> {
    const id = ++this.last
    return new Promise((done, failed) => {
      this.waiting.set(id, { done: done as (told: never) => void, failed, watcher })
      this.worker.postMessage({ id, name, given } satisfies Asked, transfer)
    })
  }

  private async carry(asks: number, wanted: Wanted): Promise<void> {
    const answer = await useAuthenticator(wanted).then(
      (used): Answered => ({ asks, used }),
      (problem): Answered => ({ asks, problem: problem instanceof Error ? problem.name : "" }),
    )
    this.worker.postMessage(answer)
  }

  private heard(said: Told): void {
    if ("asks" in said) {
      void this.carry(said.asks, said.wanted)
      return
    }
    const one = this.waiting.get(said.id)
    if (!one) return
    if ("moved" in said) {
      one.watcher?.progressed(said.moved)
      return
    }
    if ("waiting" in said) {
      one.watcher?.waiting(said.waiting)
      return
    }
    this.waiting.delete(said.id)
    if ("problem" in said) one.failed(new SealingFailed(said.code, said.problem))
    else one.done(said.told as never)
  }
}

const SEALERS = 2
let sealers: SealingWorker[] = []
let files: SealingWorker | null = null
let keyholder: SealingWorker | null = null

function address(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="sealane-sealer"]')?.content ?? ""
}

/** Whichever worker that seals has the least to do. */
export function sealer(): SealingWorker {
  if (sealers.length < SEALERS) sealers.push(new SealingWorker(address()))
  return sealers.reduce((least, one) => (one.busy < least.busy ? one : least))
}

/** The worker that reads files and hashes what it reads. */
export function reader(): SealingWorker {
  files ??= new SealingWorker(address())
  return files
}

/** The worker that holds the person's private keys, which never leave it. It is gone with the page. */
export function holder(): SealingWorker {
  keyholder ??= new SealingWorker(address())
  return keyholder
}
